//! The operator's console: a terminal with an input line, or plain standard input and output of any file type.
//!
//! - `screen`: the terminal with prompt, history, completion and status line.
//! - `lines`: the typed lines that wait for the hub.
//! - `style`: how lines look on the terminal.
//! - `introduction`: what the operator is told at the start.

pub mod introduction;
mod lines;
mod screen;
mod style;

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use rustix::fs::fstat;
use rustix::process::getpgrp;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{isatty, tcgetpgrp};
use serde::{Deserialize, Serialize};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use self::lines::{LinesState, OperatorLines};
pub use self::screen::ScreenSettings;
use self::screen::{Outcome, Screen};
use crate::chat::{Hub, Now};
use crate::terminal::tty::is_interactive;
use crate::util::stdio::{Sink, Stdin, StdinRead};

/// Blocks read in one turn.
const READS_IN_A_ROW: usize = 16;

/// Unread output kept, in bytes; enough for a busy turn or two.
const MAX_PENDING: usize = 4 * 1024 * 1024;

/// Whether standard input and output are one terminal that can be drawn on, and this process is in its foreground. A job in
/// the background must not change the modes of its terminal.
pub fn is_drawable() -> bool {
    let is_same = || Some(fstat(stdin()).ok()?.st_rdev == fstat(stdout()).ok()?.st_rdev);
    let is_foreground = || tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
    is_interactive() && is_same() == Some(true) && is_foreground()
}

/// The operator's input and output.
pub struct Console {
    input: ConsoleInput,
    lines: OperatorLines,
    /// The output where nothing is drawn.
    sink: Sink,
    /// It goes on for a predecessor.
    is_restored: bool,
}

/// What a console has read and not processed, and what it has not written yet.
#[derive(Default, Serialize, Deserialize)]
pub struct ConsoleState {
    input: LinesState,
    #[serde(with = "crate::util::base64_bytes")]
    output: Vec<u8>,
    /// Whether the input has ended.
    has_ended: bool,
}

enum ConsoleInput {
    Stream(Stdin),
    Screen(Box<Screen>),
    Ended,
}

impl Console {
    /// Attaches a console to `hub`; `tokens` are those of its input and its output. With `screen` it is drawn on the terminal
    /// from [`Console::start`] on.
    ///
    /// # Errors
    /// If the kernel refuses to register standard input or output.
    pub fn new(
        hub: &mut Hub,
        registry: &Registry,
        tokens: [Token; 2],
        max_line: usize,
        screen: Option<ScreenSettings>,
    ) -> io::Result<Self> {
        // A terminal that cannot be opened a second time is read and written as it is.
        let screen = screen.and_then(|settings| Screen::open(settings, registry, tokens[0]).ok());
        let input = match screen {
            Some(screen) => ConsoleInput::Screen(Box::new(screen)),
            None => ConsoleInput::Stream(Stdin::new(registry, tokens[0])?),
        };
        hub.attach_console();
        let sink = Sink::with_room(stdout(), MAX_PENDING);
        sink.watch(registry, tokens[1])?;
        Ok(Console { input, lines: OperatorLines::new(max_line), sink, is_restored: false })
    }

    /// Begins to draw on the terminal, if that was asked for.
    pub fn start(&mut self, hub: &mut Hub) {
        if !self.is_restored {
            hub.set_console_screen(self.is_drawn());
        }
        if let ConsoleInput::Screen(screen) = &mut self.input
            && screen.start().is_err()
        {
            self.detach(hub);
        }
    }

    /// Takes out what another process needs to go on with standard input and output.
    pub fn take_state(&mut self) -> ConsoleState {
        let has_ended = matches!(self.input, ConsoleInput::Ended);
        ConsoleState { input: self.lines.take_state(), output: self.sink.take_pending(), has_ended }
    }

    /// Goes on where another console, or this one, was left.
    pub fn restore(&mut self, state: ConsoleState) {
        let ConsoleState { input, output, has_ended } = state;
        self.lines.restore(input);
        self.sink.push(&output);
        self.is_restored = true;
        if has_ended {
            self.input = ConsoleInput::Ended;
        }
    }

    /// Whether standard input is a terminal. A shell takes it back when the process ends that it has started.
    pub fn is_on_terminal(&self) -> bool {
        self.is_drawn() || isatty(stdin())
    }

    /// Whether it is drawn on a terminal, whose signals it needs.
    pub fn is_drawn(&self) -> bool {
        matches!(self.input, ConsoleInput::Screen(_))
    }

    /// Records an event of the input.
    pub fn notify(&mut self) {
        match &mut self.input {
            ConsoleInput::Stream(stdin) => stdin.notify(),
            ConsoleInput::Screen(screen) => screen.notify(),
            ConsoleInput::Ended => {}
        }
    }

    /// Handles a signal of the terminal.
    pub fn handle_signal(&mut self, signal: i32, hub: &mut Hub) {
        let outcome = match &mut self.input {
            ConsoleInput::Screen(screen) => screen.handle_signal(signal),
            _ if signal == SIGTSTP => emulate_default_handler(SIGTSTP).map(|()| Outcome::GoOn),
            _ => Ok(Outcome::GoOn),
        };
        self.end_unless_going_on(outcome, hub);
    }

    /// Whether there is something to do without a new event: there may be input, and earlier answers have been read.
    pub fn is_ready(&self, now: Duration) -> bool {
        match &self.input {
            ConsoleInput::Stream(stdin) => stdin.is_ready() && self.sink.wants_more(0),
            ConsoleInput::Screen(screen) => {
                screen.can_show_more() || !self.lines.is_empty() && screen.wants_more(0, now)
            }
            ConsoleInput::Ended => !self.lines.is_empty() && self.sink.wants_more(0),
        }
    }

    /// Whether output waits to be read.
    pub fn has_pending(&self) -> bool {
        self.sink.has_pending() || matches!(&self.input, ConsoleInput::Screen(screen) if screen.has_pending())
    }

    /// When it must be called without an event.
    pub fn next_deadline(&self, now: Duration) -> Option<Duration> {
        match &self.input {
            ConsoleInput::Screen(screen) => screen.next_deadline(now),
            _ => None,
        }
    }

    /// Reads input and passes it to the hub, line by line.
    pub fn receive(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        match &mut self.input {
            ConsoleInput::Stream(_) => self.receive_stream(hub, registry, now),
            ConsoleInput::Screen(screen) => {
                let outcome = screen.read(&mut self.lines, hub, now);
                self.lines.process(hub, now, |produced| screen.wants_more(produced, now.at));
                self.end_unless_going_on(outcome, hub);
            }
            // Lines that were typed or pasted before.
            ConsoleInput::Ended => {
                self.lines.process(hub, now, |produced| self.sink.wants_more(produced));
            }
        }
    }

    fn receive_stream(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        for _ in 0..READS_IN_A_ROW {
            let ConsoleInput::Stream(stdin) = &mut self.input else { return };
            let is_ready = stdin.is_ready() && self.sink.wants_more(0);
            if !is_ready || !self.lines.process(hub, now, |produced| self.sink.wants_more(produced)) {
                return;
            }
            let mut block = [0; 4096];
            match stdin.read(&mut block) {
                StdinRead::Bytes(n) => self.lines.push(&block[..n]),
                StdinRead::Later => return,
                StdinRead::End => {
                    self.lines.finish(hub, now);
                    stdin.close(registry);
                    self.detach(hub);
                }
            }
        }
    }

    /// Detaches the input when it has ended or the terminal is lost.
    fn end_unless_going_on(&mut self, outcome: io::Result<Outcome>, hub: &mut Hub) {
        if !matches!(outcome, Ok(Outcome::GoOn)) {
            self.detach(hub);
        }
    }

    /// Goes on with the output alone. A terminal gets back its modes.
    fn detach(&mut self, hub: &mut Hub) {
        self.input = ConsoleInput::Ended;
        hub.set_console_screen(false);
        hub.handle_console_end();
    }

    /// Writes the hub's output for the operator.
    pub fn show(&mut self, hub: &mut Hub, now: Duration) {
        if let ConsoleInput::Screen(screen) = &mut self.input {
            let outcome = screen.show(hub, &mut self.sink, now);
            self.end_unless_going_on(outcome.map(|()| Outcome::GoOn), hub);
        }
        // Without a screen, also if that has just ended.
        if !self.is_drawn() {
            self.pass_on(hub);
            self.sink.report_lost(|lost| {
                hub.handle_lost_console_output(lost);
                without_cr(hub.poll_console_output())
            });
        }
    }

    fn pass_on(&mut self, hub: &mut Hub) {
        let lines = hub.poll_console_output();
        if !lines.is_empty() {
            self.sink.push(&without_cr(lines));
        }
        self.sink.flush();
    }

    /// Writes the remaining output; gives up when nothing is read for the time `most`. A terminal gets back its modes.
    pub fn finish(&mut self, hub: &mut Hub, now: Duration, most: Duration) {
        self.show(hub, now);
        if let ConsoleInput::Screen(screen) = &mut self.input {
            screen.close();
        }
        self.sink.finish(most);
    }
}

/// Removes the CR of each line end; texts contain no CR.
fn without_cr(mut lines: Vec<u8>) -> Vec<u8> {
    lines.retain(|&byte| byte != b'\r');
    lines
}
