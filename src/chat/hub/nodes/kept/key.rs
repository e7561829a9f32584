//! The keys of values in the bucket.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{Name, fold};

/// The longest key in bytes: the longest name with the longest word before it.
const MAX_KEY: usize = 400;

/// What a value is about. Names are folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Key {
    /// What the log says of an account.
    Account(Box<str>),
    /// A ban of a network from the server.
    Ban(Network),
    /// What is kept of a room besides its messages.
    Room(Box<str>),
    /// What is kept of an account and is not in the log.
    Private(Box<str>),
    /// Whispers to a name that no member had.
    Whispers(Box<str>),
}

impl Key {
    /// Reads a key of the bucket; `None` if it is not one of ours.
    pub fn parse(text: &str) -> Option<Key> {
        let (kind, rest) = text.split_once('.').filter(|_| text.len() <= MAX_KEY)?;
        let name = || Name::room(rest).ok().filter(|name| *name.key == *rest).map(|name| name.key);
        Some(match kind {
            "account" => Key::Account(name()?),
            "ban" => Key::Ban(rest.parse().ok().filter(|network: &Network| network.to_string() == rest)?),
            "room" => Key::Room(name()?),
            "private" => Key::Private(name()?),
            "whispers" => Key::Whispers(name()?),
            _ => return None,
        })
    }

    /// Whether the value follows from the log.
    pub fn is_shared(&self) -> bool {
        matches!(self, Key::Account(_) | Key::Ban(_) | Key::Room(_))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Key::Account(name) => write!(f, "account.{name}"),
            Key::Ban(network) => write!(f, "ban.{network}"),
            Key::Room(name) => write!(f, "room.{name}"),
            Key::Private(name) => write!(f, "private.{name}"),
            Key::Whispers(name) => write!(f, "whispers.{name}"),
        }
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Key, &'static str> {
        Key::parse(&text).ok_or("not a key of the bucket")
    }
}

/// Whether a shown name is that of a key.
pub fn is_name_of(name: &str, key: &str) -> bool {
    fold(name) == *key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        for text in ["account.alice", "ban.10.0.0.0/8", "ban.2001:db8::/64", "room.a.b", "private.张三", "whispers.bob"]
        {
            assert_eq!(Key::parse(text).expect(text).to_string(), text);
        }
        let long = format!("room.{}", "a".repeat(49));
        for text in [
            "",
            "account",
            "account.",
            "account.Alice",
            "account.a b",
            "ban.x",
            "ban.10.1.1.1/8",
            "other.x",
            "room.a\n",
            &long,
        ] {
            assert_eq!(Key::parse(text), None, "{text:?}");
        }
    }
}
