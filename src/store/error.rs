//! What can go wrong with the file, in words for the person who meets it.

use std::path::PathBuf;
use std::{fmt, io};

use rusqlite::ErrorCode;

use crate::util::io_error::plain_words;

/// Characters of what SQLite says.
const MOST: usize = 120;

/// Why the file cannot be used, or not now. Each is one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Another process has it open.
    InUse(PathBuf),
    /// No space is left for it.
    Full(PathBuf),
    /// It, or its directory, cannot be written to.
    ReadOnly(PathBuf),
    /// It cannot be opened, read or written, with the reason.
    Unusable(PathBuf, String),
    /// It was moved or removed while it was in use.
    Gone(PathBuf),
    /// Another file has its place.
    Replaced(PathBuf),
    /// It is ours, but lacks what was stored already.
    Older(PathBuf),
    /// It is no store of ours.
    Foreign(PathBuf),
    /// A later version made it, with that schema.
    Newer(PathBuf, i64),
    /// It is damaged, with what was found.
    Corrupt(PathBuf, String),
    /// It has no such room.
    NoRoom(PathBuf, String),
    /// What is to be stored cannot be, with the reason.
    Refused(PathBuf, String),
}

impl Error {
    /// Whether it may pass by itself: worth trying the same again later. After others [`reopen`](super::Store::reopen)
    /// the file first, when somebody may have seen to it.
    pub fn is_passing(&self) -> bool {
        use Error::*;
        match self {
            InUse(_) | Full(_) | ReadOnly(_) | Unusable(..) => true,
            Gone(_) | Replaced(_) | Older(_) | Foreign(_) | Newer(..) | Corrupt(..) | NoRoom(..) | Refused(..) => false,
        }
    }

    pub(super) fn from_io(path: PathBuf, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Error::Full(path)
            }
            io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly(path),
            _ => Error::Unusable(path, plain_words(error)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        use Error::*;
        match self {
            InUse(path) => write!(f, "{} is in use by another process; stop that one first", path.display()),
            Full(path) => write!(f, "there is no space left for {}; make some", path.display()),
            ReadOnly(path) => {
                write!(f, "{} or its directory is read-only; allow this user to write there", path.display())
            }
            Unusable(path, why) => write!(f, "cannot use {}: {why}", path.display()),
            Gone(path) => write!(f, "{} was moved or removed while in use; put it back", path.display()),
            Replaced(path) => write!(
                f,
                "{} is another file than the one the server started with; put that one back, or restart",
                path.display()
            ),
            Older(path) => write!(
                f,
                "{} is older than what was stored in it already; put the newer one back, or restart",
                path.display()
            ),
            Foreign(path) => {
                write!(f, "{} is no history of chinwag's and was left as it is; name another file", path.display())
            }
            Newer(path, version) => write!(
                f,
                "{} was made by a later chinwag (schema {version}) and was left as it is; use that one",
                path.display()
            ),
            Corrupt(path, what) => write!(
                f,
                "{} is damaged ({what}); restore a copy, or move it away to start with nothing",
                path.display()
            ),
            NoRoom(path, room) => write!(f, "there is no room {room} in {}", path.display()),
            Refused(path, why) => write!(f, "cannot store that in {}: {why}", path.display()),
        }
    }
}

impl std::error::Error for Error {}

/// What went wrong inside, before it is known of which file.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    /// Damage that SQLite does not see, with what it is.
    Damage(String),
    Refused(String),
    Newer(i64),
    ReadOnly,
    Io(io::Error),
}

/// What does not need the file's name.
pub(super) type Attempt<T> = Result<T, Fault>;

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sqlite(error)
    }
}

impl Fault {
    /// Says of which file it is.
    pub fn of(self, path: &std::path::Path) -> Error {
        let path = path.to_owned();
        let error = match self {
            Fault::Damage(what) => return Error::Corrupt(path, one_line(&what)),
            Fault::Refused(why) => return Error::Refused(path, why),
            Fault::Newer(version) => return Error::Newer(path, version),
            Fault::ReadOnly => return Error::ReadOnly(path),
            Fault::Io(error) => return Error::from_io(path, &error),
            Fault::Sqlite(error) => error,
        };
        let rusqlite::Error::SqliteFailure(failure, text) = &error else {
            // A column of another type than was written, text that is not UTF-8, a row that must be there.
            return Error::Corrupt(path, one_line(&error.to_string()));
        };
        let text = one_line(&text.clone().unwrap_or_else(|| failure.to_string()));
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::InUse(path),
            ErrorCode::DiskFull => Error::Full(path),
            ErrorCode::ReadOnly => Error::ReadOnly(path),
            // A length that is damaged is too big, a schema that is does not parse or lacks a table.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::TypeMismatch
            | ErrorCode::ConstraintViolation
            | ErrorCode::TooBig
            | ErrorCode::SchemaChanged
            | ErrorCode::Unknown => Error::Corrupt(path, text),
            ErrorCode::CannotOpen => Error::Unusable(
                path,
                "it or its log cannot be opened; allow this user to write to its directory".into(),
            ),
            _ => Error::Unusable(path, text),
        }
    }
}

/// What SQLite says, in which there may be anything that a damaged file holds.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push('…');
    }
    line
}
