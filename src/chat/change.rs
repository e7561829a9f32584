//! Public changes: what a sequencer puts in order and [`super::Hub`] applies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::id::{ClientId, MemberId, Now, RoomId, SessionId};
use super::policy::cidr::Network;
use super::policy::nick::Name;

/// The room that a member enters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place<'a> {
    Lobby,
    /// The room with this name, which is created if there is none.
    Named(Cow<'a, Name>),
}

/// A new member: its name, the room that it enters, those that it follows, and the network from which it comes, which
/// mutes follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join<'a> {
    pub name: Name,
    pub place: Place<'a>,
    pub follow: Vec<Place<'a>>,
    pub network: Network,
}

/// Another name of a member, and the network from which it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    pub name: Name,
    pub network: Network,
}

/// A mute: how the member was called in the command, the network from which it comes, and for how many minutes it
/// lasts; `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute<'a> {
    pub name: Cow<'a, str>,
    pub network: Network,
    pub minutes: Option<u64>,
}

/// A kick: how the member was called in the command, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kick<'a> {
    pub name: Cow<'a, str>,
    pub reason: Option<Cow<'a, str>>,
}

/// One public change. It borrows its texts from the line of the member, so that a local commit of a message allocates
/// nothing. The large ones are boxed, because messages are by far the most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change<'a> {
    /// A new member takes a name and enters a room.
    Join(Box<Join<'a>>),
    /// A member goes to another room.
    Move { member: MemberId, place: Box<Place<'a>> },
    /// A member reads another room too.
    Follow { member: MemberId, place: Box<Place<'a>> },
    /// A member no longer reads a room that it follows.
    Unfollow { member: MemberId, room: RoomId },
    /// A member sets the topic of a room, or clears it.
    Topic { member: MemberId, room: RoomId, text: Option<Cow<'a, str>> },
    /// A member is away, with a text that whispers get back; without a text it is back.
    Away { member: MemberId, text: Option<Cow<'a, str>> },
    /// A member leaves the server.
    Leave { member: MemberId, cause: Cause },
    /// A member says a text in a room, or does an action (`/me`).
    Say { member: MemberId, room: RoomId, text: Cow<'a, str>, action: bool },
    /// A member takes another name.
    Rename { member: MemberId, to: Box<Rename> },
    /// The operator removes a member from the server.
    Kick { member: MemberId, kick: Box<Kick<'a>> },
    /// A network is banned, for some minutes or without an end.
    Ban { network: Network, minutes: Option<u64> },
    /// The ban of a network is lifted.
    Unban { network: Network },
    /// Only the member itself is shown its messages from now on.
    Mute { member: MemberId, mute: Box<Mute<'a>> },
    /// The mutes of a name are lifted; `key` is the folded name.
    Unmute { key: Cow<'a, str> },
}

impl Place<'_> {
    /// As a value that borrows nothing.
    pub fn into_owned(self) -> Place<'static> {
        match self {
            Place::Lobby => Place::Lobby,
            Place::Named(name) => Place::Named(Cow::Owned(name.into_owned())),
        }
    }
}

impl Change<'_> {
    /// As a change that borrows nothing.
    pub fn into_owned(self) -> Change<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Change::Join(join) => {
                let Join { name, place, follow, network } = *join;
                let follow = follow.into_iter().map(Place::into_owned).collect();
                Change::Join(Box::new(Join { name, place: place.into_owned(), follow, network }))
            }
            Change::Move { member, place } => Change::Move { member, place: Box::new(place.into_owned()) },
            Change::Follow { member, place } => Change::Follow { member, place: Box::new(place.into_owned()) },
            Change::Unfollow { member, room } => Change::Unfollow { member, room },
            Change::Topic { member, room, text } => Change::Topic { member, room, text: text.map(owned) },
            Change::Away { member, text } => Change::Away { member, text: text.map(owned) },
            Change::Leave { member, cause } => Change::Leave { member, cause },
            Change::Say { member, room, text, action } => Change::Say { member, room, text: owned(text), action },
            Change::Rename { member, to } => Change::Rename { member, to },
            Change::Kick { member, kick } => {
                let Kick { name, reason } = *kick;
                Change::Kick { member, kick: Box::new(Kick { name: owned(name), reason: reason.map(owned) }) }
            }
            Change::Ban { network, minutes } => Change::Ban { network, minutes },
            Change::Unban { network } => Change::Unban { network },
            Change::Mute { member, mute } => {
                let Mute { name, network, minutes } = *mute;
                Change::Mute { member, mute: Box::new(Mute { name: owned(name), network, minutes }) }
            }
            Change::Unmute { key } => Change::Unmute { key: owned(key) },
        }
    }

    /// Whether it is a message: a session may have several of these uncommitted.
    pub fn is_message(&self) -> bool {
        matches!(self, Change::Say { .. })
    }
}

/// The session that proposed a change, on the node where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub client: ClientId,
    pub session: SessionId,
}

/// A change that waits for its place in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// `None` if no session waits for the result.
    pub origin: Option<Origin>,
    pub change: Change<'static>,
}

/// A change with its place in the order.
#[derive(Clone, Debug)]
pub struct Committed<'a> {
    /// Greater by one than that of the change before.
    pub seq: u64,
    /// The time of the change; it is the same wherever the change is applied.
    pub time: Now,
    /// The session of this node that proposed it.
    pub origin: Option<Origin>,
    pub change: Change<'a>,
}
