//! Whether what operators of rooms do is allowed: restrictions, settings, roles, and the deletion of messages.

use std::time::Duration;

use super::permissions::Act;
use super::{check_other_member, check_protected, existing};
use crate::chat::change::{Delete, Restrict, RestrictionKind, RoleChange};
use crate::chat::event::Refusal;
use crate::chat::hub::Shared;
use crate::chat::id::{Holder, MemberId, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::room::rules::MAX_LISTED;
use crate::chat::settings::Setting;

/// What a restriction of this kind needs.
pub fn restriction_act(kind: RestrictionKind) -> Act {
    match kind {
        RestrictionKind::Mute => Act::Mute,
        RestrictionKind::Ban => Act::Ban,
    }
}

pub fn check_restrict<'a>(
    shared: &'a Shared,
    member: MemberId,
    restrict: &'a Restrict,
    now: Duration,
) -> Result<(), Refusal<'a>> {
    let &Restrict { by, room, kind, ref name, .. } = restrict;
    shared.permit(by, restriction_act(kind), Some(room))?;
    let found = shared.members.person(member).ok_or(Refusal::NoSuchMember { name })?;
    existing(shared, room)?;
    check_other_member(by, member)?;
    check_protected(shared, by, found)?;
    let place = &shared.rooms[room];
    if kind == RestrictionKind::Ban && room == RoomId::LOBBY {
        return Err(Refusal::NotForLobby);
    }
    let list = place.rules.restrictions(kind);
    let is_new = list.find(shared.members.holder(member), &found.name, now).is_none();
    match is_new && list.in_force(now).count() >= MAX_LISTED {
        true => Err(Refusal::ListFull { room: &place.name, most: MAX_LISTED }),
        false => Ok(()),
    }
}

pub fn check_setting<'a>(shared: &'a Shared, by: MemberId, room: RoomId, setting: &Setting) -> Result<(), Refusal<'a>> {
    shared.permit(by, Act::ChangeSettings, Some(room))?;
    existing(shared, room)?;
    if room == RoomId::LOBBY && !setting.applies_to_lobby() {
        return Err(Refusal::NotForLobby);
    }
    let is_new = shared.rooms[room].rules.settings.clone().set(setting);
    if is_new { Ok(()) } else { Err(Refusal::NoChange) }
}

pub fn check_role(
    shared: &Shared,
    by: MemberId,
    member: MemberId,
    room: RoomId,
    change: RoleChange,
) -> Result<(), Refusal<'_>> {
    shared.permit(by, Act::ChangeRoles, Some(room))?;
    let place = existing(shared, room)?;
    let (RoleChange::Give(role) | RoleChange::Take(role)) = change;
    if room == RoomId::LOBBY && role == RoomRole::Operator {
        return Err(Refusal::NotForLobby);
    }
    let name = &*shared.members.person(member).ok_or(Refusal::NoSuchMember { name: "" })?.name;
    let rules = &shared.rooms[room].rules;
    let holder = shared.members.holder(member);
    let has = rules.role(holder);
    let is_here = |id| match id {
        Holder::Member(member) => shared.members.get(member).is_some(),
        Holder::Account(_) => true,
    };
    let others = || rules.roles().iter().filter(|&&(id, _)| id != holder && is_here(id));
    match change {
        RoleChange::Give(_) if !shared.members.is_in(member.slot, room) => Err(Refusal::NotThere { name, room: place }),
        // An operator needs no voice.
        RoleChange::Give(_) if has >= Some(role) => {
            let role = has.unwrap_or(role);
            Err(Refusal::HasRole { name, room: Some(place), role })
        }
        RoleChange::Give(_) if others().count() >= MAX_LISTED => {
            Err(Refusal::ListFull { room: place, most: MAX_LISTED })
        }
        RoleChange::Take(_) if has != Some(role) => Err(Refusal::LacksRole { name, room: Some(place), role }),
        RoleChange::Take(RoomRole::Operator)
            if by == member && !others().any(|&(_, role)| role == RoomRole::Operator) =>
        {
            Err(Refusal::LastOperator { room: place })
        }
        _ => Ok(()),
    }
}

pub fn check_delete<'a>(shared: &'a Shared, delete: &'a Delete) -> Result<(), Refusal<'a>> {
    let &Delete { by, room, ref ids, .. } = delete;
    let name = existing(shared, room)?;
    if shared.may(by, Act::DeleteOthers, Some(room)) {
        return Ok(());
    }
    shared.members.get(by).ok_or(Refusal::NoSuchMember { name: "" })?;
    let history = shared.rooms[room].history();
    for &id in ids {
        match history.get(id) {
            None => return Err(Refusal::NoMessage { id, room: name }),
            Some(message) if message.author().member != Some(by) => return Err(Refusal::NotYours { id }),
            Some(_) => {}
        }
    }
    Ok(())
}
