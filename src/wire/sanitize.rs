//! Cleans the text of a client before other clients read it.
//!
//! It removes control characters (C0, DEL, C1), whole escape sequences (ECMA-48),
//! characters that change the direction of text (Bidi_Control, UAX #9), line and paragraph
//! separators, the byte order mark, and combining marks beyond a limit for each base character.
//! A tab becomes a space.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// Maximum combining marks on one base character; no language needs more.
const MAX_MARKS: usize = 8;

const ESC: char = '\u{1b}';

/// The text without characters that could do harm on a screen or in a log.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(clean_except(text, |_| false))
}

/// As [`clean`], but some control characters stay. They do not count as base characters.
pub fn clean_except(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut marks = 0;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            _ if is_kept(c) => clean.push(c),
            '\t' => {
                marks = 0;
                clean.push(' ');
            }
            ESC => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            _ if is_combining_mark(c) => {
                marks += 1;
                if marks <= MAX_MARKS {
                    clean.push(c);
                }
            }
            _ if is_plain(c) => {
                // Joiners and other characters without width do not start a new base character.
                if c.width() != Some(0) {
                    marks = 0;
                }
                clean.push(c);
            }
            _ => {}
        }
    }
    clean
}

/// Whether a character is harmless in every position.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        && !is_bidi_control(c)
        && !is_combining_mark(c)
}

/// The property Bidi_Control of the Unicode Character Database (PropList.txt).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Skips an escape sequence after its ESC: ECMA-48, sections 5.3 and 5.4.
fn skip_escape(rest: &mut std::str::Chars) {
    let mut ahead = rest.clone();
    match ahead.next() {
        Some('[') => {
            *rest = ahead;
            skip_control_sequence(rest);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            *rest = ahead;
            skip_string(rest);
        }
        Some('\u{20}'..='\u{7e}') => {
            // Intermediate bytes, then a final byte; any other byte ends the sequence.
            while let Some(c @ '\u{20}'..='\u{7e}') = rest.clone().next() {
                rest.next();
                if c >= '\u{30}' {
                    return;
                }
            }
        }
        // Not a sequence: the next characters are treated as text.
        _ => {}
    }
}

/// Skips the parameter, intermediate and final bytes of a control sequence.
fn skip_control_sequence(rest: &mut std::str::Chars) {
    while let Some(c) = rest.clone().next() {
        match c {
            '\u{20}'..='\u{3f}' => {
                rest.next();
            }
            '\u{40}'..='\u{7e}' => {
                rest.next();
                return;
            }
            _ => return,
        }
    }
}

/// Skips a control string up to its terminator: BEL, ST, or the end of the line.
fn skip_string(rest: &mut std::str::Chars) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            ESC => return skip_escape(rest),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_language_is_unchanged() {
        for text in ["hello, world", "你好", "e\u{301}", "👩\u{200d}👩\u{200d}👧", "नमस्ते", "שלום", "a\u{308}\u{304}b"]
        {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn control_characters_and_sequences_are_removed() {
        for (dirty, expected) in [
            ("a\u{0}b\u{7}c\u{7f}d\u{85}e", "abcde"),
            ("a\tb", "a b"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("\u{1b}Pq#0;2\u{1b}\\text", "text"),
            ("\u{1b}(Btext", "text"),
            ("\u{1b}ctext", "text"),
            ("\u{1b}]unended", ""),
            ("\u{1b}[31", ""),
            ("\u{1b}[3你", "你"),
            ("\u{1b}(你", "你"),
            ("\u{1b}(\u{1b}[1mx", "x"),
            ("\u{1b}\u{1b}[1mx", "x"),
            ("end\u{1b}", "end"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e", "abcde"),
            ("a\u{2028}b\u{feff}c", "abc"),
        ] {
            assert_eq!(clean(dirty), expected, "{dirty:?}");
        }
    }

    #[test]
    fn marks_are_limited_on_each_base_character() {
        let zalgo = format!("a{}b{}", "\u{301}".repeat(50), "\u{301}".repeat(8));
        let expected = format!("a{}b{}", "\u{301}".repeat(8), "\u{301}".repeat(8));
        assert_eq!(clean(&zalgo), expected);
        // A space is a base character, also if it was a tab.
        let tabbed = format!("a{}\t\u{301}", "\u{301}".repeat(8));
        assert_eq!(clean(&tabbed), tabbed.replace('\t', " "));
        let joined = format!("a{}", "\u{301}\u{200c}".repeat(50));
        assert_eq!(clean(&joined).matches('\u{301}').count(), 8);
    }
}
