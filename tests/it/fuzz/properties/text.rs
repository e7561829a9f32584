//! What text is harmless, said a second time and without the product's words.

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// The most combining marks on one base character.
const MAX_MARKS: usize = 8;

/// Whether nobody may be sent that character: Cc, Bidi_Control, line and paragraph separator, byte order mark.
pub fn is_harmful(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || [0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff].contains(&code)
        || (0x202a..0x202f).contains(&code)
        || (0x2066..0x206a).contains(&code)
}

/// The text without marks past the most that a base character may have.
pub fn with_few_marks(text: &str) -> String {
    let mut marks = 0;
    text.chars()
        .filter(|&c| {
            if is_combining_mark(c) {
                marks += 1;
                return marks <= MAX_MARKS;
            }
            // Joiners have no width, and what follows them is still on the same base character.
            if c.width() != Some(0) {
                marks = 0;
            }
            true
        })
        .collect()
}

pub fn assert_harmless(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?} holds a control character");
    assert_eq!(with_few_marks(text), text, "there are too many marks on a character");
}
