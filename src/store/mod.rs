//! Stores messages, rooms, bans and whispers in a SQLite database, in the thread of the server.
//!
//! [`Store::write`] writes the records of one turn of the event loop in one transaction: all of them or none. Only the
//! history that is shown first is read at start.

mod batch;
mod clean;
mod connection;
mod copy;
mod error;
mod file;
mod history;
mod options;
mod prune;
mod read;
mod schema;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod transfer;

use std::mem;
use std::path::{self, Path, PathBuf};
use std::rc::Rc;

use log::warn;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use self::search::words::SearchWords;
pub use self::table::whispers::MAX_WHISPERS;
pub use copy::{CopyStep, NewFile};
pub use error::Error;
pub use history::{FindStep, HistoryStep, Step};
pub use options::{Options, Sync};
pub use search::SearchStep;

pub use crate::chat::MessageKind;
use crate::chat::policy::nick::fold;
pub use crate::chat::record::{InitialRoom, InitialState, Message, Record, Whisper};
use crate::util::io_error::plain_words;
use batch::{Batch, CachedState, Changes};
use copy::Copy;
use error::{DbError, DbResult};
use file::FileIdentity;
use prune::Retention;
use table::removed_texts;

/// Bytes of the write-ahead log at which it is moved into the database file (a checkpoint).
const CHECKPOINT_BYTES: u64 = 4 << 20;
/// Bytes of the log at which a write fails if a checkpoint fails.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// Maximum bytes of texts and names read at once: more than are shown, and two of the longest messages.
pub const MAX_READ: usize = (256 << 10) + 2 * MAX_MESSAGE;
/// Bytes of the longest text and a name.
const MAX_MESSAGE: usize = (1 << 20) + 1024;

/// An open store, locked against other processes.
pub struct Store {
    options: Options,
    identity: FileIdentity,
    /// The open database, or why it is closed. A copy that is being made shares it.
    connection: Result<Rc<Connection>, Error>,
    copy: Option<Copy>,
    cached: CachedState,
}

impl Store {
    /// Opens the store, or creates it if the file does not exist or is empty, and reads what a server starts with; `now` is
    /// in Unix seconds.
    ///
    /// A file that is not a store, or of a later version, is left unchanged.
    pub fn open(options: &Options, now: i64) -> Result<(Store, InitialState), Error> {
        let path = absolute(&options.path)?;
        let options = Options { path, ..options.clone() };
        match file::identify(&options.path)? {
            None => file::create(&options.path)?,
            Some((_, 0)) => file::replace_empty(&options.path)?,
            Some(_) => {}
        }
        let store = Store::connect(options)?;
        let start = store.read(|connection, store| store.start(connection, now))?;
        Ok((store, start))
    }

    /// Opens an existing store and reads no messages.
    pub fn open_existing(options: &Options) -> Result<Store, Error> {
        let path = absolute(&options.path)?;
        if file::identify(&path)?.is_none() {
            return Err(Error::Unusable(path, "there is no such file".into()));
        }
        Store::connect(Options { path, ..options.clone() })
    }

    /// Opens an existing file.
    fn connect(options: Options) -> Result<Store, Error> {
        let path = &options.path;
        let identity = FileIdentity::of(path)?;
        file::check_header(path)?;
        let (connection, cached) = connection::open(path, options.sync).map_err(|error| error.with_path(path))?;
        let mut store = Store { options, identity, connection: Ok(Rc::new(connection)), copy: None, cached };
        store.identity.check(&store.options.path)?;
        Ok(store)
    }

    /// Writes all records or none.
    ///
    /// A message that is already stored is not an error: after a failure the same records can be written again.
    pub fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        self.change(|batch| records.iter().try_for_each(|record| batch.add(record)))
    }

    /// Deletes at most `most` expired messages; returns whether there is more to do.
    ///
    /// Their space in the file is reused.
    pub fn prune(&mut self, now: i64, most: usize) -> Result<bool, Error> {
        let retention = Retention::new(self.options.keep_days, self.options.keep_messages, now);
        let expired =
            self.read(|connection, store| retention.select_expired(connection, store.cached.state, most.max(1)))?;
        if expired.is_empty() {
            if self.identity.check(&self.options.path)? > CHECKPOINT_BYTES {
                self.read(|connection, _| connection::checkpoint(connection))?;
            }
            return Ok(false);
        }
        self.change(|batch| batch.delete_expired(&expired, now))?;
        Ok(true)
    }

    /// Removes the words of deleted messages from the search index: those of one message, then of others up to `most` while
    /// `more` returns `true`. Returns whether there is more to do.
    ///
    /// Until then the file contains the texts of these messages, though no answer does.
    pub fn clean_index(&mut self, most: usize, more: &mut dyn FnMut() -> bool) -> Result<bool, Error> {
        if self.read(|connection, _| removed_texts::is_empty(connection))? {
            return Ok(false);
        }
        let mut left = false;
        self.change(|batch| {
            left = clean::clean(batch.connection(), most, more)?;
            Ok(())
        })?;
        Ok(left)
    }

    /// Passes all messages of one room or of all to `each`, in order of id; stops when `each` fails.
    pub fn export<E: From<Error>>(
        &self,
        room: Option<&str>,
        each: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let only = match room {
            Some(name) => {
                let room = self.cached.rooms.get(&fold(name));
                Some(room.ok_or_else(|| Error::NoRoom(self.options.path.clone(), name.into()))?)
            }
            None => None,
        };
        self.read(|connection, store| transfer::export(connection, &store.cached.rooms, only, each))?
    }

    /// Moves the write-ahead log into the database file and empties the log.
    ///
    /// Until then the log can contain the texts of messages that were deleted.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.identity.check(&self.options.path)?;
        self.read(|connection, _| connection::checkpoint(connection))
    }

    /// Imports messages, all of them or none; their ids must be free. Returns their number.
    pub fn import<E: From<Error>>(&mut self, messages: impl IntoIterator<Item = Result<Message, E>>) -> Result<u64, E> {
        // The index may have words of a deleted and pruned message whose id is used again.
        self.clean_index(usize::MAX, &mut || true)?;
        let (mut count, mut broken, mut in_between) = (0, None, false);
        let imported = self.change(|batch| {
            for message in messages {
                match message {
                    Ok(message) => {
                        in_between |= message.id < batch.next_id();
                        transfer::import(batch, &message)?;
                    }
                    Err(error) => {
                        broken = Some(error);
                        return Err(DbError::Refused("the input cannot be read".into()));
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
                if in_between
                    // SQLite has moved other rows, and left copies of them that would stay when these are deleted later.
                    && let Err(error) = self.read(|connection, _| connection::vacuum(connection))
                {
                    warn!("{error}; messages that are deleted later may stay in unused parts of the file");
                }
                // All messages are in the log; a checkpoint that fails here is repeated when the file is opened next.
                let _ = self.read(|connection, _| connection::checkpoint(connection));
                Ok(count)
            }
        }
    }

    /// Closes the file for another process that opens it; [`Store::reopen`] takes it back. Its log stays beside it, which
    /// the other process reads.
    pub fn release(&mut self) {
        self.cancel_copy();
        self.close();
    }

    /// Begins to copy the store into a new file, which only its owner can read; one copy at a time.
    ///
    /// # Errors
    /// If the file exists, cannot be made, or there is not enough space for it.
    pub fn begin_copy(&mut self, to: &Path) -> Result<(), Error> {
        self.cancel_copy();
        let connection = self.connection.as_ref().map_err(Error::clone)?;
        self.copy = Some(Copy::begin(connection, to)?);
        Ok(())
    }

    /// Copies some pages, and more while `more` returns `true`. What is written between two steps gets into the copy, too.
    ///
    /// After an error, and when it is complete, there is no copy in progress any more.
    ///
    /// # Errors
    /// If the store cannot be read or the copy cannot be written; then its file is removed.
    pub fn copy_step(&mut self, more: &mut dyn FnMut() -> bool) -> Result<CopyStep, Error> {
        let copy = self.copy.take();
        let copy = copy.ok_or_else(|| Error::Unusable(self.options.path.clone(), "no copy is being made".into()))?;
        copy.step(more).map(|(copy, step)| {
            self.copy = copy;
            step
        })
    }

    /// Gives up the copy in progress and removes its file.
    pub fn cancel_copy(&mut self) {
        self.copy = None;
    }

    /// Device and inode of the file of the store.
    pub fn inode(&self) -> (u64, u64) {
        self.identity.inode()
    }

    /// Opens the file again after a failure.
    ///
    /// It must be the same file, or a copy that contains everything that was stored.
    pub fn reopen(&mut self) -> Result<(), Error> {
        let path = self.options.path.clone();
        match self.identity.check(&path) {
            Ok(_) => self.reopen_path(),
            Err(Error::Gone(gone)) if gone != path => {
                // Only the log was removed: its content can be read while it is open. If it is closed, another process may have
                // moved its content into the file; an older file is refused.
                if self.connection.is_ok() {
                    self.read(|connection, _| connection::checkpoint(connection))?;
                }
                self.reopen_path()
            }
            // If the log at that path belonged to this file, SQLite would apply it to the other file.
            Err(Error::Replaced(_)) if !self.identity.has_log_at(&path)? => {
                // The open file still contains everything; keep it until the other file is known to contain it too.
                let store = self.connect_same_store()?;
                self.replace_with(store);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Closes the file and opens it again; only one connection can be open.
    fn reopen_path(&mut self) -> Result<(), Error> {
        self.close();
        match self.connect_same_store() {
            Ok(store) => self.replace_with(store),
            Err(error) => self.connection = Err(error.clone()),
        }
        self.connection().map(|_| ())
    }

    /// Opens a second connection to the file at the path and checks that it is the same store, not an older copy.
    fn connect_same_store(&self) -> Result<Store, Error> {
        let store = Store::connect(self.options.clone())?;
        let (new, old) = (store.cached.state, self.cached.state);
        if new.run != old.run {
            return Err(Error::Replaced(self.options.path.clone()));
        }
        if new.next_id < old.next_id || new.starts <= old.starts {
            return Err(Error::Older(self.options.path.clone()));
        }
        Ok(store)
    }

    fn replace_with(&mut self, mut other: Store) {
        mem::swap(self, &mut other);
        other.close();
    }

    /// Closes the database without changing the file or its log.
    ///
    /// When simply dropped, SQLite moves the log into the file if the file is still at its path.
    fn close(&mut self) {
        self.cancel_copy();
        let closed = Err(Error::Unusable(self.options.path.clone(), "it is closed".into()));
        if let Ok(open) = mem::replace(&mut self.connection, closed) {
            let _ = open.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_deref().map_err(Error::clone)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection, &Store) -> DbResult<T>) -> Result<T, Error> {
        read(self.connection()?, self).map_err(|error| error.with_path(&self.options.path))
    }

    /// Changes the file in one transaction.
    fn change(&mut self, change: impl FnOnce(&mut Batch) -> DbResult<()>) -> Result<(), Error> {
        let path = &self.options.path;
        let log = self.identity.check(path)?;
        let connection = self.connection.as_deref().map_err(Error::clone)?;
        if log > MAX_LOG_BYTES {
            connection::checkpoint(connection).map_err(|error| error.with_path(path))?;
        }
        let changes = transact(connection, &self.cached, change).map_err(|error| error.with_path(path))?;
        self.cached.apply(changes);
        if log > CHECKPOINT_BYTES {
            // The write itself succeeded; `prune` reports a checkpoint that keeps failing.
            let _ = connection::checkpoint(connection);
        }
        Ok(())
    }
}

/// Whether a file is a store of chinwag. The store must not be open in this process.
pub fn is_store(path: &Path) -> bool {
    file::check_header(path).is_ok()
}

/// An absolute path, which SQLite cannot take for a URI, `:memory:` or a temporary database.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path::absolute(path).map_err(|error| Error::Unusable(path.to_owned(), plain_words(&error)))
}

fn transact(
    connection: &Connection,
    cached: &CachedState,
    change: impl FnOnce(&mut Batch) -> DbResult<()>,
) -> DbResult<Changes> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, cached);
    change(&mut batch)?;
    let changes = batch.finish()?;
    transaction.commit()?;
    Ok(changes)
}
