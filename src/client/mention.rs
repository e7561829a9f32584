//! Whether a name stands in a text.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use crate::chat::name::fold;

/// Whether `name` is a word of `text`, regardless of case, width and composition.
///
/// A word ends where no letter, digit, mark or `_` follows, and where Unicode ends one (UAX #29), which is
/// between any two ideographs.
pub fn is_mentioned(name: &str, text: &str) -> bool {
    let (name, text) = (fold(name), fold(text));
    if name.is_empty() {
        return false;
    }
    let mut from = 0;
    while let Some(found) = text[from..].find(&name) {
        let start = from + found;
        if is_boundary(&text, start) && is_boundary(&text, start + name.len()) {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

fn is_boundary(text: &str, at: usize) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || is_combining_mark(c) || c == '_';
    let (before, after) = (text[..at].chars().next_back(), text[at..].chars().next());
    let inside = before.is_some_and(is_of_word) && after.is_some_and(is_of_word);
    !inside || splits_words(text, at)
}

/// Whether Unicode ends a word at `at`; only the run of characters around it without a space is looked at.
fn splits_words(text: &str, at: usize) -> bool {
    let start = text[..at].rfind(char::is_whitespace).unwrap_or(0);
    let end = text[at..].find(char::is_whitespace).map_or(text.len(), |end| at + end);
    text[start..end].split_word_bound_indices().any(|(index, _)| start + index == at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_of_its_own() {
        for (name, text) in [
            ("alice", "alice"),
            ("alice", "hi Alice!"),
            ("alice", "ａｌｉｃｅ: lunch?"),
            ("alice", "that is alice's, not malice"),
            ("alice", "malice? alice"),
            ("alice", "@alice/bob"),
            ("josé", "JOSE\u{301}, come"),
            ("张三", "张三你好"),
            ("ボブ", "ボブさん"),
            ("ｶﾞ", "(ガ)"),
            ("ann-marie_2.0", "for Ann-Marie_2.0."),
            ("a.", "a. b"),
            ("علي", "يا علي!"),
        ] {
            assert!(is_mentioned(name, text), "{name} in {text}");
        }
    }

    #[test]
    fn a_part_of_another_word_is_no_mention() {
        for (name, text) in [
            ("alice", ""),
            ("alice", "alic"),
            ("alice", "malice"),
            ("alice", "alices"),
            ("alice", "alice_2 alice2"),
            ("jose", "jose\u{301}"),
            ("bob", "kabobs"),
            ("नम", "नमस्ते"),
            ("張三", "张三"),
        ] {
            assert!(!is_mentioned(name, text), "{name} in {text}");
        }
    }
}
