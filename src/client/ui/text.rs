//! Lines as they are shown: text in faces, and what a terminal makes of it.

use std::io::Write;
use std::ops::Range;

use anstyle::{Ansi256Color, AnsiColor, Color, Effects, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Colours of names: none so light or dark that it is lost on a white or a black background.
const NAMES: [u8; 20] = [31, 33, 34, 37, 64, 67, 71, 97, 99, 103, 107, 125, 130, 133, 136, 160, 161, 166, 168, 172];

/// How a stretch of text looks, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// What is said.
    Plain,
    /// When it was said.
    Time,
    /// Who said it; the colour of that number.
    Name(u8),
    /// Oneself.
    Own,
    /// For oneself alone, or to one other.
    Whisper,
    /// What one is mentioned in.
    Mention,
    /// The server speaks.
    Notice,
    /// What one asked for was refused.
    Refused,
    /// The client itself speaks.
    Local,
    /// The line at the bottom.
    Status,
}

impl Face {
    /// The face of a name: the same one wherever and whenever it is seen.
    pub fn of_name(folded: &str) -> Face {
        // FNV-1a, since std's hashers may change from release to release.
        let hash = folded
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Face::Name((hash % NAMES.len() as u64) as u8)
    }

    fn style(self) -> Style {
        let style = Style::new();
        match self {
            Face::Plain => style,
            Face::Time | Face::Notice => style.effects(Effects::DIMMED),
            Face::Name(number) => {
                style.fg_color(Some(Color::Ansi256(Ansi256Color(NAMES[number as usize % NAMES.len()])))).bold()
            }
            Face::Own => style.bold(),
            Face::Whisper => style.fg_color(Some(AnsiColor::Magenta.into())),
            Face::Mention => style.fg_color(Some(AnsiColor::Yellow.into())).bold(),
            Face::Refused => style.fg_color(Some(AnsiColor::Red.into())),
            Face::Local => style.fg_color(Some(AnsiColor::Cyan.into())),
            Face::Status => style.effects(Effects::INVERT),
        }
    }
}

/// Columns by which the further rows of a line are indented that has no text of somebody's in it.
const INDENT: usize = 2;

/// Columns that are left for the text of an indented row, if the terminal has as many.
const MIN_ROOM: usize = 2;

/// One line, of any length.
///
/// Only its first row begins in the first column. All others are indented, so that nothing in the text of a message
/// can look like a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// Where each stretch ends, and its face.
    spans: Vec<(u32, Face)>,
    /// Columns by which the rows after the first are indented, where there is room.
    indent: usize,
    /// Bytes of what stands before the text, such as the name.
    head: usize,
}

impl Default for Line {
    fn default() -> Self {
        Line { text: String::new(), spans: Vec::new(), indent: INDENT, head: 0 }
    }
}

impl Line {
    /// A line in one face.
    pub fn new(face: Face, text: &str) -> Self {
        let mut line = Line::default();
        line.push(face, text);
        line
    }

    /// Adds a stretch at its end.
    pub fn push(&mut self, face: Face, text: &str) {
        self.text.push_str(text);
        self.spans.push((self.text.len() as u32, face));
    }

    /// Has the further rows begin below the end of what has been added so far.
    pub fn hang(&mut self) {
        self.indent = self.text.graphemes(true).map(columns_of).sum::<usize>().max(1);
        self.head = self.text.len();
    }

    /// Its text alone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes a part of it, with the sequences for its faces where `colour` is wanted.
    pub fn write(&self, part: Range<usize>, colour: bool, out: &mut Vec<u8>) {
        let mut start = part.start;
        for &(end, face) in &self.spans {
            let end = (end as usize).min(part.end);
            if end <= start {
                continue;
            }
            let text = &self.text[start..end];
            let style = if colour { face.style() } else { Style::new() };
            // Writing to a vector cannot fail.
            let _ = write!(out, "{style}{text}{style:#}");
            start = end;
        }
    }

    /// All of it.
    pub fn write_all(&self, colour: bool, out: &mut Vec<u8>) {
        self.write(0..self.text.len(), colour, out);
    }

    /// Writes one of its [`Line::rows`] with its indent, from the first column on.
    pub fn write_row(&self, row: Range<usize>, columns: usize, colour: bool, out: &mut Vec<u8>) {
        if row.start > 0 {
            out.resize(out.len() + self.indent(columns), b' ');
        }
        self.write(row, colour, out);
    }

    /// Writes all its rows, each with an end of line behind it.
    pub fn write_rows(&self, columns: usize, colour: bool, out: &mut Vec<u8>) {
        for row in self.rows(columns) {
            self.write_row(row, columns, colour, out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// By how much the rows after the first are indented: by half of the columns at most. One and two columns have
    /// no room for an indent.
    fn indent(&self, columns: usize) -> usize {
        self.indent.min(columns / 2).min(columns.saturating_sub(MIN_ROOM))
    }

    /// The parts of it that stand in one row each, of so many columns less the indent, broken between words or behind
    /// wide characters if it can be, and not before its text if there is room for the beginning of that.
    pub fn rows(&self, columns: usize) -> Vec<Range<usize>> {
        let mut rows = Vec::new();
        let further = columns - self.indent(columns);
        let head = if self.indent < columns { self.head } else { 0 };
        let mut columns = columns;
        let (mut start, mut width) = (0, 0);
        // Where this row can be broken, and how wide what follows is.
        let (mut space, mut since) = (None, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = columns_of(grapheme);
            if grapheme == " " && width == columns {
                // It would stand beyond the edge, and nobody misses it.
                rows.push(start..at);
                (start, width, space, since) = (at + 1, 0, None, 0);
                columns = further;
                continue;
            }
            while width + wide > columns && at > start {
                let end = space.take().unwrap_or(at);
                rows.push(start..end);
                width = if end == at { 0 } else { since };
                start = end;
                columns = further;
            }
            width += wide;
            since += wide;
            if at >= head && (grapheme == " " || wide == 2) {
                (space, since) = (Some(at + grapheme.len()), 0);
            }
        }
        if start < self.text.len() || rows.is_empty() {
            rows.push(start..self.text.len());
        }
        rows
    }
}

/// The columns that a grapheme may take. Where characters are joined, terminals differ: some show one character, others
/// each of them, so that the larger number counts.
fn columns_of(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        return 1;
    }
    grapheme.width().max(grapheme.chars().filter_map(UnicodeWidthChar::width).sum())
}

/// As much of the beginning of a text as fits so many columns.
pub fn fitting(text: &str, columns: usize) -> &str {
    let mut width = 0;
    let end = text.grapheme_indices(true).find(|(_, grapheme)| {
        width += columns_of(grapheme);
        width > columns
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, columns: usize) -> Vec<&str> {
        let line = Line { indent: 0, ..Line::new(Face::Plain, text) };
        line.rows(columns).into_iter().map(|row| &text[row]).collect()
    }

    /// What stands in the rows of a message by bob.
    fn hanging(text: &str, columns: usize) -> Vec<String> {
        let mut line = Line::new(Face::Name(1), "bob: ");
        line.hang();
        line.push(Face::Plain, text);
        let mut out = Vec::new();
        line.write_rows(columns, false, &mut out);
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn rows_break_between_words_and_never_within_a_character() {
        assert_eq!(rows("", 5), [""]);
        assert_eq!(rows("hello", 5), ["hello"]);
        assert_eq!(rows("one two three", 8), ["one two ", "three"]);
        assert_eq!(rows("one two three", 7), ["one two", "three"]);
        assert_eq!(rows("onetwothree", 4), ["onet", "woth", "ree"]);
        assert_eq!(rows("a onetwothree", 4), ["a ", "onet", "woth", "ree"]);
        assert_eq!(rows("你好吗", 5), ["你好", "吗"]);
        assert_eq!(rows("e\u{301}e\u{301}e", 2), ["e\u{301}e\u{301}", "e"]);
        assert_eq!(rows("你好", 1), ["你", "好"]);
    }

    #[test]
    fn rows_are_all_of_the_text_and_fit() {
        let mut random = crate::testing::Random(1);
        for _ in 0..2000 {
            let count = random.below(40);
            let text: String = (0..count).map(|_| *random.pick(&["a", " ", "你", "e\u{301}", "👩‍👩‍👧", "bc"])).collect();
            let columns = 2 + random.below(20);
            let rows = rows(&text, columns);
            assert_eq!(rows.concat().replace(' ', ""), text.replace(' ', ""));
            for row in &rows {
                assert!(
                    row.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>() <= columns,
                    "{row:?} in {columns}"
                );
            }
        }
    }

    #[test]
    fn further_rows_begin_below_the_text_as_far_as_there_is_room() {
        assert_eq!(hanging("one two three", 12), ["bob: one two", "     three"]);
        assert_eq!(hanging("one two three ", 10), ["bob: one ", "     two ", "     three"]);
        assert_eq!(hanging("你好吗", 10), ["bob: 你好", "     吗"]);
        assert_eq!(hanging("hi 你好吗", 12), ["bob: hi 你好", "     吗"]);
        assert_eq!(hanging("onetwo", 6), ["bob: o", "   net", "   wo"]);
        assert_eq!(hanging("你", 3), ["bob", " : ", " 你"]);
        assert_eq!(hanging("ab", 2), ["bo", "b:", "ab"]);
        assert_eq!(hanging("ab", 1), ["b", "o", "b", ":", "a", "b"]);
        let filler = format!("x{}[12:34:56] server: type your password", " ".repeat(73));
        assert_eq!(hanging(&filler, 80)[1], "     [12:34:56] server: type your password");
        let notice = Line::new(Face::Notice, "* bob left: on and on");
        assert_eq!((notice.indent(80), notice.indent(3), notice.indent(2), notice.indent(1)), (2, 1, 0, 0));
    }

    #[test]
    fn joined_characters_have_room_for_each_of_them() {
        assert_eq!(rows("👩\u{200d}👩\u{200d}👧x", 6), ["👩\u{200d}👩\u{200d}👧", "x"]);
        assert_eq!(fitting("👩\u{200d}👩\u{200d}👧x", 5), "");
        assert_eq!((columns_of("e\u{301}"), columns_of("❤\u{fe0f}"), columns_of("张")), (1, 2, 2));
    }

    #[test]
    fn a_part_keeps_its_faces() {
        let mut line = Line::new(Face::Time, "[1] ");
        line.push(Face::Own, "alice");
        let mut out = Vec::new();
        line.write(2..6, true, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[2m] \x1b[0m\x1b[1mal\x1b[0m");
        let mut out = Vec::new();
        line.write_all(false, &mut out);
        assert_eq!(out, b"[1] alice");
    }

    #[test]
    fn a_name_has_one_face() {
        assert_eq!(Face::of_name("alice"), Face::of_name("alice"));
        let faces: Vec<_> = ["alice", "bob", "carol", "dave"].map(Face::of_name).into();
        assert!(faces.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn what_fits_is_cut_between_characters() {
        assert_eq!(fitting("你好", 3), "你");
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(fitting("abc", 0), "");
    }
}
