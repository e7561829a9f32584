//! The records of one turn, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension};

use super::error::{Attempt, Fault};
use super::message::{self, COLUMNS};
use super::record::{Message, Record, parts};
use super::room::{self, Room, Rooms};
use super::state::{self, State};
use super::{bans, search, whispers};

/// What is known of the file without reading it.
#[derive(Debug)]
pub(super) struct Known {
    pub state: State,
    pub rooms: Rooms,
    pub whispers: usize,
}

/// What becomes known when the transaction is committed; until then nothing has changed.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    known: &'a Known,
    /// None where a room is gone.
    rooms: BTreeMap<&'a str, Option<Room>>,
    /// Those whose newest message is another.
    grown: BTreeSet<&'a str>,
    next_id: u64,
    whispers: usize,
}

/// The changes to [`Known`].
pub(super) struct Changes {
    rooms: Vec<(String, Option<Room>)>,
    next_id: u64,
    whispers: usize,
}

impl<'a> Batch<'a> {
    pub fn new(connection: &'a Connection, known: &'a Known) -> Self {
        let (next_id, whispers) = (known.state.next_id, known.whispers);
        Batch { connection, known, rooms: BTreeMap::new(), grown: BTreeSet::new(), next_id, whispers }
    }

    pub fn add(&mut self, record: &'a Record) -> Attempt<()> {
        match record {
            Record::Message(message) => self.message(message)?,
            Record::Room { name } => {
                self.room(name)?;
            }
            Record::RoomGone { name } => self.gone(name)?,
            Record::Ban { network, until } => bans::add(self.connection, *network, *until)?,
            Record::Unban { network } => bans::lift(self.connection, *network)?,
            Record::Whisper(whisper) => self.whispers = whispers::add(self.connection, whisper, self.whispers)?,
            Record::WhispersRead { to } => self.whispers = whispers::forget(self.connection, to, self.whispers)?,
            Record::NextId(id) => self.next_id = self.next_id.max(valid(*id)?),
        }
        Ok(())
    }

    fn message(&mut self, message: &'a Message) -> Attempt<()> {
        if valid(message.id)? < self.next_id {
            return self.once_more(message);
        }
        let room = self.room(&message.room)?;
        message::insert(self.connection, room.number, room.last, message)?;
        search::add(self.connection, room.number, message)?;
        self.rooms.insert(&message.room, Some(Room { last: message.id, ..room }));
        self.grown.insert(&message.room);
        self.next_id = message.id + 1;
        Ok(())
    }

    /// A write that failed may have been carried out all the same (a sync that failed after it), and comes again.
    fn once_more(&self, message: &Message) -> Attempt<()> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
        let mut rows = statement.query([message.id as i64])?;
        let there = rows.next()?.map(|row| message::read(row, &message.room)).transpose()?;
        let room = self.current(&message.room).map(|room| room.number);
        let same = there.is_some_and(|there| {
            let (a, b) = (&there.message, message);
            Some(there.room) == room
                && (a.kind, &a.name, &a.text, parts(a.at)) == (b.kind, &b.name, &b.text, parts(b.at))
        });
        if same { Ok(()) } else { Err(Fault::Refused(format!("message id {} was given before", message.id))) }
    }

    fn current(&self, name: &str) -> Option<Room> {
        self.rooms.get(name).copied().unwrap_or_else(|| self.known.rooms.get(name).copied())
    }

    fn room(&mut self, name: &'a str) -> Attempt<Room> {
        if let Some(room) = self.current(name) {
            return Ok(room);
        }
        let room = room::make(self.connection, name)?;
        self.rooms.insert(name, Some(room));
        Ok(room)
    }

    /// Its messages are left for pruning, which takes small steps.
    fn gone(&mut self, name: &'a str) -> Attempt<()> {
        if let Some(room) = self.current(name) {
            room::update(self.connection, None, room)?;
            self.rooms.insert(name, None);
            self.grown.remove(name);
        }
        Ok(())
    }

    /// Writes what has changed of rooms and ids; what is known once that is committed.
    pub fn finish(self) -> Attempt<Changes> {
        for name in &self.grown {
            if let Some(room) = self.current(name) {
                room::update(self.connection, Some(name), room)?;
            }
        }
        if self.next_id != self.known.state.next_id {
            state::write(self.connection, State { next_id: self.next_id, ..self.known.state })?;
        }
        let rooms = self.rooms.into_iter().map(|(name, room)| (name.to_owned(), room)).collect();
        Ok(Changes { rooms, next_id: self.next_id, whispers: self.whispers })
    }
}

impl Known {
    pub fn read(connection: &Connection) -> Attempt<Self> {
        let (state, rooms) = (state::read(connection)?, room::read_all(connection)?);
        let newest = connection.prepare_cached("SELECT max(id) FROM messages")?;
        let newest = { newest }.query_row([], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten();
        if newest.is_some_and(|newest| newest as u64 >= state.next_id) {
            return Err(Fault::Damage("a message has an id that was not given yet".into()));
        }
        Ok(Known { state, rooms, whispers: whispers::count(connection)? })
    }

    pub fn take(&mut self, changes: Changes) {
        for (name, room) in changes.rooms {
            match room {
                Some(room) => self.rooms.insert(name, room),
                None => self.rooms.remove(&name),
            };
        }
        (self.state.next_id, self.whispers) = (changes.next_id, changes.whispers);
    }
}

/// SQLite's integers have a sign, and there must be a next one.
fn valid(id: u64) -> Attempt<u64> {
    match id {
        1..0x7fff_ffff_ffff_ffff => Ok(id),
        _ => Err(Fault::Refused(format!("{id} is no message id"))),
    }
}
