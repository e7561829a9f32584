//! Whether a change is allowed: asked before it is proposed, and again when it is committed.

use super::Shared;
use crate::chat::change::{Change, Place};
use crate::chat::event::Refusal;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::Role;

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
    let Some(member) = shared.members.get(member) else { return Err(Refusal::NoSuchMember { name: "" }) };
    match member.room == Some(room) || member.role() == Role::Operator {
        true => Ok(()),
        false => Err(Refusal::NoRoom { room: "" }),
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
            let found = match &**place {
                Place::Lobby => Some(RoomId::LOBBY),
                Place::Named(name) => rooms.find(&name.key),
            };
            match found {
                Some(room) if member.room == found => Err(Refusal::InThatRoom { room: &rooms[room].name }),
                _ => rooms.check_open(place, member.created_rooms()),
            }
        }
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
