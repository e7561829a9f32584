//! The records of one turn, in one transaction.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::error::{Attempt, Fault};
use super::prune::Expired;
use super::search;
use super::table::room;
use super::table::room::{Room, Rooms};
use super::table::state::State;
use super::table::{bans, message, whispers};
use super::{Message, Record};
use crate::chat::policy::nick::fold;

/// What is known of the file without reading it.
#[derive(Debug)]
pub(super) struct Known {
    pub state: State,
    pub rooms: Rooms,
    pub whispers: usize,
}

/// What becomes known when the transaction is committed; until then nothing has changed.
pub(super) struct Changes {
    /// By the folded name; none where a room is gone.
    rooms: BTreeMap<String, Option<Room>>,
    state: State,
    whispers: usize,
}

/// Records on their way into the file.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    known: &'a Known,
    changes: Changes,
}

impl<'a> Batch<'a> {
    pub fn new(connection: &'a Connection, known: &'a Known) -> Self {
        let changes = Changes { rooms: BTreeMap::new(), state: known.state, whispers: known.whispers };
        Batch { connection, known, changes }
    }

    pub fn add(&mut self, record: &Record) -> Attempt<()> {
        let Changes { state, whispers, .. } = &mut self.changes;
        match record {
            Record::Message(message) => self.message(message)?,
            Record::Room { name } => self.room(name).map(|_| ())?,
            Record::RoomGone { name } => self.gone(name)?,
            Record::Ban { network, until } => bans::add(self.connection, *network, *until)?,
            Record::Unban { network } => bans::lift(self.connection, *network)?,
            Record::Whisper(whisper) => *whispers = whispers::add(self.connection, whisper, *whispers)?,
            Record::WhispersRead { to } => *whispers = whispers::forget(self.connection, to, *whispers)?,
            Record::NextId(id) => state.next_id = state.next_id.max(valid(*id)?),
        }
        Ok(())
    }

    fn message(&mut self, message: &Message) -> Attempt<()> {
        if valid(message.id)? < self.next_id() { self.once_more(message) } else { self.add_message(message) }
    }

    /// Adds a message that is newer than all.
    pub fn add_message(&mut self, message: &Message) -> Attempt<()> {
        let connection = self.connection;
        let room = self.room(&message.room)?;
        message::insert(connection, room.number, room.last, message)?;
        search::add(connection, message)?;
        room.last = message.id;
        self.changes.state.next_id = message.id + 1;
        self.count_one();
        Ok(())
    }

    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    pub fn next_id(&self) -> u64 {
        self.changes.state.next_id
    }

    /// There is a message more.
    pub fn count_one(&mut self) {
        self.changes.state.messages += 1;
    }

    /// A write that failed may have been carried out all the same (a sync that failed after it), and comes again.
    fn once_more(&self, message: &Message) -> Attempt<()> {
        let room = self.current(&fold(&message.room));
        let there = room.map(|room| message::get(self.connection, room, message.id)).transpose()?.flatten();
        match there {
            Some(there) if there.message.is_same(message) => Ok(()),
            _ => Err(Fault::Refused(format!("message id {} was given before", message.id))),
        }
    }

    fn current(&self, key: &str) -> Option<&Room> {
        self.changes.rooms.get(key).map_or_else(|| self.known.rooms.get(key), Option::as_ref)
    }

    /// The room of that name, which is made if need be.
    pub fn room(&mut self, name: &str) -> Attempt<&mut Room> {
        let key = fold(name);
        let known = self.known.rooms.get(&key);
        // One that is gone in this very turn is made anew.
        let room = self.changes.rooms.entry(key).or_insert_with(|| known.cloned());
        match room {
            Some(room) => Ok(room),
            none => Ok(none.insert(Room::make(self.connection, name)?)),
        }
    }

    /// Its messages are left for pruning, which takes small steps.
    fn gone(&mut self, name: &str) -> Attempt<()> {
        let key = fold(name);
        if let Some(room) = self.current(&key) {
            room.forget(self.connection)?;
            self.changes.rooms.insert(key, None);
        }
        Ok(())
    }

    /// Forgets what is to be pruned.
    pub fn forget(&mut self, doomed: &Expired, now: i64) -> Attempt<()> {
        let changed = doomed.forget(self.connection, &self.known.rooms, &mut self.changes.state, now)?;
        self.changes.rooms.extend(changed.into_iter().map(|room| (fold(&room.name), Some(room))));
        Ok(())
    }

    /// Writes what has changed of rooms and ids; what is known once that is committed.
    pub fn finish(self) -> Attempt<Changes> {
        let Batch { connection, known, changes } = self;
        for (key, room) in &changes.rooms {
            if let Some(room) = room.as_ref().filter(|&room| known.rooms.get(key) != Some(room)) {
                room.write(connection)?;
            }
        }
        if changes.state != known.state {
            changes.state.write(connection)?;
        }
        Ok(changes)
    }
}

impl Known {
    pub fn read(connection: &Connection) -> Attempt<Self> {
        let (state, rooms) = (State::read(connection)?, room::read_all(connection)?);
        let newest = connection.query_row("SELECT max(id) FROM messages", [], |row| row.get::<_, Option<i64>>(0))?;
        if newest.is_some_and(|newest| newest as u64 >= state.next_id) {
            return Err(Fault::Damage("a message has an id that was not given yet".into()));
        }
        Ok(Known { state, rooms, whispers: whispers::count(connection)? })
    }

    pub fn take(&mut self, changes: Changes) {
        for (key, room) in changes.rooms {
            match room {
                Some(room) => self.rooms.insert(key, room),
                None => self.rooms.remove(&key),
            };
        }
        (self.state, self.whispers) = (changes.state, changes.whispers);
    }
}

/// SQLite's integers have a sign, and there must be a next one.
pub(super) fn valid(id: u64) -> Attempt<u64> {
    match id {
        1..0x7fff_ffff_ffff_ffff => Ok(id),
        _ => Err(Fault::Refused(format!("{id} is no message id"))),
    }
}
