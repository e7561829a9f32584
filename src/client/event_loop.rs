//! Runs the interactive client: keyboard, server and signals in one poll.

use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};
use signal_hook::consts::SIGHUP;
use signal_hook_mio::v1_0::Signals;

use super::app::{App, ConnectionStatus};
use super::error::Error;
use super::protocol::connection::connector::{Connected, Connector, Server};
use super::protocol::connection::link::{Link, ReadOutcome};
use super::settings::Settings;
use super::ui::status::bottom;
use crate::terminal::input::decoder::TerminalInput;
use crate::terminal::screen::view::View;
use crate::terminal::session::{self, SignalOutcome, TerminalSession};
use crate::util::clock::Clock;
use crate::util::signals;

const SIGNALS: Token = Token(0);
const TERMINAL: Token = Token(1);
/// The connection; those that are being made have the tokens after it.
const LINK: Token = Token(2);

/// Blocks read from the server before the keyboard is read again.
const READS_IN_A_ROW: usize = 4;

/// An unfinished server line is taken as a prompt after this time without new bytes.
const PROMPT_DELAY: Duration = Duration::from_millis(100);

/// The client's event loop and everything it owns.
pub struct EventLoop<'a> {
    server: &'a Server,
    poll: Poll,
    clock: Clock,
    signals: Signals,
    terminal: TerminalSession,
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
        session::SIGNALS.into_iter().try_for_each(|signal| signals.add_signal(signal))?;
        poll.registry().register(&mut signals, SIGNALS, mio::Interest::READABLE)?;
        let terminal = TerminalSession::open(settings.full_screen, poll.registry(), TERMINAL)?;
        Ok(EventLoop {
            server,
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
            let outcome = self.process_turn(&events).and_then(|()| self.app.take_error().map_or(Ok(()), Err));
            if outcome.is_err() || *self.app.status() == ConnectionStatus::Ended {
                self.app.tell_unconfirmed();
                self.show_changes();
                self.terminal.give_back(&mut self.view);
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
        self.terminal.check_foreground(&mut self.view).map_err(Error::System)?;
        self.read_keys();
        self.dial(events)?;
        self.receive();
        let now = self.clock.elapsed();
        self.app.run_timers(now);
        // What has come is read first: the terminal may have held it up.
        if self.app.is_stalled(now) && self.link.is_some() && !self.readable {
            self.drop_link(Some(&io::ErrorKind::TimedOut.into()), now);
        }
        self.send();
        self.draw().map_err(Error::Terminal)
    }

    fn record_event(&mut self, event: &Event) {
        let is_readable = event.is_readable() || event.is_read_closed() || event.is_error();
        match event.token() {
            TERMINAL if is_readable => self.terminal.notify(),
            LINK => self.readable |= is_readable,
            _ => {}
        }
    }

    /// How long the poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let must_dial = *self.app.status() == ConnectionStatus::Connecting && self.connector.is_none();
        let draws = self.view.has_waiting() && self.terminal.can_draw();
        if self.may_receive() || must_dial || draws {
            return Some(Duration::ZERO);
        }
        let dials = self.connector.as_ref().and_then(Connector::deadline);
        let deadlines = [self.app.deadline(now), dials, self.terminal.deadline(now), self.prompt_at];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn process_signals(&mut self) -> io::Result<()> {
        for signal in self.signals.pending().collect::<Vec<_>>() {
            match signal {
                signal if session::SIGNALS.contains(&signal) => {
                    if self.terminal.handle_signal(signal, &mut self.view)? == SignalOutcome::NotSuspended {
                        self.app.show_local("There is no shell here to resume the client, so it was not suspended.");
                    }
                }
                SIGHUP => self.app.end(),
                _ if matches!(self.app.status(), ConnectionStatus::Leaving { .. }) => self.app.end(),
                _ => self.app.leave(self.clock.elapsed()),
            }
        }
        Ok(())
    }

    /// Reads keys and pastes.
    fn read_keys(&mut self) {
        let now = self.clock.now();
        // The terminal has been hung up.
        let Ok(inputs) = self.terminal.read(now.at) else { return self.app.end() };
        for input in inputs {
            let request = match input {
                TerminalInput::Do(action) => self.app.press_key(action, now),
                TerminalInput::Paste(text) => {
                    self.app.paste_text(&text, now);
                    None
                }
                TerminalInput::PasteTooLong => {
                    self.app.show_local("The paste is too long (1 MiB at most).");
                    None
                }
                TerminalInput::Other => None,
            };
            if let Some(request) = request {
                self.show_changes();
                self.terminal.run_request(request, &mut self.view);
            }
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
            self.show_changes();
        }
        if self.prompt_at.take_if(|at| *at <= now.at).is_some()
            && let Some(link) = &self.link
        {
            self.app.show_prompt(link.unended());
        }
    }

    fn show_changes(&mut self) {
        self.app.take_changes().for_each(|change| self.view.apply(change));
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
        self.show_changes();
        self.terminal.flush()?;
        if !self.terminal.can_draw() {
            return Ok(());
        }
        let (now, size) = (self.clock.elapsed(), self.terminal.size());
        let bottom = bottom(&mut self.app, self.view.unseen(), size, now);
        let mut frame = self.view.frame(&bottom, size);
        if self.app.take_bell() {
            frame.push(b'\x07');
        }
        self.terminal.draw(&frame)
    }
}
