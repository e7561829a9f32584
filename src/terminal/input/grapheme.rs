//! Finds grapheme boundaries (UAX #29) in a text.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Returns the start of the grapheme before `at`.
pub fn previous(text: &str, at: usize) -> usize {
    GraphemeCursor::new(at, text.len(), true).prev_boundary(text, 0).ok().flatten().unwrap_or(0)
}

/// Returns the longest beginning of the text in whole graphemes that has at most `room` bytes.
pub fn cut(text: &str, room: usize) -> &str {
    if text.len() <= room {
        return text;
    }
    let ends = text.grapheme_indices(true).map(|(start, _)| start);
    &text[..ends.take_while(|&end| end <= room).last().unwrap_or(0)]
}
