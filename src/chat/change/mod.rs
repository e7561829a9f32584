//! Public changes: what a sequencer puts in order and [`super::Hub`] applies.

mod members;
mod messages;
mod metadata;
mod moderation;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::members::{Join, Place, Register, Rename, SetScram};
pub use self::messages::{Delete, Post, SayLines, SayToRole, TextLine};
pub use self::metadata::{MetadataChange, MetadataTarget, SetMetadata};
pub use self::moderation::{Ban, Kick, Lift, Mute, Restrict, RestrictionKind, RoleChange};
use super::cause::Cause;
use super::event::{MessageKind, kind_or_flag};
use super::id::{AccountId, ClientId, Incarnation, MemberId, Now, RoomId, SessionId};
use super::policy::cidr::Network;
use super::policy::mask::{Mask, MaskKind};
use super::settings::Setting;

/// One public change. It borrows its texts from the line of the member, so that a local commit of a message allocates
/// nothing. The large ones are boxed, because messages are by far the most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change<'a> {
    /// A session logs in: a new member takes a name and enters a room, or the account has a member already.
    Join(Box<Join<'a>>),
    /// A member goes to another room, with the key that it gives.
    Move { member: MemberId, place: Box<Place<'a>>, key: Option<Box<str>> },
    /// A member reads another room too; it may give a key.
    Follow { member: MemberId, place: Box<Place<'a>>, key: Option<Box<str>> },
    /// A member no longer reads a room that it follows; a member of IRC leaves any room so, with a reason.
    Unfollow { member: MemberId, room: RoomId, reason: Option<Box<str>> },
    /// A member sends tags without a message to a room (TAGMSG of IRC), in their escaped form.
    Tag { member: MemberId, room: RoomId, tags: Box<str> },
    /// A member says a text to the members of a room with a role.
    SayToRole(Box<SayToRole<'a>>),
    /// A member sets the topic of a room, or clears it.
    Topic { member: MemberId, room: RoomId, text: Option<Cow<'a, str>> },
    /// A member is away, with a text that whispers get back; without a text it is back. What sessions of IRC have said of
    /// themselves (`of_session`) ends with them, and is not kept for the account.
    Away {
        member: MemberId,
        text: Option<Cow<'a, str>>,
        #[serde(default)]
        of_session: bool,
    },
    /// A member says something else of itself: its real name, or whether it is a program. In a cluster also whether it is invisible
    /// (user mode `i`), which in a single process its first session decides.
    SetIdentity {
        member: MemberId,
        real_name: Option<Cow<'a, str>>,
        bot: Option<bool>,
        #[serde(default)]
        invisible: Option<bool>,
    },
    /// The metadata of a member or of a room changes.
    SetMetadata(Box<SetMetadata>),
    /// A session of a member has ended; with the last one, the member leaves the server.
    Leave { member: MemberId, cause: Cause },
    /// A member says a text in a room. `tags` are the client-only message tags of IRC in their escaped form, such as
    /// `+draft/reply=1;+x`, at most 4,094 bytes; they are shown and not kept.
    Say {
        member: MemberId,
        room: RoomId,
        text: Cow<'a, str>,
        #[serde(alias = "action", deserialize_with = "kind_or_flag")]
        kind: MessageKind,
        #[serde(default)]
        tags: Option<Box<str>>,
    },
    /// A member says several lines in a room.
    SayLines(Box<SayLines>),
    /// A poster says something in a room.
    Post(Box<Post>),
    /// A member takes another name.
    Rename { member: MemberId, to: Box<Rename> },
    /// A member is removed from a room or from the server.
    Kick { member: MemberId, kick: Box<Kick<'a>> },
    /// A network is banned from the server.
    Ban(Box<Ban<'a>>),
    /// The ban of a network is lifted.
    Unban { by: MemberId, network: Network },
    /// Only the member itself is shown its messages from now on.
    Mute { member: MemberId, mute: Box<Mute<'a>> },
    /// The mutes of a name on the server are lifted; `key` is the folded name.
    Unmute { by: MemberId, key: Cow<'a, str> },
    /// A member is muted in a room or banned from it.
    Restrict { member: MemberId, restrict: Box<Restrict<'a>> },
    /// A mute in a room or a ban from it ends.
    Lift(Box<Lift<'a>>),
    /// A mask is added to a list of a room (`add`), or removed from it.
    SetMask { by: MemberId, room: RoomId, kind: MaskKind, mask: Mask, add: bool },
    /// A setting of a room gets another value.
    Set { by: MemberId, room: RoomId, setting: Box<Setting<'a>> },
    /// A member may enter a room that is invite-only or has a key.
    Invite { by: MemberId, member: MemberId, room: RoomId },
    /// A member gets a role in a room, or loses it.
    RoomRole { by: MemberId, member: MemberId, room: RoomId, change: RoleChange },
    /// A member becomes a moderator of the server, or is one no longer.
    Moderator { by: MemberId, member: MemberId, given: bool },
    /// A member becomes an operator of the server for its stay, since a session has given a name and a password of the node
    /// on which it is (OPER of IRC); or is one no longer.
    Operator { member: MemberId, given: bool },
    /// Messages are deleted.
    Delete(Box<Delete<'a>>),
    /// The name of a member becomes an account.
    Register { member: MemberId, register: Box<Register> },
    /// A member without an account is logged in as one that has no member; it keeps its name.
    LogIn { member: MemberId, account: AccountId, network: Network },
    /// An account gets another password; the texts are what is stored of it.
    SetPassword {
        account: AccountId,
        verifier: Box<str>,
        #[serde(default)]
        scram: Option<Box<str>>,
    },
    /// An account gets the keys of its password.
    SetScram(Box<SetScram>),
    /// An account is removed, by its owner or by the operator.
    Unregister { by: MemberId, account: AccountId },
}

impl Change<'_> {
    /// As a change that borrows nothing.
    pub fn into_owned(self) -> Change<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Change::Join(join) => {
                let Join { name, place, follow, network, account, host, identity } = *join;
                let (place, follow) = (place.into_owned(), follow.into_iter().map(Place::into_owned).collect());
                Change::Join(Box::new(Join { name, place, follow, network, account, host, identity }))
            }
            Change::Move { member, place, key } => Change::Move { member, place: Box::new(place.into_owned()), key },
            Change::Follow { member, place, key } => {
                Change::Follow { member, place: Box::new(place.into_owned()), key }
            }
            Change::Unfollow { member, room, reason } => Change::Unfollow { member, room, reason },
            Change::Tag { member, room, tags } => Change::Tag { member, room, tags },
            Change::SayToRole(said) => {
                let SayToRole { member, room, role, text, kind, tags } = *said;
                Change::SayToRole(Box::new(SayToRole { member, room, role, text: owned(text), kind, tags }))
            }
            Change::Topic { member, room, text } => Change::Topic { member, room, text: text.map(owned) },
            Change::Away { member, text, of_session } => Change::Away { member, text: text.map(owned), of_session },
            Change::SetIdentity { member, real_name, bot, invisible } => {
                Change::SetIdentity { member, real_name: real_name.map(owned), bot, invisible }
            }
            Change::SetMetadata(set) => Change::SetMetadata(set),
            Change::Leave { member, cause } => Change::Leave { member, cause },
            Change::Say { member, room, text, kind, tags } => {
                Change::Say { member, room, text: owned(text), kind, tags }
            }
            Change::SayLines(say) => Change::SayLines(say),
            Change::Post(post) => Change::Post(post),
            Change::Rename { member, to } => Change::Rename { member, to },
            Change::Kick { member, kick } => {
                let Kick { by, room, name, reason } = *kick;
                Change::Kick { member, kick: Box::new(Kick { by, room, name: owned(name), reason: reason.map(owned) }) }
            }
            Change::Ban(ban) => {
                let Ban { by, network, member, name, minutes } = *ban;
                Change::Ban(Box::new(Ban { by, network, member, name: name.map(owned), minutes }))
            }
            Change::Unban { by, network } => Change::Unban { by, network },
            Change::Mute { member, mute } => {
                let Mute { by, name, network, minutes } = *mute;
                Change::Mute { member, mute: Box::new(Mute { by, name: owned(name), network, minutes }) }
            }
            Change::Unmute { by, key } => Change::Unmute { by, key: owned(key) },
            Change::Restrict { member, restrict } => {
                let Restrict { by, room, kind, name, minutes } = *restrict;
                let restrict = Box::new(Restrict { by, room, kind, name: owned(name), minutes });
                Change::Restrict { member, restrict }
            }
            Change::Lift(lift) => {
                let Lift { by, room, kind, key } = *lift;
                Change::Lift(Box::new(Lift { by, room, kind, key: owned(key) }))
            }
            Change::SetMask { by, room, kind, mask, add } => Change::SetMask { by, room, kind, mask, add },
            Change::Set { by, room, setting } => Change::Set { by, room, setting: Box::new(setting.into_owned()) },
            Change::Invite { by, member, room } => Change::Invite { by, member, room },
            Change::RoomRole { by, member, room, change } => Change::RoomRole { by, member, room, change },
            Change::Moderator { by, member, given } => Change::Moderator { by, member, given },
            Change::Operator { member, given } => Change::Operator { member, given },
            Change::Delete(delete) => {
                let Delete { by, room, name, ids, reason } = *delete;
                let (name, reason) = (owned(name), reason.map(owned));
                Change::Delete(Box::new(Delete { by, room, name, ids, reason }))
            }
            Change::Register { member, register } => Change::Register { member, register },
            Change::LogIn { member, account, network } => Change::LogIn { member, account, network },
            Change::SetPassword { account, verifier, scram } => Change::SetPassword { account, verifier, scram },
            Change::SetScram(set) => Change::SetScram(set),
            Change::Unregister { by, account } => Change::Unregister { by, account },
        }
    }

    /// Whether it is a message: a session may have several of these uncommitted.
    pub fn is_message(&self) -> bool {
        matches!(self, Change::Say { .. } | Change::SayLines(_) | Change::Tag { .. } | Change::SayToRole(_))
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
    /// Where it stands in the log of a cluster, if there is one.
    pub place: Option<LogPlace>,
    pub change: Change<'a>,
}

/// The place of a change in the log of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct LogPlace {
    /// The run of the node that proposed the change.
    pub node: Incarnation,
    /// Messages of the change get this id and the ones after it, or higher ones if some of these are given.
    pub first_id: u64,
}
