//! Nicknames and room names: which are valid, and which are equal.

use std::net::IpAddr;

use caseless::Caseless;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthStr;

use self::lookalike::{Looks, is_mixed};

pub mod look_index;
pub mod lookalike;
mod poster;

/// Maximum width of a nickname, in terminal columns.
pub const MAX_WIDTH: usize = 24;

/// Maximum width of the name of a room, in terminal columns; channels of IRC often have longer names than members.
pub const MAX_ROOM_WIDTH: usize = 48;

/// Maximum bytes of a name for each column of its width; it also limits combining marks, which have no width.
const BYTES_PER_COLUMN: usize = 8;

/// Maximum bytes of a typed text that can become a name: composition (NFC) makes UTF-8 at most 3 times
/// shorter (UAX #15, section 9.2).
pub const MAX_TYPED_BYTES: usize = 3 * BYTES_PER_COLUMN * MAX_ROOM_WIDTH;

/// Reserved names, folded: readers would mistake them for the server or for themselves.
const RESERVED: &[&str] = &[
    "you",
    "me",
    "server",
    "system",
    "operator",
    "console",
    "admin",
    "administrator",
    "all",
    "everyone",
    "everybody",
    "here",
    "nobody",
    "chinwag",
    "你",
    "我",
    "服务器",
    "系统",
    "管理员",
    "所有人",
    "大家",
];

/// A valid name in Unicode's composed form (NFC), and its key: equal names have equal keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NameParts")]
pub struct Name {
    pub shown: CompactString,
    pub key: Box<str>,
}

/// A [`Name`] that was read, and may be none.
#[derive(Deserialize)]
struct NameParts {
    shown: CompactString,
    key: Box<str>,
}

impl TryFrom<NameParts> for Name {
    type Error = &'static str;

    fn try_from(NameParts { shown, key }: NameParts) -> Result<Name, &'static str> {
        let is_name = !shown.is_empty() && !shown.contains(char::is_control) && fold(&shown) == *key;
        is_name.then_some(Name { shown, key }).ok_or("not a name with its key")
    }
}

/// The reason why a member cannot take a text as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidNick<'a> {
    /// It is empty or too long, or has a character other than letters, digits, `_`, `-` and `.`.
    Shape,
    /// It is reserved, or an IP address.
    Reserved,
    /// It can be mistaken for this name.
    LooksLike(&'a str),
    /// It mixes scripts that are easily confused.
    Mixed,
}

impl Name {
    /// Checks a nickname that a member wants to take.
    ///
    /// # Errors
    /// Why it is not valid.
    pub fn new(text: &str) -> Result<Name, InvalidNick<'static>> {
        let name = Name::stored(text)?;
        match Looks::reserved(&name.shown) {
            Some(word) => Err(InvalidNick::LooksLike(word)),
            None if is_mixed(&name.shown) => Err(InvalidNick::Mixed),
            None => Ok(name),
        }
    }

    /// Checks a nickname that a member has had: some that servers once allowed can no longer be taken.
    ///
    /// # Errors
    /// [`InvalidNick::Shape`] or [`InvalidNick::Reserved`].
    pub fn stored(text: &str) -> Result<Name, InvalidNick<'static>> {
        let name = Name::of_width(text, MAX_WIDTH)?;
        // `/ban` and `/unban` take names and addresses.
        if RESERVED.contains(&&*name.key) || name.key.parse::<IpAddr>().is_ok() {
            return Err(InvalidNick::Reserved);
        }
        Ok(name)
    }

    /// Checks the name of a room. Whether a new room may have it is checked when the room is made.
    ///
    /// # Errors
    /// Always [`InvalidNick::Shape`].
    pub fn room(text: &str) -> Result<Name, InvalidNick<'static>> {
        Name::of_width(text, MAX_ROOM_WIDTH)
    }

    /// Checks a name of at most `width` columns.
    fn of_width(text: &str, width: usize) -> Result<Name, InvalidNick<'static>> {
        let text = text.trim();
        if text.len() > MAX_TYPED_BYTES {
            return Err(InvalidNick::Shape);
        }
        let shown: String = text.nfc().collect();
        let starts_well = shown.chars().next().is_some_and(|first| !is_combining_mark(first));
        if !starts_well
            || shown.len() > BYTES_PER_COLUMN * width
            || !(1..=width).contains(&shown.width())
            || !shown.chars().all(is_allowed)
        {
            return Err(InvalidNick::Shape);
        }
        let key = fold(&shown);
        Ok(Name { shown: shown.into(), key: key.into() })
    }
}

fn is_allowed(c: char) -> bool {
    (c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '_' | '-' | '.')) && !is_invisible(c)
}

/// Whether a character is invisible without being white space: it has the property Default_Ignorable_Code_Point
/// (DerivedCoreProperties.txt) or is the empty Braille pattern.
pub fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The key of a text typed as a name; `None` if it is too long for any name.
///
/// The length is checked first, since folding a long text is slow.
pub fn key_of(text: &str) -> Option<String> {
    (text.len() <= MAX_TYPED_BYTES).then(|| fold(text))
}

/// The key of a name: equal for names that differ only in case, width or composition.
///
/// Compatibility caseless matching (The Unicode Standard, section 3.13, definition D146), but with compatibility
/// decomposition as the first step: a half-width mark (U+FF9E) must be ordered before an iota subscript
/// (U+0345) becomes a letter.
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // The standard library has case mappings of newer Unicode versions than `caseless`.
    let lower = name.nfkd().flat_map(char::to_lowercase);
    lower.default_case_fold().nfkd().default_case_fold().nfkd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Box<str> {
        Name::stored(text).unwrap_or_else(|why| panic!("{text}: {why:?}")).key
    }

    #[test]
    fn letters_and_digits_of_any_script_are_valid() {
        for name in ["a", "alice", "Ann-Marie_2.0", "张三", "Ελένη", "नमस्ते", "علي", "조선", "q1"]
        {
            assert_eq!(&*Name::new(name).unwrap().shown, name);
        }
    }

    #[test]
    fn other_characters_and_long_names_are_invalid() {
        for name in [
            "",
            " ",
            "a b",
            "a@b",
            "a:b",
            "a/b",
            "a\u{200b}b",
            "\u{301}a",
            "ㅤ",
            "a\u{fe0f}",
            "😀",
            "a!",
            "#a",
            &"x".repeat(25),
            &"张".repeat(13),
        ] {
            assert_eq!(Name::new(name), Err(InvalidNick::Shape), "{name:?}");
        }
        assert_eq!(Name::new(&"x".repeat(24)).unwrap().shown.len(), 24);
        assert_eq!(Name::new(&"张".repeat(12)).unwrap().shown.len(), 36);
        assert_eq!(Name::new(&format!("a{}", "\u{301}".repeat(200))), Err(InvalidNick::Shape));
    }

    #[test]
    fn names_that_differ_in_case_width_or_composition_are_equal() {
        assert_eq!(key("Alice"), key("aLICE"));
        assert_eq!(key("ａｌｉｃｅ"), key("alice"));
        assert_eq!(key("é"), key("e\u{301}"));
        assert_eq!(key("STRASSE"), key("straße"));
        assert_eq!(key("ΣΊΣΥΦΟΣ"), key("σίσυφος"));
        assert_eq!(key("ｶﾞ"), key("ガ"));
        assert_eq!(key("Ꭰ"), key("ꭰ"));
        assert_eq!(key("ᾳ\u{ff9e}"), key("ᾳ\u{3099}"));
        assert_ne!(key("alice"), key("alicia"));
    }

    #[test]
    fn reserved_names_are_refused_in_any_spelling() {
        for name in ["you", "YOU", "Ｓｅｒｖｅｒ", "server", "服务器", "127.0.0.1", "１０.0.0.1"] {
            assert_eq!(Name::new(name), Err(InvalidNick::Reserved));
        }
    }

    #[test]
    fn text_too_long_for_a_name_is_not_folded() {
        let long = "ﷺ".repeat(1360);
        assert_eq!((key_of(&long), Name::new(&long)), (None, Err(InvalidNick::Shape)));
        // The longest spelling of a name: each character decomposes to three.
        let decomposed = "\u{3b9}\u{308}\u{301}".repeat(24);
        assert_eq!(key_of(&decomposed), Some(key("\u{390}".repeat(24).as_str()).into()));
    }

    #[test]
    fn spaces_around_a_name_are_removed() {
        assert_eq!(&*Name::new("  alice ").unwrap().shown, "alice");
    }
}
