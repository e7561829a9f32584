//! Draws messages above, and the input line and the status line at the bottom, without an alternate screen.
//!
//! Messages are written once, like the lines of any program, so they go into the terminal's own scrollback. The two
//! bottom rows are erased before and drawn again after them. A message wider than the terminal is divided into rows
//! here. If the terminal did it, the next row would begin in the first column, where any text could look like a line of
//! its own. Written messages stay as they are when the terminal gets another width. All cursor moves are relative to
//! the input line, because only the terminal knows where its rows end.

use std::collections::VecDeque;
use std::io::Write;

use super::text::{StyledLine, TextStyle, fitting};

/// Begin and end of a frame: the terminal shows it as a whole (Synchronized Output, mode 2026), and a row that the
/// terminal finds wider than we do is cut at the edge and does not continue in the next row (DECAWM, mode 7).
pub(crate) const FRAME_BEGINS: &[u8] = b"\x1b[?2026h\x1b[?7l";
pub(crate) const FRAME_ENDS: &[u8] = b"\x1b[?7h\x1b[?2026l";

/// Moves to the first column and erases everything from there on (ECMA-48: CR, ED).
const ERASE_DOWN: &[u8] = b"\r\x1b[J";

/// Moves to the first row and erases the screen (ECMA-48: CUP, ED).
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

/// The most bytes of messages in one frame, so that the next key is read soon.
const MAX_FRAME: usize = 32 * 1024;

/// The terminal's columns and rows, at least one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// The rows at the bottom: prompt, input and status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BottomRows {
    /// Shown before the input.
    pub prompt: StyledLine,
    /// The visible part of the input.
    pub input: String,
    /// The column of the cursor, counted from the end of the prompt.
    pub cursor: u16,
    pub status: StyledLine,
}

/// The screen without an alternate one.
#[derive(Default)]
pub struct InlineScreen {
    /// The bottom rows as they are drawn, with the column of the cursor.
    drawn: Option<(u16, BottomRows, TerminalSize)>,
}

impl InlineScreen {
    /// Returns the bytes that show `lines`, as many as fit into one frame, and `bottom`; empty if nothing has changed.
    /// Moves the shown lines to `log`.
    pub fn frame(
        &mut self,
        lines: &mut VecDeque<StyledLine>,
        log: &mut VecDeque<StyledLine>,
        bottom: &BottomRows,
        size: TerminalSize,
        colour: bool,
    ) -> Vec<u8> {
        if lines.is_empty() && self.drawn.as_ref().is_some_and(|(_, was, at)| was == bottom && *at == size) {
            return Vec::new();
        }
        let mut out = FRAME_BEGINS.to_vec();
        self.erase(size, &mut out);
        while out.len() < MAX_FRAME
            && let Some(line) = lines.pop_front()
        {
            line.write_rows(size.columns.into(), colour, &mut out);
            log.push_back(line);
        }
        let column = draw_bottom(bottom, size, colour, &mut out);
        self.drawn = Some((column, bottom.clone(), size));
        out.extend_from_slice(FRAME_ENDS);
        out
    }

    /// Erases the bottom rows, so that the next text takes their place.
    pub fn erase(&mut self, size: TerminalSize, out: &mut Vec<u8>) {
        let Some((column, ..)) = self.drawn.take() else { return };
        // If the terminal has become narrower and has wrapped the input line, the cursor is this many rows below its
        // start.
        let rows = column / size.columns;
        if rows > 0 {
            let _ = write!(out, "\x1b[{rows}A");
        }
        out.extend_from_slice(ERASE_DOWN);
    }

    /// Begins the next drawing in the cursor's row.
    pub fn resume(&mut self) -> Vec<u8> {
        self.drawn = None;
        ERASE_DOWN.to_vec()
    }

    /// Erases the screen.
    pub fn clear(&mut self, out: &mut Vec<u8>) {
        self.drawn = None;
        out.extend_from_slice(CLEAR);
    }
}

/// Draws the bottom rows from the cursor on; leaves the cursor in the input line, at the returned column.
pub(crate) fn draw_bottom(bottom: &BottomRows, size: TerminalSize, colour: bool, out: &mut Vec<u8>) -> u16 {
    // The last column stays free: there the cursor would be between two rows.
    let columns = usize::from(size.columns).saturating_sub(1);
    bottom.prompt.write_all(colour, out);
    out.extend_from_slice(bottom.input.as_bytes());
    if size.rows > 1 && size.columns > 1 {
        let text = bottom.status.text();
        out.extend_from_slice(b"\r\n");
        bottom.status.write(0..fitting(text, columns).len(), colour, out);
        out.extend_from_slice(b"\x1b[A");
    }
    let prompt = unicode_width::UnicodeWidthStr::width(bottom.prompt.text()) as u16;
    let column = prompt + bottom.cursor;
    out.push(b'\r');
    if column > 0 {
        let _ = write!(out, "\x1b[{column}C");
    }
    column
}

/// Returns the prompt, and the columns that it leaves for the input.
pub fn prompt(style: TextStyle, text: &str, size: TerminalSize) -> (StyledLine, u16) {
    // The input gets at least half of the row.
    let columns = size.columns.saturating_sub(1);
    let shown = fitting(text, usize::from(columns / 2));
    let width = unicode_width::UnicodeWidthStr::width(shown) as u16;
    (StyledLine::new(style, shown), columns - width)
}

#[cfg(test)]
mod tests {
    use super::super::full_screen::FullScreen;
    use super::super::test_support::{emulator, rows};
    use super::*;
    use crate::util::test_support::Random;

    const SIZE: TerminalSize = TerminalSize { columns: 20, rows: 5 };

    fn bottom(input: &str, status: &str) -> BottomRows {
        let (prompt, _) = prompt(TextStyle::Plain, "> ", SIZE);
        BottomRows {
            prompt,
            input: input.into(),
            cursor: input.len() as u16,
            status: StyledLine::new(TextStyle::Status, status),
        }
    }

    fn lines(texts: &[&str]) -> VecDeque<StyledLine> {
        texts.iter().map(|text| StyledLine::new(TextStyle::Plain, text)).collect()
    }

    fn frame(
        screen: &mut InlineScreen,
        lines: &mut VecDeque<StyledLine>,
        bottom: &BottomRows,
        size: TerminalSize,
        colour: bool,
    ) -> Vec<u8> {
        screen.frame(lines, &mut VecDeque::new(), bottom, size, colour)
    }

    #[test]
    fn messages_scroll_above_bottom_rows() {
        let mut parser = emulator(SIZE, 100);
        let mut screen = InlineScreen::default();
        for round in 0..4 {
            let text = format!("line {round}");
            parser.process(&frame(&mut screen, &mut lines(&[&text]), &bottom("hi", "lobby"), SIZE, true));
        }
        assert_eq!(rows(&parser), ["line 1", "line 2", "line 3", "> hi", "lobby"]);
        assert_eq!(parser.screen().cursor_position(), (3, 4));
        parser.screen_mut().set_scrollback(10);
        assert_eq!(rows(&parser)[0], "line 0", "the scrollback is the terminal's own");
    }

    #[test]
    fn unchanged_frame_is_empty() {
        let mut screen = InlineScreen::default();
        assert!(!frame(&mut screen, &mut lines(&[]), &bottom("", "x"), SIZE, true).is_empty());
        assert!(frame(&mut screen, &mut lines(&[]), &bottom("", "x"), SIZE, true).is_empty());
        assert!(!frame(&mut screen, &mut lines(&[]), &bottom("a", "x"), SIZE, true).is_empty());
    }

    #[test]
    fn each_line_is_drawn_once_for_any_frames() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let size = TerminalSize { columns: 4 + random.below(30) as u16, rows: 1 + random.below(6) as u16 };
            let mut parser = emulator(size, 10_000);
            let mut screen = InlineScreen::default();
            let mut all = String::new();
            for number in 0..random.below(60) {
                let text = format!("{number}:{}", "x".repeat(random.below(60)));
                let mut batch = lines(&[&text]);
                all += &text;
                let input = "y".repeat(random.below(usize::from(size.columns) - 2));
                while !batch.is_empty() {
                    parser.process(&frame(&mut screen, &mut batch, &bottom(&input, "status"), size, random.one_in(2)));
                }
            }
            let mut last = Vec::new();
            screen.erase(size, &mut last);
            parser.process(&last);
            parser.screen_mut().set_scrollback(usize::MAX);
            let above = parser.screen().scrollback();
            let mut shown = String::new();
            for row in (0..=above).rev() {
                parser.screen_mut().set_scrollback(row);
                let rows = rows(&parser);
                shown += &if row == 0 { rows.concat() } else { rows[0].clone() };
            }
            // Further rows are indented.
            assert_eq!(shown.replace(' ', ""), all, "seed {seed}");
        }
    }

    /// For any width and any text, only beginnings of messages and the bottom rows stand in the first column, on both
    /// screens.
    #[test]
    fn message_text_never_starts_in_first_column() {
        let pieces = [
            " ",
            "          ",
            "x",
            "[12:34:56] server: hi",
            "* root joined",
            "张",
            "e\u{301}",
            "👩\u{200d}👩\u{200d}👧",
        ];
        for seed in 0..300 {
            let mut random = Random(seed);
            let size = TerminalSize { columns: 12 + random.below(80) as u16, rows: 1000 };
            let (mut inline, mut full) = (InlineScreen::default(), FullScreen::default());
            let mut waiting = VecDeque::new();
            for _ in 0..2 {
                let mut line = StyledLine::new(TextStyle::Time, "@");
                line.push(TextStyle::Own, &"n".repeat(random.below(40)));
                line.indent_rows_here();
                (0..random.below(20)).for_each(|_| line.push(TextStyle::Plain, random.pick::<&str>(&pieces)));
                waiting.push_back(line);
            }
            let of_full = full.frame(&waiting, 2, &bottom("", ""), size, true);
            let of_inline = frame(&mut inline, &mut waiting, &bottom("", ""), size, true);
            for frame in [of_full, of_inline] {
                let mut parser = emulator(size, 0);
                parser.process(&frame);
                let first: String = rows(&parser).iter().filter_map(|row| row.chars().next()).collect();
                let first = first.replace(' ', "");
                assert!("@@>".ends_with(&first), "seed {seed}: {:#?}", rows(&parser));
            }
        }
    }

    #[test]
    fn frame_size_is_limited() {
        let mut screen = InlineScreen::default();
        let mut queue = lines(&vec!["0123456789012345678901234567890123456789"; 2000]);
        let frame = frame(&mut screen, &mut queue, &bottom("", ""), SIZE, false);
        assert!(frame.len() < MAX_FRAME + 200 && !queue.is_empty() && queue.len() < 2000);
    }
}
