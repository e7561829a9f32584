//! What stands on the terminal: messages above, the input line and the status line at the bottom.
//!
//! Messages are written as lines are by any program, each once, so that they go on into the
//! terminal's own scrollback. The two rows at the bottom are erased before and drawn again behind.
//! A message wider than the terminal is divided into rows here, not by the terminal, which would begin
//! the next row in the first column: there any text could pass for a line of its own. What has
//! been written stays as it is when the terminal gets another width.
//! Where the terminal's rows end is its own affair: all moves are relative to the input line.

use std::collections::VecDeque;
use std::io::Write;

use super::text::{Face, Line, fitting};

/// Begins and ends a frame: it is shown as a whole (the terminals' Synchronized Output, mode 2026), and where a terminal
/// shows characters wider than we think, what is past the edge does not go on in the next row (DECAWM, mode 7).
pub(in crate::client) const FRAME_BEGINS: &[u8] = b"\x1b[?2026h\x1b[?7l";
pub(in crate::client) const FRAME_ENDS: &[u8] = b"\x1b[?7h\x1b[?2026l";

/// To the first column, and nothing from there on (ECMA-48: CR, ED).
const ERASE_DOWN: &[u8] = b"\r\x1b[J";

/// To the first row, and nothing on the screen (ECMA-48: CUP, ED).
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

/// Bytes of messages in one frame, so that a key pressed meanwhile is seen soon.
const MAX_FRAME: usize = 32 * 1024;

/// The terminal's columns and rows, at least one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// The rows that stay: what is being typed, and how things are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bottom {
    /// Stands before what is typed.
    pub prompt: Line,
    /// As much of what is typed as fits behind it.
    pub input: String,
    /// The column of the cursor, behind the prompt.
    pub cursor: u16,
    pub status: Line,
}

/// The screen without an alternate one.
#[derive(Default)]
pub struct Inline {
    /// The column of the cursor in the input line, while that is drawn, and what is drawn.
    drawn: Option<(u16, Bottom, Size)>,
}

impl Inline {
    /// The bytes that show `lines`, as many as go into one frame, and `bottom` as it is now; none if
    /// nothing has changed. What has been shown goes to `log`.
    pub fn frame(
        &mut self,
        lines: &mut VecDeque<Line>,
        log: &mut VecDeque<Line>,
        bottom: &Bottom,
        size: Size,
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

    /// Takes the rows at the bottom away, so that what is written next stands in their place.
    pub fn erase(&mut self, size: Size, out: &mut Vec<u8>) {
        let Some((column, ..)) = self.drawn.take() else { return };
        // Of a terminal that has become narrower and has broken the input line anew, the cursor
        // stands so many rows below its beginning.
        let rows = column / size.columns;
        if rows > 0 {
            let _ = write!(out, "\x1b[{rows}A");
        }
        out.extend_from_slice(ERASE_DOWN);
    }

    /// What is drawn next begins in the row of the cursor, wherever that is.
    pub fn come_back(&mut self) -> Vec<u8> {
        self.drawn = None;
        ERASE_DOWN.to_vec()
    }

    /// Takes all there is from the screen.
    pub fn clear(&mut self, out: &mut Vec<u8>) {
        self.drawn = None;
        out.extend_from_slice(CLEAR);
    }
}

/// Draws the two rows from where the cursor is; leaves it in the input line, at the column returned.
pub(in crate::client) fn draw_bottom(bottom: &Bottom, size: Size, colour: bool, out: &mut Vec<u8>) -> u16 {
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

/// The prompt before the input, with how many columns it leaves for that.
pub fn prompt(face: Face, text: &str, size: Size) -> (Line, u16) {
    // What is typed gets half of the row at least.
    let columns = size.columns.saturating_sub(1);
    let shown = fitting(text, usize::from(columns / 2));
    let width = unicode_width::UnicodeWidthStr::width(shown) as u16;
    (Line::new(face, shown), columns - width)
}

/// A terminal that keeps so many rows of scrollback.
#[cfg(test)]
pub(in crate::client) fn emulator(size: Size, scrollback: usize) -> vt100::Parser {
    let [rows, columns] = [size.rows, size.columns].map(|n| n.try_into().expect("a row and a column"));
    vt100::Parser::new(rows, columns, scrollback)
}

/// What stands in the rows of a terminal.
#[cfg(test)]
pub(in crate::client) fn rows(parser: &vt100::Parser) -> Vec<String> {
    parser.screen().rows(0, parser.screen().size().1.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::full_screen::Full;
    use super::*;
    use crate::testing::Random;

    const SIZE: Size = Size { columns: 20, rows: 5 };

    fn bottom(input: &str, status: &str) -> Bottom {
        let (prompt, _) = prompt(Face::Plain, "> ", SIZE);
        Bottom { prompt, input: input.into(), cursor: input.len() as u16, status: Line::new(Face::Status, status) }
    }

    fn lines(texts: &[&str]) -> VecDeque<Line> {
        texts.iter().map(|text| Line::new(Face::Plain, text)).collect()
    }

    fn frame(screen: &mut Inline, lines: &mut VecDeque<Line>, bottom: &Bottom, size: Size, colour: bool) -> Vec<u8> {
        screen.frame(lines, &mut VecDeque::new(), bottom, size, colour)
    }

    #[test]
    fn messages_scroll_above_the_input_and_the_status() {
        let mut parser = emulator(SIZE, 100);
        let mut screen = Inline::default();
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
    fn nothing_is_written_where_nothing_has_changed() {
        let mut screen = Inline::default();
        assert!(!frame(&mut screen, &mut lines(&[]), &bottom("", "x"), SIZE, true).is_empty());
        assert!(frame(&mut screen, &mut lines(&[]), &bottom("", "x"), SIZE, true).is_empty());
        assert!(!frame(&mut screen, &mut lines(&[]), &bottom("a", "x"), SIZE, true).is_empty());
    }

    #[test]
    fn whatever_comes_in_whatever_frames_each_line_stands_there_once() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let size = Size { columns: 4 + random.below(30) as u16, rows: 1 + random.below(6) as u16 };
            let mut parser = emulator(size, 10_000);
            let mut screen = Inline::default();
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

    /// Whatever the width is and whatever is said: only the beginning of a message and the
    /// rows at the bottom stand in the first column, on both screens.
    #[test]
    fn no_text_of_a_message_stands_in_the_first_column() {
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
            let size = Size { columns: 12 + random.below(80) as u16, rows: 1000 };
            let (mut inline, mut full) = (Inline::default(), Full::default());
            let mut waiting = VecDeque::new();
            for _ in 0..2 {
                let mut line = Line::new(Face::Time, "@");
                line.push(Face::Own, &"n".repeat(random.below(40)));
                line.hang();
                (0..random.below(20)).for_each(|_| line.push(Face::Plain, random.pick::<&str>(&pieces)));
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
    fn more_than_a_frame_holds_is_left_for_the_next() {
        let mut screen = Inline::default();
        let mut queue = lines(&vec!["0123456789012345678901234567890123456789"; 2000]);
        let frame = frame(&mut screen, &mut queue, &bottom("", ""), SIZE, false);
        assert!(frame.len() < MAX_FRAME + 200 && !queue.is_empty() && queue.len() < 2000);
    }
}
