//! Sanitizing: its output is harmless, and harmless text is not changed.

use std::borrow::Cow;

use chinwag::wire::sanitize::clean;
use unicode_normalization::char::is_combining_mark;

use super::text::{assert_harmless, is_harmful, with_few_marks};

/// Characters that begin an escape sequence, and those that begin a string with any content.
const INTRODUCERS: &[char] = &['\u{1b}', '\u{9b}', '\u{90}', '\u{98}', '\u{9d}', '\u{9e}', '\u{9f}'];
const STRINGS: &[&str] =
    &["\u{1b}P", "\u{1b}X", "\u{1b}]", "\u{1b}^", "\u{1b}_", "\u{90}", "\u{98}", "\u{9d}", "\u{9e}", "\u{9f}"];

/// Complete escape sequences of every kind (ECMA-48, xterm's ctlseqs).
const SEQUENCES: &[&str] = &[
    "\u{1b}[31m",
    "\u{1b}[?25 h",
    "\u{9b}1;2H",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;http://example.org/\u{1b}\\",
    "\u{9d}0;标题\u{9c}",
    "\u{1b}P1$q\u{1b}\\",
    "\u{90}q#0\u{9c}",
    "\u{1b}_G\u{1b}\\",
    "\u{1b}(B",
    "\u{1b}c",
    "\u{1b} F",
    "\u{1b}[0;1;2;3;4;5;6;7;8;9 q",
];

pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let text = &*text;
    let cleaned = clean(text);
    assert_harmless(&cleaned);
    assert!(cleaned.len() <= text.len(), "{cleaned:?} is longer than {text:?}");
    assert_eq!(clean(&cleaned), cleaned, "cleaning again changes the text");

    let harmless: String = text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| !is_harmful(c)).collect();
    let ordinary = with_few_marks(&harmless);
    let same = clean(&ordinary);
    assert_eq!(same, ordinary, "harmless text was changed");
    if !ordinary.contains(is_combining_mark) {
        assert!(matches!(same, Cow::Borrowed(_)), "{ordinary:?} was copied");
    }
    if !text.contains(INTRODUCERS) {
        assert_eq!(cleaned, ordinary, "more or less than what is harmful was removed");
    }
    if !STRINGS.iter().any(|string| text.contains(string)) {
        let foreign = |text: &str| text.chars().filter(|&c| is_foreign(c)).collect::<String>();
        assert_eq!(foreign(&cleaned), foreign(text), "an escape sequence removed text that is not part of it");
    }

    let middle = usize::from(input.first().copied().unwrap_or_default()) % (ordinary.len() + 1);
    let middle = (middle..).find(|&at| ordinary.is_char_boundary(at)).unwrap_or_default();
    let (before, after) = ordinary.split_at(middle);
    for sequence in SEQUENCES {
        assert_eq!(clean(&format!("{before}{sequence}{after}")), ordinary, "{sequence:?} was not removed as a whole");
    }
}

/// Checks a text of one character.
pub fn check_alone(c: char) {
    let (mut one, mut expected) = ([0; 4], [0; 4]);
    let expected = match c {
        '\t' => " ",
        c if is_harmful(c) => "",
        c => &*c.encode_utf8(&mut expected),
    };
    assert_eq!(clean(c.encode_utf8(&mut one)), expected);
}

/// Harmless, not of width zero, and only in escape sequences that are strings.
fn is_foreign(c: char) -> bool {
    !c.is_ascii() && !is_harmful(c) && !is_combining_mark(c)
}
