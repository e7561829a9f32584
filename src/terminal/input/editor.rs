//! Edits the input line: text, cursor and editing keys, after GNU Readline.
//!
//! A character for the user is a grapheme cluster (UAX #29); the cursor never stands inside one.

#[cfg(test)]
mod model_tests;

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::grapheme::{cut, previous};
use crate::terminal::screen::window::{InputView, InputWindow};
use crate::wire::sanitize::clean;

/// The longest line in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The effect of one key on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Insert(char),
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Backspace,
    Delete,
    /// Kills back to the beginning of a word of letters and digits.
    KillWordBack,
    /// Kills to the end of a word of letters and digits.
    KillWordForward,
    /// Kills back to the last white space (readline's unix-word-rubout).
    RuboutWord,
    KillToStart,
    KillToEnd,
    /// Inserts the text that was killed last.
    Yank,
    /// Swaps the characters before and behind the cursor and moves past them; at the end, the last two.
    Transpose,
}

/// The input line: without control characters, at most [`MAX_BYTES`] long.
#[derive(Default)]
pub struct Editor {
    text: String,
    /// In bytes, always between two graphemes.
    cursor: usize,
    killed: String,
    /// Whether the last edit was a kill, so that the next kill is added to it.
    killing: bool,
    window: InputWindow,
}

impl Editor {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor in bytes, always between two graphemes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the line and leaves an empty one.
    pub fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.set("");
        text
    }

    /// Replaces the line and puts the cursor at its end; false if the text did not fit completely.
    pub fn set(&mut self, text: &str) -> bool {
        self.set_at(text, text.len())
    }

    /// As [`Editor::set`], with the cursor `cursor` bytes into the text, or at the next grapheme.
    pub fn set_at(&mut self, text: &str, cursor: usize) -> bool {
        let before = clean(text.get(..cursor).unwrap_or(text)).len();
        let text = clean(text);
        self.text.clear();
        self.text.push_str(cut(&text, MAX_BYTES));
        self.cursor = self.boundary(before);
        self.killing = false;
        self.text.len() == text.len()
    }

    /// Inserts a text without its control characters, a tab as a space; false if the text did not fit completely.
    pub fn insert(&mut self, text: &str) -> bool {
        self.killing = false;
        // Cleaned together with the character before: the number of marks on a character is limited.
        let head = &self.text[self.previous(self.cursor)..self.cursor];
        let joined = format!("{head}{text}");
        let joined = clean(&joined);
        let alone;
        let added = match joined.strip_prefix(head) {
            Some(added) => added,
            None => {
                alone = clean(text);
                &alone
            }
        };
        let fitting = cut(added, MAX_BYTES - self.text.len());
        let is_whole = fitting.len() == added.len();
        let end = self.cursor + fitting.len();
        let fitting = fitting.to_owned();
        self.text.insert_str(self.cursor, &fitting);
        self.cursor = self.boundary(end);
        is_whole
    }

    /// Applies the effect of a key.
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::RuboutWord => return self.kill(self.blank_left()..self.cursor),
            Edit::KillWordBack => return self.kill(self.word_left()..self.cursor),
            Edit::KillWordForward => return self.kill(self.cursor..self.word_right()),
            Edit::KillToStart => return self.kill(0..self.cursor),
            Edit::KillToEnd => return self.kill(self.cursor..self.text.len()),
            _ => self.killing = false,
        }
        match edit {
            Edit::Insert(c) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            Edit::Left => self.cursor = self.previous(self.cursor),
            Edit::Right => self.cursor = self.next(self.cursor),
            Edit::WordLeft => self.cursor = self.word_left(),
            Edit::WordRight => self.cursor = self.word_right(),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::Backspace => self.remove(self.previous(self.cursor)..self.cursor),
            Edit::Delete => self.remove(self.cursor..self.next(self.cursor)),
            Edit::Yank => {
                let killed = std::mem::take(&mut self.killed);
                self.insert(&killed);
                self.killed = killed;
            }
            Edit::Transpose => self.transpose(),
            _ => {}
        }
    }

    /// Returns the visible part of the line in `columns` columns; it scrolls only when the cursor would leave it.
    pub fn view(&mut self, columns: u16) -> InputView {
        self.window.view(&self.text, self.cursor, columns)
    }

    fn remove(&mut self, range: Range<usize>) {
        let start = range.start;
        self.text.drain(range);
        self.cursor = self.boundary(start);
    }

    /// Removes a range that begins or ends at the cursor; consecutive kills are yanked as one text.
    fn kill(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        if !self.killing {
            self.killed.clear();
        }
        self.killing = true;
        let at = if range.end == self.cursor { 0 } else { self.killed.len() };
        self.killed.insert_str(at, &self.text[range.clone()]);
        self.remove(range);
    }

    fn transpose(&mut self) {
        let end = self.next(self.cursor);
        let middle = self.previous(end);
        let start = self.previous(middle);
        if self.cursor == 0 || start == middle {
            return;
        }
        let swapped = [&self.text[middle..end], &self.text[start..middle]].concat();
        self.text.replace_range(start..end, &swapped);
        self.cursor = self.boundary(end);
    }

    /// Returns the start of the word before the cursor.
    fn word_left(&self) -> usize {
        self.back_over(self.back_over(self.cursor, |grapheme| !is_word(grapheme)), is_word)
    }

    fn blank_left(&self) -> usize {
        self.back_over(self.back_over(self.cursor, is_space), |grapheme| !is_space(grapheme))
    }

    /// Returns the end of the word behind the cursor.
    fn word_right(&self) -> usize {
        self.on_over(self.on_over(self.cursor, |grapheme| !is_word(grapheme)), is_word)
    }

    fn back_over(&self, from: usize, skipped: impl Fn(&str) -> bool) -> usize {
        let before = self.text[..from].graphemes(true).rev();
        from - before.take_while(|grapheme| skipped(grapheme)).map(str::len).sum::<usize>()
    }

    fn on_over(&self, from: usize, skipped: impl Fn(&str) -> bool) -> usize {
        let behind = self.text[from..].graphemes(true);
        from + behind.take_while(|grapheme| skipped(grapheme)).map(str::len).sum::<usize>()
    }

    fn previous(&self, at: usize) -> usize {
        previous(&self.text, at)
    }

    fn next(&self, at: usize) -> usize {
        self.cursor_at(at).next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len())
    }

    /// Returns the end of the grapheme that `at` is inside of, or `at`: an edit can join the text before and behind it.
    fn boundary(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        match self.text.is_char_boundary(at) && self.cursor_at(at).is_boundary(&self.text, 0) == Ok(true) {
            true => at,
            false => self.next(at),
        }
    }

    fn cursor_at(&self, at: usize) -> GraphemeCursor {
        GraphemeCursor::new(at, self.text.len(), true)
    }
}

fn is_word(grapheme: &str) -> bool {
    grapheme.starts_with(char::is_alphanumeric)
}

fn is_space(grapheme: &str) -> bool {
    grapheme.starts_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an editor with the cursor at the bar.
    fn at(line: &str) -> Editor {
        let cursor = line.find('|').unwrap();
        let mut editor = Editor::default();
        editor.set_at(&line.replace('|', ""), cursor);
        assert_eq!(editor.cursor(), cursor);
        editor
    }

    fn shown(editor: &Editor) -> String {
        let (before, behind) = editor.text().split_at(editor.cursor());
        format!("{before}|{behind}")
    }

    fn after(line: &str, edits: &[Edit]) -> String {
        let mut editor = at(line);
        edits.iter().for_each(|&edit| editor.apply(edit));
        shown(&editor)
    }

    #[test]
    fn keys_move_over_and_delete_whole_graphemes() {
        use Edit::*;
        for grapheme in ["a", "张", "e\u{301}", "👩\u{200d}👩\u{200d}👧", "🇫🇷", "ש\u{5b8}", "👍🏽", "각", "क\u{94d}ष"]
        {
            assert_eq!(after(&format!("x{grapheme}|y"), &[Left]), format!("x|{grapheme}y"));
            assert_eq!(after(&format!("x|{grapheme}y"), &[Right]), format!("x{grapheme}|y"));
            assert_eq!(after(&format!("x{grapheme}|y"), &[Backspace]), "x|y");
            assert_eq!(after(&format!("x|{grapheme}y"), &[Delete]), "x|y");
        }
        assert_eq!(after("|a", &[Left, Backspace]), "|a");
        assert_eq!(after("a|", &[Right, Delete]), "a|");
        assert_eq!(after("a|b", &[Home, End]), "ab|");
    }

    #[test]
    fn cursor_stays_outside_joined_graphemes() {
        assert_eq!(after("🇫x|🇷", &[Edit::Backspace]), "🇫🇷|");
        assert_eq!(after("|\u{301}", &[Edit::Insert('e')]), "e\u{301}|");
        assert_eq!(after("e|", &[Edit::Insert('\u{301}'), Edit::Backspace]), "|");
    }

    #[test]
    fn word_keys_use_alphanumeric_words_or_white_space() {
        use Edit::*;
        assert_eq!(after("one two-three |", &[WordLeft]), "one two-|three ");
        assert_eq!(after("|  one two", &[WordRight]), "  one| two");
        assert_eq!(after("see /etc/hosts  |now", &[RuboutWord]), "see |now");
        assert_eq!(after("see /etc/hosts  |now", &[KillWordBack]), "see /etc/|now");
        assert_eq!(after("a| -b2 c", &[KillWordForward]), "a| c");
    }

    #[test]
    fn consecutive_kills_are_yanked_in_order() {
        use Edit::*;
        assert_eq!(after("one two| three", &[KillToStart, KillToEnd, Yank, Yank]), "one two threeone two three|");
        assert_eq!(after("one two |", &[RuboutWord, RuboutWord, RuboutWord, Yank]), "one two |");
        assert_eq!(after("one two|", &[RuboutWord, Left, RuboutWord, Yank]), "one| ");
        assert_eq!(after("a|", &[KillToStart, Insert('b'), KillToEnd, Yank]), "ba|");
        assert_eq!(after("a|b", &[Yank]), "a|b");
    }

    #[test]
    fn transpose_swaps_characters_around_cursor() {
        use Edit::*;
        assert_eq!(after("张|e\u{301}x", &[Transpose]), "e\u{301}张|x");
        assert_eq!(after("ab|", &[Transpose]), "ba|");
        assert_eq!(after("|ab", &[Transpose]), "|ab");
        assert_eq!(after("a|", &[Transpose]), "a|");
    }

    #[test]
    fn insert_removes_control_characters() {
        let mut editor = at("a|b");
        assert!(editor.insert("\t1\u{1b}[31m2\r\n\u{202e}3\u{7}"));
        assert_eq!(shown(&editor), "a 123|b");
        editor.set("x\ny\u{1b}[2J");
        assert_eq!(shown(&editor), "xy|");
        assert_eq!(editor.take(), "xy");
        assert!(editor.is_empty() && editor.cursor() == 0);
    }

    #[test]
    fn marks_typed_one_by_one_are_limited() {
        let mut editor = at("a|");
        (0..50).for_each(|_| editor.apply(Edit::Insert('\u{301}')));
        assert_eq!(editor.text(), clean(&format!("a{}", "\u{301}".repeat(50))));
    }

    #[test]
    fn line_limit_keeps_whole_graphemes() {
        let mut editor = at("ab|");
        assert!(!editor.insert(&"张".repeat(MAX_BYTES)));
        assert_eq!(editor.text().len(), 2 + (MAX_BYTES - 2) / 3 * 3);
        (0..5).for_each(|_| editor.apply(Edit::Insert('x')));
        assert_eq!(editor.text().len(), MAX_BYTES);
        editor.set(&"e\u{301}".repeat(MAX_BYTES));
        assert_eq!(editor.text().len(), MAX_BYTES / 3 * 3);
        assert_eq!(editor.cursor(), editor.text().len());
    }
}
