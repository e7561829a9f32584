//! Finds a name in a text.

use std::cell::LazyCell;

use memchr::memmem::Finder;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use crate::chat::policy::nick::fold;
use crate::client::name_cache::MAX_BYTES;

/// A name that is searched for in many texts.
#[derive(Debug)]
pub struct MentionFinder {
    /// The folded name; `None` if no text can mention it: it is empty or longer than [`MAX_BYTES`].
    finder: Option<Finder<'static>>,
}

impl MentionFinder {
    /// Prepares the search for a name.
    pub fn new(name: &str) -> Self {
        let fits = !name.is_empty() && name.len() <= MAX_BYTES;
        MentionFinder { finder: fits.then(|| Finder::new(&fold(name)).into_owned()) }
    }

    /// Whether the name is a word of `text`, regardless of case, width and composition.
    ///
    /// A word ends where no letter, digit, mark or `_` follows, and where Unicode ends one (UAX #29), which is between
    /// any two ideographs. The time is proportional to the length of the text, for any text.
    pub fn is_in(&self, text: &str) -> bool {
        let Some(finder) = &self.finder else { return false };
        let text = fold(text);
        let size = finder.needle().len();
        // Words are divided once for the whole text, and only if the name touches a letter.
        let edges = LazyCell::new(|| edges(&text));
        let is_boundary = |at: usize| !is_inside(&text, at) || edges[at];
        let mut from = 0;
        while let Some(found) = finder.find(&text.as_bytes()[from..]) {
            let start = from + found;
            if is_boundary(start) && is_boundary(start + size) {
                return true;
            }
            from = start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
        false
    }
}

/// Whether letters, digits, marks or `_` stand on both sides of `at`.
fn is_inside(text: &str, at: usize) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || is_combining_mark(c) || c == '_';
    let (before, after) = (text[..at].chars().next_back(), text[at..].chars().next());
    before.is_some_and(is_of_word) && after.is_some_and(is_of_word)
}

/// Returns for each byte of the text, and for its end, whether Unicode begins a word there.
fn edges(text: &str) -> Vec<bool> {
    let mut edges = vec![false; text.len() + 1];
    text.split_word_bound_indices().for_each(|(start, _)| edges[start] = true);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_found_as_a_word() {
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
            assert!(MentionFinder::new(name).is_in(text), "{name} in {text}");
        }
    }

    #[test]
    fn part_of_a_word_is_no_mention() {
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
            assert!(!MentionFinder::new(name).is_in(text), "{name} in {text}");
        }
    }
    /// Megabytes: a search that goes back over the text for each copy of the name would take too long.
    #[test]
    fn search_time_is_linear() {
        let size = 8 << 20;
        for (name, piece) in
            [("victim", "victim"), ("aa", "a"), ("a_a", "a_"), ("न", "नमस्"), ("ボブ", "ボブ"), ("é", "e\u{301}")]
        {
            let text = format!("x{}", piece.repeat(size / piece.len()));
            assert!(!MentionFinder::new(name).is_in(&text), "{name}");
            assert!(MentionFinder::new(name).is_in(&format!("{text} {name}")), "{name}");
        }
    }

    #[test]
    fn overlong_name_is_never_found() {
        let name = "a".repeat(MAX_BYTES + 1);
        assert!(!MentionFinder::new(&name).is_in(&name));
        assert!(MentionFinder::new(&name[1..]).is_in(&name[1..]));
        assert!(!MentionFinder::new("").is_in("a"));
    }
}
