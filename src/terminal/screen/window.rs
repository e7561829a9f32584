//! Selects the visible part of an input line that is wider than the terminal.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::terminal::input::grapheme::previous;

/// The visible part of a line, and the column of the cursor in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputView {
    pub text: String,
    /// From 0; less than the number of columns.
    pub cursor: u16,
}

/// The start of the visible part. It changes only when the cursor would leave the view.
#[derive(Default)]
pub struct InputWindow {
    /// In bytes.
    start: usize,
}

impl InputWindow {
    /// Returns whole graphemes of at most `columns` columns, with the cursor among them or right behind them.
    pub fn view(&mut self, text: &str, cursor: usize, columns: u16) -> InputView {
        if columns == 0 {
            return InputView::default();
        }
        self.scroll(text, cursor, columns.into());
        let seen = &text[self.start..];
        let end = self.start + fitting(seen.graphemes(true), columns.into());
        let before = width(&text[self.start..cursor]);
        InputView { text: text[self.start..end].into(), cursor: before.min(columns as usize - 1) as u16 }
    }

    fn scroll(&mut self, text: &str, cursor: usize, columns: usize) {
        if fitting(text.graphemes(true), columns - 1) == text.len() {
            self.start = 0;
            return;
        }
        self.align_start(text);
        // Behind the last grapheme the cursor takes a column of its own.
        let under = text[cursor..].graphemes(true).next().map_or(1, UnicodeWidthStr::width).clamp(1, columns);
        let context = columns / 3;
        let back_by = |most| cursor - fitting(text[..cursor].graphemes(true).rev(), most);
        if cursor <= self.start && self.start > 0 {
            self.start = back_by(context.min(columns - under));
        } else if width(&text[self.start..cursor]) + under > columns {
            self.start = back_by(columns - context.max(under));
        }
    }

    /// Moves the start between two graphemes after the text has changed.
    fn align_start(&mut self, text: &str) {
        let mut start = self.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        if start < text.len() {
            let grapheme_end = start + text[start..].chars().next().map_or(0, char::len_utf8);
            start = start.min(previous(text, grapheme_end));
        }
        self.start = start;
    }
}

/// Returns the bytes of the graphemes that fit into `columns` columns.
fn fitting<'a>(graphemes: impl Iterator<Item = &'a str>, columns: usize) -> usize {
    let (mut bytes, mut taken) = (0, 0);
    for grapheme in graphemes {
        taken += grapheme.width();
        if taken > columns {
            break;
        }
        bytes += grapheme.len();
    }
    bytes
}

/// Returns the columns of all graphemes together.
fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_support::Random;

    fn view(window: &mut InputWindow, text: &str, cursor: usize, columns: u16) -> (String, u16) {
        let InputView { text, cursor } = window.view(text, cursor, columns);
        (text, cursor)
    }

    #[test]
    fn line_that_fits_does_not_scroll() {
        let mut window = InputWindow::default();
        for cursor in 0..=4 {
            assert_eq!(view(&mut window, "abcd", cursor, 5), ("abcd".into(), cursor as u16));
        }
        assert_eq!(view(&mut window, "", 0, 1), (String::new(), 0));
        assert_eq!(view(&mut window, "abc", 3, 0), (String::new(), 0));
    }

    #[test]
    fn view_scrolls_only_when_cursor_would_leave() {
        let (mut window, text) = (InputWindow::default(), "0123456789abcdefghij");
        assert_eq!(view(&mut window, text, 8, 9), ("012345678".into(), 8));
        assert_eq!(view(&mut window, text, 9, 9), ("3456789ab".into(), 6));
        assert_eq!(view(&mut window, text, 11, 9), ("3456789ab".into(), 8));
        assert_eq!(view(&mut window, text, 4, 9), ("3456789ab".into(), 1));
        assert_eq!(view(&mut window, text, 3, 9), ("012345678".into(), 3));
        assert_eq!(view(&mut window, text, 20, 9), ("efghij".into(), 6));
        assert_eq!(view(&mut window, "0123", 4, 9), ("0123".into(), 4));
    }

    #[test]
    fn wide_character_is_shown_whole_or_not() {
        let mut window = InputWindow::default();
        assert_eq!(view(&mut window, "张三李四", 0, 5), ("张三".into(), 0));
        assert_eq!(view(&mut window, "张三李四", 6, 5), ("三李".into(), 2));
        assert_eq!(view(&mut InputWindow::default(), "张三", 0, 1), (String::new(), 0));
        assert_eq!(view(&mut InputWindow::default(), "张三", 3, 1), (String::new(), 0));
        assert_eq!(view(&mut InputWindow::default(), "e\u{301}e\u{301}e\u{301}", 3, 2), ("e\u{301}e\u{301}".into(), 1));
    }

    /// One grapheme of four columns.
    const WIDE: &str = "क\u{94d}ष\u{94d}क\u{94d}ष";

    const PIECES: &[&str] = &[
        "a",
        " ",
        "张",
        "e\u{301}",
        "👩\u{200d}👩\u{200d}👧",
        "🇫🇷",
        "ש",
        "\u{301}",
        "\u{200d}",
        "क\u{94d}ष",
        "ﷺ",
        WIDE,
    ];

    #[test]
    fn cursor_is_always_visible_and_view_is_stable() {
        assert_eq!((WIDE.graphemes(true).count(), WIDE.width()), (1, 4));
        for seed in 0..3000 {
            let mut random = Random(seed);
            let mut window = InputWindow::default();
            for step in 0..20 {
                let text: String = (0..random.below(40)).map(|_| *random.pick(PIECES)).collect();
                let mut cursors: Vec<usize> = text.grapheme_indices(true).map(|(start, _)| start).collect();
                cursors.push(text.len());
                let (cursor, columns) = (*random.pick(&cursors), 1 + random.below(12));
                let what = format!("seed {seed}, step {step}: {text:?} at {cursor} in {columns}");
                let seen = window.view(&text, cursor, columns as u16);
                assert!(usize::from(seen.cursor) < columns, "{what}: {seen:?}");
                assert!(width(&seen.text) <= columns, "{what}: {seen:?}");
                let start = window.start;
                assert!(cursors.contains(&start) && cursors.contains(&(start + seen.text.len())), "{what}: {seen:?}");
                assert!(text[start..].starts_with(&seen.text), "{what}: {seen:?}");
                assert_eq!(width(&text[start..cursor]), usize::from(seen.cursor), "{what}: {seen:?}");
                let under = text[cursor..].graphemes(true).next();
                if let Some(under) = under.filter(|under| under.width() <= columns) {
                    assert!(start + seen.text.len() >= cursor + under.len(), "{what}: {under:?} in {seen:?}");
                }
                assert_eq!(window.view(&text, cursor, columns as u16), seen, "{what}");
            }
        }
    }
}
