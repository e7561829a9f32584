//! Holds the lines that are shown and that wait to be shown, and the screen they are drawn on.

use std::collections::VecDeque;

use super::full_screen::{FullScreen, MAX_LINES};
use super::inline_screen::{BottomRows, FRAME_BEGINS, FRAME_ENDS, InlineScreen, TerminalSize};
use super::text::StyledLine;

/// The lines kept to draw the screen again; terminals have fewer rows.
const MAX_ROWS: usize = 500;

/// The most lines that wait to be shown; beyond it the server is not read (backpressure).
const MAX_WAITING: usize = 500_000;

/// The most bytes that wait to be shown; beyond it the server is not read. One line may have a megabyte.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes of shown lines that are kept.
const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;

enum Screen {
    Inline(InlineScreen),
    Full(FullScreen),
}

/// All lines of the client and its screen.
pub struct View {
    screen: Screen,
    colour: bool,
    /// Lines not shown yet; on the alternate screen, lines not counted yet.
    waiting: VecDeque<StyledLine>,
    /// Shown lines that are kept for drawing again.
    log: VecDeque<StyledLine>,
    /// The bytes of text in `waiting` and in `log`.
    waiting_bytes: usize,
    log_bytes: usize,
}

impl View {
    pub fn new(full_screen: bool, colour: bool) -> Self {
        let screen =
            if full_screen { Screen::Full(FullScreen::default()) } else { Screen::Inline(InlineScreen::default()) };
        View { screen, colour, waiting: VecDeque::new(), log: VecDeque::new(), waiting_bytes: 0, log_bytes: 0 }
    }

    pub fn push(&mut self, line: StyledLine) {
        self.waiting_bytes += line.text().len();
        self.waiting.push_back(line);
    }

    /// Whether no more lines may be added now.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.waiting_bytes >= MAX_WAITING_BYTES
    }

    /// Whether lines wait to be shown.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns the next bytes that bring the terminal up to date; empty if it is.
    pub fn frame(&mut self, bottom: &BottomRows, size: TerminalSize) -> Vec<u8> {
        let (new, colour) = (self.waiting.len(), self.colour);
        match &mut self.screen {
            Screen::Inline(screen) => {
                let frame = screen.frame(&mut self.waiting, &mut self.log, bottom, size, colour);
                let shown: usize =
                    self.log.iter().rev().take(new - self.waiting.len()).map(|line| line.text().len()).sum();
                self.waiting_bytes -= shown;
                self.log_bytes += shown;
                forget(&mut self.log, &mut self.log_bytes, MAX_ROWS);
                frame
            }
            Screen::Full(screen) => {
                self.log.append(&mut self.waiting);
                self.log_bytes += std::mem::take(&mut self.waiting_bytes);
                forget(&mut self.log, &mut self.log_bytes, MAX_LINES);
                screen.frame(&self.log, new, bottom, size, colour)
            }
        }
    }

    /// Draws everything that fits on the screen again in the next frame; returns the bytes that clear it.
    pub fn redraw(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.screen {
            Screen::Inline(screen) => {
                screen.clear(&mut out);
                let mut room = usize::from(size.rows).saturating_sub(2);
                while let Some(line) = self.log.pop_back() {
                    let rows = line.rows(size.columns.into()).len();
                    if rows > room {
                        self.log.push_back(line);
                        break;
                    }
                    room -= rows;
                    self.log_bytes -= line.text().len();
                    self.waiting_bytes += line.text().len();
                    self.waiting.push_front(line);
                }
            }
            Screen::Full(screen) => screen.redraw(),
        }
        out
    }

    /// Returns the bytes that erase the bottom rows, before another program writes to the terminal.
    pub fn leave(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.screen {
            Screen::Inline(screen) => screen.erase(size, &mut out),
            Screen::Full(screen) => screen.redraw(),
        }
        out
    }

    /// Continues after another program has written to the terminal: draws from the cursor's row on.
    pub fn resume(&mut self) -> Vec<u8> {
        match &mut self.screen {
            Screen::Inline(screen) => screen.resume(),
            Screen::Full(screen) => {
                screen.redraw();
                Vec::new()
            }
        }
    }

    /// Returns the bytes that show the remaining lines without the bottom rows, at the end of the client.
    pub fn last(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = self.leave(size);
        // The text of an alternate screen disappears with it.
        if let Screen::Inline(_) = self.screen {
            self.waiting_bytes = 0;
            out.extend_from_slice(FRAME_BEGINS);
            for line in self.waiting.drain(..) {
                line.write_rows(size.columns.into(), self.colour, &mut out);
            }
            out.extend_from_slice(FRAME_ENDS);
        }
        out
    }

    /// Scrolls by a page less one row, on the alternate screen only.
    pub fn scroll(&mut self, back: bool, size: TerminalSize) {
        if let Screen::Full(screen) = &mut self.screen {
            if back {
                screen.page_up(&self.log, size);
            } else {
                screen.page_down(&self.log, size);
            }
        }
    }

    /// Returns the number of lines below the view, if the user has scrolled back.
    pub fn unseen(&self) -> Option<usize> {
        match &self.screen {
            Screen::Full(screen) if screen.is_scrolled() => Some(screen.unseen()),
            _ => None,
        }
    }
}

/// Drops the oldest shown lines beyond the limits.
fn forget(log: &mut VecDeque<StyledLine>, bytes: &mut usize, lines: usize) {
    while (log.len() > lines || *bytes > MAX_LOG_BYTES)
        && let Some(line) = log.pop_front()
    {
        *bytes -= line.text().len();
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{emulator, rows};
    use super::super::text::TextStyle;
    use super::*;

    const SIZE: TerminalSize = TerminalSize { columns: 20, rows: 5 };

    fn view(full_screen: bool) -> View {
        let mut view = View::new(full_screen, true);
        (0..9).for_each(|number| view.push(StyledLine::new(TextStyle::Plain, &format!("line {number}"))));
        view
    }

    #[test]
    fn redraw_restores_the_screen() {
        for full_screen in [false, true] {
            let mut parser = emulator(SIZE, 0);
            let mut view = view(full_screen);
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            let before = rows(&parser);
            assert_eq!(before[..3], ["line 6", "line 7", "line 8"]);
            parser.process(b"\x1b[Hnoise of others");
            parser.process(&view.redraw(SIZE));
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            assert_eq!(rows(&parser), before);
        }
    }

    #[test]
    fn shown_lines_are_limited() {
        for (full_screen, most) in [(false, MAX_ROWS), (true, MAX_LINES)] {
            let mut view = View::new(full_screen, true);
            for _ in 0..3 * MAX_LINES {
                view.push(StyledLine::new(TextStyle::Plain, "line"));
                view.frame(&BottomRows::default(), SIZE);
            }
            assert_eq!(view.log.len(), most);
        }
    }

    #[test]
    fn long_lines_are_limited_by_bytes() {
        let long = "x".repeat(1024 * 1024);
        for full_screen in [false, true] {
            let mut view = View::new(full_screen, true);
            let mut pushed = 0;
            while !view.is_full() {
                view.push(StyledLine::new(TextStyle::Plain, &long));
                pushed += long.len();
            }
            assert_eq!(pushed, MAX_WAITING_BYTES);
            while view.has_waiting() {
                view.frame(&BottomRows::default(), SIZE);
                let bytes = view.log.iter().map(|line| line.text().len()).sum::<usize>();
                assert!(bytes <= MAX_LOG_BYTES && bytes == view.log_bytes);
            }
            assert_eq!(view.waiting_bytes, 0);
            view.redraw(SIZE);
            view.frame(&BottomRows::default(), SIZE);
            assert_eq!((view.waiting_bytes, view.log_bytes), (0, MAX_LOG_BYTES));
        }
    }

    #[test]
    fn leave_and_resume_keep_foreign_output() {
        let mut parser = emulator(SIZE, 10);
        let mut view = view(false);
        let bottom = BottomRows { input: "typed".into(), ..BottomRows::default() };
        parser.process(&view.frame(&bottom, SIZE));
        parser.process(&view.leave(SIZE));
        parser.process(b"$ fg\r\n");
        // Repeating it changes nothing.
        for _ in 0..2 {
            parser.process(&view.resume());
            parser.process(&view.frame(&bottom, SIZE));
            assert_eq!(rows(&parser)[1..], ["line 8", "$ fg", "typed", ""]);
        }
    }
}
