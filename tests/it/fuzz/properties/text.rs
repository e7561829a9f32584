//! Defines harmless text a second time, independent of the product's code.

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// Maximum combining marks on one base character.
const MAX_MARKS: usize = 8;

/// Whether a character must never be sent: Cc, Bidi_Control, line and paragraph separator, byte order mark.
pub fn is_harmful(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || [0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff].contains(&code)
        || (0x202a..0x202f).contains(&code)
        || (0x2066..0x206a).contains(&code)
}

/// The text without combining marks over the maximum per base character.
pub fn with_few_marks(text: &str) -> String {
    let mut marks = 0;
    text.chars()
        .filter(|&c| {
            if is_combining_mark(c) {
                marks += 1;
                return marks <= MAX_MARKS;
            }
            // Joiners have no width: the marks after them still belong to the same base character.
            if c.width() != Some(0) {
                marks = 0;
            }
            true
        })
        .collect()
}

pub fn assert_harmless(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?} contains a control character");
    assert_eq!(with_few_marks(text), text, "a character has too many combining marks");
}
