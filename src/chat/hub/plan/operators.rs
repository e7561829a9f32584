//! Plans for what operators of rooms do: settings, invitations, roles; and for the deletion of messages.

use std::borrow::Cow;

use super::{Asker, Plan, Report, View};
use crate::chat::change::{Change, Delete, RoleChange};
use crate::chat::command::split;
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::hub::check::permissions::Act;
use crate::chat::id::{Author, MemberId, RoomId};
use crate::chat::member::{Role, RoomRole};
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::query::{DeleteChoice, Lookup};
use crate::chat::settings::{MAX_KEY, MAX_LIMIT, MAX_SLOW, Setting};

/// The most messages that one `/delete @name n` deletes.
const MAX_DELETED: usize = 100;

const DELETE_USAGE: Refusal = Refusal::Usage("/delete last|ID|@name [n]");
const SETTING_USAGE: Refusal = Refusal::Usage(
    "/room [key WORD|limit N|slow SECONDS|invite-only|moderated|secret|topic-lock], each with off to end it",
);

impl<'s> View<'s, '_> {
    /// Splits the arguments of an operator's command into the room that they may begin with, and the rest. Moderators may
    /// name any room.
    ///
    /// # Errors
    /// There is no such room, or the member is not in it.
    pub fn governed_room<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<(Option<RoomId>, &'l str), Refusal<'s>> {
        let Some(named) = rest.strip_prefix('#').filter(|_| self.config.has_followed_rooms()) else {
            return Ok((None, rest));
        };
        let (name, more) = split(named);
        let rooms = &self.shared.rooms;
        let may_name_any = asker.role >= Role::Moderator;
        match rooms.find_typed(name) {
            Some(room) if may_name_any || self.shared.members.is_in(asker.member.slot, room) => {
                Ok((Some(room), more.trim_start()))
            }
            Some(room) if self.shared.sees(asker.member, room) => Err(Refusal::NotMember { room: &rooms[room].name }),
            Some(_) => Err(Refusal::NoRoom { room: name }),
            None => match rooms.find_stored_typed(name) {
                Some(stored) if may_name_any || !stored.is_secret() => Err(Refusal::NotMember { room: &stored.name }),
                None if Name::room(name).is_err() => Err(Refusal::BadRoomName),
                _ => Err(Refusal::NoRoom { room: name }),
            },
        }
    }

    /// `/room`, `/room #room`, and with a setting
    pub fn room<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, rest) = self.governed_room(asker, rest)?;
        let room = room.unwrap_or(asker.room);
        if rest.is_empty() {
            return Ok(Plan::Report(Report::Settings(room)));
        }
        self.shared.permit(asker.member, Act::ChangeSettings, Some(room))?;
        let setting = Box::new(read_setting(rest)?);
        Ok(Plan::Propose(Change::Set { by: asker.member, room, setting }))
    }

    /// The room and the member that an operator's command is about.
    fn room_and_member<'l: 's>(
        &self,
        asker: Asker,
        rest: &'l str,
        act: Act,
        usage: &'static str,
        is_for_lobby: bool,
    ) -> Result<(RoomId, MemberId), Refusal<'s>> {
        let (room, rest) = self.governed_room(asker, rest)?;
        let room = room.unwrap_or(asker.room);
        self.shared.permit(asker.member, act, Some(room))?;
        let name = split(rest).0;
        if name.is_empty() {
            return Err(Refusal::Usage(usage));
        }
        if room == RoomId::LOBBY && !is_for_lobby {
            return Err(Refusal::NotForLobby);
        }
        Ok((room, self.shared.members.find(name).ok_or(Refusal::NoSuchMember { name })?))
    }

    /// `/invite name`, `/invite #room name`
    pub fn invite<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, member) = self.room_and_member(asker, rest, Act::Invite, "/invite name", false)?;
        Ok(Plan::Propose(Change::Invite { by: asker.member, member, room }))
    }

    /// `/op name`, `/deop name`, `/voice name`, `/devoice name`, each with `#room`
    pub fn change_role<'l: 's>(
        &self,
        asker: Asker,
        change: RoleChange,
        rest: &'l str,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (usage, is_for_lobby) = match change {
            RoleChange::Give(RoomRole::Operator) => ("/op name", false),
            RoleChange::Take(RoomRole::Operator) => ("/deop name", false),
            RoleChange::Give(RoomRole::Voice) => ("/voice name", true),
            RoleChange::Take(RoomRole::Voice) => ("/devoice name", true),
        };
        let (room, member) = self.room_and_member(asker, rest, Act::ChangeRoles, usage, is_for_lobby)?;
        Ok(Plan::Propose(Change::RoomRole { by: asker.member, member, room, change }))
    }

    /// `/mod name`, `/unmod name`
    pub fn change_moderator<'l: 's>(
        &self,
        asker: Asker,
        given: bool,
        name: &'l str,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        if name.is_empty() {
            return Err(Refusal::Usage(if given { "/mod name" } else { "/unmod name" }));
        }
        let member = self.shared.members.find(name).ok_or(Refusal::NoSuchMember { name })?;
        Ok(Plan::Propose(Change::Moderator { by: asker.member, member, given }))
    }

    /// `/delete last`, `/delete ID`, `/delete @name [n]`, each with `#room`
    pub fn delete<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, rest) = self.governed_room(asker, rest)?;
        let room = room.unwrap_or(asker.room);
        if self.shared.rooms.store_fails() {
            return Err(Refusal::StoreFails);
        }
        let (what, more) = split(rest);
        let more = more.trim();
        match what.strip_prefix('@') {
            Some(name) if !name.is_empty() => {
                let n = match more {
                    "" => 1,
                    n => n.parse().ok().filter(|n| (1..=MAX_DELETED).contains(n)).ok_or(DELETE_USAGE)?,
                };
                self.delete_of(asker, room, name, n)
            }
            None if !more.is_empty() => Err(DELETE_USAGE),
            None if what.eq_ignore_ascii_case("last") => self.delete_last(asker, room),
            None => self.delete_id(asker, room, what.parse().map_err(|_| DELETE_USAGE)?),
            Some(_) => Err(DELETE_USAGE),
        }
    }

    /// Whether a member that is muted on the server must believe that its message was deleted.
    fn pretends(&self, asker: Asker) -> bool {
        self.shared.mutes.holds(asker.member, self.at)
    }

    /// The answer to a muted member, whose messages are in no history.
    fn pretended<'l>(&self, asker: Asker, room: RoomId) -> Plan<'s, 'l> {
        let name = &*self.shared.members[asker.member.slot].name;
        Plan::ReplyIn(room, Event::Notice(Notice::Deleted { by: name, name, ids: &[] }))
    }

    fn delete_last<'l: 's>(&self, asker: Asker, room: RoomId) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let place = &self.shared.rooms[room];
        let mut authors = place.history().authors();
        match authors.find(|(_, author)| author.member == Some(asker.member)) {
            Some((id, _)) => Ok(self.propose_deletion(asker, room, vec![id])),
            None if self.pretends(asker) => Ok(self.pretended(asker, room)),
            None => Err(Refusal::NothingToDelete { name: None, room: &place.name }),
        }
    }

    /// `/delete ID`
    pub fn delete_id<'l: 's>(&self, asker: Asker, room: RoomId, id: u64) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let place = &self.shared.rooms[room];
        let may_any = self.shared.may(asker.member, Act::DeleteOthers, Some(room));
        match place.history().get(id) {
            Some(message) if may_any || message.author().member == Some(asker.member) => {
                Ok(self.propose_deletion(asker, room, vec![id]))
            }
            Some(_) => Err(Refusal::NotYours { id }),
            None if may_any && self.has_store => {
                let which = DeleteChoice::Id(id);
                Ok(Plan::Query(Lookup::Delete { room: self.room_name(room), which }))
            }
            None if self.pretends(asker) && (1..=self.last_message_id).contains(&id) => Ok(self.pretended(asker, room)),
            None => Err(Refusal::NoMessage { id, room: &place.name }),
        }
    }

    /// `/delete @name n`: the newest messages in memory, or in the store if there may be more.
    fn delete_of<'l: 's>(
        &self,
        asker: Asker,
        room: RoomId,
        name: &'l str,
        n: usize,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let members = &self.shared.members;
        let key = key_of(name).unwrap_or_default();
        let may_any = self.shared.may(asker.member, Act::DeleteOthers, Some(room));
        let is_own_name = members.find_key(&key) == Some(asker.member);
        if !may_any && !is_own_name {
            self.shared.permit(asker.member, Act::DeleteOthers, Some(room))?;
        }
        let place = &self.shared.rooms[room];
        let hash = members.name_hash(&key);
        let authors = place.history().authors();
        let is_meant = |author: &Author| author.name == hash && (may_any || author.member == Some(asker.member));
        let ids: Vec<u64> = authors.filter(|(_, author)| is_meant(author)).map(|(id, _)| id).take(n).collect();
        if ids.len() < n && may_any && self.has_store {
            let which = DeleteChoice::Of { name: name.to_owned(), n };
            return Ok(Plan::Query(Lookup::Delete { room: self.room_name(room), which }));
        }
        match ids.is_empty() {
            false => Ok(self.propose_deletion(asker, room, ids)),
            true if is_own_name && self.pretends(asker) => Ok(self.pretended(asker, room)),
            true => Err(Refusal::NothingToDelete { name: Some(name), room: &place.name }),
        }
    }

    /// Proposes to delete messages of one author that are in memory.
    fn propose_deletion<'l: 's>(&self, asker: Asker, room: RoomId, mut ids: Vec<u64>) -> Plan<'s, 'l> {
        ids.sort_unstable();
        let newest = ids.last().and_then(|&id| self.shared.rooms[room].history().get(id));
        let name = Cow::Owned(newest.map_or_else(String::new, |message| message.name().to_owned()));
        Plan::Propose(Change::Delete(Box::new(Delete { by: asker.member, room, name, ids, reason: None })))
    }
}

/// Parses a setting of a room and its value.
///
/// # Errors
/// There is no such setting, or it cannot have that value.
fn read_setting(text: &str) -> Result<Setting<'_>, Refusal<'static>> {
    let (word, value) = split(text);
    let value = value.trim();
    let is_off = value.eq_ignore_ascii_case("off");
    let flag = || match value {
        "" => Ok(true),
        value if value.eq_ignore_ascii_case("on") => Ok(true),
        _ if is_off => Ok(false),
        _ => Err(SETTING_USAGE),
    };
    let number = |most: u32| match value.parse() {
        _ if is_off => Ok(None),
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => Err(SETTING_USAGE),
    };
    Ok(match word.to_ascii_lowercase().as_str() {
        "key" if value.is_empty() => return Err(SETTING_USAGE),
        "key" if is_off => Setting::Key(None),
        "key" if value.len() > MAX_KEY || value.contains(char::is_whitespace) => {
            return Err(Refusal::BadKey { most: MAX_KEY });
        }
        "key" => Setting::Key(Some(Cow::Borrowed(value))),
        "invite-only" => Setting::InviteOnly(flag()?),
        "moderated" => Setting::Moderated(flag()?),
        "secret" => Setting::Secret(flag()?),
        "topic-lock" => Setting::TopicLock(flag()?),
        "limit" => Setting::Limit(number(MAX_LIMIT)?),
        "slow" => Setting::Slow(number(MAX_SLOW)?),
        _ => return Err(SETTING_USAGE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_bounds() {
        for (text, setting) in [
            ("key fish", Setting::Key(Some("fish".into()))),
            ("KEY Off", Setting::Key(None)),
            ("moderated", Setting::Moderated(true)),
            ("secret on", Setting::Secret(true)),
            ("invite-only off", Setting::InviteOnly(false)),
            ("topic-lock  off", Setting::TopicLock(false)),
            ("limit 1", Setting::Limit(Some(1))),
            ("limit 1000000", Setting::Limit(Some(1_000_000))),
            ("slow 86400", Setting::Slow(Some(86_400))),
            ("slow off", Setting::Slow(None)),
        ] {
            assert_eq!(read_setting(text).unwrap(), setting, "{text}");
        }
        for text in ["key", "key ", "limit", "limit 0", "limit 1000001", "limit -1", "slow 0", "slow 86401", "slow x"] {
            assert!(matches!(read_setting(text), Err(Refusal::Usage(_))), "{text}");
        }
        for text in ["", "x", "moderated maybe", "secret 1", "#den key x"] {
            assert!(matches!(read_setting(text), Err(Refusal::Usage(_))), "{text}");
        }
        let long = "k".repeat(MAX_KEY);
        assert!(read_setting(&format!("key {long}")).is_ok());
        for text in [format!("key {long}k"), "key two words".into(), "key a\u{3000}b".into()] {
            assert!(matches!(read_setting(&text), Err(Refusal::BadKey { .. })), "{text}");
        }
    }
}
