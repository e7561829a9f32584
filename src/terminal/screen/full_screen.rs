//! Draws on the alternate screen, with rows and scrollback of its own (`--full-screen`).

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;

use super::inline_screen::{BottomRows, FRAME_BEGINS, FRAME_ENDS, TerminalSize, draw_bottom};
use super::text::StyledLine;

/// The lines kept for scrolling back.
pub const MAX_LINES: usize = 10_000;

/// The alternate screen with its scroll position.
#[derive(Default)]
pub struct FullScreen {
    /// How many lines below the last visible line are hidden, and how many rows of that line itself.
    back: usize,
    below: usize,
    /// Lines that have come since the user scrolled back.
    unseen: usize,
    drawn: Option<(BottomRows, TerminalSize, usize)>,
}

impl FullScreen {
    /// Returns the bytes that draw `log` at the scroll position and the bottom rows; empty if nothing has changed.
    ///
    /// `log` has got `new` lines since the last frame.
    pub fn frame(
        &mut self,
        log: &VecDeque<StyledLine>,
        new: usize,
        bottom: &BottomRows,
        size: TerminalSize,
        colour: bool,
    ) -> Vec<u8> {
        if self.is_scrolled() {
            self.back = (self.back + new).min(log.len());
            self.unseen += new;
        }
        let place = self.back << 16 | self.below;
        let is_same =
            self.drawn.as_ref().is_some_and(|(was, at, there)| was == bottom && *at == size && *there == place);
        if is_same && (new == 0 || self.is_scrolled()) {
            return Vec::new();
        }
        let mut out = FRAME_BEGINS.to_vec();
        out.extend_from_slice(b"\x1b[H");
        for (line, row) in self.view(log, size) {
            // Erased before writing: after the last column, some terminals would erase the character in it.
            out.extend_from_slice(b"\x1b[K");
            line.write_row(row, size.columns.into(), colour, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\x1b[J");
        // The bottom rows stay at the bottom even if there are few lines above.
        let _ = write!(out, "\x1b[{}H", page(size) + 1);
        draw_bottom(bottom, size, colour, &mut out);
        out.extend_from_slice(FRAME_ENDS);
        self.drawn = Some((bottom.clone(), size, place));
        out
    }

    /// Draws everything again in the next frame.
    pub fn redraw(&mut self) {
        self.drawn = None;
    }

    /// Whether the end of the log is out of view.
    pub fn is_scrolled(&self) -> bool {
        self.back > 0 || self.below > 0
    }

    /// Returns how many lines have come since then.
    pub fn unseen(&self) -> usize {
        self.unseen
    }

    /// Scrolls back by a page less one row.
    pub fn page_up(&mut self, log: &VecDeque<StyledLine>, size: TerminalSize) {
        // Each line is divided into rows only once, as it may be long.
        let mut rows = self.rows_of_last(log, size);
        for _ in 1..page(size) {
            if self.below + 1 < rows {
                self.below += 1;
            } else if self.back + 1 < log.len() {
                self.back += 1;
                self.below = 0;
                rows = self.rows_of_last(log, size);
            }
        }
        // The view fills the page if there are enough rows.
        for _ in self.view(log, size).len()..page(size) {
            self.down(log, size);
        }
    }

    /// Scrolls forward by a page less one row.
    pub fn page_down(&mut self, log: &VecDeque<StyledLine>, size: TerminalSize) {
        for _ in 1..page(size) {
            self.down(log, size);
        }
    }

    /// Scrolls forward by a row; `false` at the end.
    fn down(&mut self, log: &VecDeque<StyledLine>, size: TerminalSize) -> bool {
        if self.below > 0 {
            self.below -= 1;
        } else if self.back > 0 {
            self.back -= 1;
            self.below = self.rows_of_last(log, size).saturating_sub(1);
        }
        if !self.is_scrolled() {
            self.unseen = 0;
        }
        self.is_scrolled()
    }

    fn rows_of_last(&self, log: &VecDeque<StyledLine>, size: TerminalSize) -> usize {
        let last = log.len().checked_sub(self.back + 1).and_then(|index| log.get(index));
        last.map_or(1, |line| line.rows(usize::from(size.columns)).len())
    }

    /// Returns the visible rows, from the top.
    fn view<'a>(&self, log: &'a VecDeque<StyledLine>, size: TerminalSize) -> Vec<(&'a StyledLine, Range<usize>)> {
        let mut rows = Vec::new();
        let mut skip = self.below;
        for line in log.iter().rev().skip(self.back) {
            for row in line.rows(usize::from(size.columns)).into_iter().rev() {
                if skip > 0 {
                    skip -= 1;
                } else {
                    rows.push((line, row));
                }
            }
            if rows.len() >= page(size) {
                break;
            }
        }
        rows.truncate(page(size));
        rows.reverse();
        rows
    }
}

/// Returns the number of rows for messages.
fn page(size: TerminalSize) -> usize {
    usize::from(size.rows).saturating_sub(if size.rows > 1 { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::super::test_support;
    use super::super::test_support::emulator;
    use super::super::text::TextStyle;
    use super::*;

    const SIZE: TerminalSize = TerminalSize { columns: 10, rows: 6 };

    fn bottom() -> BottomRows {
        BottomRows {
            input: "typed".into(),
            cursor: 5,
            status: StyledLine::new(TextStyle::Status, "here"),
            ..BottomRows::default()
        }
    }

    fn log(count: usize) -> VecDeque<StyledLine> {
        (0..count).map(|number| StyledLine::new(TextStyle::Plain, &format!("line {number}"))).collect()
    }

    fn rows(frame: &[u8], parser: &mut vt100::Parser) -> Vec<String> {
        parser.process(frame);
        test_support::rows(parser)
    }

    #[test]
    fn end_of_log_and_bottom_rows_are_drawn() {
        let mut parser = emulator(SIZE, 0);
        let mut full = FullScreen::default();
        let frame = full.frame(&log(2), 2, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), ["line 0", "line 1", "", "", "typed", "here"]);
        assert_eq!(parser.screen().cursor_position(), (4, 5));
        let frame = full.frame(&log(9), 7, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), ["line 5", "line 6", "line 7", "line 8", "typed", "here"]);
        assert!(full.frame(&log(9), 0, &bottom(), SIZE, true).is_empty());
    }

    #[test]
    fn scrolled_view_stays_while_lines_come() {
        let mut parser = emulator(SIZE, 0);
        let mut full = FullScreen::default();
        full.page_up(&log(9), SIZE);
        let frame = full.frame(&log(9), 0, &bottom(), SIZE, true);
        let shown = ["line 2", "line 3", "line 4", "line 5", "typed", "here"];
        assert_eq!(rows(&frame, &mut parser), shown);
        let frame = full.frame(&log(12), 3, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), shown);
        assert_eq!(full.unseen(), 3);
        for _ in 0..9 {
            full.page_up(&log(12), SIZE);
        }
        let frame = full.frame(&log(12), 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["line 0", "line 1", "line 2", "line 3"]);
        for _ in 0..9 {
            full.page_down(&log(12), SIZE);
        }
        assert!(!full.is_scrolled() && full.unseen() == 0);
        let frame = full.frame(&log(12), 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[3], "line 11");
    }

    #[test]
    fn long_lines_scroll_by_rows() {
        let mut parser = emulator(SIZE, 0);
        let mut full = FullScreen::default();
        let log = VecDeque::from([StyledLine::new(
            TextStyle::Plain,
            "one two three four five six seven eight nine ten eleven",
        )]);
        let frame = full.frame(&log, 1, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["  seven ", "  eight ", "  nine ten", "  eleven"]);
        full.page_up(&log, SIZE);
        let frame = full.frame(&log, 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["  three ", "  four ", "  five six", "  seven "]);
    }
}
