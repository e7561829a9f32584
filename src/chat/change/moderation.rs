//! Changes that operators and moderators make.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::policy::cidr::Network;

/// A mute on the server: how the member was called in the command, the network from which it comes, and for how many
/// minutes it lasts; `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute<'a> {
    pub by: MemberId,
    pub name: Cow<'a, str>,
    pub network: Network,
    pub minutes: Option<u64>,
}

/// A kick from a room, or from the server if `room` is `None`: how the member was called in the command, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kick<'a> {
    pub by: MemberId,
    pub room: Option<RoomId>,
    pub name: Cow<'a, str>,
    pub reason: Option<Cow<'a, str>>,
}

/// A ban of a network from the server: the member that was meant, if any, and its name in the command; and for how many
/// minutes the ban lasts; `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban<'a> {
    pub by: MemberId,
    pub network: Network,
    pub member: Option<MemberId>,
    pub name: Option<Cow<'a, str>>,
    pub minutes: Option<u64>,
}

/// What a member may no longer do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestrictionKind {
    /// It may not speak.
    Mute,
    /// It may not enter.
    Ban,
}

/// A mute in a room or a ban from it: how the member was called in the command, and for how many minutes it lasts; `None`
/// for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrict<'a> {
    pub by: MemberId,
    pub room: RoomId,
    pub kind: RestrictionKind,
    pub name: Cow<'a, str>,
    pub minutes: Option<u64>,
}

/// The end of a mute in a room or of a ban from it; `key` is the folded name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lift<'a> {
    pub by: MemberId,
    pub room: RoomId,
    pub kind: RestrictionKind,
    pub key: Cow<'a, str>,
}

/// A role in a room that is given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleChange {
    Give(RoomRole),
    Take(RoomRole),
}
