//! Runs the interactive client: keyboard, server and signals in one poll.

use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};
use rustix::process::{Signal, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};
use signal_hook::low_level::emulate_default_handler;
use signal_hook_mio::v1_0::Signals;

use super::app::{App, ConnectionStatus, TerminalRequest};
use super::error::Error;
use super::protocol::connector::{Connected, Connector, Server};
use super::protocol::link::{Link, ReadOutcome};
use super::settings::Settings;
use super::ui::status::bottom;
use crate::terminal::input::decoder::{KeyDecoder, TerminalInput};
use crate::terminal::screen::inline_screen::TerminalSize;
use crate::terminal::screen::view::View;
use crate::terminal::tty::Terminal;
use crate::util::clock::Clock;
use crate::util::signals;

const SIGNALS: Token = Token(0);
const TERMINAL: Token = Token(1);
/// The connection; those that are being made have the tokens after it.
const LINK: Token = Token(2);

/// Blocks read from the server before the keyboard is read again.
const READS_IN_A_ROW: usize = 4;

/// How long after an ESC the rest of a sequence may come.
const ESCAPE_TIMEOUT: Duration = Duration::from_millis(50);

/// An unfinished server line is taken as a prompt after this time without new bytes.
const PROMPT_DELAY: Duration = Duration::from_millis(100);

/// How often the client checks whether it is in the foreground again.
const FOREGROUND_CHECK: Duration = Duration::from_millis(500);

/// The client's event loop and everything it owns.
pub struct EventLoop<'a> {
    settings: &'a Settings,
    server: &'a Server,
    poll: Poll,
    clock: Clock,
    signals: Signals,
    terminal: Terminal,
    /// Whether another process group has the terminal.
    in_background: bool,
    size: TerminalSize,
    /// Whether the terminal may have input.
    terminal_readable: bool,
    decoder: KeyDecoder,
    /// When a pending ESC is taken as the Escape key.
    escape_at: Option<Duration>,
    connector: Option<Connector<'a>>,
    link: Option<Link>,
    /// Whether the server may have sent something.
    readable: bool,
    /// When an unfinished line is taken as a prompt.
    prompt_at: Option<Duration>,
    app: App,
    view: View,
    /// Whether a connection has been made at least once.
    reached: bool,
}

impl<'a> EventLoop<'a> {
    /// Opens the terminal; raw mode starts once the server has been reached.
    ///
    /// # Errors
    /// If there is no terminal, or the kernel refuses the poll or a registration.
    pub fn new(settings: &'a Settings, server: &'a Server) -> io::Result<Self> {
        let poll = Poll::new()?;
        let clock = Clock::start();
        let mut signals = signals::watch()?;
        for signal in [SIGWINCH, SIGTSTP, SIGCONT] {
            signals.add_signal(signal)?;
        }
        poll.registry().register(&mut signals, SIGNALS, mio::Interest::READABLE)?;
        let terminal = Terminal::open(settings.full_screen)?;
        terminal.watch(poll.registry(), TERMINAL)?;
        Ok(EventLoop {
            settings,
            server,
            size: terminal.size(),
            in_background: false,
            terminal_readable: true,
            decoder: KeyDecoder::default(),
            escape_at: None,
            connector: None,
            link: None,
            readable: false,
            prompt_at: None,
            app: App::new(settings, clock.elapsed()),
            view: View::new(settings.full_screen, settings.colour),
            reached: false,
            poll,
            clock,
            signals,
            terminal,
        })
    }

    /// Runs until the user leaves or the server ends the session; returns the exit code.
    ///
    /// # Errors
    /// If the first connection cannot be made, or the terminal is lost.
    pub fn run(mut self) -> Result<u8, Error> {
        let mut events = Events::with_capacity(64);
        loop {
            let outcome = self.process_turn(&events);
            if outcome.is_err() || *self.app.status() == ConnectionStatus::Ended {
                self.draw_last();
                return outcome.map(|()| 0);
            }
            let most = self.timeout();
            match self.poll.poll(&mut events, most) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(Error::System(error)),
                _ => {}
            }
        }
    }

    fn process_turn(&mut self, events: &Events) -> Result<(), Error> {
        events.iter().for_each(|event| self.record_event(event));
        self.process_signals().map_err(Error::System)?;
        self.check_foreground().map_err(Error::System)?;
        self.read_keys();
        self.dial(events)?;
        self.receive();
        self.app.run_timers(self.clock.elapsed());
        self.send();
        self.draw().map_err(Error::Terminal)
    }

    fn record_event(&mut self, event: &Event) {
        match event.token() {
            TERMINAL => self.terminal_readable |= event.is_readable() || event.is_read_closed() || event.is_error(),
            LINK => self.readable |= event.is_readable() || event.is_read_closed() || event.is_error(),
            _ => {}
        }
    }

    /// How long the poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let must_dial = *self.app.status() == ConnectionStatus::Connecting && self.connector.is_none();
        let draws = self.view.has_waiting() && !self.terminal.has_pending() && self.terminal.can_draw();
        if self.may_receive() || must_dial || draws {
            return Some(Duration::ZERO);
        }
        let dials = self.connector.as_ref().and_then(Connector::deadline);
        let look = self.in_background.then_some(now + FOREGROUND_CHECK);
        let deadlines = [self.app.deadline(now), dials, self.escape_at, self.prompt_at, look];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn process_signals(&mut self) -> io::Result<()> {
        for signal in self.signals.pending().collect::<Vec<_>>() {
            match signal {
                SIGWINCH => self.size = self.terminal.size(),
                SIGTSTP => self.suspend()?,
                SIGCONT => self.resume()?,
                SIGHUP => self.app.end(),
                _ if matches!(self.app.status(), ConnectionStatus::Leaving { .. }) => self.app.end(),
                _ => self.app.leave(self.clock.elapsed()),
            }
        }
        Ok(())
    }

    /// Restores the terminal and stops the process, as SIGTSTP does by default.
    fn suspend(&mut self) -> io::Result<()> {
        // No process would continue it; for this reason the kernel would not stop it either.
        if self.terminal.has_no_shell() {
            self.app.show_local("There is no shell here to resume the client, so it was not suspended.");
            return Ok(());
        }
        if self.terminal.can_draw() {
            let last = self.view.leave(self.size);
            self.terminal.give_back(&last);
        }
        // SIGCONT continues here.
        emulate_default_handler(SIGTSTP)
    }

    fn resume(&mut self) -> io::Result<()> {
        if self.reached && !self.terminal.is_in_background() {
            self.terminal.take()?;
            self.in_background = false;
            self.size = self.terminal.size();
            self.terminal_readable = true;
            let row = self.view.resume();
            self.terminal.draw(&row)?;
        }
        Ok(())
    }

    /// Takes the terminal again after `fg`: a shell sends no signal to a job that was running in the background.
    fn check_foreground(&mut self) -> io::Result<()> {
        let in_background = self.terminal.is_in_background();
        if self.in_background && !in_background {
            self.resume()?;
        }
        self.in_background = in_background;
        Ok(())
    }

    /// Reads keys and pastes.
    fn read_keys(&mut self) {
        let now = self.clock.now();
        if self.escape_at.is_some_and(|at| at <= now.at) {
            self.escape_at = None;
            self.decoder.flush();
        }
        let mut block = [0; 4096];
        while self.terminal_readable && self.terminal.can_draw() {
            match self.terminal.read(&mut block) {
                Ok(n @ 1..) => {
                    self.decoder.feed(&block[..n]);
                    self.escape_at = self.decoder.is_pending().then_some(now.at + ESCAPE_TIMEOUT);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.terminal_readable = false,
                // The terminal has been hung up.
                Ok(0) | Err(_) => {
                    self.terminal_readable = false;
                    self.app.end();
                }
            }
        }
        while let Some(input) = self.decoder.next() {
            let request = match input {
                TerminalInput::Do(action) => self.app.press_key(action, now),
                TerminalInput::Paste(text) => {
                    self.app.paste_text(&text, now);
                    TerminalRequest::Nothing
                }
                TerminalInput::PasteTooLong => {
                    self.app.show_local("The paste is too long (1 MiB at most).");
                    TerminalRequest::Nothing
                }
                TerminalInput::Other => TerminalRequest::Nothing,
            };
            self.run_request(request);
        }
    }

    fn run_request(&mut self, request: TerminalRequest) {
        match request {
            TerminalRequest::Nothing => {}
            TerminalRequest::Redraw => {
                let clear = self.view.redraw(self.size);
                // If the terminal is gone, the next read reports it.
                let _ = self.terminal.draw(&clear);
            }
            // As a terminal does that handles the key itself: the whole process group stops.
            TerminalRequest::Suspend => {
                let _ = kill_current_process_group(Signal::TSTP);
            }
            TerminalRequest::Scroll { back } => self.view.scroll(back, self.size),
        }
    }

    /// Makes a connection if one is needed.
    fn dial(&mut self, events: &Events) -> Result<(), Error> {
        let now = self.clock.elapsed();
        if *self.app.status() != ConnectionStatus::Connecting {
            self.connector = None;
            return Ok(());
        }
        let connector = self.connector.get_or_insert_with(|| Connector::new(self.server, LINK, now));
        let Some(outcome) = connector.poll(self.poll.registry(), events, now) else { return Ok(()) };
        self.connector = None;
        match outcome {
            Ok(Connected { link, notices }) => {
                self.link = Some(link);
                self.readable = true;
                notices.iter().for_each(|notice| self.app.show_local(notice));
                self.app.connected(now);
                if !std::mem::replace(&mut self.reached, true) {
                    self.terminal.take().map_err(Error::Terminal)?;
                }
            }
            Err(error) if !self.reached || error.is_final() => return Err(error),
            Err(error) => self.app.connect_failed(error.reason(), now),
        }
        Ok(())
    }

    fn may_receive(&self) -> bool {
        self.readable && self.link.is_some() && !self.view.is_full()
    }

    fn receive(&mut self) {
        let now = self.clock.now();
        for _ in 0..READS_IN_A_ROW {
            let Some(link) = self.link.as_mut().filter(|_| self.readable && !self.view.is_full()) else {
                break;
            };
            match link.receive(|line| self.app.receive_line(line, now)) {
                Ok(ReadOutcome::More) => {}
                Ok(ReadOutcome::All) => self.readable = false,
                Ok(ReadOutcome::End) => self.drop_link(None, now.at),
                Err(error) => self.drop_link(Some(&error), now.at),
            }
            let unended = self.link.as_ref().is_some_and(Link::has_unended);
            self.prompt_at = unended.then_some(now.at + PROMPT_DELAY);
            self.app.take_lines().for_each(|line| self.view.push(line));
        }
        if self.prompt_at.take_if(|at| *at <= now.at).is_some()
            && let Some(link) = &self.link
        {
            self.app.show_prompt(link.unended());
        }
    }

    fn drop_link(&mut self, error: Option<&io::Error>, now: Duration) {
        self.link = None;
        self.app.connection_lost(error, now);
    }

    fn send(&mut self) {
        let Some(link) = &mut self.link else { return };
        self.app.take_outgoing().iter().for_each(|line| link.queue_line(line));
        if matches!(self.app.status(), ConnectionStatus::Leaving { .. }) {
            link.finish();
        }
        if let Err(error) = link.flush() {
            // Lines that the server sent before the connection broke can still be read.
            self.readable = true;
            self.receive();
            if self.link.is_some() {
                self.drop_link(Some(&error), self.clock.elapsed());
            }
        }
    }

    /// Draws the next frame, unless the terminal has not taken the last one yet.
    fn draw(&mut self) -> io::Result<()> {
        self.app.take_lines().for_each(|line| self.view.push(line));
        if !self.terminal.can_draw() {
            return Ok(());
        }
        self.terminal.flush()?;
        if self.terminal.has_pending() {
            return Ok(());
        }
        let now = self.clock.elapsed();
        let bottom = bottom(&mut self.app, &self.settings.addr(), self.view.unseen(), self.size, now);
        let mut frame = self.view.frame(&bottom, self.size);
        if self.app.take_bell() {
            frame.push(b'\x07');
        }
        self.terminal.draw(&frame)
    }

    /// Shows the remaining lines and removes the bottom rows.
    fn draw_last(&mut self) {
        if !self.terminal.can_draw() {
            return;
        }
        let last = self.view.last(self.size);
        self.terminal.give_back(&last);
    }
}
