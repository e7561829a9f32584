//! The alternate screen, for those who ask for it: the client's own rows, and its own scrolling.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;

use super::screen::{Bottom, FRAME_BEGINS, FRAME_ENDS, Size, draw_bottom};
use super::text::Line;

/// Lines that one can scroll back to.
pub const MAX_LINES: usize = 10_000;

/// The screen with rows of its own.
#[derive(Default)]
pub struct Full {
    /// How many lines from the end the view ends, and how many rows of the one there are below it.
    back: usize,
    below: usize,
    /// Lines that have come since one has scrolled away from the end.
    news: usize,
    drawn: Option<(Bottom, Size, usize)>,
}

impl Full {
    /// The bytes that show the end of `log`, or where one has scrolled to, and `bottom`; none if nothing has changed.
    ///
    /// `log` has got `new` lines since the last frame.
    pub fn frame(&mut self, log: &VecDeque<Line>, new: usize, bottom: &Bottom, size: Size, colour: bool) -> Vec<u8> {
        if self.is_scrolled() {
            self.back = (self.back + new).min(log.len());
            self.news += new;
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
            // Erased before: behind the last column some terminals would erase what stands in that.
            out.extend_from_slice(b"\x1b[K");
            line.write_row(row, size.columns.into(), colour, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\x1b[J");
        // The bottom stays at the bottom, however little there is above.
        let _ = write!(out, "\x1b[{}H", page(size) + 1);
        draw_bottom(bottom, size, colour, &mut out);
        out.extend_from_slice(FRAME_ENDS);
        self.drawn = Some((bottom.clone(), size, place));
        out
    }

    /// Everything is drawn anew in the next frame.
    pub fn redraw(&mut self) {
        self.drawn = None;
    }

    /// Whether the end of the log is out of view.
    pub fn is_scrolled(&self) -> bool {
        self.back > 0 || self.below > 0
    }

    /// Lines that have come since it is.
    pub fn news(&self) -> usize {
        self.news
    }

    /// Goes back by nearly a page.
    pub fn page_up(&mut self, log: &VecDeque<Line>, size: Size) {
        // Each line is divided into rows once, however long it is.
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
        // What is shown fills the page as long as there is that much.
        for _ in self.view(log, size).len()..page(size) {
            self.down(log, size);
        }
    }

    /// Goes on by nearly a page.
    pub fn page_down(&mut self, log: &VecDeque<Line>, size: Size) {
        for _ in 1..page(size) {
            self.down(log, size);
        }
    }

    /// Goes on by a row; `false` at the end.
    fn down(&mut self, log: &VecDeque<Line>, size: Size) -> bool {
        if self.below > 0 {
            self.below -= 1;
        } else if self.back > 0 {
            self.back -= 1;
            self.below = self.rows_of_last(log, size).saturating_sub(1);
        }
        if !self.is_scrolled() {
            self.news = 0;
        }
        self.is_scrolled()
    }

    fn rows_of_last(&self, log: &VecDeque<Line>, size: Size) -> usize {
        let last = log.len().checked_sub(self.back + 1).and_then(|index| log.get(index));
        last.map_or(1, |line| line.rows(usize::from(size.columns)).len())
    }

    /// The rows in view, from the top.
    fn view<'a>(&self, log: &'a VecDeque<Line>, size: Size) -> Vec<(&'a Line, Range<usize>)> {
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

/// Rows for messages.
fn page(size: Size) -> usize {
    usize::from(size.rows).saturating_sub(if size.rows > 1 { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::super::screen;
    use super::super::screen::emulator;
    use super::super::text::Face;
    use super::*;

    const SIZE: Size = Size { columns: 10, rows: 6 };

    fn bottom() -> Bottom {
        Bottom { input: "typed".into(), cursor: 5, status: Line::new(Face::Status, "here"), ..Bottom::default() }
    }

    fn log(count: usize) -> VecDeque<Line> {
        (0..count).map(|number| Line::new(Face::Plain, &format!("line {number}"))).collect()
    }

    fn rows(frame: &[u8], parser: &mut vt100::Parser) -> Vec<String> {
        parser.process(frame);
        screen::rows(parser)
    }

    #[test]
    fn the_end_is_in_view_and_the_bottom_at_the_bottom() {
        let mut parser = emulator(SIZE, 0);
        let mut full = Full::default();
        let frame = full.frame(&log(2), 2, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), ["line 0", "line 1", "", "", "typed", "here"]);
        assert_eq!(parser.screen().cursor_position(), (4, 5));
        let frame = full.frame(&log(9), 7, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), ["line 5", "line 6", "line 7", "line 8", "typed", "here"]);
        assert!(full.frame(&log(9), 0, &bottom(), SIZE, true).is_empty());
    }

    #[test]
    fn one_can_scroll_back_and_stays_there_while_lines_come() {
        let mut parser = emulator(SIZE, 0);
        let mut full = Full::default();
        full.page_up(&log(9), SIZE);
        let frame = full.frame(&log(9), 0, &bottom(), SIZE, true);
        let shown = ["line 2", "line 3", "line 4", "line 5", "typed", "here"];
        assert_eq!(rows(&frame, &mut parser), shown);
        let frame = full.frame(&log(12), 3, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser), shown);
        assert_eq!(full.news(), 3);
        for _ in 0..9 {
            full.page_up(&log(12), SIZE);
        }
        let frame = full.frame(&log(12), 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["line 0", "line 1", "line 2", "line 3"]);
        for _ in 0..9 {
            full.page_down(&log(12), SIZE);
        }
        assert!(!full.is_scrolled() && full.news() == 0);
        let frame = full.frame(&log(12), 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[3], "line 11");
    }

    #[test]
    fn long_lines_are_broken_and_scrolled_by_rows() {
        let mut parser = emulator(SIZE, 0);
        let mut full = Full::default();
        let log = VecDeque::from([Line::new(Face::Plain, "one two three four five six seven eight nine ten eleven")]);
        let frame = full.frame(&log, 1, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["  seven ", "  eight ", "  nine ten", "  eleven"]);
        full.page_up(&log, SIZE);
        let frame = full.frame(&log, 0, &bottom(), SIZE, true);
        assert_eq!(rows(&frame, &mut parser)[..4], ["  three ", "  four ", "  five six", "  seven "]);
    }
}
