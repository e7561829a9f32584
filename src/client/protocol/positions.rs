//! Decides by the ids of messages which ones are shown, and from where a new connection goes on.
//!
//! Ids grow with every message of the server, in all rooms together, and are valid in one run of the server. After a
//! reconnect the server sends for each room what came after the last id that was read. That id stays the old one until all rooms
//! have been sent, since the connection can be lost in between; so each room remembers its own last message, too.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::chat::policy::nick::fold;
use crate::client::protocol::event::RoomMessage;

/// The most messages, and bytes of text, that are collected for one room before they are shown: a server may never end its
/// history. Beyond it the oldest are dropped.
const MAX_COLLECTED: usize = 50_000;
const MAX_COLLECTED_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of room names in a request; with the rest of the line it is below 4,096, the default of `--max-line`.
const MAX_REQUEST: usize = 3000;

/// A message that was shown. Another run of the server gives ids again, so the rest of the message counts, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SeenMessage {
    id: u64,
    hash: u64,
}

impl SeenMessage {
    fn new(id: u64, at: i64, name: &str, text: &str, is_action: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        (at, name, text, is_action).hash(&mut hasher);
        SeenMessage { id, hash: hasher.finish() }
    }
}

/// A message in a room, kept until the history is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMessage {
    pub id: u64,
    /// Seconds since 1970, UTC.
    pub at: i64,
    pub name: String,
    pub text: String,
    pub is_action: bool,
}

impl KeptMessage {
    pub fn new(message: &RoomMessage, is_action: bool) -> Self {
        let RoomMessage { id, at, name, text, .. } = message;
        KeptMessage { id: *id, at: *at, name: name.to_string(), text: text.to_string(), is_action }
    }

    fn seen(&self) -> SeenMessage {
        SeenMessage::new(self.id, self.at, &self.name, &self.text, self.is_action)
    }
}

/// What a message is for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was said just now.
    New,
    /// It is part of the history of a room that was entered.
    Older,
    /// It is part of a history that the user has asked for.
    Requested,
    /// It is kept until the history of its room is complete.
    Kept,
}

/// The messages that were missed in a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missed {
    pub messages: Vec<KeptMessage>,
    /// Whether there may be more that the server no longer keeps, or did not send.
    pub gap: bool,
    /// Whether everything that arrived in the room is known now.
    pub is_whole: bool,
}

/// What has ended with a history.
#[derive(Debug, PartialEq, Eq)]
pub enum HistoryEnd {
    /// What the user has asked for.
    Requested,
    /// The messages of a room that was entered.
    Shown,
    /// A room that was entered has no messages.
    Empty,
    /// The messages that were missed in a room.
    Missed(Missed),
}

/// The history that a room gets after a reconnect.
#[derive(Debug, Default)]
struct ResumedHistory {
    messages: VecDeque<KeptMessage>,
    bytes: usize,
    gap: bool,
    /// Whether the server sends it as to a new member, and not from our position on.
    is_of_new_member: bool,
}

impl ResumedHistory {
    fn push(&mut self, message: KeptMessage) {
        self.bytes += message.text.len();
        self.messages.push_back(message);
        while self.messages.len() > MAX_COLLECTED || self.bytes > MAX_COLLECTED_BYTES {
            self.bytes -= self.messages.pop_front().map_or(0, |message| message.text.len());
            self.gap = true;
        }
    }
}

/// The last messages of all rooms.
#[derive(Debug, Default)]
pub struct Positions {
    /// The run of the server that has given the ids.
    run: String,
    /// Everything up to this id has been shown, in all rooms. All ids are greater than zero.
    after: u64,
    /// The last shown message of each room in this run, by its folded name; and those of the runs before, until all rooms have
    /// been entered again.
    last: HashMap<String, SeenMessage>,
    before: HashMap<String, SeenMessage>,
    /// Whether all connections since everything was known are in one run of the server.
    is_same_run: bool,
    /// The rooms that are entered again after a reconnect, with the history that has come; `None` if this is done.
    resumed: Option<HashMap<String, ResumedHistory>>,
    /// Rooms whose first history has not come completely, and whether it has begun.
    entering: HashMap<String, bool>,
    /// The room whose requested history comes now.
    requested: Option<String>,
}

impl Positions {
    /// The words of `/json` with which a connection goes on in these rooms. Of the followed rooms, as many are named as fit into
    /// [`MAX_REQUEST`] bytes.
    pub fn request(&self, current: &str, followed: &[&str]) -> String {
        let mut words = format!("room={current}");
        for (number, room) in followed.iter().enumerate() {
            if words.len() + room.len() > MAX_REQUEST {
                break;
            }
            words += if number == 0 { " follow=" } else { "," };
            words += room;
        }
        words + &format!(" run={} after={}", self.run, self.after)
    }

    /// A connection begins with this run of the server; `rooms` are those that are entered again, or `None` if it is the first
    /// connection.
    pub fn begin(&mut self, run: &str, rooms: Option<Vec<&str>>) {
        // It is not known at a server that does not take part in its cluster yet, and comes again.
        if self.run != run && !run.is_empty() {
            self.is_same_run = false;
            self.run = run.to_owned();
            self.after = 0;
            self.before.extend(self.last.drain());
        }
        self.is_same_run |= rooms.is_none();
        self.resumed =
            rooms.map(|rooms| rooms.into_iter().map(|room| (fold(room), ResumedHistory::default())).collect());
        self.entering.clear();
        self.requested = None;
    }

    /// Whether rooms are entered again after a reconnect.
    pub fn is_resuming(&self) -> bool {
        self.resumed.is_some()
    }

    /// A room is entered or followed; its history comes next.
    pub fn enter(&mut self, room: &str) {
        let room = fold(room);
        let is_resumed = self.resumed.as_ref().is_some_and(|resumed| resumed.contains_key(&room));
        if !is_resumed {
            self.forget(&room);
        }
        self.entering.insert(room, false);
    }

    /// A room was left.
    pub fn leave(&mut self, room: &str) {
        let room = fold(room);
        self.forget(&room);
        self.entering.remove(&room);
    }

    fn forget(&mut self, room: &str) {
        self.last.remove(room);
        self.before.remove(room);
    }

    /// A room is entered again as by a new member, since it has refused the session that came back.
    pub fn enter_as_new(&mut self, room: &str) {
        if let Some(history) = self.resumed.as_mut().and_then(|resumed| resumed.get_mut(&fold(room))) {
            history.is_of_new_member = true;
        }
    }

    /// A history begins; returns what its messages are. `messages` is their number; `gap`: the server has left out older ones.
    pub fn begin_history(&mut self, room: &str, messages: usize, gap: bool) -> Arrival {
        let room = fold(room);
        let Some(has_begun) = self.entering.get_mut(&room) else {
            self.requested = Some(room);
            return Arrival::Requested;
        };
        *has_begun = messages > 0;
        match self.resumed.as_mut().and_then(|resumed| resumed.get_mut(&room)) {
            Some(history) => {
                history.gap |= gap;
                Arrival::Kept
            }
            None => Arrival::Older,
        }
    }

    /// Whether a history of this room comes that the user has asked for.
    pub fn is_requested(&self, room: &str) -> bool {
        self.requested.as_deref() == Some(&*fold(room))
    }

    /// A message has come in a room.
    pub fn message(&mut self, room: &str, message: &RoomMessage, is_action: bool) -> Arrival {
        let room = fold(room);
        if self.requested.as_ref() == Some(&room) {
            return Arrival::Requested;
        }
        let is_entering = self.entering.get(&room).is_some_and(|has_begun| *has_begun);
        if is_entering && let Some(history) = self.resumed.as_mut().and_then(|resumed| resumed.get_mut(&room)) {
            history.push(KeptMessage::new(message, is_action));
            return Arrival::Kept;
        }
        let RoomMessage { id, at, name, text, .. } = message;
        self.last.insert(room, SeenMessage::new(*id, *at, name, text, is_action));
        if !self.is_resuming() {
            self.after = self.after.max(*id);
        }
        if is_entering { Arrival::Older } else { Arrival::New }
    }

    /// A history ends.
    pub fn end_history(&mut self, room: &str) -> HistoryEnd {
        let room = fold(room);
        if self.requested.take_if(|requested| *requested == room).is_some() {
            return HistoryEnd::Requested;
        }
        let Some(has_begun) = self.entering.remove(&room) else { return HistoryEnd::Requested };
        match self.resumed.as_mut().and_then(|resumed| resumed.remove(&room)) {
            Some(history) => HistoryEnd::Missed(self.missed(room, history)),
            None if has_begun => HistoryEnd::Shown,
            None => HistoryEnd::Empty,
        }
    }

    fn missed(&mut self, room: String, history: ResumedHistory) -> Missed {
        let ResumedHistory { messages, gap, is_of_new_member, .. } = history;
        let mut messages = Vec::from(messages);
        let (last, before) = (self.last.get(&room).copied(), self.before.get(&room).copied());
        if let Some(newest) = messages.last() {
            self.last.insert(room, newest.seen());
        }
        match (last, before) {
            (Some(last), _) => {
                let is_cut = is_of_new_member && messages.first().is_some_and(|message| message.id > last.id);
                messages.retain(|message| message.id > last.id);
                let gap = gap || is_cut;
                return Missed { messages, gap, is_whole: self.is_same_run && !gap };
            }
            // In another run ids may be given again. If it has the last message, it has gone on with stored ids.
            (None, Some(before)) => {
                let at = messages.iter().rposition(|message| message.seen() == before);
                let messages = messages.split_off(at.map_or(0, |at| at + 1));
                return Missed { messages, gap: at.is_none(), is_whole: at.is_some() };
            }
            (None, None) => {}
        }
        Missed { messages, gap, is_whole: self.is_same_run && !gap }
    }

    /// All rooms have been entered again.
    pub fn caught_up(&mut self) {
        self.resumed = None;
        self.is_same_run = true;
        self.before.clear();
        self.after = self.last.values().map(|last| last.id).fold(self.after, u64::max);
    }
}
