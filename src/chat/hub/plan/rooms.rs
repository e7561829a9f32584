//! Plans for the commands about rooms: `/who`, `/join`, `/leave`, `/follow`, `/unfollow`, `/topic`, and `#room text`.

use std::borrow::Cow;

use super::{Asker, Plan, Report, View, check_text, refuse, talk};
use crate::chat::change::{Change, Place};
use crate::chat::command::{is_blank, split};
use crate::chat::event::{Event, MessageKind, Notice, People, Refusal};
use crate::chat::hub::check::check_entry;
use crate::chat::id::{LOBBY, RoomId};
use crate::chat::member::Role;
use crate::chat::policy::nick::Name;
use crate::chat::query::{Lookup, RoomUse};

/// Removes the `#` that may stand before the name of a room.
fn without_hash(room: &str) -> &str {
    room.strip_prefix('#').unwrap_or(room)
}

/// What a name after `#` means.
pub enum NamedRoom<'s> {
    /// A room that the member is in or follows; the operator may speak in each room.
    Own(RoomId),
    /// Another room.
    Other(&'s str),
    /// There is no room with that name.
    None,
}

impl<'s> View<'s, '_> {
    /// Finds the room with this name, for a line that begins with `#`.
    pub fn named_room(&self, asker: Asker, name: &str) -> NamedRoom<'s> {
        let rooms = &self.shared.rooms;
        match rooms.find_typed(name) {
            Some(room) if asker.is_console() || self.shared.members.is_in(asker.member.slot, room) => {
                NamedRoom::Own(room)
            }
            Some(room) if self.shared.sees(asker.member, room) => NamedRoom::Other(&rooms[room].name),
            Some(_) => NamedRoom::None,
            None => match rooms.find_stored_typed(name) {
                Some(room) if asker.role >= Role::Moderator || !room.is_secret() => NamedRoom::Other(&room.name),
                _ => NamedRoom::None,
            },
        }
    }

    /// Splits the arguments of a command into the room that they may begin with, and the rest. A `#word` that names no
    /// room belongs to the rest.
    ///
    /// # Errors
    /// The member is not in that room.
    pub fn room_argument<'l>(&self, asker: Asker, rest: &'l str) -> Result<(RoomId, &'l str), Refusal<'s>> {
        let Some(named) = rest.strip_prefix('#').filter(|_| self.config.has_followed_rooms()) else {
            return Ok((asker.room, rest));
        };
        let (name, more) = split(named);
        match self.named_room(asker, name) {
            NamedRoom::Own(room) => Ok((room, more.trim_start())),
            NamedRoom::Other(room) => Err(Refusal::NotMember { room }),
            NamedRoom::None => Ok((asker.room, rest)),
        }
    }

    /// As [`View::room_argument`], for a command that only reads: the member may also name a room that it could enter
    /// without a key. It need not fit into a full room.
    ///
    /// # Errors
    /// The ban, key or invitation that keeps it out.
    pub fn readable_room<'l>(&self, asker: Asker, rest: &'l str) -> Result<(RoomId, &'l str), Refusal<'s>> {
        let not_in_room = match self.room_argument(asker, rest) {
            Err(refusal) => refusal,
            found => return found,
        };
        let (name, more) = split(without_hash(rest));
        let Some(room) = self.shared.rooms.find_typed(name) else { return Err(not_in_room) };
        match check_entry(self.shared, asker.member, room, None, self.at) {
            Ok(()) | Err(Refusal::RoomFull { .. }) => Ok((room, more.trim_start())),
            Err(refusal) => Err(refusal),
        }
    }

    /// Reads the room that a line names before its other arguments from the store first, if it is there and not in memory.
    /// Then the line is processed again.
    pub fn load_room_argument<'l>(&self, asker: Asker, line: &str, rest: &str) -> Option<Plan<'s, 'l>> {
        let named = rest.strip_prefix('#').filter(|_| self.config.has_followed_rooms())?;
        let found = self.shared.rooms.find_stored_typed(split(named).0);
        let room = found.filter(|room| asker.role >= Role::Moderator || !room.is_secret())?.name.to_string();
        Some(Plan::Query(Lookup::Room { room, then: RoomUse::Command { line: line.into() } }))
    }

    /// As [`View::room_argument`]; moderators may name any room.
    fn topic_argument<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<(RoomId, &'l str), Refusal<'s>> {
        if asker.role >= Role::Moderator
            && !asker.is_console()
            && let Ok((Some(room), text)) = self.governed_room(asker, rest)
        {
            return Ok((room, text));
        }
        self.room_argument(asker, rest)
    }

    /// `#room text`, `##text`, or a text that begins with `#`.
    pub fn hash<'l: 's>(&self, asker: Asker, line: &'l str, rest: &'l str) -> Plan<'s, 'l> {
        if !self.config.has_followed_rooms() {
            return talk::say(asker, asker.room, line, MessageKind::Said);
        }
        if rest.starts_with('#') {
            return talk::say(asker, asker.room, rest, MessageKind::Said);
        }
        let (name, text) = split(rest);
        match self.named_room(asker, name) {
            NamedRoom::Own(_) if is_blank(text) => refuse(Refusal::Usage("#room text")),
            NamedRoom::Own(room) => talk::say(asker, room, text, MessageKind::Said),
            NamedRoom::Other(room) => refuse(Refusal::NotInRoom { room }),
            NamedRoom::None => talk::say(asker, asker.room, line, MessageKind::Said),
        }
    }

    /// `/who [room]`
    pub fn who<'l: 's>(&self, asker: Asker, room: &'l str) -> Plan<'s, 'l> {
        let room = without_hash(room);
        let rooms = &self.shared.rooms;
        if let Some(stored) = rooms.find_stored_typed(room)
            && (asker.role >= Role::Moderator || !stored.is_secret())
        {
            let people = People { here: 0, names: &[], away: &[], you: false };
            return Plan::Reply(Event::Notice(Notice::PeopleIn { room: &stored.name, people, nodes: &[] }));
        }
        match rooms.find_typed(room) {
            _ if room.is_empty() => Plan::Report(Report::Who((!asker.is_console()).then_some(asker.room))),
            Some(found) if self.shared.sees(asker.member, found) => Plan::Report(Report::Who(Some(found))),
            None if Name::room(room).is_err() => refuse(Refusal::BadRoomName),
            _ => refuse(Refusal::NoRoom { room }),
        }
    }

    /// `/join room`, `/join room KEY`
    pub fn join<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if is_blank(text) {
            return refuse(Refusal::Usage("/join room"));
        }
        let member = asker.member;
        let then = |key| RoomUse::Join { key };
        self.open(text, then, |place, key| Change::Move { member, place, key })
    }

    /// `/follow room`, `/follow room KEY`
    pub fn follow<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if is_blank(text) {
            return refuse(Refusal::Usage("/follow room"));
        }
        let member = asker.member;
        let then = |key| RoomUse::Follow { key };
        self.open(text, then, |place, key| Change::Follow { member, place, key })
    }

    /// Proposes a change with a room, after the room was read from the store if it is not in memory.
    fn open<'l: 's>(
        &self,
        text: &'l str,
        then: impl FnOnce(Option<Box<str>>) -> RoomUse,
        change: impl FnOnce(Box<Place<'l>>, Option<Box<str>>) -> Change<'l>,
    ) -> Plan<'s, 'l> {
        // Without several rooms there are no keys, and a name with a space is refused.
        let (text, key) = if self.config.has_followed_rooms() { split(text) } else { (text, "") };
        let (text, key) = (without_hash(text), Some(key.trim()).filter(|key| !key.is_empty()).map(Box::from));
        let rooms = &self.shared.rooms;
        if let Some(room) = rooms.find_stored_typed(text) {
            return Plan::Query(Lookup::Room { room: room.name.to_string(), then: then(key) });
        }
        match rooms.place(text) {
            Some(place) => Plan::Propose(change(Box::new(place), key)),
            None => refuse(Refusal::BadRoomName),
        }
    }

    /// `/unfollow room`
    pub fn unfollow<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if is_blank(text) {
            return refuse(Refusal::Usage("/unfollow room"));
        }
        let text = without_hash(text);
        match self.shared.rooms.find_typed(text) {
            Some(room) if self.shared.members.follows(asker.member.slot, room) => {
                Plan::Propose(Change::Unfollow { member: asker.member, room, reason: None })
            }
            None if Name::room(text).is_err() => refuse(Refusal::BadRoomName),
            _ => refuse(Refusal::NotFollowed { room: text }),
        }
    }

    /// `/leave`
    pub fn leave<'l: 's>(&self, asker: Asker) -> Plan<'s, 'l> {
        if asker.room == RoomId::LOBBY {
            return refuse(Refusal::InThatRoom { room: LOBBY });
        }
        Plan::Propose(Change::Move { member: asker.member, place: Box::new(Place::Lobby), key: None })
    }

    /// `/topic [#room] [text]`, `/topic [#room] -`
    pub fn topic<'l: 's>(&self, asker: Asker, rest: &'l str) -> Plan<'s, 'l> {
        let (room, text) = match self.topic_argument(asker, rest) {
            Ok(found) => found,
            Err(refusal) => return refuse(refusal),
        };
        let shown = self.shared.rooms[room].topic();
        let text = match (text, shown) {
            ("" | "-", None) => return Plan::ReplyIn(room, Event::Notice(Notice::NoTopic)),
            ("", Some(topic)) => return Plan::ReplyIn(room, Event::Notice(Notice::Topic(topic))),
            ("-", _) => None,
            (text, _) if is_blank(text) => return refuse(Refusal::Usage("/topic text")),
            (text, _) => Some(text),
        };
        match check_text(text.unwrap_or_default()) {
            Ok(()) => Plan::Propose(Change::Topic { member: asker.member, room, text: text.map(Cow::Borrowed) }),
            Err(refusal) => refuse(refusal),
        }
    }
}
