//! The lists that the server's sentences hold: people, rooms, numbers.

use unicode_normalization::char::is_combining_mark;

use crate::client::input::name_cache::MAX_BYTES;

/// Who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People<'a> {
    /// How many in all, the reader included.
    pub here: usize,
    /// The names of some or all of the others.
    pub names: Vec<&'a str>,
    /// Whether the reader is among them.
    pub you: bool,
}

/// The words of one language in such a list.
pub(super) struct Words {
    pub comma: &'static str,
    pub and: &'static str,
    pub you: &'static str,
    /// Around the number of those who are not named.
    pub more: (&'static str, &'static str),
}

impl Words {
    /// Reads a list of `here` people; `own`: of the reader's room, so that they may be among them.
    pub fn people<'a>(&self, text: &'a str, here: usize, own: bool) -> Option<People<'a>> {
        let others = match text {
            _ if !own => None,
            _ if text == self.you => Some(""),
            _ => text.strip_suffix(self.you).and_then(|text| text.strip_suffix(self.and)),
        };
        let you = others.is_some();
        let others = others.unwrap_or(text);
        let count = here.checked_sub(usize::from(you))?;
        let names = match count {
            0 => others.is_empty().then(Vec::new),
            // A name can look like a number of people; then only the count tells.
            _ => self.some(others, count).or_else(|| self.all(others, count, you)),
        };
        Some(People { here, names: names?, you })
    }

    /// Names, and the number of those that are left out.
    fn some<'a>(&self, text: &'a str, count: usize) -> Option<Vec<&'a str>> {
        let text = text.strip_suffix(self.more.1)?;
        let (names, more) = match text.rsplit_once(self.comma) {
            Some((names, more)) => (names.split(self.comma).collect(), more),
            None => (Vec::new(), text),
        };
        let more = number(more.strip_prefix(self.more.0)?)?;
        let fits = more > 0 && names.len().checked_add(more) == Some(count);
        (fits && names.iter().all(|name| is_name(name))).then_some(names)
    }

    /// All the names; without "you" at the end, "and" stands before the last.
    fn all<'a>(&self, text: &'a str, count: usize, you: bool) -> Option<Vec<&'a str>> {
        let mut names: Vec<&str> = text.split(self.comma).collect();
        let mut unclear = 0;
        if !you && count > 1 {
            let last = names.pop()?;
            let pairs = last.match_indices(self.and).map(|(at, and)| (&last[..at], &last[at + and.len()..]));
            let mut pairs = pairs.filter(|(one, other)| is_name(one) && is_name(other));
            let (one, other) = pairs.next()?;
            // In Chinese "and" can be part of a name; better not to know one than to know a wrong one.
            match pairs.next() {
                None => names.extend([one, other]),
                Some(_) => unclear = 2,
            }
        }
        (names.len() + unclear == count && names.iter().all(|name| is_name(name))).then_some(names)
    }
}

/// A number without a sign.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Whether a word can be the name of a person or a room: as [`crate::chat::name`] has it, or an address.
///
/// At most [`MAX_BYTES`] of it are looked at, so that a list can be divided in many ways at little cost.
pub(super) fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || is_combining_mark(c) || "_-.:[]#%".contains(c);
    (1..=MAX_BYTES).contains(&word.len()) && word.chars().all(fits)
}
