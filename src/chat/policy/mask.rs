//! Masks: patterns for the members that a room keeps out, silences or lets in, as IRC has them (RFC 2811, section 4.3).
//!
//! `NICK!USER@HOST`: a mask for what others are shown of a member. `a:ACCOUNT`: the member is logged in as an account.
//! `m:` before either: the members that match may enter, but not speak. In each part, `*` stands for any text and `?` for one
//! character; case, width and Unicode composition do not matter.

use std::str::Chars;

use compact_str::{CompactString, ToCompactString, format_compact};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::host::Host;
use super::nick::fold;

/// Maximum bytes of a mask.
pub const MAX_MASK: usize = 100;

/// What a mask begins with that is about speaking alone.
pub const MUTE: &str = "m:";
/// What a mask, or the rest of one, begins with that is about an account.
const ACCOUNT: &str = "a:";

/// What a mask in a list of a room does for members that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MaskKind {
    /// They may not enter, and not speak without voice. With `m:`: they may not speak.
    Ban,
    /// Bans by masks do not hold for them. With `m:`: they may speak.
    Except,
    /// They need no invitation.
    InviteExcept,
}

/// A mask in its normal form, which is folded and has all parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask(CompactString);

/// A mask in a list of a room: who has set it, by its name at that time, and when, in Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskEntry {
    pub kind: MaskKind,
    pub mask: Mask,
    pub by: CompactString,
    pub at: i64,
}

/// A member as masks see it, with folded texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskTarget {
    nick: CompactString,
    user: CompactString,
    host: CompactString,
    account: Option<CompactString>,
}

impl MaskTarget {
    /// A member with its nickname, user name, host, and the name of its account.
    pub fn new(nick: &str, user: &str, host: Host, account: Option<&str>) -> Self {
        MaskTarget { nick: folded(nick), user: folded(user), host: host.text(), account: account.map(folded) }
    }
}

impl Mask {
    /// The mask that a text stands for. Parts that are missing match everything: `foo` is `foo!*@*`, `a@b` is `*!a@b`, `a!b` is
    /// `a!b@*`. `~a:` and `~m:` are other spellings of `a:` and `m:`.
    ///
    /// `None` if it is empty or longer than [`MAX_MASK`], has a space or a control character, or begins with a colon, with which
    /// the last parameter of a line of IRC begins.
    pub fn new(text: &str) -> Option<Mask> {
        if text.len() > MAX_MASK
            || text.starts_with(':')
            || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return None;
        }
        let text = folded(text);
        let (mute, rest) = split_prefix(&text, MUTE);
        let (account, rest) = split_prefix(rest, ACCOUNT);
        if rest.is_empty() {
            return None;
        }
        let full = match account {
            ACCOUNT => format_compact!("{mute}{account}{rest}"),
            _ => {
                let (nick, rest) = rest.split_once('!').unwrap_or_else(|| match rest.contains('@') {
                    true => ("", rest),
                    false => (rest, ""),
                });
                let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
                let [nick, user, host] = [nick, user, host].map(|part| if part.is_empty() { "*" } else { part });
                format_compact!("{mute}{nick}!{user}@{host}")
            }
        };
        let mut before = ' ';
        let is_new = |c: &char| std::mem::replace(&mut before, *c) != '*' || *c != '*';
        Some(Mask(full.chars().filter(is_new).collect())).filter(|mask| mask.0.len() <= MAX_MASK)
    }

    /// Whether a word in a command means a mask, and not a name.
    pub fn is_meant_by(word: &str) -> bool {
        let word = word.strip_prefix('~').unwrap_or(word);
        word.contains(['!', '@', '*']) || word.starts_with(MUTE) || word.starts_with(ACCOUNT)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is about speaking alone.
    pub fn is_mute(&self) -> bool {
        self.0.starts_with(MUTE)
    }

    /// Whether a member matches, in at most as many steps as the bytes of the mask times those of the member's texts.
    pub fn matches(&self, target: &MaskTarget) -> bool {
        let text = self.0.strip_prefix(MUTE).unwrap_or(&self.0);
        if let Some(pattern) = text.strip_prefix(ACCOUNT) {
            return target.account.as_ref().is_some_and(|account| is_like(pattern, account));
        }
        let Some((nick, rest)) = text.split_once('!') else { return false };
        let Some((user, host)) = rest.split_once('@') else { return false };
        is_like(nick, &target.nick) && is_like(user, &target.user) && is_like(host, &target.host)
    }
}

/// A text folded for [`is_like`], and composed, so that `?` stands for one visible character.
pub fn folded(text: &str) -> CompactString {
    match text.is_ascii() {
        true => text.to_ascii_lowercase().to_compact_string(),
        false => fold(text).nfc().collect(),
    }
}

/// Splits a prefix off, if the text begins with it or with `~` and it.
fn split_prefix<'a>(text: &'a str, prefix: &'static str) -> (&'static str, &'a str) {
    match text.strip_prefix('~').unwrap_or(text).strip_prefix(prefix) {
        Some(rest) => (prefix, rest),
        None => ("", text),
    }
}

/// Whether a text matches a pattern with `*` and `?`; case, width and Unicode composition do not matter.
pub fn is_match(pattern: &str, text: &str) -> bool {
    is_like(&folded(pattern), &folded(text))
}

/// Whether a text is like a pattern with `*` and `?`, in at most as many steps as the product of their lengths.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on if the text differs: after the last `*`, which covers one character more each time.
    let mut retry: Option<(Chars, Chars)> = None;
    loop {
        let uncovered = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                text = uncovered.clone();
                retry = Some((pattern.clone(), uncovered));
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            (Some(wanted), Some(c)) if wanted == '?' || wanted == c => {}
            _ => match &mut retry {
                Some((after, uncovered)) => {
                    uncovered.next();
                    (pattern, text) = (after.clone(), uncovered.clone());
                }
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_support::Random;

    fn text(typed: &str) -> String {
        Mask::new(typed).unwrap_or_else(|| panic!("{typed} is no mask")).text().to_owned()
    }

    #[test]
    fn missing_parts_of_a_mask_match_everything() {
        for (typed, full) in [
            ("foo", "foo!*@*"),
            ("a@b", "*!a@b"),
            ("a!b", "a!b@*"),
            ("a!b@c", "a!b@c"),
            ("a!", "a!*@*"),
            ("!b", "*!b@*"),
            ("@c", "*!*@c"),
            ("*", "*!*@*"),
            ("a***b!**@*.x", "a*b!*@*.x"),
            ("FOO!Bar@*.CLOAK", "foo!bar@*.cloak"),
            ("Émil", "émil!*@*"),
            ("a:Bob", "a:bob"),
            ("~a:*", "a:*"),
            ("m:Foo", "m:foo!*@*"),
            ("~m:~a:foo", "m:a:foo"),
        ] {
            assert_eq!(text(typed), full);
            assert_eq!(text(full), full, "the normal form is its own");
        }
    }

    #[test]
    fn texts_that_are_no_masks_are_refused() {
        for typed in ["", "m:", "a:", "m:a:", "a b", "a\u{3000}b", "a\u{7}", "a\u{a0}!b@c"] {
            assert_eq!(Mask::new(typed), None, "{typed:?}");
        }
        let longest = "n".repeat(MAX_MASK - "!*@*".len());
        assert!(Mask::new(&longest).is_some() && Mask::new(&(longest + "n")).is_none());
    }

    #[test]
    fn members_match_by_nick_user_host_and_account() {
        let host = Host::of("203.0.113.7".parse().unwrap(), [1, 2]);
        let target = MaskTarget::new("Émil", "Chat", host, Some("Bob"));
        let host = host.text();
        let matches = |mask: &str| Mask::new(mask).unwrap().matches(&target);
        for mask in
            ["émil", "ÉMIL!*@*", "?mil", "*!chat@*", "é*!c?a*@*.cloak", "*", "a:bob", "a:b*", "m:Émil", "m:a:BOB"]
        {
            assert!(matches(mask), "{mask}");
        }
        assert!(matches(&format!("*!*@{host}")) && matches(&format!("e\u{301}mil!chat@{host}")));
        for mask in ["emil", "mil", "émil?", "*!chats@*", "*!*@*.example", "a:bo", "a:émil", "m:a:carol", "??"] {
            assert!(!matches(mask), "{mask}");
        }
        let guest = MaskTarget::new("bob", "chat", Host::LOCAL, None);
        assert!(!Mask::new("a:*").unwrap().matches(&guest) && Mask::new("*!*@local.cloak").unwrap().matches(&guest));
    }

    #[test]
    fn words_with_signs_that_no_name_has_mean_masks() {
        for word in ["a!b", "a@b", "a*", "m:a", "a:b", "~a:b", "~m:x"] {
            assert!(Mask::is_meant_by(word), "{word}");
        }
        for word in ["", "bob", "m", "10.0.0.1", "::1", "b:c", "-x_.", "?"] {
            assert!(!Mask::is_meant_by(word), "{word}");
        }
    }

    #[test]
    fn only_masks_with_their_prefix_are_mutes() {
        let is_mute = |mask: &str| Mask::new(mask).unwrap().is_mute();
        assert!(is_mute("m:x") && is_mute("~M:a:x") && !is_mute("x!m:@*") && !is_mute("a:m:x"));
    }

    /// The definition, tried in all ways.
    fn is_like_naively(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', after @ ..], text) => (0..=text.len()).any(|n| is_like_naively(after, &text[n..])),
            (['?', after @ ..], [_, rest @ ..]) => is_like_naively(after, rest),
            ([wanted, after @ ..], [c, rest @ ..]) => wanted == c && is_like_naively(after, rest),
            _ => false,
        }
    }

    #[test]
    fn random_patterns_match_as_the_naive_search_says() {
        let mut random = Random(1);
        let mut word = |letters: &[char], most: usize| -> Vec<char> {
            (0..random.below(most)).map(|_| *random.pick(letters)).collect()
        };
        let mut found = [0, 0];
        for _ in 0..20_000 {
            let (pattern, text) = (word(&['a', 'é', '*', '*', '?'], 7), word(&['a', 'é'], 9));
            let expected = is_like_naively(&pattern, &text);
            let [pattern, text] = [pattern, text].map(|chars| chars.into_iter().collect::<String>());
            assert_eq!(is_like(&pattern, &text), expected, "{pattern} {text}");
            found[usize::from(expected)] += 1;
        }
        assert!(found.iter().all(|&number| number > 1000), "{found:?}");
    }

    #[test]
    fn hostile_pattern_takes_few_steps() {
        // A search that tries all ways would not end.
        let pattern = "*a".repeat(MAX_MASK / 2 - 1) + "b";
        assert!(!is_like(&pattern, &"a".repeat(192)));
    }
}
