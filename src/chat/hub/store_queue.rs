//! What outlives the process: what is to be kept in a file comes out as plain data, and back in at the start.

use std::time::Duration;

use super::Hub;
use super::offline_messages::UnackedDeliveries;
use super::plan::query::Queries;
use super::plan::rooms::{Stored, StoredRooms};
use crate::chat::change;
use crate::chat::change::{Message, Record, Start};
use crate::chat::event::{Event, Notice};
use crate::chat::id::Author;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::id::Session;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{Name, fold};
use crate::chat::room::segment_log::Kind;

/// So many numbers are passed over when the file fails: those given meanwhile may never get there, and whoever
/// comes back after a crash is to be told from one who has read what has the same number by then.
const PASSED_OVER: u64 = 1_000_000;

/// What a hub whose history is kept in a file has besides.
#[derive(Default)]
pub struct StoreQueue {
    /// What has happened and has not been taken yet.
    pub records: Vec<Record>,
    /// What is to be looked up.
    pub queries: Queries,
    /// Who has not been sent yet all that was whispered to them before they came.
    pub unacked: UnackedDeliveries,
    /// Rooms that are in the file and not in memory.
    pub stored: StoredRooms,
    /// The file does not take what is recorded.
    pub fails: bool,
}

impl StoreQueue {
    /// Notes what is to be written.
    pub fn record(&mut self, record: Record) {
        self.records.push(record);
    }
}

impl Hub {
    /// Goes on from what a file has, and from now on tells what is to be written to it; to be called before anybody
    /// connects, and after [`Hub::enable_json`].
    pub fn restore(&mut self, start: Start, now: Now) {
        let Start { next_id, run, rooms, stored, bans } = start;
        let mut store = StoreQueue::default();
        self.messages = next_id.saturating_sub(1);
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
            // Nothing is left of what was said there; as any room of which that is so it is gone when empty.
            if messages.is_empty() && fold(&name) != crate::chat::LOBBY {
                store.record(Record::RoomGone { name });
            } else {
                let Some(room) = usable(&name) else { continue };
                let room = self.restore_room(&room, &messages);
                used.push((messages.last().map(|message| message.id), room));
            }
        }
        // Those in which nothing was said for longest leave memory first.
        used.sort_unstable();
        used.into_iter().for_each(|(_, room)| self.rooms.note_empty(room));
        let stored = stored.iter().filter_map(|name| usable(name));
        for Name { key, shown } in stored.filter(|name| self.rooms.find(&name.key).is_none()) {
            store.stored.insert(key, Stored { name: shown.as_str().into(), creator: None });
        }
        self.store = Some(Box::new(store));
    }

    /// Brings a room back to memory with what was said there.
    pub(super) fn restore_room(&mut self, name: &Name, messages: &[Message]) -> RoomId {
        let room = self.rooms.find(&name.key).unwrap_or_else(|| self.rooms.add(name));
        for message in messages {
            let day = message.at.date();
            if self.rooms[room].day.replace(day).is_some_and(|before| before != day) {
                self.append(room, Author::NOBODY, Kind::Day, 0, &Event::Notice(Notice::Day(day)));
            }
            let author = Author { session: Session::NOBODY, name: self.name_hash(&fold(&message.name)) };
            self.append(room, author, Kind::Message, message.text.len(), &event_of(message));
        }
        self.rooms[room].is_stored = true;
        room
    }

    /// Takes what has happened since the last call and is to be written to the file, in its order.
    ///
    /// It is to be there before any line is written that is gathered from now on.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.store.as_mut().map(|store| std::mem::take(&mut store.records)).unwrap_or_default()
    }

    /// What has happened cannot be written for now.
    pub fn store_failed(&mut self, why: &str) {
        self.messages = (self.messages / PASSED_OVER + 1) * PASSED_OVER;
        self.store.iter_mut().for_each(|store| store.fails = true);
        self.send_to_operator(&Event::Notice(Notice::StoreFails { why }));
    }

    /// It can be again: so many records have waited, and of so many nothing is left.
    pub fn store_recovered(&mut self, written: u64, lost: u64) {
        self.store.iter_mut().for_each(|store| store.fails = false);
        self.send_to_operator(&Event::Notice(Notice::StoreWorks { written, lost }));
    }

    /// Notes what is to be written, where there is a file.
    pub(super) fn record(&mut self, record: impl FnOnce() -> Record) {
        if let Some(store) = &mut self.store {
            store.record(record());
        }
    }

    /// Notes a message that is said in a room; apart, so that saying something without a file costs no more.
    #[inline(never)]
    pub(super) fn record_message(&mut self, room: RoomId, event: &Event) {
        let (Event::Said { id, at, name, text } | Event::Action { id, at, name, text }) = *event else { return };
        let kind = if matches!(event, Event::Action { .. }) { change::Kind::Action } else { change::Kind::Said };
        let Some(store) = &mut self.store else { return };
        let room = &mut self.rooms[room];
        if !std::mem::replace(&mut room.is_stored, true) {
            store.record(Record::Room { name: room.name.to_string() });
        }
        let (room, name, text) = (room.name.to_string(), name.to_owned(), text.to_owned());
        store.record(Record::Message(Message { id, room, at, kind, name, text }));
    }

    /// Numbers that were given to nobody but one are not given to others after a restart.
    pub(super) fn record_next_id(&mut self) {
        let next = self.messages + 1;
        self.record(|| Record::NextId(next));
    }

    /// Until when a ban of so many minutes holds, on the clock on the wall.
    pub(super) fn record_ban(&mut self, network: Network, minutes: Option<u64>, now: Now) {
        let until = minutes.map(|minutes| now.local.unix_timestamp() + 60 * minutes as i64);
        self.record(|| Record::Ban { network: network.into(), until });
    }
}

/// The name of a stored room.
fn usable(name: &str) -> Option<Name> {
    let usable = Name::room(name).ok();
    if usable.is_none() {
        log::warn!("the stored room {} has no name that can be used; it is left out", name.escape_debug());
    }
    usable
}

/// A stored message as people are shown it.
pub(super) fn event_of(message: &Message) -> Event<'_> {
    let Message { id, at, kind, ref name, ref text, .. } = *message;
    match kind {
        change::Kind::Said => Event::Said { id, at, name, text },
        change::Kind::Action => Event::Action { id, at, name, text },
    }
}
