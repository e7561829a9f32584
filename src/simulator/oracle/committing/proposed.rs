//! Public changes that are proposed and not committed yet.

use std::net::IpAddr;

use crate::chat::{Cause, MessageKind};
use crate::simulator::oracle::irc::vocabulary::{Target, TextLine};
use crate::simulator::oracle::moderation::mask::Mask;
use crate::simulator::oracle::rooms::rules::{Kind, Value};
use crate::simulator::oracle::words::OPERATOR;

/// A public change that is not committed yet.
#[derive(Debug)]
pub enum Proposed {
    /// `who` is a session here, and a member elsewhere.
    Join {
        who: usize,
        name: String,
        room: String,
        follow: Vec<String>,
        account: Option<usize>,
    },
    Move {
        who: usize,
        room: String,
        key: Option<String>,
    },
    Follow {
        who: usize,
        room: String,
        key: Option<String>,
    },
    Unfollow {
        who: usize,
        room: usize,
        /// On IRC.
        reason: Option<String>,
    },
    Topic {
        who: usize,
        room: usize,
        text: Option<String>,
    },
    Away {
        who: usize,
        text: Option<String>,
    },
    Leave {
        who: usize,
        cause: Cause,
    },
    /// Tags of IRC without a message.
    Tag {
        who: usize,
        room: usize,
        tags: String,
    },
    /// A real name.
    Introduce {
        who: usize,
        real_name: String,
    },
    Say {
        author: usize,
        room: usize,
        kind: MessageKind,
        text: String,
    },
    /// The value of a key; without a key, all are removed.
    Metadata {
        by: usize,
        target: Target,
        key: Option<String>,
        value: Option<String>,
    },
    /// A message of several lines.
    SayLines {
        author: usize,
        room: usize,
        kind: MessageKind,
        tags: Option<String>,
        lines: Vec<TextLine>,
    },
    /// A message for the members with a role: operators, or those with voice, too.
    SayToRole {
        author: usize,
        room: usize,
        operators: bool,
        kind: MessageKind,
        text: String,
    },
    /// A program that is no member says something.
    Post {
        room: String,
        name: String,
        lines: Vec<String>,
    },
    Rename {
        who: usize,
        name: String,
        account: Option<usize>,
        ip: IpAddr,
    },
    Register {
        who: usize,
        password: String,
        has_keys: bool,
        ip: IpAddr,
    },
    SetPassword {
        by: usize,
        account: usize,
        password: String,
        has_keys: bool,
    },
    SetKeys {
        account: usize,
        password: String,
    },
    Unregister {
        by: usize,
        account: usize,
    },
    Kick {
        by: usize,
        who: usize,
        room: Option<usize>,
        name: String,
        why: Option<String>,
    },
    Ban {
        by: usize,
        who: Option<usize>,
        ip: IpAddr,
        name: Option<String>,
        minutes: Option<u64>,
    },
    Unban {
        by: usize,
        ip: IpAddr,
    },
    Mute {
        by: usize,
        who: usize,
        name: String,
        ip: IpAddr,
        minutes: Option<u64>,
    },
    Unmute {
        by: usize,
        key: String,
    },
    Restrict {
        by: usize,
        who: usize,
        room: usize,
        kind: Kind,
        name: String,
        minutes: Option<u64>,
    },
    Lift {
        by: usize,
        room: usize,
        kind: Kind,
        key: String,
    },
    Mask {
        by: usize,
        room: usize,
        mask: Mask,
        added: bool,
    },
    Set {
        by: usize,
        room: usize,
        setting: &'static str,
        value: Option<Value>,
    },
    Invite {
        by: usize,
        who: usize,
        room: usize,
    },
    Role {
        by: usize,
        who: usize,
        room: usize,
        role: bool,
        given: bool,
    },
    Moderator {
        who: usize,
        given: bool,
    },
    Delete {
        by: usize,
        room: usize,
        name: String,
        ids: Vec<u64>,
        /// On IRC.
        reason: Option<String>,
    },
}

impl Proposed {
    /// The member whose line it comes from; `None` if it comes from no line of a member.
    pub fn actor(&self) -> Option<usize> {
        match *self {
            Proposed::Join { .. } | Proposed::Leave { .. } | Proposed::SetKeys { .. } | Proposed::Post { .. } => None,
            Proposed::Move { who, .. }
            | Proposed::Follow { who, .. }
            | Proposed::Unfollow { who, .. }
            | Proposed::Topic { who, .. }
            | Proposed::Away { who, .. }
            | Proposed::Tag { who, .. }
            | Proposed::Introduce { who, .. }
            | Proposed::Rename { who, .. }
            | Proposed::Register { who, .. } => Some(who),
            Proposed::Say { author, .. } | Proposed::SayLines { author, .. } | Proposed::SayToRole { author, .. } => {
                Some(author)
            }
            Proposed::Kick { by, .. }
            | Proposed::Metadata { by, .. }
            | Proposed::Ban { by, .. }
            | Proposed::Unban { by, .. }
            | Proposed::Mute { by, .. }
            | Proposed::Unmute { by, .. }
            | Proposed::Restrict { by, .. }
            | Proposed::Lift { by, .. }
            | Proposed::Mask { by, .. }
            | Proposed::Set { by, .. }
            | Proposed::Invite { by, .. }
            | Proposed::Role { by, .. }
            | Proposed::SetPassword { by, .. }
            | Proposed::Unregister { by, .. }
            | Proposed::Delete { by, .. } => Some(by),
            Proposed::Moderator { .. } => Some(OPERATOR),
        }
    }

    pub fn is_message(&self) -> bool {
        matches!(
            self,
            Proposed::Say { .. } | Proposed::SayLines { .. } | Proposed::SayToRole { .. } | Proposed::Tag { .. }
        )
    }
}
