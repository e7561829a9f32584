//! What is said, kept in a file: a SQLite database, in the one thread.
//!
//! [`Store::write`] takes the records of one turn of the loop in one transaction: all of them are kept, or none.
//! Nothing is read at start but what is shown.

mod batch;
mod connection;
mod error;
mod file;
mod history;
mod prune;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod transfer;

use std::mem;
use std::path::{self, Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

pub use self::search::words::Words;
pub use self::table::whispers::IN_ALL;
pub use error::Error;
pub use search::Found;

use self::table::room::Room;
use crate::chat::LOBBY;
pub use crate::chat::change::{Kind, Message, Record, Start, Whisper};
use crate::chat::policy::nick::fold;
use crate::util::io_error::plain_words;
use batch::{Batch, Changes, Known};
use error::{Attempt, Fault};
use file::Place;
use prune::Retention;

/// Bytes in the write-ahead log with which it is moved to the file.
const LOG: u64 = 4 << 20;
/// Bytes in the log, which cannot be moved to the file, with which nothing more is written.
const MAX_LOG: u64 = 64 << 20;

/// Bytes of texts and names that are read at once: more than are shown, and then two of the longest messages.
pub const MAX_READ: usize = (256 << 10) + 2 * MAX_MESSAGE;
/// Bytes of the longest text, together with a name.
const MAX_MESSAGE: usize = (1 << 20) + 1024;

/// What a write that has returned withstands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// The death of the process. A loss of power may take back the last writes, or damage the file.
    Off,
    /// The death of the process. A loss of power may take back the last writes, and damages nothing.
    #[default]
    Normal,
    /// The death of the process and a loss of power.
    Full,
}

/// Which file, and how much is kept in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub path: PathBuf,
    pub sync: Sync,
    /// How old messages may become; for ever without.
    pub keep_days: Option<u32>,
    /// How many messages are kept, of all rooms together; all without.
    pub keep_messages: Option<u64>,
    /// Rooms to be read at start: those in which something was said last.
    pub rooms: usize,
    /// Messages of each room to be read at start.
    pub history: usize,
    /// Bytes of each room's texts and names to be read at start.
    pub history_bytes: usize,
}

/// The file, which no other process may use meanwhile.
pub struct Store {
    options: Options,
    place: Place,
    /// Or why there is none.
    connection: Result<Connection, Error>,
    known: Known,
}

impl Store {
    /// Opens the file, or makes it if it is not there or empty, and reads what a server starts with; `now` is in Unix seconds.
    ///
    /// What is not a store of ours, or one of a later version, is left as it is.
    pub fn open(options: &Options, now: i64) -> Result<(Store, Start), Error> {
        let path = absolute(&options.path)?;
        let options = Options { path, ..options.clone() };
        match file::stat(&options.path)? {
            None => file::make(&options.path)?,
            Some((_, 0)) => file::make_of_empty(&options.path)?,
            Some(_) => {}
        }
        let store = Store::connect(options)?;
        let start = store.read(|connection, store| store.start(connection, now))?;
        Ok((store, start))
    }

    /// Opens a file that must be there, and reads no messages yet.
    pub fn existing(options: &Options) -> Result<Store, Error> {
        let path = absolute(&options.path)?;
        if file::stat(&path)?.is_none() {
            return Err(Error::Unusable(path, "there is no such file".into()));
        }
        Store::connect(Options { path, ..options.clone() })
    }

    /// Opens a file that is there.
    fn connect(options: Options) -> Result<Store, Error> {
        let path = &options.path;
        let place = Place::of(path)?;
        file::look(path)?;
        let (connection, known) = connection::open(path, options.sync).map_err(|fault| fault.of(path))?;
        let mut store = Store { options, place, connection: Ok(connection), known };
        store.place.check(&store.options.path)?;
        Ok(store)
    }

    fn start(&self, connection: &Connection, now: i64) -> Attempt<Start> {
        let Options { rooms: most, history, history_bytes, .. } = self.options;
        let mut rooms: Vec<&Room> = self.known.rooms.values().collect();
        // Of an empty one there is nothing to be read, and people enter the lobby first.
        let may_wait = |room: &Room| room.last > room.pruned && fold(&room.name) != LOBBY;
        rooms.sort_by_cached_key(|room| (may_wait(room), std::cmp::Reverse(room.last)));
        let read = rooms.partition_point(|room| !may_wait(room));
        let stored = rooms.split_off(most.saturating_sub(1).saturating_add(read).min(rooms.len()));
        let stored = stored.into_iter().map(|room| room.name.clone()).collect();
        rooms.sort_unstable_by_key(|room| room.number);
        let read = |room: &Room| {
            let messages = history::read(connection, room, None, history, history_bytes)?;
            Ok((room.name.clone(), messages))
        };
        let rooms = rooms.into_iter().map(read).collect::<Attempt<_>>()?;
        let bans = table::bans::read_all(connection, now)?;
        let state = self.known.state;
        Ok(Start { next_id: state.next_id, run: state.run, rooms, stored, bans })
    }

    /// Keeps all of these, or none of them and says why.
    ///
    /// A message that was kept already is no error: after a fault the same records can be written again.
    pub fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        self.change(|batch| records.iter().try_for_each(|record| batch.add(record)))
    }

    /// The last messages of a room before that id, at most `n` and [`MAX_READ`] bytes, the oldest first; none of a
    /// room that is not known.
    pub fn history(&mut self, room: &str, before: Option<u64>, n: usize) -> Result<Vec<Message>, Error> {
        self.read(|connection, store| match store.known.rooms.get(&fold(room)) {
            Some(room) => history::read(connection, room, before, n, MAX_READ),
            None => Ok(Vec::new()),
        })
    }

    /// As much of a room as is read at start.
    pub fn recent(&mut self, room: &str) -> Result<Vec<Message>, Error> {
        self.read(|connection, store| match store.known.rooms.get(&fold(room)) {
            Some(room) => history::read(connection, room, None, store.options.history, store.options.history_bytes),
            None => Ok(Vec::new()),
        })
    }

    /// Rooms of which all messages have been pruned.
    pub fn empty_rooms(&self) -> Vec<String> {
        let empty = self.known.rooms.values().filter(|room| room.last > 0 && room.last <= room.pruned);
        empty.map(|room| room.name.clone()).collect()
    }

    /// A step of a search for the last messages of a room before that id that have all of the words, at most `n`.
    ///
    /// It ends soon after `more` says no, and has got a bit further then; [`Found::before`] says where to go on.
    pub fn search(
        &mut self,
        room: &str,
        words: &Words,
        before: Option<u64>,
        n: usize,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Found, Error> {
        self.read(|connection, store| match store.known.rooms.get(&fold(room)) {
            Some(room) => search::find(connection, room, words, before, n, more),
            None => Ok(Found::default()),
        })
    }

    /// A message of a room; `None` if it is not there, or there no more.
    pub fn message(&mut self, room: &str, id: u64) -> Result<Option<Message>, Error> {
        self.read(|connection, store| {
            let Some(room) = store.known.rooms.get(&fold(room)) else { return Ok(None) };
            Ok(table::message::get(connection, room, id)?.map(|stored| stored.message))
        })
    }

    /// What waits for a name, the oldest first; it stays until [`Record::WhispersRead`].
    pub fn whispers(&mut self, to: &str) -> Result<Vec<Whisper>, Error> {
        self.read(|connection, _| table::whispers::read(connection, to))
    }

    /// Forgets what is too old or too much, at most so many messages; whether there is more to do.
    ///
    /// What they took of the file is used again.
    pub fn prune(&mut self, now: i64, most: usize) -> Result<bool, Error> {
        let keep = Retention::new(self.options.keep_days, self.options.keep_messages, now);
        let doomed = self.read(|connection, store| keep.select_expired(connection, store.known.state, most.max(1)))?;
        if doomed.is_empty() {
            if self.place.check(&self.options.path)? > LOG {
                self.read(|connection, _| connection::checkpoint(connection))?;
            }
            return Ok(false);
        }
        self.change(|batch| batch.forget(&doomed, now))?;
        Ok(true)
    }

    /// Hands over all messages by their ids, of one room or of all; ends early where `each` fails.
    pub fn export<E: From<Error>>(
        &self,
        room: Option<&str>,
        each: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let only = match room {
            Some(name) => {
                let room = self.known.rooms.get(&fold(name));
                Some(room.ok_or_else(|| Error::NoRoom(self.options.path.clone(), name.into()))?)
            }
            None => None,
        };
        self.read(|connection, store| transfer::export(connection, &store.known.rooms, only, each))?
    }

    /// Takes in messages with the ids that they have, which must be free, all of them or none; how many there were.
    pub fn import<E: From<Error>>(&mut self, messages: impl IntoIterator<Item = Result<Message, E>>) -> Result<u64, E> {
        let (mut count, mut broken) = (0, None);
        let imported = self.change(|batch| {
            for message in messages {
                match message {
                    Ok(message) => transfer::import(batch, &message)?,
                    Err(error) => {
                        broken = Some(error);
                        return Err(Fault::Refused("it cannot be read".into()));
                    }
                }
                count += 1;
            }
            Ok(())
        });
        match broken {
            Some(error) => Err(error),
            None => {
                imported?;
                // All of it went through the log; a failure is found again by the next who opens the file.
                let _ = self.read(|connection, _| connection::checkpoint(connection));
                Ok(count)
            }
        }
    }

    /// Opens the file once more after a fault.
    ///
    /// It must be the one that it was, or a copy that has all that was stored.
    pub fn reopen(&mut self) -> Result<(), Error> {
        let path = self.options.path.clone();
        match self.place.check(&path) {
            Ok(_) => self.again(),
            Err(Error::Gone(gone)) if gone != path => {
                // The log alone: what is in it is there as long as it is open.
                self.read(|connection, _| connection::checkpoint(connection))?;
                self.again()
            }
            // The log at that path is of this file, and would be taken for the other one's.
            Err(Error::Replaced(_)) if !self.place.has_log_at(&path)? => {
                // What is open still has all that was stored, and is kept until the other is known to have it, too.
                let store = self.same_again()?;
                self.take(store);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Closes the file and opens it: there can be but one.
    fn again(&mut self) -> Result<(), Error> {
        self.close();
        match self.same_again() {
            Ok(store) => self.take(store),
            Err(error) => self.connection = Err(error.clone()),
        }
        self.connection().map(|_| ())
    }

    /// Another connection to what is at that path now, if it is the same as it was.
    fn same_again(&self) -> Result<Store, Error> {
        let store = Store::connect(self.options.clone())?;
        let (new, old) = (store.known.state, self.known.state);
        if new.run != old.run {
            return Err(Error::Replaced(self.options.path.clone()));
        }
        if new.next_id < old.next_id || new.starts <= old.starts {
            return Err(Error::Older(self.options.path.clone()));
        }
        Ok(store)
    }

    fn take(&mut self, mut other: Store) {
        mem::swap(self, &mut other);
        other.close();
    }

    /// Closes the file without touching it or its log, after a fault or for another one in its place.
    ///
    /// Otherwise SQLite moves the log to the file when it is dropped, if the file is still in its place.
    fn close(&mut self) {
        let closed = Err(Error::Unusable(self.options.path.clone(), "it is closed".into()));
        if let Ok(open) = mem::replace(&mut self.connection, closed) {
            let _ = open.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_ref().map_err(Error::clone)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection, &Store) -> Attempt<T>) -> Result<T, Error> {
        read(self.connection()?, self).map_err(|fault| fault.of(&self.options.path))
    }

    /// Changes the file in one transaction.
    fn change(&mut self, change: impl FnOnce(&mut Batch) -> Attempt<()>) -> Result<(), Error> {
        let path = &self.options.path;
        let log = self.place.check(path)?;
        let connection = self.connection.as_mut().map_err(|error| error.clone())?;
        if log > MAX_LOG {
            connection::checkpoint(connection).map_err(|fault| fault.of(path))?;
        }
        let changes = transact(connection, &self.known, change).map_err(|fault| fault.of(path))?;
        self.known.take(changes);
        if log > LOG {
            // What was written is safe all the same; that it cannot be done is for `prune` to tell.
            let _ = connection::checkpoint(connection);
        }
        Ok(())
    }
}

/// Never an URI, `:memory:` or nothing, which mean something else to SQLite.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path::absolute(path).map_err(|error| Error::Unusable(path.to_owned(), plain_words(&error)))
}

fn transact(
    connection: &mut Connection,
    known: &Known,
    change: impl FnOnce(&mut Batch) -> Attempt<()>,
) -> Attempt<Changes> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, known);
    change(&mut batch)?;
    let changes = batch.finish()?;
    transaction.commit()?;
    Ok(changes)
}
