//! What the operators of a room can set.

use std::borrow::Cow;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The longest key of a room, in bytes.
pub const MAX_KEY: usize = 64;
/// The highest limit on the members of a room.
pub const MAX_LIMIT: u32 = 1_000_000;
/// The longest time between two messages of a member in slow mode, in seconds: a day.
pub const MAX_SLOW: u32 = 86_400;

/// The settings of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomSettings {
    /// The word that a member must give to enter.
    pub key: Option<CompactString>,
    /// Only invited members may enter.
    pub invite_only: bool,
    /// Only operators and members with voice may speak.
    pub moderated: bool,
    /// The room is listed to its members only.
    pub secret: bool,
    /// Only operators may set the topic.
    pub topic_lock: bool,
    /// The most members, from 1 to [`MAX_LIMIT`].
    pub limit: Option<u32>,
    /// The seconds that must pass between two messages of a member, from 1 to [`MAX_SLOW`].
    pub slow: Option<u32>,
}

/// One setting and its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting<'a> {
    Key(Option<Cow<'a, str>>),
    InviteOnly(bool),
    Moderated(bool),
    Secret(bool),
    TopicLock(bool),
    Limit(Option<u32>),
    Slow(Option<u32>),
}

impl Setting<'_> {
    /// As a value that borrows nothing.
    pub fn into_owned(self) -> Setting<'static> {
        match self {
            Setting::Key(key) => Setting::Key(key.map(|key| Cow::Owned(key.into_owned()))),
            Setting::InviteOnly(on) => Setting::InviteOnly(on),
            Setting::Moderated(on) => Setting::Moderated(on),
            Setting::Secret(on) => Setting::Secret(on),
            Setting::TopicLock(on) => Setting::TopicLock(on),
            Setting::Limit(most) => Setting::Limit(most),
            Setting::Slow(seconds) => Setting::Slow(seconds),
        }
    }

    /// Its name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Setting::Key(_) => "key",
            Setting::InviteOnly(_) => "invite-only",
            Setting::Moderated(_) => "moderated",
            Setting::Secret(_) => "secret",
            Setting::TopicLock(_) => "topic-lock",
            Setting::Limit(_) => "limit",
            Setting::Slow(_) => "slow",
        }
    }

    /// The number, if its value is one.
    pub fn number(&self) -> Option<u32> {
        match self {
            Setting::Limit(number) | Setting::Slow(number) => *number,
            _ => None,
        }
    }

    /// Whether it is switched on, or has a value.
    pub fn is_on(&self) -> bool {
        match self {
            Setting::Key(key) => key.is_some(),
            Setting::InviteOnly(on) | Setting::Moderated(on) | Setting::Secret(on) | Setting::TopicLock(on) => *on,
            Setting::Limit(number) | Setting::Slow(number) => number.is_some(),
        }
    }

    /// Whether the lobby can have it: the lobby is open to all.
    pub fn applies_to_lobby(&self) -> bool {
        matches!(self, Setting::Moderated(_) | Setting::TopicLock(_) | Setting::Slow(_))
    }
}

impl RoomSettings {
    /// Sets one of them; returns whether its value has changed.
    pub fn set(&mut self, setting: &Setting) -> bool {
        let before = self.clone();
        match setting {
            Setting::Key(key) => self.key = key.as_deref().map(CompactString::from),
            Setting::InviteOnly(on) => self.invite_only = *on,
            Setting::Moderated(on) => self.moderated = *on,
            Setting::Secret(on) => self.secret = *on,
            Setting::TopicLock(on) => self.topic_lock = *on,
            Setting::Limit(most) => self.limit = *most,
            Setting::Slow(seconds) => self.slow = *seconds,
        }
        *self != before
    }
}
