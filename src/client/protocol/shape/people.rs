//! Parses the lists in the server's sentences: users, rooms, numbers.

use unicode_normalization::char::is_combining_mark;

use crate::client::name_cache::MAX_BYTES;

/// The members of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleList<'a> {
    /// The number of all members, the reader included.
    pub here: usize,
    /// The names of some or all of the others.
    pub names: Vec<&'a str>,
    /// Whether the reader is one of them.
    pub you: bool,
}

/// The words of one language in such a list.
pub(super) struct ListWords {
    pub comma: &'static str,
    pub and: &'static str,
    pub you: &'static str,
    /// The text before and after the number of members that are not named.
    pub more: (&'static str, &'static str),
}

impl ListWords {
    /// Parses a list of `here` members; `own`: it is the reader's room, so that the list may contain "you".
    pub fn people<'a>(&self, text: &'a str, here: usize, own: bool) -> Option<PeopleList<'a>> {
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
            // A name can look like a number of members; then only the count decides.
            _ => self.partial_list(others, count).or_else(|| self.full_list(others, count, you)),
        };
        Some(PeopleList { here, names: names?, you })
    }

    /// Parses names, and the number of members that are not named.
    fn partial_list<'a>(&self, text: &'a str, count: usize) -> Option<Vec<&'a str>> {
        let text = text.strip_suffix(self.more.1)?;
        let (names, more) = match text.rsplit_once(self.comma) {
            Some((names, more)) => (names.split(self.comma).collect(), more),
            None => (Vec::new(), text),
        };
        let more = number(more.strip_prefix(self.more.0)?)?;
        let fits = more > 0 && names.len().checked_add(more) == Some(count);
        (fits && names.iter().all(|name| is_name(name))).then_some(names)
    }

    /// Parses the complete list; without "you" at the end, "and" stands before the last name.
    fn full_list<'a>(&self, text: &'a str, count: usize, you: bool) -> Option<Vec<&'a str>> {
        let mut names: Vec<&str> = text.split(self.comma).collect();
        let mut unclear = 0;
        if !you && count > 1 {
            let last = names.pop()?;
            let pairs = last.match_indices(self.and).map(|(at, and)| (&last[..at], &last[at + and.len()..]));
            let mut pairs = pairs.filter(|(one, other)| is_name(one) && is_name(other));
            let (one, other) = pairs.next()?;
            // In Chinese "and" can be part of a name; a missing name is better than a wrong one.
            match pairs.next() {
                None => names.extend([one, other]),
                Some(_) => unclear = 2,
            }
        }
        (names.len() + unclear == count && names.iter().all(|name| is_name(name))).then_some(names)
    }
}

/// Parses a number without a sign.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Whether a word can be the name of a user or a room, by the rules of [`crate::chat::policy::nick`], or an address.
///
/// Reads at most [`MAX_BYTES`] of it, so that trying many divisions of a list stays cheap.
pub(super) fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || is_combining_mark(c) || "_-.:[]#%".contains(c);
    (1..=MAX_BYTES).contains(&word.len()) && word.chars().all(fits)
}
