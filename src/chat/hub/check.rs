//! Whether a change is allowed: asked before it is proposed, and again when it is committed.

use super::Shared;
use crate::chat::change::Change;
use crate::chat::event::Refusal;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::{Member, Role};

/// Checks a change against the shared state alone.
///
/// # Errors
/// The answer for the member that proposed it. Between proposal and commit the name may have been taken, the member
/// may have left, or a limit may have been reached.
#[inline]
pub fn check<'a>(shared: &'a Shared, change: &'a Change<'_>) -> Result<(), Refusal<'a>> {
    match change {
        // Messages are by far the most.
        Change::Say { member, room, .. } => check_message(shared, *member, *room),
        _ => check_other(shared, change),
    }
}

#[inline]
fn check_message(shared: &Shared, member: MemberId, room: RoomId) -> Result<(), Refusal<'static>> {
    let Some(found) = shared.members.get(member) else { return Err(Refusal::NoSuchMember { name: "" }) };
    let is_allowed = found.room() == Some(room) || is_elsewhere_allowed(shared, member, found, room);
    if is_allowed { Ok(()) } else { Err(Refusal::NoRoom { room: "" }) }
}

/// Whether a member may speak in a room that is not its current one: it follows the room, or is the operator.
fn is_elsewhere_allowed(shared: &Shared, id: MemberId, member: &Member, room: RoomId) -> bool {
    match member.role() {
        Role::Operator => shared.rooms.get(room).is_some(),
        Role::User => shared.members.follows(id.slot, room),
    }
}

fn check_other<'a>(shared: &'a Shared, change: &'a Change<'_>) -> Result<(), Refusal<'a>> {
    let Shared { members, rooms, .. } = shared;
    let gone = |name: &'a str| Refusal::NoSuchMember { name };
    match change {
        Change::Join(join) => match members.find_key(&join.name.key) {
            Some(_) => Err(Refusal::Taken { name: &join.name.shown, asked: true }),
            None => Ok(()),
        },
        Change::Move { member, place } => {
            let member = members.get(*member).ok_or(gone(""))?;
            match rooms.find_place(place) {
                Some(room) if member.room() == Some(room) => Err(Refusal::InThatRoom { room: &rooms[room].name }),
                _ => rooms.check_open(place, member.created_rooms()),
            }
        }
        Change::Follow { member, place } => {
            let (slot, member) = (member.slot, members.get(*member).ok_or(gone(""))?);
            let most = rooms.limits().follow;
            match rooms.find_place(place) {
                Some(room) if member.room() == Some(room) => Err(Refusal::InThatRoom { room: &rooms[room].name }),
                Some(room) if members.follows(slot, room) => Err(Refusal::FollowsAlready { room: &rooms[room].name }),
                _ if members.followed(slot).count() >= most => Err(Refusal::TooManyFollowed { most }),
                _ => rooms.check_open(place, member.created_rooms()),
            }
        }
        Change::Unfollow { member, room } => match members.get(*member).ok_or(gone("")) {
            Ok(_) if !members.follows(member.slot, *room) => Err(Refusal::NotFollowed { room: rooms.name(*room) }),
            found => found.map(drop),
        },
        Change::Topic { member, room, .. } => match members.get(*member).ok_or(gone("")) {
            Ok(_) if !members.is_in(member.slot, *room) => Err(Refusal::NotMember { room: rooms.name(*room) }),
            found => found.map(drop),
        },
        Change::Away { member, .. } => members.get(*member).map(drop).ok_or(gone("")),
        Change::Leave { member, .. } => members.get(*member).map(drop).ok_or(gone("")),
        Change::Say { member, room, .. } => check_message(shared, *member, *room),
        Change::Rename { member, to } => {
            let name = &to.name;
            let old = &members.get(*member).ok_or(gone(""))?.name;
            if name.shown == *old {
                return Err(Refusal::AlreadyCalled { name: old });
            }
            match members.find_key(&name.key) {
                Some(owner) if owner != *member => Err(Refusal::Taken { name: &name.shown, asked: false }),
                _ => Ok(()),
            }
        }
        Change::Kick { member, kick } => members.get(*member).map(drop).ok_or(gone(&kick.name)),
        Change::Mute { member, mute } => members.get(*member).map(drop).ok_or(gone(&mute.name)),
        Change::Ban { .. } | Change::Unban { .. } | Change::Unmute { .. } => Ok(()),
    }
}
