//! The file by its path: whose it is, how it is made, whether it is still the same.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::Error;
use super::table::schema;
use super::table::schema::{APPLICATION_ID, STEPS};
use super::table::state::State;

/// Where SQLite's header has the application id, <https://www.sqlite.org/fileformat.html#the_database_header>.
const ID_AT: std::ops::Range<usize> = 68..72;
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Which file it is, whatever its path: the device and the inode.
type Identity = (u64, u64);

/// The file that was opened and its write-ahead log.
pub(super) struct Place {
    file: Identity,
    /// Once there is one.
    log: Option<Identity>,
}

impl Place {
    /// The file at a path.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let (file, _) = stat(path)?.ok_or_else(|| Error::Gone(path.to_owned()))?;
        Ok(Place { file, log: None })
    }

    /// Whether both are still where they were, since what is written elsewhere is lost; the length of the log.
    pub fn check(&mut self, path: &Path) -> Result<u64, Error> {
        match stat(path)? {
            None => return Err(Error::Gone(path.to_owned())),
            Some((file, _)) if file != self.file => return Err(Error::Replaced(path.to_owned())),
            Some(_) => {}
        }
        let log = stat(&beside(path, "-wal"))?;
        let identity = log.map(|(identity, _)| identity);
        if self.log.is_some() && identity != self.log {
            return Err(Error::Gone(beside(path, "-wal")));
        }
        self.log = identity;
        Ok(log.map_or(0, |(_, length)| length))
    }

    /// Whether the log is still where it was.
    pub fn has_log_at(&self, path: &Path) -> Result<bool, Error> {
        let log = stat(&beside(path, "-wal"))?;
        Ok(log.is_some_and(|(identity, _)| Some(identity) == self.log))
    }
}

/// The file at a path and its length, if there is one.
pub(super) fn stat(path: &Path) -> Result<Option<(Identity, u64)>, Error> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(((meta.dev(), meta.ino()), meta.len()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from_io(path.to_owned(), &error)),
    }
}

/// The name of a file that belongs to that one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Looks at a file without SQLite, which could write to it: whether it is ours.
///
/// It is read through a descriptor of its own, and closing that gives up SQLite's locks: only before it is opened.
pub(super) fn look(path: &Path) -> Result<(), Error> {
    let failed = |error: &io::Error| Error::from_io(path.to_owned(), error);
    let meta = fs::metadata(path).map_err(|error| failed(&error))?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "it is a directory" } else { "it is no regular file" };
        return Err(Error::Unusable(path.to_owned(), format!("{what}; name a file")));
    }
    if meta.len() == 0 {
        return Err(Error::Unusable(path.to_owned(), "it is empty; nothing was ever stored in it".into()));
    }
    let mut header = Vec::with_capacity(HEADER);
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(HEADER as u64).read_to_end(&mut header).map_err(|error| failed(&error))?;
    if header.len() < HEADER || !header.starts_with(MAGIC) || header[ID_AT] != APPLICATION_ID.to_be_bytes() {
        return Err(Error::Foreign(path.to_owned()));
    }
    Ok(())
}

/// Makes an empty store, whole or not at all.
pub(super) fn make(path: &Path) -> Result<(), Error> {
    refuse_log(path)?;
    let draft = draft_of(path);
    let made = fill(&draft, path).and_then(|()| place(&draft, path));
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

/// Makes an empty store in place of a file with nothing in it, such as one of `mktemp`, whole or not at all.
///
/// It keeps its mode. What is no regular file is left for [`look`] to refuse.
pub(super) fn make_of_empty(path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::ReadOnly(path.to_owned()),
        _ => Error::from_io(path.to_owned(), &error),
    };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Ok(());
    }
    // The file itself and not a link to it is replaced.
    let target = fs::canonicalize(path).map_err(failed)?;
    let empty = OpenOptions::new().read(true).write(true).open(&target).map_err(failed)?;
    // Of two processes that find it empty one makes the store.
    if rustix::fs::flock(&empty, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(Error::InUse(path.to_owned()));
    }
    let meta = empty.metadata().map_err(failed)?;
    let is_there = stat(&target)? == Some(((meta.dev(), meta.ino()), 0));
    if !is_there {
        return Ok(());
    }
    refuse_log(&target)?;
    let draft = draft_of(&target);
    let made = fill(&draft, path).and_then(|()| {
        fs::set_permissions(&draft, meta.permissions()).map_err(failed)?;
        fs::rename(&draft, &target).map_err(failed)?;
        sync_directory(&target)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

fn draft_of(path: &Path) -> PathBuf {
    beside(path, &format!(".{}.new", std::process::id()))
}

/// A log without its file may have messages in it.
fn refuse_log(path: &Path) -> Result<(), Error> {
    if beside(path, "-wal").exists() {
        let why = format!("{}-wal is there without it; put it back, or move that away", path.display());
        return Err(Error::Unusable(path.to_owned(), why));
    }
    Ok(())
}

fn fill(draft: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::ReadOnly(path.to_owned()),
        _ => Error::from_io(path.to_owned(), &error),
    };
    // Whispers are in it.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft).map_err(failed)?;
    drop(file);
    let fill = || {
        let mut connection = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        // Pages of rooms and messages that are pruned are used again; the file does not shrink.
        schema::upgrade(&mut connection, STEPS)?;
        State::make(&connection, random_run())?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        Ok(())
    };
    fill().map_err(|fault: super::error::Fault| fault.of(path))?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(failed)
}

/// Gives the draft its name, which nothing else has.
fn place(draft: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| Error::from_io(path.to_owned(), &error);
    fs::hard_link(draft, path).map_err(failed)?;
    fs::remove_file(draft).map_err(failed)?;
    sync_directory(path)
}

/// Has the name of a file survive a loss of power.
fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::from_io(path.to_owned(), &error))
}

/// Different in every file.
fn random_run() -> u64 {
    // Keys from the system's randomness.
    RandomState::new().build_hasher().finish() >> 11
}
