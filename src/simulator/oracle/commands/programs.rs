//! Programs: what they ask for when they connect or with `/json`.

use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::phrases::ROOM_SHAPE;
use crate::simulator::oracle::words::{ReaderStage, key};

/// The rooms and the position at which a session wants to continue.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub room: Option<String>,
    pub follow: Vec<String>,
    /// The newest message that it has read in this run of the server.
    pub after: Option<u64>,
}

impl Wanted {
    /// Reads words such as `room=den`.
    pub fn read(words: &str) -> Wanted {
        let words: Vec<(&str, &str)> = words.split_whitespace().filter_map(|word| word.split_once('=')).collect();
        // The first word of a name counts.
        let value = |name: &str| words.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| *value);
        Wanted {
            room: Some(value("room").into()).filter(|room: &String| !room.is_empty()),
            follow: value("follow").split(',').filter(|room| !room.is_empty()).map(Into::into).collect(),
            after: value("after").parse().ok().filter(|_| value("run") == "0000000000000000"),
        }
    }

    /// The rooms of a member that has read all messages up to a number.
    pub fn of_member(mut rooms: Vec<String>, after: u64) -> Wanted {
        let room = Some(rooms.remove(0));
        Wanted { room, follow: rooms, after: Some(after) }
    }

    /// Wants to follow these rooms, too.
    pub fn follow_too(&mut self, rooms: Vec<String>) {
        let more: Vec<String> = rooms.into_iter().filter(|room| !self.follow.contains(room)).collect();
        self.follow.extend(more);
    }
}

impl Oracle {
    /// Whether a line before the login asks for JSON.
    pub(in crate::simulator::oracle) fn asks_for_json(&self, who: usize, text: &str) -> bool {
        let is_meant = text == "/json" || text.starts_with("/json ");
        is_meant && self.readers[who].program.is_none() && self.has_following()
    }

    /// A session on the plain port reads JSON from now on.
    pub(in crate::simulator::oracle) fn begin_json(&mut self, who: usize, text: &str) {
        self.counts.json_lines += 1;
        let reader = &mut self.readers[who];
        (reader.program, reader.echo) = (Some(reader.revision), true);
        reader.wanted = Some(Wanted::read(text));
        match reader.stage {
            ReaderStage::Waiting(number) => self.tell_number(who, number),
            _ => self.ask(who),
        }
    }

    /// The keys of the rooms that a session has asked for.
    pub(in crate::simulator::oracle) fn asked_rooms(&self, session: usize) -> Vec<String> {
        let wanted = self.readers[session].wanted.iter();
        wanted.flat_map(|wanted| wanted.room.iter().chain(&wanted.follow)).map(|room| key(room)).collect()
    }

    /// The room that a new member enters, and those that it follows, as far as there can be such rooms.
    pub(in crate::simulator::oracle) fn places(&self, who: usize) -> (String, Vec<String>) {
        let wanted = self.readers[who].wanted.clone().unwrap_or_default();
        let room = wanted.room.and_then(|room| self.place(&room)).unwrap_or_else(|| "lobby".into());
        let mut follow: Vec<String> = Vec::new();
        for name in wanted.follow.iter().filter(|_| self.has_following()) {
            let Some(place) = self.place(name).filter(|place| *place != room && !follow.contains(place)) else {
                continue;
            };
            // One more than allowed, so that the member is told that they are too many.
            if follow.len() <= self.config.max_follow {
                follow.push(place);
            }
        }
        (room, follow)
    }

    /// Takes what a new member has asked for; returns the newest message that it has read. Refuses names that no room
    /// can have.
    pub(in crate::simulator::oracle) fn take_wanted(&mut self, who: usize) -> Option<u64> {
        let wanted = self.readers[who].wanted.take()?;
        let is_bad = |name: &String| self.place(name).is_none();
        let is_room_bad = wanted.room.as_ref().is_some_and(is_bad);
        if is_room_bad || self.has_following() && wanted.follow.iter().any(is_bad) {
            self.send_line(who, ROOM_SHAPE);
        }
        // With a store, a number that no message has had is not known.
        wanted.after.filter(|&after| !is_room_bad && (!self.has_store || after <= self.messages))
    }
}
