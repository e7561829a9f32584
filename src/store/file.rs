//! Creates the store file, checks that it is a store, and that its path still names the same file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::Error;
use super::schema;
use super::schema::{APPLICATION_ID, STEPS};
use super::table::state::State;
use crate::util::random::random;

/// Bytes of SQLite's header that hold the application id, <https://www.sqlite.org/fileformat.html#the_database_header>.
const ID_AT: std::ops::Range<usize> = 68..72;
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Inode of a file, independent of its path: device and inode.
pub(super) type Inode = (u64, u64);

/// Inode of the opened file and of its write-ahead log.
pub(super) struct FileIdentity {
    file: Inode,
    /// `None` until the log exists.
    log: Option<Inode>,
}

impl FileIdentity {
    /// The identity of the file at a path.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let (file, _) = identify(path)?.ok_or_else(|| Error::Gone(path.to_owned()))?;
        Ok(FileIdentity { file, log: None })
    }

    /// The inode of the file.
    pub fn inode(&self) -> Inode {
        self.file
    }

    /// Checks that file and log are still at their paths, since writes to a moved file are lost; returns the log's length.
    pub fn check(&mut self, path: &Path) -> Result<u64, Error> {
        match identify(path)? {
            None => return Err(Error::Gone(path.to_owned())),
            Some((file, _)) if file != self.file => return Err(Error::Replaced(path.to_owned())),
            Some(_) => {}
        }
        let log = identify(&with_suffix(path, "-wal"))?;
        let identity = log.map(|(identity, _)| identity);
        if self.log.is_some() && identity != self.log {
            return Err(Error::Gone(with_suffix(path, "-wal")));
        }
        self.log = identity;
        Ok(log.map_or(0, |(_, length)| length))
    }

    /// Whether the log is still at its path.
    pub fn has_log_at(&self, path: &Path) -> Result<bool, Error> {
        let log = identify(&with_suffix(path, "-wal"))?;
        Ok(log.is_some_and(|(identity, _)| Some(identity) == self.log))
    }
}

/// Inode and length of the file at a path; `None` if there is no file.
pub(super) fn identify(path: &Path) -> Result<Option<(Inode, u64)>, Error> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(((meta.dev(), meta.ino()), meta.len()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from_io(path.to_owned(), &error)),
    }
}

/// The path with a suffix, for a file that belongs to the store.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Checks that a file is a store, without SQLite, which could write to it.
///
/// Only call it before SQLite opens the file: closing its descriptor releases the process's locks on the file (fcntl).
pub(super) fn check_header(path: &Path) -> Result<(), Error> {
    let failed = |error: &io::Error| Error::from_io(path.to_owned(), error);
    let meta = fs::metadata(path).map_err(|error| failed(&error))?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "it is a directory" } else { "it is not a regular file" };
        return Err(Error::Unusable(path.to_owned(), format!("{what}; name a file")));
    }
    if meta.len() == 0 {
        return Err(Error::Unusable(path.to_owned(), "it is empty; nothing was stored in it".into()));
    }
    let mut header = Vec::with_capacity(HEADER);
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(HEADER as u64).read_to_end(&mut header).map_err(|error| failed(&error))?;
    if header.len() < HEADER || !header.starts_with(MAGIC) || header[ID_AT] != APPLICATION_ID.to_be_bytes() {
        return Err(Error::Foreign(path.to_owned()));
    }
    Ok(())
}

/// Creates an empty store at a path with no file, atomically.
pub(super) fn create(path: &Path) -> Result<(), Error> {
    refuse_log(path)?;
    let draft = draft_of(path);
    let created = write_draft(&draft, path).and_then(|()| publish_draft(&draft, path));
    if created.is_err() {
        let _ = fs::remove_file(&draft);
    }
    created
}

/// Replaces an empty file, such as one made by `mktemp`, with an empty store, atomically.
///
/// The file's mode is kept. [`check_header`] rejects later what is not a regular file.
pub(super) fn replace_empty(path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::ReadOnly(path.to_owned()),
        _ => Error::from_io(path.to_owned(), &error),
    };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Ok(());
    }
    // Replace the file itself, not a symbolic link to it.
    let target = fs::canonicalize(path).map_err(failed)?;
    let empty = OpenOptions::new().read(true).write(true).open(&target).map_err(failed)?;
    // Of two processes that find the file empty, only one creates the store.
    if rustix::fs::flock(&empty, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(Error::InUse(path.to_owned()));
    }
    let meta = empty.metadata().map_err(failed)?;
    let is_there = identify(&target)? == Some(((meta.dev(), meta.ino()), 0));
    if !is_there {
        return Ok(());
    }
    refuse_log(&target)?;
    let draft = draft_of(&target);
    let created = write_draft(&draft, path).and_then(|()| {
        fs::set_permissions(&draft, meta.permissions()).map_err(failed)?;
        fs::rename(&draft, &target).map_err(failed)?;
        sync_directory(&target)
    });
    if created.is_err() {
        let _ = fs::remove_file(&draft);
    }
    created
}

fn draft_of(path: &Path) -> PathBuf {
    with_suffix(path, &format!(".{}.new", std::process::id()))
}

/// Rejects a log without its database file, since it may hold messages.
fn refuse_log(path: &Path) -> Result<(), Error> {
    if with_suffix(path, "-wal").exists() {
        let why = format!("{}-wal exists without it; restore the file, or move the log away", path.display());
        return Err(Error::Unusable(path.to_owned(), why));
    }
    Ok(())
}

fn write_draft(draft: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::ReadOnly(path.to_owned()),
        _ => Error::from_io(path.to_owned(), &error),
    };
    // Only its owner can read it: it holds whispers.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft).map_err(failed)?;
    drop(file);
    let write = || {
        let mut connection = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        // Pages of pruned rooms and messages are reused; the file does not shrink.
        schema::upgrade(&mut connection, STEPS)?;
        State::create(&connection, random_run())?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        Ok(())
    };
    write().map_err(|error: super::error::DbError| error.with_path(path))?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(failed)
}

/// Gives the draft its final name; fails if that name exists.
fn publish_draft(draft: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| Error::from_io(path.to_owned(), &error);
    fs::hard_link(draft, path).map_err(failed)?;
    fs::remove_file(draft).map_err(failed)?;
    sync_directory(path)
}

/// Syncs the file's directory, so that its name survives a power failure.
fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::from_io(path.to_owned(), &error))
}

/// A random id for a new store, below 2^53.
fn random_run() -> u64 {
    random() >> 11
}
