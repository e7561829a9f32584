//! The terminal of a program with an input line: its keys, its frames, its size, and who has it now.
//!
//! It takes the time as a parameter, and leaves signals and the poll to its owner.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::{Registry, Token};
use rustix::process::{Signal, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
use signal_hook::low_level::emulate_default_handler;

use super::input::decoder::{KeyDecoder, TerminalInput};
use super::input::line_input::TerminalRequest;
use super::screen::inline_screen::TerminalSize;
use super::screen::view::View;
use super::tty::Terminal;

/// The signals that the owner catches, for [`TerminalSession::handle_signal`].
pub const SIGNALS: [i32; 3] = [SIGWINCH, SIGTSTP, SIGCONT];

/// Blocks read in a row, so that a flood of input delays nothing else.
const READS_IN_A_ROW: usize = 16;

/// How long after an ESC the rest of a sequence may come.
const ESCAPE_TIMEOUT: Duration = Duration::from_millis(50);

/// How often it is checked whether the process is in the foreground again.
const FOREGROUND_CHECK: Duration = Duration::from_millis(500);

/// The result of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalOutcome {
    Done,
    /// The process was not suspended: no shell could resume it.
    NotSuspended,
}

/// The terminal that a program reads and draws on, from [`TerminalSession::take`] until it is dropped.
pub struct TerminalSession {
    terminal: Terminal,
    size: TerminalSize,
    /// Whether it has been taken, so that it is taken again when the process is resumed.
    is_taken: bool,
    /// Whether another process group has the terminal.
    in_background: bool,
    /// Whether there may be input.
    is_readable: bool,
    decoder: KeyDecoder,
    /// When a pending ESC is taken as the Escape key.
    escape_at: Option<Duration>,
}

impl TerminalSession {
    /// Opens the terminal, and registers its events under `token`. Its modes stay as they are.
    ///
    /// # Errors
    /// If there is no terminal, or the kernel refuses the registration.
    pub fn open(full_screen: bool, registry: &Registry, token: Token) -> io::Result<Self> {
        let terminal = Terminal::open(full_screen)?;
        terminal.watch(registry, token)?;
        Ok(TerminalSession {
            size: terminal.size(),
            terminal,
            is_taken: false,
            in_background: false,
            is_readable: true,
            decoder: KeyDecoder::default(),
            escape_at: None,
        })
    }

    /// Sets raw mode: from now on it may be read and drawn on.
    ///
    /// # Errors
    /// If the modes cannot be set.
    pub fn take(&mut self) -> io::Result<()> {
        self.is_taken = true;
        // It may have changed before its signal was caught.
        self.size = self.terminal.size();
        self.terminal.take()
    }

    /// Shows the remaining lines, removes the bottom rows, and restores the modes.
    pub fn give_back(&mut self, view: &mut View) {
        if self.terminal.can_draw() {
            self.terminal.give_back(&view.last(self.size));
        }
    }

    /// Whether another process group has the terminal, at the time of the last [`TerminalSession::check_foreground`].
    pub fn is_in_background(&self) -> bool {
        self.in_background
    }

    /// The size now: a frame of an old size would be torn.
    pub fn size(&mut self) -> TerminalSize {
        self.size = self.terminal.size();
        self.size
    }

    /// Records that there may be input.
    pub fn notify(&mut self) {
        self.is_readable = true;
    }

    /// Whether there may be input that can be read now.
    fn has_input(&self) -> bool {
        self.is_readable && self.terminal.can_draw()
    }

    /// Reads keys and pastes that have come; the rest of them at [`TerminalSession::deadline`].
    ///
    /// # Errors
    /// If the terminal has been hung up.
    pub fn read(&mut self, now: Duration) -> io::Result<Vec<TerminalInput>> {
        if self.escape_at.is_some_and(|at| at <= now) {
            self.escape_at = None;
            self.decoder.flush();
        }
        let mut block = [0; 4096];
        for _ in 0..READS_IN_A_ROW {
            if !self.has_input() {
                break;
            }
            match self.terminal.read(&mut block) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.decoder.feed(&block[..n]);
                    self.escape_at = self.decoder.is_pending().then_some(now + ESCAPE_TIMEOUT);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_readable = false,
                Err(error) => return Err(error),
            }
        }
        Ok(self.decoder.by_ref().collect())
    }

    /// Handles one of [`SIGNALS`].
    ///
    /// # Errors
    /// If the process cannot be suspended, or the terminal is lost.
    pub fn handle_signal(&mut self, signal: i32, view: &mut View) -> io::Result<SignalOutcome> {
        match signal {
            SIGWINCH => _ = self.size(),
            SIGTSTP => return self.suspend(view),
            SIGCONT => self.resume(view)?,
            _ => {}
        }
        Ok(SignalOutcome::Done)
    }

    /// Restores the terminal and stops the process, as SIGTSTP does by default.
    fn suspend(&mut self, view: &mut View) -> io::Result<SignalOutcome> {
        // No process would continue it; for this reason the kernel would not stop it either.
        if self.terminal.has_no_shell() {
            return Ok(SignalOutcome::NotSuspended);
        }
        if self.terminal.can_draw() {
            self.terminal.give_back(&view.leave(self.size));
        }
        // SIGCONT continues here.
        emulate_default_handler(SIGTSTP)?;
        Ok(SignalOutcome::Done)
    }

    fn resume(&mut self, view: &mut View) -> io::Result<()> {
        if self.is_taken && !self.terminal.is_in_background() {
            self.terminal.take()?;
            self.in_background = false;
            self.size = self.terminal.size();
            self.is_readable = true;
            self.terminal.draw(&view.resume())?;
        }
        Ok(())
    }

    /// Takes the terminal again after `fg`: a shell sends no signal to a job that was running in the background.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn check_foreground(&mut self, view: &mut View) -> io::Result<()> {
        let in_background = self.terminal.is_in_background();
        if self.in_background && !in_background {
            self.resume(view)?;
        }
        self.in_background = in_background;
        Ok(())
    }

    /// Does what a key asks for.
    pub fn run_request(&mut self, request: TerminalRequest, view: &mut View) {
        match request {
            TerminalRequest::Redraw => {
                let clear = view.redraw(self.size);
                // If the terminal is gone, the next read reports it.
                let _ = self.terminal.draw(&clear);
            }
            // As a terminal does that handles the key itself: the whole process group stops.
            TerminalRequest::Suspend => {
                let _ = kill_current_process_group(Signal::TSTP);
            }
            TerminalRequest::Scroll { back } => view.scroll(back, self.size),
        }
    }

    /// When the session must be read or its foreground checked again, without an event of the poll.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        let look = self.in_background.then_some(now + FOREGROUND_CHECK);
        let rest = self.has_input().then_some(now);
        [self.escape_at, look, rest].into_iter().flatten().min()
    }

    /// Whether a frame can be drawn now: the terminal is ours, and has taken the last frame.
    pub fn can_draw(&self) -> bool {
        !self.terminal.has_pending() && self.terminal.can_draw()
    }

    /// Writes the rest of the last frame; then [`TerminalSession::can_draw`] tells whether it has been taken.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.terminal.can_draw() { self.terminal.flush() } else { Ok(()) }
    }

    /// Writes a frame; what the terminal does not take at once is kept for [`TerminalSession::flush`].
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn draw(&mut self, frame: &[u8]) -> io::Result<()> {
        self.terminal.draw(frame)
    }
}
