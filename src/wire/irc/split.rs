//! Splits long texts into pieces that fit into lines.

use unicode_segmentation::GraphemeCursor;

/// Splits a text into pieces of at most `max_bytes` each, which give the text again when they are joined.
///
/// A piece ends behind a space if there is one in its last third, else between two characters as people see them (extended
/// grapheme clusters, UAX #29), else between two code points. A code point that is longer than `max_bytes` is a piece
/// alone. An empty text has no pieces.
pub fn pieces(text: &str, max_bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, others) = rest.split_at(first_len(rest, max_bytes));
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes of the first piece.
fn first_len(text: &str, max_bytes: usize) -> usize {
    if text.len() <= max_bytes {
        return text.len();
    }
    let most = (0..=max_bytes).rev().find(|&len| text.is_char_boundary(len)).unwrap_or(0);
    if most == 0 {
        return text.chars().next().map_or(0, char::len_utf8);
    }
    match text[..most].rfind(' ') {
        Some(space) if space + 1 > max_bytes - max_bytes / 3 => space + 1,
        _ => cluster_boundary(text, most).unwrap_or(most),
    }
}

/// The last boundary between two grapheme clusters up to `most`, except the begin of the text.
fn cluster_boundary(text: &str, most: usize) -> Option<usize> {
    let mut cursor = GraphemeCursor::new(most, text.len(), true);
    let at = match cursor.is_boundary(text, 0) {
        Ok(true) => Some(most),
        _ => cursor.prev_boundary(text, 0).unwrap_or(None),
    };
    at.filter(|&at| at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, max_bytes: usize) -> Vec<&str> {
        let split: Vec<&str> = pieces(text, max_bytes).collect();
        assert_eq!(split.concat(), text, "nothing is lost");
        assert!(split.iter().all(|piece| piece.len() <= max_bytes.max(4)), "{split:?}");
        split
    }

    #[test]
    fn short_text_is_one_piece() {
        assert_eq!(split("hello", 5), ["hello"]);
        assert_eq!(split("你好", 6), ["你好"]);
        assert!(split("", 5).is_empty());
    }

    #[test]
    fn piece_ends_behind_a_space_in_its_last_third() {
        assert_eq!(split("one two three", 9), ["one two ", "three"]);
        assert_eq!(split("abcdef ghijk", 9), ["abcdef ", "ghijk"]);
        assert_eq!(split("abcde fghijk", 9), ["abcde fgh", "ijk"]);
        assert_eq!(split("abcdefgh ijk", 9), ["abcdefgh ", "ijk"]);
    }

    #[test]
    fn characters_are_not_split() {
        assert_eq!(split("你好你好", 7), ["你好", "你好"]);
        assert_eq!(split("xxe\u{301}xx", 4), ["xx", "e\u{301}x", "x"]);
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(split(&format!("abc{family}d"), 20), ["abc", &format!("{family}d")]);
    }

    #[test]
    fn cluster_that_does_not_fit_is_split_between_code_points() {
        assert_eq!(split("👩\u{200d}👩\u{200d}👧", 8), ["👩\u{200d}", "👩\u{200d}", "👧"]);
        assert_eq!(split("你好", 1), ["你", "好"]);
        assert_eq!(split("ab", 0), ["a", "b"]);
    }

    #[test]
    fn long_texts_of_any_language_are_split_without_loss() {
        for text in ["word ".repeat(300), "好".repeat(500), "e\u{301}".repeat(400), "🇩🇪🇫🇷".repeat(100)] {
            for max_bytes in [4, 5, 50, 333, 400] {
                assert!(split(&text, max_bytes).len() >= text.len() / max_bytes.max(4));
            }
        }
    }
}
