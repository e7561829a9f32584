//! What a person can see of its room, to type what fits there.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::words::OPERATOR;

/// What a person can see of its room.
pub struct Surroundings {
    /// Its name; empty for the operator.
    pub own: String,
    /// It is a moderator of the server.
    pub moderates: bool,
    /// It may not speak in one of its rooms.
    pub is_silent: bool,
    /// It may govern its current room.
    pub operates: bool,
    /// Addresses that are banned from the server.
    pub banned: Vec<String>,
    /// Operators of rooms.
    pub operators: Vec<String>,
    /// The others there.
    pub names: Vec<String>,
    pub rooms_with_key: Vec<String>,
    /// Mutes and bans in its room, or in all rooms for the operator: the room and the name.
    pub restricted: Vec<(String, String)>,
}

impl Oracle {
    /// What a person can see of its room, so that it types commands that mean something.
    pub fn surroundings(&self, session: usize, now: Now) -> Surroundings {
        let who = if session == OPERATOR { None } else { self.readers[session].member };
        let is_here = who.is_some();
        let who = who.unwrap_or(OPERATOR);
        let room = self.rooms.get(if is_here { self.members[who].room } else { 0 }).and_then(Option::as_ref);
        let others = room.map_or(&[][..], |room| &room.members).iter().filter(|&&member| member != who);
        let has_key = |name: &String| self.find_room(name).is_some_and(|room| self.rules_of(room).has("key"));
        let rooms = self.rooms.iter().flatten().map(|room| room.name.clone());
        let restricted = self.rooms.iter().enumerate().filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let restricted = restricted.filter(|&(number, _)| match is_here {
            true => number == self.members[who].room,
            false => session == OPERATOR || number == 0,
        });
        let restricted = restricted.flat_map(|(_, room)| {
            let entries = room.rules.mutes.iter().chain(&room.rules.bans);
            let masks = room.rules.masks.iter().map(|(mask, _)| mask.text());
            entries.map(|entry| entry.name.clone()).chain(masks).map(|name| (room.name.clone(), name))
        });
        let rooms_of = if is_here { self.rooms_of(who) } else { Vec::new() };
        let roles = self.rooms.iter().flatten().flat_map(|room| &room.rules.roles);
        let operators = roles.filter(|&&(_, role)| role).filter_map(|&(holder, _)| self.holder_name(holder));
        Surroundings {
            banned: self.banned_addresses(now).map(|ip| ip.to_string()).collect(),
            operators: operators.collect(),
            own: if is_here { self.members[who].name.clone() } else { String::new() },
            moderates: is_here && self.members[who].is_moderator,
            is_silent: rooms_of.into_iter().any(|room| self.refuse_speech(who, room, now).is_some()),
            restricted: restricted.collect(),
            operates: is_here && self.rank(who, Some(self.members[who].room)) >= Rank::RoomOperator,
            names: others.map(|&member| self.members[member].name.clone()).collect(),
            rooms_with_key: rooms.filter(has_key).collect(),
        }
    }
}
