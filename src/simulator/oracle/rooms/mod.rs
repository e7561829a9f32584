//! Rooms: their members, their histories, and how they are made and removed.

pub(super) mod arguments;
pub(super) mod barriers;
pub(super) mod deleting;
pub(super) mod following;
pub(super) mod history;
pub(super) mod invitations;
pub(super) mod replay;
pub(super) mod rules;
pub(super) mod settings;
pub(super) mod showing;
pub(super) mod speaking;
pub(super) mod topics;

use std::time::Duration;

use time::{Date, OffsetDateTime};

use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::irc::vocabulary::Metadata;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::phrases::SHAPE;
use crate::simulator::oracle::rooms::rules::{Holder, Rules};
use crate::simulator::oracle::words::{NOWHERE, OPERATOR, key};

/// The state of a room.
pub struct OracleRoom {
    pub name: String,
    /// In the order of the server's sweep.
    pub members: Vec<usize>,
    pub history: Vec<HistoryEntry>,
    /// What was ever shown to the room.
    pub shown: Shown,
    /// The name of the member who has set the topic, and its text.
    pub topic: Option<(String, String)>,
    pub topic_at: i64,
    /// When a member made it.
    pub created: Option<i64>,
    pub rules: Rules,
    pub metadata: Metadata,
    /// The first and the last id of each message of several lines.
    pub multiline: Vec<(u64, u64)>,
    /// It is in the store, which keeps it.
    pub is_stored: bool,
    /// Messages of it were deleted.
    pub has_deleted: bool,
    /// The id of the newest message that is no longer kept.
    pub newest_dropped: u64,
    /// Day lines, with the number of messages before each.
    pub days: Vec<(usize, Date)>,
    pub said: usize,
    pub day: Option<Date>,
    /// Joins and leaves that are not announced yet.
    pub sum: Option<(u32, u32)>,
    pub next_sum: Duration,
    /// Its number among all times that a room became empty.
    pub emptied: usize,
}

/// Lines of a room, and their bytes without the name of the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub bytes: usize,
    pub lines: usize,
}

/// A message of a room.
#[derive(Clone)]
pub struct Message {
    pub id: u64,
    pub author: usize,
    /// The author's name at that time.
    pub name: String,
    /// The key of the author's name at that time.
    pub key: String,
    /// The time, and a star for an action.
    pub mark: String,
    pub spoken: String,
    /// Where the text begins there.
    pub text_at: usize,
    pub kind: MessageKind,
    pub at: OffsetDateTime,
}

/// A message of the history.
pub struct HistoryEntry {
    pub message: Message,
    pub day: Date,
    /// What was shown to the room before it.
    pub begun: Shown,
    /// What it counts toward the limit of the history in bytes.
    pub cost: usize,
}

impl OracleRoom {
    pub fn new(name: &str) -> OracleRoom {
        OracleRoom {
            name: name.into(),
            members: Vec::new(),
            history: Vec::new(),
            shown: Shown::default(),
            topic: None,
            topic_at: 0,
            created: None,
            rules: Rules::default(),
            metadata: Metadata::new(),
            multiline: Vec::new(),
            is_stored: false,
            has_deleted: false,
            newest_dropped: 0,
            days: Vec::new(),
            said: 0,
            day: None,
            sum: None,
            next_sum: Duration::ZERO,
            emptied: 0,
        }
    }

    /// Whether joins and leaves are not announced yet.
    pub fn has_sum(&self) -> bool {
        self.sum.is_some()
    }
}

impl Oracle {
    pub(super) fn room(&mut self, room: usize) -> &mut OracleRoom {
        self.rooms[room].as_mut().expect("a room that exists")
    }

    pub(super) fn find_room(&self, name: &str) -> Option<usize> {
        let called = |room: &Option<OracleRoom>| room.as_ref().is_some_and(|room| key(&room.name) == key(name));
        self.rooms.iter().position(called)
    }

    /// Whether a new room can be made.
    pub(super) fn can_open(&self) -> bool {
        self.rooms.iter().flatten().count() < self.config.max_rooms
            || self.rooms.iter().skip(1).flatten().any(|room| self.is_removable(room))
    }

    /// Whether a room may be removed: it is empty, and keeps no members out, or none of its operators is on the server.
    fn is_removable(&self, room: &OracleRoom) -> bool {
        let is_here = |holder| matches!(holder, Holder::Member(who) if self.members[who].is_member);
        let mut operators = room.rules.roles.iter().filter(|&&(holder, role)| role && is_here(holder));
        room.members.is_empty() && (!room.rules.keep_out() || operators.next().is_none())
    }

    /// Finds or creates a room, whose first operator its creator is; at the limit the least recently used empty room is
    /// removed.
    pub(super) fn open(&mut self, name: &str, creator: usize, now: Now) -> Option<usize> {
        if let Some(room) = self.find_room(name) {
            return Some(room);
        }
        if self.rooms.iter().flatten().count() >= self.config.max_rooms && !self.remove_least_used() {
            return None;
        }
        // A number is never used again, so that it always means the same room.
        self.rooms.push(Some(OracleRoom::new(name)));
        let room = self.rooms.len() - 1;
        self.room(room).created = Some(now.local.unix_timestamp());
        self.give_role(creator, room, true);
        Some(room)
    }

    /// Removes the empty room that was used least recently; `false` if there is none.
    pub(super) fn remove_least_used(&mut self) -> bool {
        let rooms = self.rooms.iter().enumerate().skip(1);
        let empty = rooms.filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let empty = empty.filter(|(_, room)| self.is_removable(room));
        let Some((least_recent, _)) = empty.min_by_key(|(_, room)| room.emptied) else { return false };
        self.remove_room(least_recent);
        true
    }

    fn remove_room(&mut self, number: usize) {
        self.rooms[number] = None;
        self.sums.retain(|(_, room)| *room != number);
    }

    /// Lets a member leave one of its rooms.
    pub(super) fn exit(&mut self, who: usize, number: usize, cause: &str, now: Now) {
        let room = self.room(number);
        let place = room.members.iter().position(|&member| member == who).expect("a member");
        room.members.swap_remove(place);
        let here = room.members.len();
        let line = format!("{} left{cause} ({here} here)", self.members[who].name);
        self.announce(who, number, &line, (0, 1), now);
        self.emptied += 1;
        let emptied = self.emptied;
        let room = self.room(number);
        if room.members.is_empty() {
            room.emptied = emptied;
        }
        self.remove_if_unkept(number);
    }

    /// A room is in the store from now on, if there is one.
    pub(super) fn store_room(&mut self, number: usize) {
        self.room(number).is_stored |= self.has_store;
    }

    /// Removes a room that is empty and has neither messages nor settings.
    pub(super) fn remove_if_unkept(&mut self, number: usize) {
        let room = self.room(number);
        let is_kept = room.is_stored || !room.history.is_empty() || room.topic.is_some() || room.rules.are_kept();
        if number > 0 && room.members.is_empty() && !is_kept {
            self.remove_room(number);
        }
    }

    /// The rooms of a member: its current room first, and then those that it follows.
    pub(super) fn rooms_of(&self, who: usize) -> Vec<usize> {
        let reader = &self.members[who];
        std::iter::once(reader.room).filter(|&room| room != NOWHERE).chain(reader.followed.iter().copied()).collect()
    }

    pub(super) fn is_in(&self, who: usize, room: usize) -> bool {
        who != OPERATOR && (self.members[who].room == room || self.members[who].followed.contains(&room))
    }

    pub(super) fn room_name(&self, room: usize) -> String {
        self.rooms[room].as_ref().map_or_else(String::new, |room| room.name.clone())
    }

    /// A room name as the server keeps it; `None` if no room can have it.
    pub(super) fn place(&self, text: &str) -> Option<String> {
        // A room can have a name that no member can have, such as a reserved word, if its shape is right.
        let is_name = || name(text).err().is_none_or(|why| why != SHAPE);
        match key(text.trim()) == "lobby" {
            true => Some("lobby".into()),
            false => is_name().then(|| text.trim().into()),
        }
    }
}
