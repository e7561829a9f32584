//! The JSON objects of a chinwag server, one in each line, as [`crate::wire::json`] writes them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::wire::sanitize::clean;

/// A text without control characters, which JSON can contain in escaped form. A text of more than `MOST` bytes is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a, const MOST: usize = { usize::MAX }>(Cow<'a, str>);

/// The name of a member or a room: no server gives longer ones, and names are compared often.
pub type Name<'a> = Text<'a, 1024>;

impl<const MOST: usize> Deref for Text<'_, MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> AsRef<str> for Text<'_, MOST> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a, const MOST: usize> Deserialize<'de> for Text<'a, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<const MOST: usize>;

        impl<'de, const MOST: usize> Visitor<'de> for TextVisitor<MOST> {
            type Value = Text<'de, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                write!(f, "a text of at most {MOST} bytes")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                if text.len() > MOST { Err(E::invalid_length(text.len(), &self)) } else { Ok(Text(clean(text))) }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.len() > MOST {
                    return Err(E::invalid_length(text.len(), &self));
                }
                Ok(Text(Cow::Owned(clean(text).into_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// The value of a setting of a room: `null` or `false` if it is off.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Value<'a> {
    #[default]
    Off,
    On(bool),
    Number(u32),
    Text(#[serde(borrow)] Text<'a>),
}

/// A message in a room.
#[derive(Debug, Deserialize)]
pub struct RoomMessage<'a> {
    /// The room; `None` if it is the current one.
    #[serde(borrow)]
    pub room: Option<Name<'a>>,
    pub id: u64,
    /// Seconds since 1970, UTC.
    pub at: i64,
    pub name: Name<'a>,
    pub text: Text<'a>,
}

/// The reader's place in a room: who is there, and what it is about.
#[derive(Debug, Deserialize)]
pub struct RoomEntry<'a> {
    #[serde(borrow)]
    pub room: Name<'a>,
    /// The number of members, the reader included.
    pub here: usize,
    /// The names of some or all of the others.
    #[serde(default)]
    pub names: Vec<Name<'a>>,
    pub topic: Option<Text<'a>>,
}

/// Why a line was refused.
#[derive(Debug, Deserialize)]
pub struct RefusedLine<'a> {
    /// The kind of the refusal.
    #[serde(borrow)]
    pub what: Text<'a>,
    /// Whether the prompt for a nickname or a password goes on.
    #[serde(default)]
    pub asked: bool,
    /// The server's sentence.
    pub text: Text<'a>,
    pub name: Option<Name<'a>>,
    pub room: Option<Name<'a>>,
    pub seconds: Option<u64>,
}

/// The settings of a room and the roles in it.
#[derive(Debug, Deserialize)]
pub struct RoomSettingsList<'a> {
    #[serde(borrow)]
    pub room: Name<'a>,
    #[serde(default)]
    pub key: Value<'a>,
    pub invite_only: bool,
    pub moderated: bool,
    pub secret: bool,
    pub topic_lock: bool,
    pub limit: Option<u32>,
    pub slow: Option<u32>,
    pub operators: Vec<Name<'a>>,
    pub voices: Vec<Name<'a>>,
}

/// One object; `chinwag manual web` describes all kinds.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerEvent<'a> {
    Hello {
        #[serde(borrow)]
        name: Name<'a>,
        run: Text<'a>,
        lang: Text<'a>,
    },
    Waiting {
        number: u32,
    },
    Ask,
    AskPassword {
        name: Option<Name<'a>>,
    },
    Account {
        what: Text<'a>,
        name: Option<Name<'a>>,
        text: Text<'a>,
    },
    Read {
        room: Name<'a>,
    },
    Refused(RefusedLine<'a>),
    Entered {
        name: Name<'a>,
        #[serde(flatten)]
        entry: RoomEntry<'a>,
        role: Option<Text<'a>>,
    },
    Motd {
        /// Several lines.
        text: Option<String>,
    },
    Room(RoomEntry<'a>),
    Following(RoomEntry<'a>),
    Unfollowed {
        room: Name<'a>,
    },
    Topic {
        room: Option<Name<'a>>,
        name: Option<Name<'a>>,
        text: Option<Text<'a>>,
    },
    /// `room`: it has changed for a member of that room.
    Away {
        room: Option<Name<'a>>,
        name: Name<'a>,
        text: Option<Text<'a>>,
    },
    Quiet {
        on: bool,
    },
    Whois {
        name: Name<'a>,
        since: i64,
        rooms: Vec<Name<'a>>,
        away: Option<Text<'a>>,
        role: Option<Text<'a>>,
        account: bool,
    },
    History {
        room: Option<Name<'a>>,
        messages: usize,
        gap: bool,
        before: Option<u64>,
        after: Option<u64>,
        around: Option<u64>,
        on: Option<Text<'a>>,
    },
    Live {
        room: Option<Name<'a>>,
        /// Absent except at the end of requested history.
        #[serde(default, deserialize_with = "present")]
        older: Option<Option<u64>>,
        newer: Option<u64>,
    },
    Search {
        words: Text<'a>,
        messages: usize,
    },
    Found {
        #[serde(flatten)]
        message: RoomMessage<'a>,
        action: bool,
    },
    SearchEnds {
        room: Option<Name<'a>>,
        words: Text<'a>,
        older: Option<u64>,
    },
    Said(RoomMessage<'a>),
    Action(RoomMessage<'a>),
    Whisper {
        at: i64,
        from: Name<'a>,
        text: Text<'a>,
    },
    Whispered {
        at: i64,
        to: Name<'a>,
        text: Text<'a>,
    },
    Joined {
        room: Option<Name<'a>>,
        name: Name<'a>,
        here: usize,
    },
    Left {
        room: Option<Name<'a>>,
        name: Name<'a>,
        here: usize,
        cause: Text<'a>,
        reason: Option<Text<'a>>,
    },
    Renamed {
        room: Option<Name<'a>>,
        old: Name<'a>,
        new: Name<'a>,
    },
    Summed {
        room: Option<Name<'a>>,
        joined: u32,
        left: u32,
        here: usize,
    },
    People {
        room: Name<'a>,
        here: usize,
        names: Vec<Name<'a>>,
        you: bool,
    },
    Rooms {
        /// The name, the number of members, and the topic.
        rooms: Vec<(Name<'a>, usize, Option<Text<'a>>)>,
        more: usize,
    },
    Pong {
        text: Text<'a>,
    },
    Echo {
        on: bool,
    },
    Ignoring {
        name: Name<'a>,
    },
    NotIgnoring {
        name: Name<'a>,
    },
    Ignored {
        names: Vec<Name<'a>>,
    },
    Help {
        lines: Vec<Text<'a>>,
    },
    Note {
        text: Text<'a>,
    },
    /// A node of the cluster, in words.
    Node {
        text: Text<'a>,
    },
    Kicked {
        why: Option<Text<'a>>,
        by: Option<Name<'a>>,
    },
    Deleted {
        room: Option<Name<'a>>,
        ids: Vec<u64>,
        by: Name<'a>,
        name: Name<'a>,
    },
    Role {
        /// `None` for a role on the server.
        room: Option<Name<'a>>,
        name: Name<'a>,
        role: Option<Text<'a>>,
        by: Name<'a>,
    },
    Setting {
        room: Option<Name<'a>>,
        setting: Text<'a>,
        #[serde(default)]
        value: Value<'a>,
        by: Name<'a>,
    },
    Settings(RoomSettingsList<'a>),
    Moderation {
        room: Option<Name<'a>>,
        act: Text<'a>,
        name: Name<'a>,
        by: Name<'a>,
    },
    Mask {
        room: Option<Name<'a>>,
        kind: Text<'a>,
        mask: Text<'a>,
        by: Name<'a>,
        added: bool,
    },
    Removed {
        room: Name<'a>,
        cause: Text<'a>,
        by: Name<'a>,
        why: Option<Text<'a>>,
    },
    Invited {
        room: Name<'a>,
        name: Name<'a>,
        by: Name<'a>,
    },
    Goodbye,
    Ending,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl<'a> ServerEvent<'a> {
    /// Parses a line; `None` if it is no such object. Nested values are limited to a depth of 128.
    pub fn parse(line: &'a str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The room in which it happens, if it happens in one: `Some(None)` is the current room.
    pub fn room(&self) -> Option<Option<&str>> {
        let room = match self {
            ServerEvent::Said(message) | ServerEvent::Action(message) => &message.room,
            ServerEvent::Topic { room, .. }
            | ServerEvent::Joined { room, .. }
            | ServerEvent::Left { room, .. }
            | ServerEvent::Renamed { room, .. }
            | ServerEvent::Summed { room, .. }
            | ServerEvent::Deleted { room, .. }
            | ServerEvent::Setting { room, .. }
            | ServerEvent::Moderation { room, .. }
            | ServerEvent::Mask { room, .. } => room,
            ServerEvent::Role { room: Some(room), .. } => return Some(Some(room)),
            _ => return None,
        };
        Some(room.as_deref())
    }
}

/// Tells `null` from a missing member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
