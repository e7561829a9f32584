//! What is shown and in which way: lines to come, lines that are there, and the screen they are on.

use std::collections::VecDeque;

use super::full_screen::{Full, MAX_LINES};
use super::screen::{Bottom, FRAME_BEGINS, FRAME_ENDS, Inline, Size};
use super::text::Line;

/// Lines kept to draw the screen anew; no terminal has so many rows.
const MAX_ROWS: usize = 500;

/// Lines that wait to be shown before the server is read no further.
const MAX_WAITING: usize = 500_000;

/// Bytes that wait to be shown before the server is read no further; a line may have a million.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of what has been shown that are kept.
const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;

enum Screen {
    Inline(Inline),
    Full(Full),
}

/// All that is to be shown.
pub struct View {
    screen: Screen,
    colour: bool,
    /// Not shown yet, or not counted yet by a screen with rows of its own.
    waiting: VecDeque<Line>,
    /// What has been shown, as far as it may be wanted again.
    log: VecDeque<Line>,
    /// The text of both.
    waiting_bytes: usize,
    log_bytes: usize,
}

impl View {
    /// Nothing is shown yet.
    pub fn new(full_screen: bool, colour: bool) -> Self {
        let screen = if full_screen { Screen::Full(Full::default()) } else { Screen::Inline(Inline::default()) };
        View { screen, colour, waiting: VecDeque::new(), log: VecDeque::new(), waiting_bytes: 0, log_bytes: 0 }
    }

    /// Adds a line.
    pub fn push(&mut self, line: Line) {
        self.waiting_bytes += line.text().len();
        self.waiting.push_back(line);
    }

    /// Whether so much waits to be shown that no more is to be added.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.waiting_bytes >= MAX_WAITING_BYTES
    }

    /// Whether there is something to be shown, whatever happens at the bottom.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The bytes that bring the terminal up to date, or nearer to that; none if it is.
    pub fn frame(&mut self, bottom: &Bottom, size: Size) -> Vec<u8> {
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

    /// Draws all that fits on the screen anew in the next frame; returns what clears it.
    pub fn redraw(&mut self, size: Size) -> Vec<u8> {
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

    /// Takes the rows at the bottom away, before somebody else writes to the terminal.
    pub fn leave(&mut self, size: Size) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.screen {
            Screen::Inline(screen) => screen.erase(size, &mut out),
            Screen::Full(screen) => screen.redraw(),
        }
        out
    }

    /// The terminal is ours again, and nobody knows what others have written to it; what comes is drawn from where
    /// the cursor is.
    pub fn come_back(&mut self) -> Vec<u8> {
        match &mut self.screen {
            Screen::Inline(screen) => screen.come_back(),
            Screen::Full(screen) => {
                screen.redraw();
                Vec::new()
            }
        }
    }

    /// All that has not been shown, without the rows at the bottom: the end.
    pub fn last(&mut self, size: Size) -> Vec<u8> {
        let mut out = self.leave(size);
        // An alternate screen takes all that is on it along.
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

    /// Scrolls by nearly a page, where the terminal does not do that.
    pub fn scroll(&mut self, back: bool, size: Size) {
        if let Screen::Full(screen) = &mut self.screen {
            if back {
                screen.page_up(&self.log, size);
            } else {
                screen.page_down(&self.log, size);
            }
        }
    }

    /// Lines below what is in view, if one has scrolled away from the end.
    pub fn news(&self) -> Option<usize> {
        match &self.screen {
            Screen::Full(screen) if screen.is_scrolled() => Some(screen.news()),
            _ => None,
        }
    }
}

/// Keeps of what has been shown the last lines only.
fn forget(log: &mut VecDeque<Line>, bytes: &mut usize, lines: usize) {
    while (log.len() > lines || *bytes > MAX_LOG_BYTES)
        && let Some(line) = log.pop_front()
    {
        *bytes -= line.text().len();
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::{emulator, rows};
    use super::super::text::Face;
    use super::*;

    const SIZE: Size = Size { columns: 20, rows: 5 };

    fn view(full_screen: bool) -> View {
        let mut view = View::new(full_screen, true);
        (0..9).for_each(|number| view.push(Line::new(Face::Plain, &format!("line {number}"))));
        view
    }

    #[test]
    fn redrawing_shows_what_was_shown() {
        for full_screen in [false, true] {
            let mut parser = emulator(SIZE, 0);
            let mut view = view(full_screen);
            parser.process(&view.frame(&Bottom::default(), SIZE));
            let before = rows(&parser);
            assert_eq!(before[..3], ["line 6", "line 7", "line 8"]);
            parser.process(b"\x1b[Hnoise of others");
            parser.process(&view.redraw(SIZE));
            parser.process(&view.frame(&Bottom::default(), SIZE));
            assert_eq!(rows(&parser), before);
        }
    }

    #[test]
    fn of_what_has_been_shown_a_bounded_part_is_kept() {
        for (full_screen, most) in [(false, MAX_ROWS), (true, MAX_LINES)] {
            let mut view = View::new(full_screen, true);
            for _ in 0..3 * MAX_LINES {
                view.push(Line::new(Face::Plain, "line"));
                view.frame(&Bottom::default(), SIZE);
            }
            assert_eq!(view.log.len(), most);
        }
    }

    #[test]
    fn few_lines_that_are_long_are_bounded_too() {
        let long = "x".repeat(1024 * 1024);
        for full_screen in [false, true] {
            let mut view = View::new(full_screen, true);
            let mut pushed = 0;
            while !view.is_full() {
                view.push(Line::new(Face::Plain, &long));
                pushed += long.len();
            }
            assert_eq!(pushed, MAX_WAITING_BYTES);
            while view.has_waiting() {
                view.frame(&Bottom::default(), SIZE);
                let bytes = view.log.iter().map(|line| line.text().len()).sum::<usize>();
                assert!(bytes <= MAX_LOG_BYTES && bytes == view.log_bytes);
            }
            assert_eq!(view.waiting_bytes, 0);
            view.redraw(SIZE);
            view.frame(&Bottom::default(), SIZE);
            assert_eq!((view.waiting_bytes, view.log_bytes), (0, MAX_LOG_BYTES));
        }
    }

    #[test]
    fn one_can_leave_the_screen_to_others_and_come_back() {
        let mut parser = emulator(SIZE, 10);
        let mut view = view(false);
        let bottom = Bottom { input: "typed".into(), ..Bottom::default() };
        parser.process(&view.frame(&bottom, SIZE));
        parser.process(&view.leave(SIZE));
        parser.process(b"$ fg\r\n");
        // However often that is told.
        for _ in 0..2 {
            parser.process(&view.come_back());
            parser.process(&view.frame(&bottom, SIZE));
            assert_eq!(rows(&parser)[1..], ["line 8", "$ fg", "typed", ""]);
        }
    }
}
