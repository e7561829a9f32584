//! Plans for the commands about rooms: `/who`, `/join`, `/leave`.

use super::{Asker, Plan, Report, View, refuse};
use crate::chat::change::{Change, Place};
use crate::chat::command::is_blank;
use crate::chat::event::{Event, Notice, People, Refusal};
use crate::chat::id::{LOBBY, RoomId};
use crate::chat::member::Role;
use crate::chat::policy::nick::Name;
use crate::chat::query::Lookup;

impl<'s> View<'s, '_> {
    /// `/who [room]`
    pub fn who<'l: 's>(&self, asker: Asker, room: &'l str) -> Plan<'s, 'l> {
        let rooms = &self.shared.rooms;
        if let Some(room) = rooms.find_stored_typed(room) {
            let people = People { here: 0, names: &[], you: false };
            return Plan::Reply(Event::Notice(Notice::PeopleIn { room, people }));
        }
        match rooms.find_typed(room) {
            _ if room.is_empty() => Plan::Report(Report::Who((asker.role == Role::User).then_some(asker.room))),
            Some(found) => Plan::Report(Report::Who(Some(found))),
            None if Name::room(room).is_err() => refuse(Refusal::BadRoomName),
            None => refuse(Refusal::NoRoom { room }),
        }
    }

    /// `/join room`
    pub fn join<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if is_blank(text) {
            return refuse(Refusal::Usage("/join room"));
        }
        let rooms = &self.shared.rooms;
        if let Some(room) = rooms.find_stored_typed(text) {
            return Plan::Query(Lookup::Room { room: room.to_owned(), nickname: None });
        }
        match rooms.place(text) {
            Some(place) => Plan::Propose(Change::Move { member: asker.member, place: Box::new(place) }),
            None => refuse(Refusal::BadRoomName),
        }
    }

    /// `/leave`
    pub fn leave<'l: 's>(&self, asker: Asker) -> Plan<'s, 'l> {
        if asker.room == RoomId::LOBBY {
            return refuse(Refusal::InThatRoom { room: LOBBY });
        }
        Plan::Propose(Change::Move { member: asker.member, place: Box::new(Place::Lobby) })
    }
}
