//! The operator's console on a terminal: lines above, and below them the input line and the status line.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use rustix::process::{Signal, kill_current_process_group};

use super::lines::OperatorLines;
use super::style::styled;
use super::without_cr;
use crate::chat::command::{self, Command, Typist};
use crate::chat::{ConsoleText, HeadCount, Hub, Lang, Now};
use crate::terminal::input::completion::Candidates;
use crate::terminal::input::decoder::TerminalInput;
use crate::terminal::input::keys::KeyAction;
use crate::terminal::input::line_input::{LineInput, LineRequest};
use crate::terminal::screen::inline_screen::{BottomRows, TerminalSize, prompt};
use crate::terminal::screen::text::{StyledLine, TextStyle};
use crate::terminal::screen::view::View;
use crate::terminal::session::{SignalOutcome, TerminalSession};
use crate::util::line_queue::LineQueue;
use crate::util::logging;
use crate::util::stdio::Sink;

const PROMPT: &str = "> ";

/// The most bytes of lines that are prepared for one frame.
const FRAME: usize = 32 * 1024;

/// Bytes of lines that wait to be shown, above which the operator's next line waits.
const HIGH_WATER: usize = 128 * 1024;

/// Time after which a terminal that takes nothing delays no line of the operator any more.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// What the console shows of itself.
#[derive(Clone, Debug)]
pub struct ScreenSettings {
    pub lang: Lang,
    /// Whether to use colours.
    pub colour: bool,
    /// Whether the log goes to the same terminal, and is shown among the other lines.
    pub shows_log: bool,
    /// What the operator is told at the start.
    pub introduction: Vec<String>,
    /// The first address that is listened on, as the status line shows it.
    pub addr: String,
}

/// Whether the console goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    GoOn,
    /// Its input has ended.
    End,
}

/// What the status line shows.
type Status = (HeadCount, bool);

/// The terminal of the operator. Its modes are restored by [`Screen::close`], and when it is dropped.
pub struct Screen {
    settings: ScreenSettings,
    session: TerminalSession,
    view: View,
    input: LineInput,
    /// Lines that wait to be shown, each with its line end.
    waiting: LineQueue,
    /// The status and the size that the bottom rows were drawn with; `None` if anything else has changed.
    drawn: Option<(Status, TerminalSize)>,
    /// Since when the terminal has not taken a frame.
    blocked_since: Option<Duration>,
}

impl Screen {
    /// Opens the terminal, and registers its events under `token`.
    ///
    /// # Errors
    /// If it cannot be opened a second time, or the kernel refuses the registration.
    pub fn open(settings: ScreenSettings, registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Screen {
            session: TerminalSession::open(false, registry, token)?,
            view: View::new(false, settings.colour),
            input: LineInput::default(),
            waiting: LineQueue::default(),
            drawn: None,
            blocked_since: None,
            settings,
        })
    }

    /// Takes the terminal, and shows what the operator is told at the start.
    ///
    /// # Errors
    /// If the modes of the terminal cannot be set.
    pub fn start(&mut self) -> io::Result<()> {
        self.session.take()?;
        if self.settings.shows_log {
            logging::capture();
        }
        for line in std::mem::take(&mut self.settings.introduction) {
            self.waiting.push(format!("* {line}\n").as_bytes());
        }
        Ok(())
    }

    /// Records an event of the terminal.
    pub fn notify(&mut self) {
        self.session.notify();
    }

    /// Handles a signal of the terminal.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn handle_signal(&mut self, signal: i32) -> io::Result<Outcome> {
        self.drawn = None;
        if self.session.handle_signal(signal, &mut self.view)? == SignalOutcome::NotSuspended {
            self.tell(&ConsoleText::NotSuspended);
        }
        Ok(Outcome::GoOn)
    }

    /// Whether lines can be shown now.
    pub fn can_show_more(&self) -> bool {
        (self.view.has_waiting() || !self.waiting.is_empty()) && self.session.can_draw()
    }

    /// Whether lines or a part of a frame wait for the terminal.
    pub fn has_pending(&self) -> bool {
        self.blocked_since.is_some()
    }

    /// Whether the operator's next line should be processed: little is waiting, or the terminal takes nothing. `produced` is
    /// the number of bytes of output that are not yet here.
    pub fn wants_more(&self, produced: usize, now: Duration) -> bool {
        let is_stalled = self.blocked_since.is_some_and(|since| now >= since + STALL_TIMEOUT);
        self.waiting.len() + produced < HIGH_WATER || is_stalled
    }

    /// When input must be read without an event.
    pub fn next_deadline(&self, now: Duration) -> Option<Duration> {
        self.session.deadline(now)
    }

    /// Reads keys and pastes; adds the lines of the operator to `lines`.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn read(&mut self, lines: &mut OperatorLines, hub: &Hub, now: Now) -> io::Result<Outcome> {
        self.session.check_foreground(&mut self.view)?;
        for input in self.session.read(now.at)? {
            self.drawn = None;
            match input {
                TerminalInput::Do(action) => {
                    if self.press(action, lines, hub) == Outcome::End {
                        return Ok(Outcome::End);
                    }
                }
                TerminalInput::Paste(_) if lines.is_full() => {}
                TerminalInput::Paste(text) => {
                    self.input.paste(&text);
                    if !self.input.needs_confirmation() {
                        self.send_paste(lines);
                    }
                }
                TerminalInput::PasteTooLong => self.tell(&ConsoleText::PasteTooLong),
                TerminalInput::Other => {}
            }
        }
        Ok(Outcome::GoOn)
    }

    fn press(&mut self, action: KeyAction, lines: &mut OperatorLines, hub: &Hub) -> Outcome {
        if action == KeyAction::Interrupt && self.input.is_empty() && self.input.question().is_none() {
            // As a terminal does that handles the key itself: the whole process group is interrupted.
            let _ = kill_current_process_group(Signal::INT);
            return Outcome::GoOn;
        }
        match self.input.press(action) {
            LineRequest::Submit if !lines.is_full() => {
                let line = self.input.take();
                self.input.remember(&line);
                self.submit(&line, lines);
            }
            LineRequest::Complete { back } => {
                let (names, rooms) = (hub.nicknames(), hub.room_names());
                let commands: Vec<&str> = command::words(Typist::CONSOLE).collect();
                let candidates = Candidates { names: &names, rooms: &rooms, commands: &commands };
                self.input.complete(back, &candidates);
            }
            LineRequest::SendPaste => self.send_paste(lines),
            LineRequest::Terminal(request) => self.session.run_request(request, &mut self.view),
            // Only Ctrl-D is left of it: Ctrl-C has ended the server before.
            LineRequest::Leave => return Outcome::End,
            LineRequest::Nothing | LineRequest::Select(_) | LineRequest::Submit => {}
        }
        Outcome::GoOn
    }

    /// Passes a line on. What is said comes back from the hub; a command is shown as it was typed.
    fn submit(&mut self, line: &str, lines: &mut OperatorLines) {
        if !is_echoed(line) {
            self.waiting.push(format!("{PROMPT}{line}\n").as_bytes());
        }
        lines.push(line.as_bytes());
        lines.push(b"\n");
    }

    /// Has pasted lines said, whatever they begin with.
    fn send_paste(&mut self, lines: &mut OperatorLines) {
        let pasted = self.input.apply_paste(true);
        if !pasted.is_whole {
            self.tell(&ConsoleText::PasteCut);
        }
        pasted.lines.iter().for_each(|line| self.submit(line, lines));
    }

    /// Shows a text of the console itself.
    fn tell(&mut self, text: &ConsoleText) {
        self.waiting.push(format!("* {}\n", self.settings.lang.console(text)).as_bytes());
    }

    /// Shows the hub's output for the operator and the log: above the input line, or through `sink` while another process
    /// group has the terminal.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub fn show(&mut self, hub: &mut Hub, sink: &mut Sink, now: Duration) -> io::Result<()> {
        self.collect(hub);
        if self.session.is_in_background() {
            self.blocked_since = None;
            sink.push(&self.waiting.take(usize::MAX));
            sink.flush();
            sink.report_lost(|lost| {
                hub.handle_lost_console_output(lost);
                without_cr(hub.poll_console_output())
            });
            return Ok(());
        }
        self.session.flush()?;
        if self.session.can_draw() {
            self.blocked_since = None;
            self.draw(hub)
        } else {
            self.blocked_since.get_or_insert(now);
            Ok(())
        }
    }

    /// Takes what there is to show, and tells how much was dropped.
    fn collect(&mut self, hub: &mut Hub) {
        let lost = if self.waiting.is_empty() { self.waiting.take_lost() } else { 0 };
        if lost > 0 {
            hub.handle_lost_console_output(lost);
        }
        if hub.console_output_len() > 0 {
            self.waiting.push(&without_cr(hub.poll_console_output()));
        }
        if self.settings.shows_log {
            self.waiting.push(&logging::take());
        }
    }

    /// Draws a frame if there is anything new.
    fn draw(&mut self, hub: &Hub) -> io::Result<()> {
        if !self.view.has_waiting() {
            self.show_lines(FRAME);
        }
        let (status, size) = ((hub.head_count(), hub.is_ending()), self.session.size());
        if !self.view.has_waiting() && self.drawn == Some((status, size)) {
            return Ok(());
        }
        let bottom = self.bottom(hub.name(), status, size);
        let frame = self.view.frame(&bottom, size);
        self.drawn = Some((status, size));
        self.session.draw(&frame)
    }

    /// Passes lines of at most `most` bytes to the view.
    fn show_lines(&mut self, most: usize) {
        let lines = self.waiting.take(most);
        String::from_utf8_lossy(&lines).lines().for_each(|line| self.view.push(styled(line)));
    }

    fn bottom(&mut self, server: &str, (heads, is_ending): Status, size: TerminalSize) -> BottomRows {
        let question = self.input.question();
        let (prompt, columns) = prompt(TextStyle::Local, question.as_deref().unwrap_or(PROMPT), size);
        let view = self.input.view(columns);
        let HeadCount { here, waiting, connected } = heads;
        let text = match is_ending {
            true => ConsoleText::Ending { server },
            false if self.input.is_interrupted() => ConsoleText::Interrupted,
            false => ConsoleText::Status { server, here, waiting, connected, addr: &self.settings.addr },
        };
        let status = StyledLine::new(TextStyle::Status, &format!(" {} ", self.settings.lang.console(&text)));
        BottomRows { prompt, input: view.text, cursor: view.cursor, status }
    }

    /// Shows the remaining lines, removes the bottom rows, and restores the modes of the terminal.
    pub fn close(&mut self) {
        self.show_lines(usize::MAX);
        self.session.give_back(&mut self.view);
    }
}

/// Whether the hub shows the operator what this line says.
fn is_echoed(line: &str) -> bool {
    use Command::{Action, Hash, Nothing, Reply, Say, Whisper};
    let command = Command::parse_as(line, Typist::CONSOLE);
    matches!(command, Nothing | Say(_) | Action(_) | Hash(_) | Whisper { .. } | Reply(_))
}

impl Drop for Screen {
    fn drop(&mut self) {
        // After a panic the modes are restored already, and what caused it is shown.
        if !std::thread::panicking() {
            self.close();
        }
        if self.settings.shows_log {
            logging::release();
        }
    }
}
