//! Whether a change is allowed: asked before it is proposed, and again when it is committed.

mod accounts;
mod masks;
mod metadata;
mod nicknames;
mod operators;
pub mod permissions;

use std::time::Duration;

use self::accounts::{check_join, check_rename};
use self::masks::check_mask;
use self::metadata::check_metadata;
use self::operators::{check_delete, check_restrict, check_role, check_setting, restriction_act};
use self::permissions::Act;
use super::Shared;
use crate::chat::change::{Change, Place};
use crate::chat::event::Refusal;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::{Member, Role, RoomRole};
use crate::chat::room::Room;

/// Checks a change against the shared state alone; `now` is the time of the change.
///
/// # Errors
/// The answer for the member that proposed it. Between proposal and commit the name may have been taken, the member
/// may have left or lost its role, or a limit may have been reached.
#[inline]
pub fn check<'a>(shared: &'a Shared, change: &'a Change<'_>, now: Duration) -> Result<(), Refusal<'a>> {
    match change {
        // Messages are by far the most.
        Change::Say { member, room, .. } => check_message(shared, *member, *room, now),
        _ => check_other(shared, change, now),
    }
}

#[inline]
fn check_message(shared: &Shared, member: MemberId, room: RoomId, now: Duration) -> Result<(), Refusal<'_>> {
    let Some(found) = shared.members.get(member) else { return Err(Refusal::NoSuchMember { name: "" }) };
    let is_allowed = found.room() == Some(room) || is_elsewhere_allowed(shared, member, room);
    if !is_allowed {
        // It was removed from the room in the meantime.
        return existing(shared, room).and_then(|room| Err(Refusal::NotInRoom { room }));
    }
    let place = &shared.rooms[room];
    if place.rules.limit_speech() { check_speech(shared, member, room, place, now) } else { Ok(()) }
}

/// Whether a member may speak in a room that is not its current one: it follows the room, or is the console.
fn is_elsewhere_allowed(shared: &Shared, id: MemberId, room: RoomId) -> bool {
    match id == MemberId::OPERATOR {
        true => shared.rooms.get(room).is_some(),
        false => shared.members.follows(id.slot, room),
    }
}

/// Checks the mutes, masks and settings of a room that may keep a member from speaking.
pub fn check_speech<'a>(
    shared: &'a Shared,
    member: MemberId,
    id: RoomId,
    room: &'a Room,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    check_muted(shared, member, room, now)?;
    if shared.may(member, Act::SpeakModerated, Some(id)) {
        return Ok(());
    }
    if shared.is_masked_mute(&room.rules, member) {
        return Err(Refusal::MutedIn { room: &room.name, minutes: None });
    }
    if room.rules.settings.moderated {
        return Err(Refusal::Moderated { room: &room.name });
    }
    match room.rules.slow_wait(shared.members.holder(member), now) {
        Some(wait) => Err(Refusal::SlowMode {
            room: &room.name,
            every: room.rules.settings.slow.unwrap_or_default().into(),
            wait: wait.as_millis().div_ceil(1000) as u64,
        }),
        None => Ok(()),
    }
}

fn check_muted<'a>(shared: &'a Shared, member: MemberId, room: &'a Room, now: Duration) -> Result<(), Refusal<'a>> {
    match room.rules.mutes.find(shared.members.holder(member), shared.members.name(member), now) {
        Some(mute) => Err(Refusal::MutedIn { room: &room.name, minutes: mute.left(now).map(minutes_of) }),
        None => Ok(()),
    }
}

/// Checks whether a member may enter a room, with the key that it gives.
///
/// # Errors
/// The ban, key, invitation or limit that keeps it out.
pub fn check_entry<'a>(
    shared: &'a Shared,
    member: MemberId,
    id: RoomId,
    key: Option<&str>,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    let room = &shared.rooms[id];
    let rules = &room.rules;
    if !rules.limit_entry() || id == RoomId::LOBBY || shared.may(member, Act::EnterAlways, Some(id)) {
        return Ok(());
    }
    let holder = shared.members.holder(member);
    let (name, settings, is_invited) = (&*room.name, &rules.settings, rules.is_invited(holder));
    if rules.bans.find(holder, shared.members.name(member), now).is_some() {
        return Err(Refusal::BannedFrom { room: name });
    }
    // An invitation is for this member, and a mask for many.
    if !is_invited && shared.is_masked_out(rules, member) {
        return Err(Refusal::BannedFrom { room: name });
    }
    if settings.key.as_deref().is_some_and(|wanted| !is_invited && key != Some(wanted)) {
        return Err(Refusal::WrongKey { room: name, given: key.is_some() });
    }
    if settings.invite_only && !is_invited && !shared.is_masked_in(rules, member) {
        return Err(Refusal::InviteOnly { room: name });
    }
    match settings.limit.filter(|&most| !is_invited && room.members.len() >= most as usize) {
        Some(most) => Err(Refusal::RoomFull { room: name, most }),
        None => Ok(()),
    }
}

/// The minutes that are left, rounded up.
pub fn minutes_of(left: Duration) -> u64 {
    left.as_millis().div_ceil(60_000) as u64
}

fn check_other<'a>(shared: &'a Shared, change: &'a Change<'_>, now: Duration) -> Result<(), Refusal<'a>> {
    let Shared { members, rooms, .. } = shared;
    let gone = |name: &'a str| Refusal::NoSuchMember { name };
    let present = |member: MemberId, name: &'a str| members.person(member).ok_or(gone(name));
    match change {
        Change::Join(join) => check_join(shared, join),
        Change::Move { member, place, key } => check_move(shared, *member, place, key.as_deref(), now),
        Change::Follow { member, place, key } => check_follow(shared, *member, place, key.as_deref(), now),
        Change::Unfollow { member, room, .. } => match present(*member, "") {
            Ok(_) if rooms.get(*room).is_none() => Err(Refusal::NoRoom { room: "" }),
            Ok(_) if !members.is_in(member.slot, *room) => Err(Refusal::NotFollowed { room: rooms.name(*room) }),
            found => found.map(drop),
        },
        Change::Topic { member, room, .. } => check_topic(shared, *member, *room, now),
        Change::Away { member, .. }
        | Change::SetIdentity { member, .. }
        | Change::Operator { member, .. }
        | Change::Leave { member, .. } => present(*member, "").map(drop),
        Change::SetMetadata(set) => check_metadata(shared, set),
        Change::Say { member, room, .. } => check_message(shared, *member, *room, now),
        // Slow mode does not count tags without a message.
        Change::Tag { member, room, .. } => match check_message(shared, *member, *room, now) {
            Err(Refusal::SlowMode { .. }) => Ok(()),
            checked => checked,
        },
        Change::SayToRole(said) => check_message(shared, said.member, said.room, now),
        Change::SayLines(say) => check_message(shared, say.member, say.room, now),
        // What posters may do is the operator's to decide, who has given them their tokens.
        Change::Post(post) => match rooms.find(&post.room.key).is_some() || rooms.find_stored(&post.room.key).is_some()
        {
            true => Ok(()),
            false => Err(Refusal::NoRoom { room: &post.room.shown }),
        },
        Change::Rename { member, to } => check_rename(shared, *member, &present(*member, "")?.name, to),
        Change::Kick { member, kick } => match kick.room {
            None => {
                shared.permit(kick.by, Act::ModerateServer, None)?;
                let found = present(*member, &kick.name)?;
                check_protected(shared, kick.by, found)
            }
            Some(room) => {
                shared.permit(kick.by, Act::Kick, Some(room))?;
                let found = present(*member, &kick.name)?;
                let name = existing(shared, room)?;
                check_other_member(kick.by, *member)?;
                check_protected(shared, kick.by, found)?;
                let is_there = members.is_in(member.slot, room);
                if is_there { Ok(()) } else { Err(Refusal::NotThere { name: &found.name, room: name }) }
            }
        },
        Change::Mute { member, mute } => {
            shared.permit(mute.by, Act::ModerateServer, None)?;
            check_protected(shared, mute.by, present(*member, &mute.name)?)
        }
        Change::Ban(ban) => match ban.member {
            None => shared.permit(ban.by, Act::BanAddress, None),
            Some(member) => {
                shared.permit(ban.by, Act::ModerateServer, None)?;
                let name = ban.name.as_deref().unwrap_or_default();
                check_protected(shared, ban.by, present(member, name)?)
            }
        },
        Change::Unban { by, network } => {
            // A ban may have been lifted in the meantime, which any moderator could do.
            let is_by_address = shared.bans.is_by_address(*network, now);
            shared.permit(*by, if is_by_address { Act::BanAddress } else { Act::ModerateServer }, None)
        }
        Change::Unmute { by, .. } => shared.permit(*by, Act::ModerateServer, None),
        Change::Restrict { member, restrict } => check_restrict(shared, *member, restrict, now),
        Change::Lift(lift) => {
            shared.permit(lift.by, restriction_act(lift.kind), Some(lift.room))?;
            existing(shared, lift.room).map(drop)
        }
        Change::SetMask { by, room, kind, mask, add } => check_mask(shared, *by, *room, *kind, mask, *add),
        Change::Set { by, room, setting } => check_setting(shared, *by, *room, setting),
        Change::Invite { by, member, room } => {
            shared.permit(*by, Act::Invite, Some(*room))?;
            let (found, name) = (present(*member, "")?, existing(shared, *room)?);
            if members.is_in(member.slot, *room) {
                return Err(Refusal::IsThere { name: &found.name, room: name });
            }
            match rooms[*room].rules.bans.find(members.holder(*member), &found.name, now) {
                Some(_) => Err(Refusal::IsBanned { name: &found.name, room: name }),
                None => Ok(()),
            }
        }
        Change::RoomRole { by, member, room, change } => check_role(shared, *by, *member, *room, *change),
        Change::Moderator { by, member, given } => {
            shared.permit(*by, Act::ChangeModerators, None)?;
            let found = present(*member, "")?;
            let (name, room, role) = (&*found.name, None, RoomRole::Operator);
            match (found.role(), *given) {
                (Role::User, true) | (Role::Moderator, false) => Ok(()),
                (_, true) => Err(Refusal::HasRole { name, room, role }),
                (_, false) => Err(Refusal::LacksRole { name, room, role }),
            }
        }
        Change::Delete(delete) => check_delete(shared, delete),
        Change::Register { member, register } => {
            let found = present(*member, "")?;
            match found.account() {
                Some(account) => Err(Refusal::RegisteredAlready { name: shared.accounts.name(account) }),
                None => shared.check_register(&register.name),
            }
        }
        Change::LogIn { member, account, .. } => {
            let (found, account) = (present(*member, "")?, shared.check_account(*account)?);
            match account.member.is_some() || found.account().is_some() {
                true => Err(Refusal::RegisteredAlready { name: &found.name }),
                false => Ok(()),
            }
        }
        Change::SetPassword { account, .. } => shared.check_account(*account).map(drop),
        Change::SetScram(set) => shared.check_set_scram(set),
        Change::Unregister { by, account } => {
            shared.check_account(*account)?;
            if members.account(*by) != Some(*account) {
                shared.permit(*by, Act::RemoveAccounts, None)?;
            }
            shared.check_only_session(*account)
        }
    }
}

/// The name of a room.
///
/// # Errors
/// It does not exist any more.
fn existing(shared: &Shared, room: RoomId) -> Result<&str, Refusal<'_>> {
    shared.rooms.get(room).map(|room| &*room.name).ok_or(Refusal::NoRoom { room: "" })
}

/// Only the operator may act against a moderator.
fn check_protected<'a>(shared: &Shared, by: MemberId, member: &'a Member) -> Result<(), Refusal<'a>> {
    match member.role() >= Role::Moderator && shared.members.role(by) != Role::Operator {
        true => Err(Refusal::Protected { name: &member.name }),
        false => Ok(()),
    }
}

/// Operators of a room do not kick, mute or ban themselves: the last one would leave the room without an operator.
fn check_other_member(by: MemberId, member: MemberId) -> Result<(), Refusal<'static>> {
    if by == member { Err(Refusal::Yourself) } else { Ok(()) }
}

fn check_move<'a>(
    shared: &'a Shared,
    member: MemberId,
    place: &'a Place,
    key: Option<&str>,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    let Shared { members, rooms, .. } = shared;
    let found = members.person(member).ok_or(Refusal::NoSuchMember { name: "" })?;
    match rooms.find_place(place) {
        Some(room) if found.room() == Some(room) => Err(Refusal::InThatRoom { room: &rooms[room].name }),
        Some(room) if members.follows(member.slot, room) => Ok(()),
        _ => check_place(shared, member, place, key, now),
    }
}

/// Checks whether a member may enter a place where it is not, or make that room.
///
/// A room is not made by a member that gives a key: it means another room, or a name with a space.
fn check_place<'a>(
    shared: &'a Shared,
    member: MemberId,
    place: &'a Place,
    key: Option<&str>,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    let Shared { members, rooms, .. } = shared;
    match (rooms.find_place(place), place) {
        (Some(room), _) => check_entry(shared, member, room, key, now),
        (None, Place::Named(name)) if key.is_some() && rooms.find_stored(&name.key).is_none() => {
            Err(Refusal::NoRoom { room: &name.shown })
        }
        _ => rooms.check_open(place, members[member.slot].created_rooms(), members),
    }
}

fn check_follow<'a>(
    shared: &'a Shared,
    member: MemberId,
    place: &'a Place,
    key: Option<&str>,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    let Shared { members, rooms, .. } = shared;
    let found = members.person(member).ok_or(Refusal::NoSuchMember { name: "" })?;
    let most = rooms.limits().follow;
    match rooms.find_place(place) {
        Some(room) if found.room() == Some(room) => Err(Refusal::InThatRoom { room: &rooms[room].name }),
        Some(room) if members.follows(member.slot, room) => Err(Refusal::FollowsAlready { room: &rooms[room].name }),
        _ if members.followed(member.slot).count() >= most => Err(Refusal::TooManyFollowed { most }),
        _ => check_place(shared, member, place, key, now),
    }
}

fn check_topic(shared: &Shared, member: MemberId, id: RoomId, now: Duration) -> Result<(), Refusal<'_>> {
    let may_always = shared.may(member, Act::ModerateServer, None);
    if !may_always && shared.members.get(member).is_none() {
        return Err(Refusal::NoSuchMember { name: "" });
    }
    let name = existing(shared, id)?;
    if !may_always && !shared.members.is_in(member.slot, id) {
        return Err(Refusal::NotMember { room: name });
    }
    let room = &shared.rooms[id];
    check_speech(shared, member, id, room, now)?;
    if room.rules.settings.topic_lock { shared.permit(member, Act::SetLockedTopic, Some(id)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_left_are_rounded_up() {
        let minutes = |ms| minutes_of(Duration::from_millis(ms));
        assert_eq!([minutes(1), minutes(60_000), minutes(60_500)], [1, 1, 2]);
    }
}
