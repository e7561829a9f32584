//! Lines in, lines out: for scripts, and wherever there is no terminal to draw on.
//!
//! What is read from standard input goes to the server as it is; its end half-closes the connection,
//! and what is owed is waited for. Nothing is read faster than the other side takes it, nor before one
//! is in under the nickname that was given.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use rustix::stdio::stdout;

use super::protocol::dialer::Dialer;
use super::protocol::entry::Entry;
use super::protocol::link::{Link, Received};
use super::protocol::session::{Session, Stage};
use super::protocol::shape::{Refusal, Shape};
use super::{Error, Settings};
use crate::clock::Clock;
use crate::stdio::{Input, Output, Read};

const STDIN: Token = Token(0);
const STDOUT: Token = Token(1);
const LINK: Token = Token(2);
const DIALS: usize = 3;

/// Bytes that wait for one side before no more are read from the other.
const MAX_HELD: usize = 256 * 1024;

/// Reads in a row before the other side has its turn.
const READS_IN_A_ROW: usize = 16;

/// How long an unended line of the server's is quiet until it is taken for a prompt.
const QUIET: Duration = Duration::from_millis(200);

/// Connects, and passes lines to and fro until the server has closed; returns the exit code.
///
/// # Errors
/// If the server cannot be reached, the connection breaks, or standard output cannot be written to.
pub fn run(settings: &Settings, addrs: &[SocketAddr]) -> Result<u8, Error> {
    let clock = Clock::start();
    let mut poll = Poll::new().map_err(Error::System)?;
    let stream = connect(&mut poll, &clock, addrs).map_err(|error| Error::Connect(settings.addr(), error))?;
    let login = settings.nick.clone().map(|name| Login::new(name, clock.elapsed()));
    let mut pipe = Pipe::new(&poll, stream, login).map_err(Error::System)?;
    let mut events = Events::with_capacity(16);
    loop {
        wait(&mut poll, &mut events, pipe.timeout(clock.elapsed())).map_err(Error::System)?;
        events.iter().for_each(|event| pipe.note(event));
        if pipe.turn(&poll, clock.elapsed())? {
            return Ok(0);
        }
    }
}

fn connect(poll: &mut Poll, clock: &Clock, addrs: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut events = Events::with_capacity(16);
    let mut dialer = Dialer::new(addrs, DIALS, clock.elapsed());
    loop {
        let mut outcome = dialer.poll(poll.registry(), None, clock.elapsed());
        for event in &events {
            outcome = outcome.or_else(|| dialer.poll(poll.registry(), Some(event), clock.elapsed()));
        }
        if let Some(outcome) = outcome {
            return outcome;
        }
        let most = dialer.deadline().map(|at| at.saturating_sub(clock.elapsed()));
        wait(poll, &mut events, most)?;
    }
}

fn wait(poll: &mut Poll, events: &mut Events, most: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, most) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        outcome => outcome,
    }
}

/// The way in under a nickname that was given.
struct Login {
    name: String,
    entry: Entry,
    session: Session,
    /// What the server has against it.
    refused: Option<String>,
}

impl Login {
    fn new(name: String, now: Duration) -> Self {
        let entry = Entry::new(Some(name.clone()), false, now);
        Login { name, entry, session: Session::default(), refused: None }
    }

    fn hear(&mut self, line: &str, now: Duration, send: &mut Vec<String>) {
        let shape = Shape::of(line);
        self.session.hear(&shape);
        self.entry.hear(&shape, &self.session, now, send);
        if let Shape::Refused(Refusal::Taken { asked: true, .. } | Refusal::BadName { asked: true }) = shape {
            self.refused = Some(line.trim_start_matches("! ").to_owned());
        }
    }

    /// Whether what comes from standard input is no longer taken for a nickname.
    fn is_over(&self) -> bool {
        match self.session.stage() {
            Stage::Here => true,
            Stage::Unknown => self.entry.has_given(),
            Stage::Asked | Stage::Waiting(_) => false,
        }
    }
}

struct Pipe {
    link: Link,
    login: Option<Login>,
    /// There may be something to read from the server.
    readable: bool,
    /// The server sends no more.
    ended: bool,
    /// How the connection broke; what had come is still written.
    lost: Option<io::Error>,
    input: Input,
    output: Output,
    /// What standard output has not taken yet.
    held: Vec<u8>,
    /// How much of the unended line has been written, since nothing followed.
    prompted: String,
    /// When it will be taken for a prompt.
    prompt_at: Option<Duration>,
}

impl Pipe {
    fn new(poll: &Poll, stream: TcpStream, login: Option<Login>) -> io::Result<Self> {
        let output = Output::open(stdout());
        output.watch(poll.registry(), STDOUT)?;
        Ok(Pipe {
            link: Link::new(stream, poll.registry(), LINK)?,
            login,
            readable: true,
            ended: false,
            lost: None,
            input: Input::new(poll.registry(), STDIN)?,
            output,
            held: Vec::new(),
            prompted: String::new(),
            prompt_at: None,
        })
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            STDIN => self.input.notify(),
            LINK => self.readable |= event.is_readable() || event.is_read_closed() || event.is_error(),
            // What it has not taken is tried again in any turn.
            STDOUT if event.is_error() => self.output = Output::Gone,
            _ => {}
        }
    }

    fn timeout(&self, now: Duration) -> Option<Duration> {
        if self.may_receive() || self.may_send() {
            return Some(Duration::ZERO);
        }
        let login = self.login.as_ref().and_then(|login| login.entry.deadline());
        [self.prompt_at, login].into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn may_receive(&self) -> bool {
        self.readable && !self.is_over() && self.held.len() < MAX_HELD
    }

    fn may_send(&self) -> bool {
        self.input.is_ready() && self.login.is_none() && !self.is_over() && self.link.owed() < MAX_HELD
    }

    fn is_over(&self) -> bool {
        self.ended || self.lost.is_some()
    }

    /// Passes on what there is; whether that was all there will be.
    fn turn(&mut self, poll: &Poll, now: Duration) -> Result<bool, Error> {
        self.receive(now);
        self.log_in(now)?;
        self.send(poll);
        if let Err(error) = self.link.flush() {
            // What the server said before it went is still to be read.
            self.readable = true;
            self.receive(now);
            self.lost.get_or_insert(error);
        }
        if self.prompt_at.is_some_and(|at| at <= now) {
            self.prompt();
        }
        if !self.write()? {
            // Nobody reads: there is no one to go on for.
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
            let mut send = Vec::new();
            let received = self.link.receive(|line| {
                login.iter_mut().for_each(|login| login.hear(line, now, &mut send));
                put(line, prompted, held);
            });
            send.iter().for_each(|line| self.link.say(line));
            match received {
                Ok(Received::More) => {}
                Ok(Received::All) => self.readable = false,
                Ok(Received::End) => self.ended = true,
                Err(error) => self.lost = Some(error),
            }
            self.prompt_at = (self.link.has_unended() && !self.is_over()).then_some(now + QUIET);
        }
    }

    /// Goes on with the login, if one was asked for.
    fn log_in(&mut self, now: Duration) -> Result<(), Error> {
        let over = self.is_over();
        let Some(login) = &mut self.login else { return Ok(()) };
        if let Some(line) = login.entry.due(&login.session, now) {
            self.link.say(&line);
        }
        if let Some(why) = login.refused.take() {
            let error = Error::Nickname(login.name.clone(), why);
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
                Read::Bytes(n) => self.link.pass_on(&block[..n]),
                Read::Later => {}
                Read::End => {
                    self.input.close(poll.registry());
                    self.link.end();
                }
            }
        }
    }

    /// Writes what has come of a line, since the server seems to wait for an answer.
    fn prompt(&mut self) {
        self.prompt_at = None;
        let text = self.link.unended();
        let name = self.login.as_mut().and_then(|login| login.entry.prompted(&login.session));
        name.iter().for_each(|name| self.link.say(name));
        if let Some(rest) = text.strip_prefix(&self.prompted) {
            self.held.extend_from_slice(rest.as_bytes());
            self.prompted = text;
        }
    }

    /// Writes what standard output takes; `false` if nobody will ever read it.
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
        Ok(!matches!(self.output, Output::Gone))
    }
}

/// Puts a line behind what of it has been written as a prompt.
fn put(line: &str, prompted: &mut String, held: &mut Vec<u8>) {
    let prompt = std::mem::take(prompted);
    let rest = line.strip_prefix(prompt.as_str()).unwrap_or_else(|| {
        held.push(b'\n');
        line
    });
    held.extend_from_slice(rest.as_bytes());
    held.push(b'\n');
}
