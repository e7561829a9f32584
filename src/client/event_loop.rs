//! Keyboard, server and signals in one poll.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};
use rustix::process::{Signal, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};
use signal_hook::low_level::emulate_default_handler;
use signal_hook_mio::v1_0::Signals;

use super::app::{App, Status, Wanted};
use super::input::decoder::{Decoder, Input};
use super::protocol::dialer::Dialer;
use super::protocol::link::{Link, Received};
use super::ui::screen::Size;
use super::ui::status::bottom;
use super::ui::terminal::Terminal;
use super::ui::view::View;
use super::{Error, Settings};
use crate::clock::Clock;
use crate::signals;

const SIGNALS: Token = Token(0);
const TERMINAL: Token = Token(1);
const LINK: Token = Token(2);
const DIALS: usize = 3;

/// Blocks read from the server before the keyboard has its turn.
const READS_IN_A_ROW: usize = 4;

/// How long an ESC may wait for the rest of a sequence.
const ESCAPE: Duration = Duration::from_millis(50);

/// How long an unended line of the server's is quiet until it is taken for a prompt.
const QUIET: Duration = Duration::from_millis(100);

/// How often it is looked whether we are in the foreground again.
const AWAY: Duration = Duration::from_millis(500);

/// Everything that one client has.
pub struct Reactor<'a> {
    settings: &'a Settings,
    addrs: &'a [SocketAddr],
    poll: Poll,
    clock: Clock,
    signals: Signals,
    terminal: Terminal,
    /// Another process has the terminal.
    away: bool,
    size: Size,
    /// There may be something to read from the terminal.
    typed: bool,
    decoder: Decoder,
    /// When an ESC is taken for the key.
    escape_at: Option<Duration>,
    dialer: Option<Dialer>,
    link: Option<Link>,
    /// There may be something to read from the server.
    readable: bool,
    /// When an unended line is taken for a prompt.
    prompt_at: Option<Duration>,
    app: App,
    view: View,
    /// A connection has been made once.
    reached: bool,
}

impl<'a> Reactor<'a> {
    /// Opens the terminal, and takes it once the server has been reached.
    ///
    /// # Errors
    /// If there is no terminal, or the kernel refuses the poll or what it is to watch.
    pub fn new(settings: &'a Settings, addrs: &'a [SocketAddr]) -> io::Result<Self> {
        let poll = Poll::new()?;
        let clock = Clock::start();
        let mut signals = signals::watch()?;
        for signal in [SIGWINCH, SIGTSTP, SIGCONT] {
            signals.add_signal(signal)?;
        }
        poll.registry().register(&mut signals, SIGNALS, mio::Interest::READABLE)?;
        let terminal = Terminal::open(settings.full_screen)?;
        terminal.watch(poll.registry(), TERMINAL)?;
        Ok(Reactor {
            settings,
            addrs,
            size: terminal.size(),
            away: false,
            typed: true,
            decoder: Decoder::default(),
            escape_at: None,
            dialer: None,
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

    /// Talks until the person leaves or the server sees them off; returns the exit code.
    ///
    /// # Errors
    /// If the server cannot be reached at first, or the terminal is lost.
    pub fn run(mut self) -> Result<u8, Error> {
        let mut events = Events::with_capacity(64);
        loop {
            let outcome = self.turn(&events);
            if outcome.is_err() || *self.app.status() == Status::Over {
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

    fn turn(&mut self, events: &Events) -> Result<(), Error> {
        events.iter().for_each(|event| self.note(event));
        self.take_signals().map_err(Error::System)?;
        self.come_forward().map_err(Error::System)?;
        self.read_keys();
        self.dial(events)?;
        self.receive();
        self.app.tick(self.clock.elapsed());
        self.send();
        self.draw().map_err(Error::Terminal)
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            TERMINAL => self.typed |= event.is_readable() || event.is_read_closed() || event.is_error(),
            LINK => self.readable |= event.is_readable() || event.is_read_closed() || event.is_error(),
            _ => {}
        }
    }

    /// How long the poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let is_to_be_dialled = *self.app.status() == Status::Dialling && self.dialer.is_none();
        let draws = self.view.has_waiting() && !self.terminal.has_pending() && self.terminal.is_ours();
        if self.may_receive() || is_to_be_dialled || draws {
            return Some(Duration::ZERO);
        }
        let dials = self.dialer.as_ref().and_then(Dialer::deadline);
        let look = self.away.then_some(now + AWAY);
        let deadlines = [self.app.deadline(now), dials, self.escape_at, self.prompt_at, look];
        deadlines.into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn take_signals(&mut self) -> io::Result<()> {
        for signal in self.signals.pending().collect::<Vec<_>>() {
            match signal {
                SIGWINCH => self.size = self.terminal.size(),
                SIGTSTP => self.suspend()?,
                SIGCONT => self.resume()?,
                SIGHUP => self.app.give_up(),
                _ if matches!(self.app.status(), Status::Leaving { .. }) => self.app.give_up(),
                _ => self.app.leave(self.clock.elapsed()),
            }
        }
        Ok(())
    }

    /// Gives the terminal back and stops, as a program does that knows nothing of SIGTSTP.
    fn suspend(&mut self) -> io::Result<()> {
        // Nobody would ever continue it, for which reason the kernel would not stop it either.
        if self.terminal.has_no_shell() {
            self.app.say("There is no shell here that could bring the client back; it goes on.");
            return Ok(());
        }
        if self.terminal.is_ours() {
            let last = self.view.leave(self.size);
            self.terminal.give_back(&last);
        }
        // SIGCONT goes on from here.
        emulate_default_handler(SIGTSTP)
    }

    fn resume(&mut self) -> io::Result<()> {
        if self.reached && !self.terminal.is_in_background() {
            self.terminal.take()?;
            self.away = false;
            self.size = self.terminal.size();
            self.typed = true;
            let row = self.view.come_back();
            self.terminal.draw(&row)?;
        }
        Ok(())
    }

    /// A shell does not tell a job that was running in the background when it brings it to the foreground.
    fn come_forward(&mut self) -> io::Result<()> {
        let in_background = self.terminal.is_in_background();
        if self.away && !in_background {
            self.resume()?;
        }
        self.away = in_background;
        Ok(())
    }

    /// Reads what has been typed.
    fn read_keys(&mut self) {
        let now = self.clock.now();
        if self.escape_at.is_some_and(|at| at <= now.at) {
            self.escape_at = None;
            self.decoder.flush();
        }
        let mut block = [0; 4096];
        while self.typed && self.terminal.is_ours() {
            match self.terminal.read(&mut block) {
                Ok(n @ 1..) => {
                    self.decoder.feed(&block[..n]);
                    self.escape_at = self.decoder.is_pending().then_some(now.at + ESCAPE);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.typed = false,
                // The terminal has been hung up.
                Ok(0) | Err(_) => {
                    self.typed = false;
                    self.app.give_up();
                }
            }
        }
        while let Some(input) = self.decoder.next() {
            let wanted = match input {
                Input::Do(action) => self.app.act(action, now),
                Input::Paste(text) => {
                    self.app.pasted(&text, now);
                    Wanted::Nothing
                }
                Input::PasteTooLong => {
                    self.app.say("That is more than can be pasted at once.");
                    Wanted::Nothing
                }
                Input::Other => Wanted::Nothing,
            };
            self.carry_out(wanted);
        }
    }

    fn carry_out(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Nothing => {}
            Wanted::Redraw => {
                let clear = self.view.redraw(self.size);
                // A terminal that is gone is found out when it is read.
                let _ = self.terminal.draw(&clear);
            }
            // As the terminal does it where it reads the key itself: all of the job is to stop.
            Wanted::Suspend => {
                let _ = kill_current_process_group(Signal::TSTP);
            }
            Wanted::Scroll { back } => self.view.scroll(back, self.size),
        }
    }

    /// Makes a connection where one is wanted.
    fn dial(&mut self, events: &Events) -> Result<(), Error> {
        let now = self.clock.elapsed();
        if *self.app.status() != Status::Dialling {
            self.dialer = None;
            return Ok(());
        }
        let registry = self.poll.registry();
        let dialer = self.dialer.get_or_insert_with(|| Dialer::new(self.addrs, DIALS, now));
        let mut outcome = dialer.poll(registry, None, now);
        for event in events {
            outcome = outcome.or_else(|| dialer.poll(registry, Some(event), now));
        }
        let Some(outcome) = outcome else { return Ok(()) };
        self.dialer = None;
        match outcome.and_then(|stream| Link::new(stream, registry, LINK)) {
            Ok(link) => {
                self.link = Some(link);
                self.readable = true;
                self.app.connected(now);
                if !std::mem::replace(&mut self.reached, true) {
                    self.terminal.take().map_err(Error::Terminal)?;
                }
            }
            Err(error) if !self.reached => return Err(Error::Connect(self.settings.addr(), error)),
            Err(error) => self.app.failed(&error, now),
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
            match link.receive(|line| self.app.hear(line, now)) {
                Ok(Received::More) => {}
                Ok(Received::All) => self.readable = false,
                Ok(Received::End) => self.lose(None, now.at),
                Err(error) => self.lose(Some(&error), now.at),
            }
            let unended = self.link.as_ref().is_some_and(Link::has_unended);
            self.prompt_at = unended.then_some(now.at + QUIET);
            self.app.take_lines().for_each(|line| self.view.push(line));
        }
        if self.prompt_at.take_if(|at| *at <= now.at).is_some()
            && let Some(link) = &self.link
        {
            self.app.unended(link.unended());
        }
    }

    fn lose(&mut self, error: Option<&io::Error>, now: Duration) {
        self.link = None;
        self.app.lost(error, now);
    }

    fn send(&mut self) {
        let Some(link) = &mut self.link else { return };
        self.app.take_outgoing().iter().for_each(|line| link.say(line));
        if matches!(self.app.status(), Status::Leaving { .. }) {
            link.end();
        }
        if let Err(error) = link.flush() {
            // What the server said before it went is still to be read.
            self.readable = true;
            self.receive();
            if self.link.is_some() {
                self.lose(Some(&error), self.clock.elapsed());
            }
        }
    }

    /// Brings the terminal up to date, if it has taken what it was given before.
    fn draw(&mut self) -> io::Result<()> {
        self.app.take_lines().for_each(|line| self.view.push(line));
        if !self.terminal.is_ours() {
            return Ok(());
        }
        self.terminal.flush()?;
        if self.terminal.has_pending() {
            return Ok(());
        }
        let now = self.clock.elapsed();
        let bottom = bottom(&mut self.app, &self.settings.addr(), self.view.news(), self.size, now);
        let mut frame = self.view.frame(&bottom, self.size);
        if self.app.take_bell() {
            frame.push(b'\x07');
        }
        self.terminal.draw(&frame)
    }

    /// Shows all that is left and takes the rows at the bottom away.
    fn draw_last(&mut self) {
        if !self.terminal.is_ours() {
            return;
        }
        let last = self.view.last(self.size);
        self.terminal.give_back(&last);
    }
}
