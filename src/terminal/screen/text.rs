//! Styled lines, and how they are divided into rows of a terminal.

use std::io::Write;
use std::ops::Range;

use anstyle::{Ansi256Color, AnsiColor, Color, Effects, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::line_break::break_points;

/// Colours of names that can be read on a white and on a black background.
const NAMES: [u8; 20] = [31, 33, 34, 37, 64, 67, 71, 97, 99, 103, 107, 125, 130, 133, 136, 160, 161, 166, 168, 172];

/// The style of a part of a line, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextStyle {
    /// The text of a message.
    Plain,
    /// The time of a message.
    Time,
    /// The name of a user, in the colour of that number.
    Name(u8),
    /// Our own name.
    Own,
    /// A whisper to or from us.
    Whisper,
    /// A message that mentions us.
    Mention,
    /// A notice of the server.
    Notice,
    /// A refusal of a request.
    Refused,
    /// A message of the client itself.
    Local,
    /// The status line.
    Status,
}

impl TextStyle {
    /// Returns the style of a name; a name has the same one in every session.
    pub fn for_name(folded: &str) -> TextStyle {
        // FNV-1a, because std's hashers may change from release to release.
        let hash = folded
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        TextStyle::Name((hash % NAMES.len() as u64) as u8)
    }

    fn style(self) -> Style {
        let style = Style::new();
        match self {
            TextStyle::Plain => style,
            TextStyle::Time | TextStyle::Notice => style.effects(Effects::DIMMED),
            TextStyle::Name(number) => {
                style.fg_color(Some(Color::Ansi256(Ansi256Color(NAMES[number as usize % NAMES.len()])))).bold()
            }
            TextStyle::Own => style.bold(),
            TextStyle::Whisper => style.fg_color(Some(AnsiColor::Magenta.into())),
            TextStyle::Mention => style.fg_color(Some(AnsiColor::Yellow.into())).bold(),
            TextStyle::Refused => style.fg_color(Some(AnsiColor::Red.into())),
            TextStyle::Local => style.fg_color(Some(AnsiColor::Cyan.into())),
            TextStyle::Status => style.effects(Effects::INVERT),
        }
    }
}

/// The indent of the further rows of a line without user text, in columns.
const INDENT: usize = 2;

/// The columns that an indented row keeps for text, if the terminal has them.
const MIN_ROOM: usize = 2;

/// A line of any length in several styles.
///
/// Only its first row begins in the first column. All others are indented, so that no part of a message can look like a
/// line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StyledLine {
    text: String,
    /// The end and the style of each part.
    spans: Vec<(u32, TextStyle)>,
    /// The indent of the rows after the first, in columns, if there is room.
    indent: usize,
    /// The length of the part before the text, such as the name, in bytes.
    head: usize,
}

impl Default for StyledLine {
    fn default() -> Self {
        StyledLine { text: String::new(), spans: Vec::new(), indent: INDENT, head: 0 }
    }
}

impl StyledLine {
    /// Creates a line in one style.
    pub fn new(style: TextStyle, text: &str) -> Self {
        let mut line = StyledLine::default();
        line.push(style, text);
        line
    }

    /// Adds text at the end.
    pub fn push(&mut self, style: TextStyle, text: &str) {
        self.text.push_str(text);
        self.spans.push((self.text.len() as u32, style));
    }

    /// Makes the further rows begin below the end of the text added so far.
    pub fn indent_rows_here(&mut self) {
        self.indent = self.text.graphemes(true).map(columns_of).sum::<usize>().max(1);
        self.head = self.text.len();
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes a part of the line, with escape sequences if `colour`.
    pub fn write(&self, part: Range<usize>, colour: bool, out: &mut Vec<u8>) {
        let mut start = part.start;
        for &(end, style) in &self.spans {
            let end = (end as usize).min(part.end);
            if end <= start {
                continue;
            }
            let text = &self.text[start..end];
            let style = if colour { style.style() } else { Style::new() };
            // Writing to a vector cannot fail.
            let _ = write!(out, "{style}{text}{style:#}");
            start = end;
        }
    }

    /// Writes the whole line.
    pub fn write_all(&self, colour: bool, out: &mut Vec<u8>) {
        self.write(0..self.text.len(), colour, out);
    }

    /// Writes one of its [`StyledLine::rows`] with its indent, from the first column on.
    pub fn write_row(&self, row: Range<usize>, columns: usize, colour: bool, out: &mut Vec<u8>) {
        if row.start > 0 {
            out.resize(out.len() + self.indent(columns), b' ');
        }
        self.write(row, colour, out);
    }

    /// Writes all rows, each with a line end.
    pub fn write_rows(&self, columns: usize, colour: bool, out: &mut Vec<u8>) {
        for row in self.rows(columns) {
            self.write_row(row, columns, colour, out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Returns the indent of the rows after the first: at most half of the columns, and none with one or two columns.
    fn indent(&self, columns: usize) -> usize {
        self.indent.min(columns / 2).min(columns.saturating_sub(MIN_ROOM))
    }

    /// Divides the line into rows of at most `columns` columns including the indent. A row ends where
    /// [`break_points`] allows it, if possible, and not before the text if its beginning fits.
    pub fn rows(&self, columns: usize) -> Vec<Range<usize>> {
        let mut rows = Vec::new();
        if fitting(&self.text, columns).len() == self.text.len() {
            rows.push(0..self.text.len());
            return rows;
        }
        let mut is_break = break_points(&self.text);
        let further = columns - self.indent(columns);
        let head = if self.indent < columns { self.head } else { 0 };
        let mut columns = columns;
        let (mut start, mut width) = (0, 0);
        // Where the current row can be broken, and the width of what follows.
        let (mut point, mut since) = (None, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = columns_of(grapheme);
            if at > head.max(start) && is_break(at) {
                (point, since) = (Some(at), 0);
            }
            if grapheme == " " && width == columns && is_break(at + 1) {
                // A space beyond the edge is left out.
                rows.push(start..at);
                (start, width, point, since) = (at + 1, 0, None, 0);
                columns = further;
                continue;
            }
            while width + wide > columns && at > start {
                let end = point.take().unwrap_or(at);
                rows.push(start..end);
                width = if end == at { 0 } else { since };
                start = end;
                columns = further;
            }
            width += wide;
            since += wide;
        }
        if start < self.text.len() {
            rows.push(start..self.text.len());
        }
        rows
    }
}

/// Returns the columns that a grapheme may take. Terminals show joined characters as one or as several, so the larger
/// width counts.
fn columns_of(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        return 1;
    }
    grapheme.width().max(grapheme.chars().filter_map(UnicodeWidthChar::width).sum())
}

/// Returns the longest beginning of a text that fits into `columns` columns.
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
        let line = StyledLine { indent: 0, ..StyledLine::new(TextStyle::Plain, text) };
        line.rows(columns).into_iter().map(|row| &text[row]).collect()
    }

    /// Returns the rows of a message by bob.
    fn hanging(text: &str, columns: usize) -> Vec<String> {
        let mut line = StyledLine::new(TextStyle::Name(1), "bob: ");
        line.indent_rows_here();
        line.push(TextStyle::Plain, text);
        let mut out = Vec::new();
        line.write_rows(columns, false, &mut out);
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn rows_break_between_words_and_keep_graphemes() {
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
    fn rows_neither_begin_with_closing_marks_nor_end_with_opening_ones() {
        assert_eq!(rows("你好，世界", 4), ["你", "好，", "世界"]);
        assert_eq!(rows("hello，世界。", 9), ["hello，世", "界。"]);
        assert_eq!(rows("你好（世界）", 6), ["你好", "（世", "界）"]);
        assert_eq!(rows("你好 ，世界", 4), ["你", "好 ", "，世", "界"]);
        assert_eq!(rows("hello，世界", 4), ["hell", "o，", "世界"]);
        assert_eq!(hanging("你好，世界", 9), ["bob: 你", "    好，", "    世界"]);
    }

    #[test]
    fn url_is_broken_only_if_it_is_longer_than_a_row() {
        assert_eq!(rows("see https://a.example/b/c now", 21), ["see ", "https://a.example/b/c", "now"]);
        assert_eq!(rows("see https://a.example/b/c", 20), ["see ", "https://a.example/b/", "c"]);
    }

    /// Divides a text as [`StyledLine::rows`] does, row by row.
    fn model_rows(text: &str, columns: usize) -> Vec<&str> {
        let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
        let mut is_break = break_points(text);
        let breaks: Vec<usize> = ends.iter().copied().filter(|&at| is_break(at)).collect();
        let (mut rows, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let width = |end: usize| text[start..end].graphemes(true).map(columns_of).sum::<usize>();
            let fit = start + fitting(&text[start..], columns).len();
            let is_space = text[fit..].graphemes(true).next() == Some(" ");
            let (end, next) = match breaks.iter().rfind(|&&at| at > start && at <= fit) {
                _ if fit == text.len() => (fit, fit),
                _ if is_space && width(fit) == columns && breaks.contains(&(fit + 1)) => (fit, fit + 1),
                Some(&at) => (at, at),
                None => (fit, fit),
            };
            rows.push(&text[start..end]);
            start = next;
        }
        rows
    }

    #[test]
    fn rows_contain_all_text_and_fit_and_equal_model() {
        let mut random = crate::util::test_support::Random(1);
        let parts = ["a", " ", "你", "e\u{301}", "👩‍👩‍👧", "bc", "，", "（", "」", "/", "a/b-c"];
        for _ in 0..5000 {
            let count = 1 + random.below(40);
            let text: String = (0..count).map(|_| *random.pick(&parts)).collect();
            // The widest of these graphemes has six columns.
            let columns = 6 + random.below(20);
            let rows = rows(&text, columns);
            assert_eq!(rows, model_rows(&text, columns));
            assert_eq!(rows.concat().replace(' ', ""), text.replace(' ', ""));
            for row in &rows {
                assert!(row.graphemes(true).map(columns_of).sum::<usize>() <= columns, "{row:?} in {columns}");
            }
        }
    }

    #[test]
    fn further_rows_are_indented_if_there_is_room() {
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
        let notice = StyledLine::new(TextStyle::Notice, "* bob left: on and on");
        assert_eq!((notice.indent(80), notice.indent(3), notice.indent(2), notice.indent(1)), (2, 1, 0, 0));
    }

    #[test]
    fn joined_characters_count_with_their_sum() {
        assert_eq!(rows("👩\u{200d}👩\u{200d}👧x", 6), ["👩\u{200d}👩\u{200d}👧", "x"]);
        assert_eq!(fitting("👩\u{200d}👩\u{200d}👧x", 5), "");
        assert_eq!((columns_of("e\u{301}"), columns_of("❤\u{fe0f}"), columns_of("张")), (1, 2, 2));
    }

    #[test]
    fn partial_write_keeps_styles() {
        let mut line = StyledLine::new(TextStyle::Time, "[1] ");
        line.push(TextStyle::Own, "alice");
        let mut out = Vec::new();
        line.write(2..6, true, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[2m] \x1b[0m\x1b[1mal\x1b[0m");
        let mut out = Vec::new();
        line.write_all(false, &mut out);
        assert_eq!(out, b"[1] alice");
    }

    #[test]
    fn name_style_is_stable() {
        assert_eq!(TextStyle::for_name("alice"), TextStyle::for_name("alice"));
        let styles: Vec<_> = ["alice", "bob", "carol", "dave"].map(TextStyle::for_name).into();
        assert!(styles.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn fitting_cuts_between_graphemes() {
        assert_eq!(fitting("你好", 3), "你");
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(fitting("abc", 0), "");
    }
}
