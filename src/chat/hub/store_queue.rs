//! Records and queries for the store, and the restore at the start. All of it is plain data.

use std::time::Duration;

use super::Hub;
use super::offline_messages::UnackedDeliveries;
use super::plan::query::Queries;
use super::plan::rooms::{StoredRoom, StoredRooms};
use crate::chat::change;
use crate::chat::change::{InitialState, Message, Record};
use crate::chat::event::{Event, Notice};
use crate::chat::id::Author;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::id::Session;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{Name, fold};
use crate::chat::room::segment_log::EntryKind;

/// Message ids that are skipped when the store fails.
///
/// The ids given during the failure may never be stored. After a crash they would be given again, and a client that
/// resumes could not be told from one that has read the new messages.
const SKIPPED_IDS: u64 = 1_000_000;

/// What a hub with a store has in addition.
#[derive(Default)]
pub struct StoreQueue {
    /// Records that have not been taken yet.
    pub records: Vec<Record>,
    /// Store queries that have not been taken yet.
    pub queries: Queries,
    /// Deliveries of offline messages that are not acknowledged yet.
    pub unacked: UnackedDeliveries,
    /// Rooms that are in the store and not in memory.
    pub stored: StoredRooms,
    /// The store fails to write records.
    pub fails: bool,
}

impl StoreQueue {
    /// Adds a record.
    pub fn record(&mut self, record: Record) {
        self.records.push(record);
    }
}

impl Hub {
    /// Restores the state from the store, and records all changes for it from now on.
    ///
    /// Must be called before the first connection and after [`Hub::enable_json`].
    pub fn restore(&mut self, start: InitialState, now: Now) {
        let InitialState { next_id, run, rooms, stored, bans } = start;
        let mut store = StoreQueue::default();
        self.last_message_id = next_id.saturating_sub(1);
        self.run = run;
        for (network, until) in bans {
            match until.map(|until| until - now.local.unix_timestamp()) {
                Some(..=0) => store.record(Record::Unban { network }),
                left => {
                    let until = left.map(|seconds| now.at + Duration::from_secs(seconds.unsigned_abs()));
                    self.bans.add(Network::from(network), until);
                }
            }
        }
        let mut used = Vec::new();
        for (name, messages) in rooms {
            // All its messages were pruned. Like every empty room without history, the room is removed.
            if messages.is_empty() && fold(&name) != crate::chat::LOBBY {
                store.record(Record::RoomGone { name });
            } else {
                let Some(room) = parse_stored_name(&name) else { continue };
                let room = self.restore_room(&room, &messages);
                used.push((messages.last().map(|message| message.id), room));
            }
        }
        // The rooms whose last message is oldest leave memory first.
        used.sort_unstable();
        used.into_iter().for_each(|(_, room)| self.rooms.note_empty(room));
        let stored = stored.iter().filter_map(|name| parse_stored_name(name));
        for Name { key, shown } in stored.filter(|name| self.rooms.find(&name.key).is_none()) {
            store.stored.insert(key, StoredRoom { name: shown.as_str().into(), creator: None });
        }
        self.store = Some(Box::new(store));
    }

    /// Adds a stored room and its messages to memory.
    pub(super) fn restore_room(&mut self, name: &Name, messages: &[Message]) -> RoomId {
        let room = self.rooms.find(&name.key).unwrap_or_else(|| self.rooms.add(name));
        for message in messages {
            let day = message.at.date();
            if self.rooms[room].day.replace(day).is_some_and(|before| before != day) {
                self.append(room, Author::NONE, EntryKind::Day, 0, &Event::Notice(Notice::Day(day)));
            }
            let author = Author { session: Session::NONE, name: self.name_hash(&fold(&message.name)) };
            self.append(room, author, EntryKind::Message, message.text.len(), &event_from_message(message));
        }
        self.rooms[room].is_stored = true;
        room
    }

    /// Takes the records since the last call, in their order.
    ///
    /// They must be stored before any line is written that is gathered from now on.
    pub fn poll_records(&mut self) -> Vec<Record> {
        self.store.as_mut().map(|store| std::mem::take(&mut store.records)).unwrap_or_default()
    }

    /// The store cannot write for now: skips message ids and tells the operator.
    pub fn handle_store_failure(&mut self, why: &str) {
        self.last_message_id = (self.last_message_id / SKIPPED_IDS + 1) * SKIPPED_IDS;
        self.store.iter_mut().for_each(|store| store.fails = true);
        self.send_to_operator(&Event::Notice(Notice::StoreFails { why }));
    }

    /// The store writes again: tells the operator how many waiting records were written and how many were lost.
    pub fn handle_store_recovery(&mut self, written: u64, lost: u64) {
        self.store.iter_mut().for_each(|store| store.fails = false);
        self.send_to_operator(&Event::Notice(Notice::StoreWorks { written, lost }));
    }

    /// Adds a record if there is a store.
    pub(super) fn record(&mut self, record: impl FnOnce() -> Record) {
        if let Some(store) = &mut self.store {
            store.record(record());
        }
    }

    /// Records a message of a room.
    ///
    /// A function of its own, so that a message without a store costs no more.
    #[inline(never)]
    pub(super) fn record_message(&mut self, room: RoomId, event: &Event) {
        let (Event::Said { id, at, name, text } | Event::Action { id, at, name, text }) = *event else { return };
        let kind =
            if matches!(event, Event::Action { .. }) { change::MessageKind::Action } else { change::MessageKind::Said };
        let Some(store) = &mut self.store else { return };
        let room = &mut self.rooms[room];
        if !std::mem::replace(&mut room.is_stored, true) {
            store.record(Record::Room { name: room.name.to_string() });
        }
        let (room, name, text) = (room.name.to_string(), name.to_owned(), text.to_owned());
        store.record(Record::Message(Message { id, room, at, kind, name, text }));
    }

    /// Records the next message id, so that an id that only one client saw is not given again after a restart.
    pub(super) fn record_next_id(&mut self) {
        let next = self.last_message_id + 1;
        self.record(|| Record::NextId(next));
    }

    /// Records a ban with its end in Unix seconds.
    pub(super) fn record_ban(&mut self, network: Network, minutes: Option<u64>, now: Now) {
        let until = minutes.map(|minutes| now.local.unix_timestamp() + 60 * minutes as i64);
        self.record(|| Record::Ban { network: network.into(), until });
    }
}

/// Parses the name of a stored room; logs a warning if it is invalid.
fn parse_stored_name(name: &str) -> Option<Name> {
    let parsed = Name::room(name).ok();
    if parsed.is_none() {
        log::warn!("the stored room {} has an invalid name and is skipped", name.escape_debug());
    }
    parsed
}

/// Turns a stored message into an event.
pub(super) fn event_from_message(message: &Message) -> Event<'_> {
    let Message { id, at, kind, ref name, ref text, .. } = *message;
    match kind {
        change::MessageKind::Said => Event::Said { id, at, name, text },
        change::MessageKind::Action => Event::Action { id, at, name, text },
    }
}
