//! Where a row of a long line may end.

use unicode_linebreak::{BreakClass, break_property, linebreaks};
use unicode_width::UnicodeWidthChar;

/// Returns a function that tells whether a row may end before a byte of `text`. It is asked for growing positions between
/// graphemes, and takes linear time for all of them.
///
/// The rules are those of UAX #14. Words of ASCII are divided by spaces alone: a URL is not broken at its slashes.
pub fn break_points(text: &str) -> impl FnMut(usize) -> bool {
    let mut allowed = linebreaks(text).map(|(at, _)| at).peekable();
    move |at| match text.as_bytes()[at.saturating_sub(1)..] {
        [b' ', next, ..] if next.is_ascii() => true,
        [last, next, ..] if last.is_ascii_graphic() && next.is_ascii_graphic() => false,
        _ => {
            while allowed.next_if(|&next| next < at).is_some() {}
            allowed.peek() == Some(&at) || is_before_wide_opening(text, at)
        }
    }
}

/// Whether a wide opening mark such as `（` follows a letter. Rule LB30 allows a break there, but the library does not.
fn is_before_wide_opening(text: &str, at: usize) -> bool {
    let (before, behind) = text.split_at(at);
    let is_mark = |c: char| break_property(c.into()) == BreakClass::OpenPunctuation && c.width() == Some(2);
    before.ends_with(char::is_alphanumeric) && behind.starts_with(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts a bar where a row may end.
    fn marked(text: &str) -> String {
        let mut is_break = break_points(text);
        let mark = |(at, c)| if at > 0 && is_break(at) { format!("|{c}") } else { String::from(c) };
        text.char_indices().map(mark).collect()
    }

    #[test]
    fn rows_may_end_between_words_and_between_wide_characters() {
        for line in [
            "one |two |three",
            "你|好|吗",
            "hello，|世|界|（a）|b",
            "（你|好）|吗？|好。",
            "他|说：|「好」",
            "キャ|ラ|メ|ル",
            "안|녕 |하|세|요",
            "see|网|站|now",
            "👍|👍🏽|👩\u{200d}👧|x",
            "你|好 ，|世",
            "a\u{a0}b",
            "",
        ] {
            assert_eq!(marked(&line.replace('|', "")), line);
        }
    }

    #[test]
    fn rows_end_inside_no_word_of_ascii() {
        for line in [
            "see |https://example.org/a-b/c?d=e&f=(g)#h |now",
            "use |/join |or |--full-screen |:-) |[x] |!",
            "见|https://example.org/a|（好）",
        ] {
            assert_eq!(marked(&line.replace('|', "")), line);
        }
    }
}
