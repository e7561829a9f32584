//! What is said, kept in a file: a SQLite database, in the one thread.
//!
//! [`Store::write`] takes the records of one turn of the loop in one transaction: all of them are kept, or none.
//! Nothing is read at start but what is shown.

mod bans;
mod batch;
mod error;
mod file;
mod history;
mod message;
mod record;
mod room;
mod schema;
mod search;
mod state;
mod sum;
#[cfg(test)]
mod tests;
mod whispers;

use std::path::{self, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use error::Error;
pub use record::{Kind, Message, Record, Start, Whisper};
pub use whispers::{IN_ALL, PER_NAME};

use batch::{Batch, Known};
use error::{Attempt, Fault};
use file::Identity;

/// What a write that has returned withstands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// The death of the process; a loss of power may damage the file.
    Off,
    /// The death of the process; a loss of power takes back the last writes, and damages nothing.
    #[default]
    Normal,
    /// The death of the process and a loss of power.
    Full,
}

/// Which file, and how much is kept in it.
#[derive(Clone, Debug)]
pub struct Options {
    pub path: PathBuf,
    pub sync: Sync,
    /// How old messages may become; for ever without.
    pub keep_days: Option<u32>,
    /// How many messages are kept, of all rooms; all without.
    pub keep_messages: Option<u64>,
    /// Messages of each room to be read at start.
    pub history: usize,
    /// Bytes of each room's texts to be read at start.
    pub history_bytes: usize,
}

/// The file, which no other process may use meanwhile.
pub struct Store {
    options: Options,
    connection: Connection,
    identity: Identity,
    /// The write-ahead log, once there is one.
    log: Option<Identity>,
    known: Known,
}

impl Store {
    /// Opens the file, or makes it, and reads what a server starts with; `now` is in Unix seconds.
    ///
    /// What is not a store of this version's is left as it is.
    pub fn open(options: &Options, now: i64) -> Result<(Store, Start), Error> {
        // Never an URI, `:memory:` or nothing, which mean something else to SQLite.
        let path = path::absolute(&options.path)
            .map_err(|error| Error::Unusable(options.path.clone(), crate::words::plain_words(&error)))?;
        let options = Options { path, ..options.clone() };
        if file::stat(&options.path)?.is_none() {
            file::make(&options.path)?;
        }
        let mut store = Store::connect(options)?;
        let start = store.start(now).map_err(|fault| fault.of(&store.options.path))?;
        Ok((store, start))
    }

    /// Opens a file that is there.
    fn connect(options: Options) -> Result<Store, Error> {
        let path = options.path.clone();
        let gone = || Error::Gone(path.clone());
        let (identity, _) = file::stat(&path)?.ok_or_else(gone)?;
        file::look(&path)?;
        let opened = || {
            let mut connection = connect(&path, options.sync)?;
            prepare(&mut connection, schema::STEPS)?;
            let known = Known::read(&connection)?;
            Ok((connection, known))
        };
        let (connection, known) = opened().map_err(|fault: Fault| fault.of(&path))?;
        if file::stat(&path)?.ok_or_else(gone)?.0 != identity {
            return Err(Error::Replaced(path));
        }
        Ok(Store { options, connection, identity, log: None, known })
    }

    fn start(&mut self, now: i64) -> Attempt<Start> {
        let Options { history, history_bytes, .. } = self.options;
        let mut rooms: Vec<_> = self.known.rooms.iter().collect();
        rooms.sort_unstable_by_key(|(_, room)| room.number);
        let read = |(name, room): (&String, &room::Room)| {
            let messages = history::read(&self.connection, name, room, None, history, history_bytes)?;
            Ok((name.clone(), messages))
        };
        let rooms = rooms.into_iter().map(read).collect::<Attempt<_>>()?;
        let bans = bans::read_all(&self.connection, now)?;
        let state = self.known.state;
        Ok(Start { next_id: state.next_id, run: state.run, rooms, bans })
    }

    /// Keeps all of these, or none of them and says why.
    ///
    /// What was kept already is no error: after a fault the same records can be written again.
    pub fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        self.check_place()?;
        let changes = self.transact(records).map_err(|fault| fault.of(&self.options.path))?;
        self.known.take(changes);
        Ok(())
    }

    fn transact(&mut self, records: &[Record]) -> Attempt<batch::Changes> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch::new(&transaction, &self.known);
        for record in records {
            batch.add(record)?;
        }
        let changes = batch.finish()?;
        transaction.commit()?;
        Ok(changes)
    }

    /// The last messages of a room before that id, at most `n`, the oldest first; none of a room that is not known.
    pub fn history(&mut self, room: &str, before: Option<u64>, n: usize) -> Result<Vec<Message>, Error> {
        let Some(known) = self.known.rooms.get(room) else { return Ok(Vec::new()) };
        history::read(&self.connection, room, known, before, n, usize::MAX)
            .map_err(|fault| fault.of(&self.options.path))
    }

    /// What waits for a name, the oldest first; it stays until [`Record::WhispersRead`].
    pub fn whispers(&mut self, to: &str) -> Result<Vec<Whisper>, Error> {
        whispers::read(&self.connection, to).map_err(|fault| fault.of(&self.options.path))
    }

    /// Whether the file and its log are still where they were: what is written elsewhere is lost.
    fn check_place(&mut self) -> Result<(), Error> {
        let path = &self.options.path;
        match file::stat(path)? {
            None => return Err(Error::Gone(path.clone())),
            Some((identity, _)) if identity != self.identity => return Err(Error::Replaced(path.clone())),
            Some(_) => {}
        }
        let log = file::stat(&file::beside(path, "-wal"))?.map(|(identity, _)| identity);
        if self.log.is_some() && log != self.log {
            return Err(Error::Gone(file::beside(path, "-wal")));
        }
        self.log = log;
        Ok(())
    }
}

fn connect(path: &path::Path, sync: Sync) -> Attempt<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Waiting would hold up everybody.
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Before anything is read: then no other process gets in, and the index of the log is memory of our own.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let sync = match sync {
        Sync::Off => "OFF",
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", sync)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Sees to it that the file is ours alone, of this version and in WAL mode.
fn prepare(connection: &mut Connection, steps: &[&str]) -> Attempt<()> {
    let version = schema::version(connection)?;
    if version > steps.len() as i64 {
        return Err(Fault::Newer(version));
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    Ok(())
}
