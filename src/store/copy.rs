//! Copies an open store into a new file in steps: <https://www.sqlite.org/backup.html>.
//!
//! The copy is made through the connection of the store, which keeps the file to itself. So SQLite sees what is written
//! between two steps and writes it into the copy, too: the finished copy has everything that was stored before its last step.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::statvfs;
use self_cell::{MutBorrow, self_cell};

use super::error::{DbError, DbResult, Error};
use super::file::{Inode, identify, with_suffix};

/// Pages that are copied without a look at the time; a page has 4 KiB.
const PAGES: i32 = 16;
/// Bytes that a copy leaves free on its disk, which may be that of the store.
const RESERVE: u64 = 16 << 20;
/// What SQLite puts behind the name of a database for the files that belong to it.
const SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that this process has made, or has been given. It is removed with the value, unless it has another path by then.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    inode: Inode,
}

impl NewFile {
    /// Makes an empty file that only its owner can read and write.
    ///
    /// # Errors
    /// If there is a file with that path, or the folder cannot be written.
    fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let found = file.and_then(|file| file.metadata()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Unusable(path.to_owned(), "there is such a file already".into()),
            io::ErrorKind::PermissionDenied => Error::ReadOnly(path.to_owned()),
            _ => Error::from_io(path.to_owned(), &error),
        })?;
        Ok(NewFile { path: path.to_owned(), inode: (found.dev(), found.ino()) })
    }

    /// Takes over a file that another process has made.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn adopt(path: &Path) -> Result<Self, Error> {
        let found = identify(path)?.ok_or_else(|| Error::Gone(path.to_owned()))?;
        Ok(NewFile { path: path.to_owned(), inode: found.0 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is.
    pub fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let is_own = fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.inode);
        if is_own {
            let _ = fs::remove_file(&self.path);
            for suffix in SUFFIXES {
                let _ = fs::remove_file(with_suffix(&self.path, suffix));
            }
        }
    }
}

/// The result of a step.
#[derive(Debug)]
pub enum CopyStep {
    /// There is more to do; this part of the pages is copied, in percent.
    More(u8),
    /// The copy is complete, though perhaps not on the disk yet.
    Done(NewFile),
}

/// A copy in progress.
pub(super) struct Copy {
    // Before the file, which is removed after it is closed.
    backup: RunningBackup,
    file: NewFile,
}

/// The store, and the database that becomes its copy.
struct Ends {
    from: Rc<Connection>,
    to: MutBorrow<Connection>,
}

type BackupOf<'a> = Backup<'a, 'a>;

self_cell!(
    struct RunningBackup {
        owner: Ends,
        #[covariant]
        dependent: BackupOf,
    }
);

impl Copy {
    /// Begins a copy in a new file.
    pub fn begin(from: &Rc<Connection>, path: &Path) -> Result<Self, Error> {
        let failed = |error: DbError| error.with_path(path);
        let bytes = length(from).map_err(failed)?;
        check_space(path, bytes)?;
        let file = NewFile::create(path)?;
        let to = open_target(path).map_err(failed)?;
        let ends = Ends { from: Rc::clone(from), to: MutBorrow::new(to) };
        let backup = RunningBackup::try_new(ends, |ends| Backup::new(&ends.from, ends.to.borrow_mut()));
        Ok(Copy { backup: backup.map_err(|error| failed(error.into()))?, file })
    }

    /// Copies some pages, and more while `more` returns `true`; returns itself unless it is complete.
    pub fn step(self, more: &mut dyn FnMut() -> bool) -> Result<(Option<Self>, CopyStep), Error> {
        loop {
            let step = self.backup.borrow_dependent().step(PAGES);
            match step.map_err(|error| failure(error, &self.file.path))? {
                StepResult::Done => {
                    drop(self.backup);
                    return Ok((None, CopyStep::Done(self.file)));
                }
                StepResult::More if more() => {}
                StepResult::More => {
                    let percent = self.percent();
                    return Ok((Some(self), CopyStep::More(percent)));
                }
                // Only another process can lock the copy: this one is between two transactions.
                _ => return Err(Error::InUse(self.file.path.clone())),
            }
        }
    }

    fn percent(&self) -> u8 {
        let progress = self.backup.borrow_dependent().progress();
        let (pages, left) = (i64::from(progress.pagecount), i64::from(progress.remaining));
        (100 * (pages - left) / pages.max(1)).clamp(0, 100) as u8
    }
}

/// The error of a step. SQLite does not say which of the two files has failed, nor why.
fn failure(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => {
            let why = "it cannot be written, or the store cannot be read: the disk is broken or full, or the file is longer \
                       than allowed (ulimit -f)";
            Error::Unusable(path.to_owned(), why.into())
        }
        _ => DbError::from(error).with_path(path),
    }
}

/// Bytes of a database, with what is in its log.
fn length(connection: &Connection) -> DbResult<u64> {
    let number = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    Ok((number("page_count")? * number("page_size")?).unsigned_abs())
}

/// Refuses a copy for which there is no space: it would fail in the end, and perhaps take the store's space until then.
fn check_space(path: &Path, bytes: u64) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // What cannot be found out, or is not known (0), shows itself later.
    let Some(disk) = statvfs(folder).ok().filter(|disk| disk.f_blocks > 0) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes + RESERVE {
        let why = format!(
            "a copy of the store needs {bytes} bytes, and {RESERVE} more have to stay free, but {free} bytes are free in {}",
            folder.display()
        );
        return Err(Error::Unusable(path.to_owned(), why));
    }
    Ok(())
}

/// Opens the empty file of a copy. It has no journal, since a copy that fails is removed; nothing waits for the disk.
fn open_target(path: &Path) -> DbResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let to = Connection::open_with_flags(path, flags)?;
    to.busy_timeout(std::time::Duration::ZERO)?;
    to.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    to.pragma_update(None, "synchronous", "OFF")?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_without_space_for_it_is_refused_before_it_begins() {
        let path = std::env::temp_dir().join("chinwag-no-copy");
        assert_eq!(check_space(&path, 0), Ok(()));
        let error = check_space(&path, 1 << 60).unwrap_err().to_string();
        assert!(error.contains("a copy of the store needs 1152921504606846976 bytes, and "), "{error}");
        // What is not known does not hinder.
        assert_eq!(check_space(Path::new("/no/such/folder/copy"), 1 << 60), Ok(()));
    }
}
