//! Masks of bans.

use crate::simulator::oracle::words::key;

/// A mask that keeps members out, or (`m:`) keeps them from speaking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    pub is_mute: bool,
    /// The pattern for the name of the account, or those for nickname, user name and host.
    pub account: Option<String>,
    pub parts: [String; 3],
}

impl Mask {
    /// Whether a word means a mask.
    pub fn is_meant_by(word: &str) -> bool {
        word.contains(['!', '@', '*']) || word.starts_with("m:") || word.starts_with("a:")
    }

    pub fn parse(word: &str) -> Option<Mask> {
        let (is_mute, rest) = word.strip_prefix("m:").map_or((false, word), |rest| (true, rest));
        let account = rest.strip_prefix("a:").map(composed);
        let parts = match rest.split_once('!') {
            _ if account.is_some() => ["", "", ""],
            Some((nick, rest)) => {
                let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
                [nick, user, host]
            }
            None => match rest.split_once('@') {
                Some((user, host)) => ["", user, host],
                None => [rest, "", ""],
            },
        };
        let parts = parts.map(|part| if part.is_empty() { "*".into() } else { composed(part) });
        (!rest.is_empty() && word.len() <= 100).then_some(Mask { is_mute, account, parts })
    }

    /// Its normal form.
    pub fn text(&self) -> String {
        let ([nick, user, host], mute) = (&self.parts, if self.is_mute { "m:" } else { "" });
        match &self.account {
            Some(account) => format!("{mute}a:{account}"),
            None => format!("{mute}{nick}!{user}@{host}"),
        }
    }

    pub fn act(&self) -> &'static str {
        if self.is_mute { "muted" } else { "banned" }
    }
}

/// The key of a name, with composed letters.
pub(super) fn composed(name: &str) -> String {
    key(name).replace("e\u{301}", "é")
}

pub(in crate::simulator::oracle) fn is_like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        (['*', after @ ..], _) => (0..=text.len()).any(|n| is_like(after, &text[n..])),
        (['?', after @ ..], [_, rest @ ..]) => is_like(after, rest),
        ([wanted, after @ ..], [c, rest @ ..]) => wanted == c && is_like(after, rest),
        _ => pattern.is_empty() && text.is_empty(),
    }
}
