//! Passes lines through, for scripts and where there is no terminal to draw on.
//!
//! Standard input goes to the server unchanged; its end shuts down writing, and the remaining answers are still read.
//! Neither side is read faster than the other accepts (backpressure), and nothing is sent before the login with the
//! given nickname is done.

use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};
use rustix::stdio::stdout;

use super::error::Error;
use super::protocol::connection::connector::{Connected, Connector, Server};
use super::protocol::connection::link::{Link, ReadOutcome};
use super::protocol::greeting::{self, Greeting};
use super::protocol::plain_text::is_web_answer;
use super::settings::Settings;
use crate::chat::Password;
use crate::util::clock::Clock;
use crate::util::logging;
use crate::util::stdio::{Output, Stdin, StdinRead};

const STDIN: Token = Token(0);
const STDOUT: Token = Token(1);
/// The connection; those that are being made have the tokens after it.
const LINK: Token = Token(2);

/// Bytes that may wait for one side before reading from the other pauses.
const MAX_HELD: usize = 256 * 1024;

/// Reads from one side before the other has its turn.
const READS_IN_A_ROW: usize = 16;

/// The nickname is sent to a server that is not chinwag after this time without a prompt.
const NAME_DELAY: Duration = Duration::from_secs(1);

/// An unfinished server line is taken as a prompt after this time without new bytes.
const PROMPT_DELAY: Duration = Duration::from_millis(200);

/// Connects, and passes lines through until the server closes the connection; returns the exit code.
///
/// # Errors
/// If the server cannot be reached, the connection breaks, or standard output cannot be written to.
pub fn run(settings: &Settings, server: &Server) -> Result<u8, Error> {
    let clock = Clock::start();
    let mut poll = Poll::new().map_err(Error::System)?;
    let Connected { link, notices } = connect(&mut poll, &clock, server)?;
    notices.iter().for_each(|notice| logging::write_notice(notice));
    let login = settings.nick.clone().map(|name| PipeLogin::new(settings, name, clock.elapsed()));
    let mut pipe = PipeClient::new(&poll, settings.web_addr(), link, login).map_err(Error::System)?;
    let mut events = Events::with_capacity(16);
    loop {
        wait(&mut poll, &mut events, pipe.timeout(clock.elapsed())).map_err(Error::System)?;
        events.iter().for_each(|event| pipe.record_event(event));
        if pipe.process_turn(&poll, clock.elapsed())? {
            return Ok(0);
        }
    }
}

fn connect(poll: &mut Poll, clock: &Clock, server: &Server) -> Result<Connected, Error> {
    let mut events = Events::with_capacity(16);
    let mut connector = Connector::new(server, LINK, clock.elapsed());
    loop {
        if let Some(outcome) = connector.poll(poll.registry(), &events, clock.elapsed()) {
            return outcome;
        }
        let most = connector.deadline().map(|at| at.saturating_sub(clock.elapsed()));
        wait(poll, &mut events, most).map_err(Error::System)?;
    }
}

fn wait(poll: &mut Poll, events: &mut Events, most: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, most) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        outcome => outcome,
    }
}

/// The login with a given nickname, in plain text.
struct PipeLogin {
    name: String,
    password: Option<String>,
    server_password: Option<String>,
    /// When the nickname is sent to a server that has not asked for it.
    send_name_at: Option<Duration>,
    step: PipeStep,
    /// Why the login fails: the server refuses the nickname or a password.
    refused: Option<Error>,
}

/// How far the login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PipeStep {
    /// Nothing has been sent.
    Begin,
    /// A chinwag server has not answered the nickname.
    NameSent,
    /// The server has not answered a password; the name of the variable that has it.
    PasswordSent(&'static str),
    /// The server no longer takes standard input as a nickname.
    Done,
}

impl PipeLogin {
    fn new(settings: &Settings, name: String, now: Duration) -> Self {
        let text = |password: &Option<Password>| password.as_ref().map(|password| password.text().to_owned());
        PipeLogin {
            name,
            password: text(&settings.password),
            server_password: text(&settings.server_password),
            send_name_at: Some(now + NAME_DELAY),
            step: PipeStep::Begin,
            refused: None,
        }
    }

    fn process_line(&mut self, line: &str, send: &mut Vec<String>) {
        match (self.step, Greeting::parse(line)) {
            (PipeStep::Done, _) => {}
            (_, Some(Greeting::Waiting)) => self.send_name_at = None,
            (_, Some(Greeting::Entered)) => self.step = PipeStep::Done,
            (_, Some(Greeting::Nickname)) => send.push(self.take_name(PipeStep::NameSent)),
            (_, Some(Greeting::ServerPassword)) => {
                let password = self.server_password.take();
                self.send_password(password, "CHINWAG_SERVER_PASSWORD", send);
            }
            (PipeStep::NameSent, Some(Greeting::AccountPassword)) => {
                let password = self.password.take();
                self.send_password(password, "CHINWAG_PASSWORD", send);
            }
            (PipeStep::NameSent, _) if line.starts_with("! ") => {
                self.refused = Some(Error::Nickname(self.name.clone(), line.trim_start_matches("! ").to_owned()));
            }
            (PipeStep::PasswordSent(variable), _) if line.starts_with("! ") => {
                let why = match greeting::is_wrong_password(line) {
                    true => format!("the password in {variable} is wrong"),
                    false => line.trim_start_matches("! ").to_owned(),
                };
                self.refused = Some(Error::Password(why));
            }
            // Another server than chinwag; what it answers is not known.
            (PipeStep::Begin, _) if !line.starts_with("! ") => send.push(self.take_name(PipeStep::Done)),
            _ => {}
        }
    }

    fn take_name(&mut self, next: PipeStep) -> String {
        self.send_name_at = None;
        self.step = next;
        self.name.clone()
    }

    fn send_password(&mut self, password: Option<String>, variable: &'static str, send: &mut Vec<String>) {
        let owner = if variable == "CHINWAG_PASSWORD" { &*self.name } else { "the server" };
        self.send_name_at = None;
        self.step = PipeStep::PasswordSent(variable);
        match password {
            Some(password) => send.push(password),
            None => self.refused = Some(Error::Password(format!("{owner} has a password; set {variable}"))),
        }
    }

    /// Returns the nickname if it is sent now, though the server has not asked for it: after a time, or at a prompt without a
    /// line end.
    fn answer_silence(&mut self, is_prompt: bool, now: Duration) -> Option<String> {
        let is_due = is_prompt || self.send_name_at.is_some_and(|at| at <= now);
        (is_due && self.step == PipeStep::Begin).then(|| self.take_name(PipeStep::Done))
    }

    /// Whether standard input may be sent: the login is done, or the server is not chinwag and has the nickname.
    fn is_over(&self) -> bool {
        self.step == PipeStep::Done
    }
}

struct PipeClient {
    /// Where the page is, if the server turns out to be a web server.
    web_addr: String,
    link: Link,
    login: Option<PipeLogin>,
    /// Whether the server may have sent something.
    readable: bool,
    /// Whether the server has closed its side.
    ended: bool,
    /// Why the connection broke; what was received before is still written.
    lost: Option<io::Error>,
    /// Whether nothing has been read yet.
    is_new: bool,
    /// Whether the first line is the answer of a web server.
    is_web_server: bool,
    input: Stdin,
    output: Output,
    /// Bytes that standard output has not accepted yet.
    held: Vec<u8>,
    /// The part of the unfinished line that was written as a prompt.
    prompted: String,
    /// When the unfinished line is taken as a prompt.
    prompt_at: Option<Duration>,
}

impl PipeClient {
    fn new(poll: &Poll, web_addr: String, link: Link, login: Option<PipeLogin>) -> io::Result<Self> {
        let output = Output::open(stdout());
        output.watch(poll.registry(), STDOUT)?;
        Ok(PipeClient {
            web_addr,
            link,
            login,
            readable: true,
            ended: false,
            lost: None,
            is_new: true,
            is_web_server: false,
            input: Stdin::new(poll.registry(), STDIN)?,
            output,
            held: Vec::new(),
            prompted: String::new(),
            prompt_at: None,
        })
    }

    fn record_event(&mut self, event: &Event) {
        match event.token() {
            STDIN => self.input.notify(),
            LINK => self.readable |= event.is_readable() || event.is_read_closed() || event.is_error(),
            // Writing is tried again in each turn, so only errors matter.
            STDOUT if event.is_error() => self.output = Output::Closed,
            _ => {}
        }
    }

    fn timeout(&self, now: Duration) -> Option<Duration> {
        if self.may_receive() || self.may_send() {
            return Some(Duration::ZERO);
        }
        let login = self.login.as_ref().and_then(|login| login.send_name_at);
        [self.prompt_at, login].into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn may_receive(&self) -> bool {
        self.readable && !self.is_over() && self.held.len() < MAX_HELD
    }

    fn may_send(&self) -> bool {
        self.input.is_ready() && self.login.is_none() && !self.is_over() && self.link.unwritten() < MAX_HELD
    }

    fn is_over(&self) -> bool {
        self.ended || self.lost.is_some()
    }

    /// Passes on what is available; returns whether everything is done.
    fn process_turn(&mut self, poll: &Poll, now: Duration) -> Result<bool, Error> {
        self.receive(now);
        if self.is_web_server {
            self.write()?;
            return Err(Error::WebServer(self.web_addr.clone()));
        }
        self.log_in(now)?;
        self.send(poll);
        if let Err(error) = self.link.flush() {
            // Lines that the server sent before the connection broke can still be read.
            self.readable = true;
            self.receive(now);
            self.lost.get_or_insert(error);
        }
        if self.prompt_at.is_some_and(|at| at <= now) {
            self.prompt(now);
        }
        if !self.write()? {
            // The reader of standard output has gone, so there is nothing left to do.
            return Ok(true);
        }
        match self.lost.take_if(|_| self.held.is_empty()) {
            Some(error) => Err(Error::Lost(error)),
            None => Ok(self.ended && self.held.is_empty()),
        }
    }

    fn receive(&mut self, now: Duration) {
        for _ in 0..READS_IN_A_ROW {
            if !self.may_receive() {
                break;
            }
            let (held, prompted, login) = (&mut self.held, &mut self.prompted, &mut self.login);
            let (is_new, is_web_server) = (&mut self.is_new, &mut self.is_web_server);
            let mut send = Vec::new();
            let received = self.link.receive(|line| {
                *is_web_server |= std::mem::take(is_new) && is_web_answer(line);
                login.iter_mut().for_each(|login| login.process_line(line, &mut send));
                put(line, prompted, held);
            });
            send.iter().for_each(|line| self.link.queue_line(line));
            match received {
                Ok(ReadOutcome::More) => {}
                Ok(ReadOutcome::All) => self.readable = false,
                Ok(ReadOutcome::End) => self.ended = true,
                Err(error) => self.lost = Some(error),
            }
            self.prompt_at = (self.link.has_unended() && !self.is_over()).then_some(now + PROMPT_DELAY);
        }
    }

    /// Continues the login, if there is one.
    fn log_in(&mut self, now: Duration) -> Result<(), Error> {
        let over = self.is_over();
        let Some(login) = &mut self.login else { return Ok(()) };
        if let Some(line) = login.answer_silence(false, now) {
            self.link.queue_line(&line);
        }
        if let Some(error) = login.refused.take() {
            self.write()?;
            return Err(error);
        }
        if login.is_over() {
            self.login = None;
        } else if over {
            self.write()?;
            return Err(Error::NotIn);
        }
        Ok(())
    }

    fn send(&mut self, poll: &Poll) {
        for _ in 0..READS_IN_A_ROW {
            if !self.may_send() {
                return;
            }
            let mut block = [0; 4096];
            match self.input.read(&mut block) {
                StdinRead::Bytes(n) => self.link.queue_bytes(&block[..n]),
                StdinRead::Later => {}
                StdinRead::End => {
                    self.input.close(poll.registry());
                    self.link.finish();
                }
            }
        }
    }

    /// Writes an unfinished line, because the server seems to wait for an answer.
    fn prompt(&mut self, now: Duration) {
        self.prompt_at = None;
        let text = self.link.unended();
        let name = self.login.as_mut().and_then(|login| login.answer_silence(true, now));
        name.iter().for_each(|name| self.link.queue_line(name));
        if let Some(rest) = text.strip_prefix(&self.prompted) {
            self.held.extend_from_slice(rest.as_bytes());
            self.prompted = text;
        }
    }

    /// Writes what standard output accepts; `false` if its reader has gone.
    fn write(&mut self) -> Result<bool, Error> {
        while !self.held.is_empty() {
            match self.output.write(&self.held) {
                Ok(0) => return Ok(false),
                Ok(n) => drop(self.held.drain(..n)),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Ok(true),
                    io::ErrorKind::BrokenPipe => return Ok(false),
                    _ => return Err(Error::Output(error)),
                },
            }
        }
        Ok(!matches!(self.output, Output::Closed))
    }
}

/// Adds a line, without the part that was already written as a prompt.
fn put(line: &str, prompted: &mut String, held: &mut Vec<u8>) {
    let prompt = std::mem::take(prompted);
    let rest = line.strip_prefix(prompt.as_str()).unwrap_or_else(|| {
        held.push(b'\n');
        line
    });
    held.extend_from_slice(rest.as_bytes());
    held.push(b'\n');
}
