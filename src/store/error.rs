//! Errors of the store; each text says what is wrong and what to do.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::util::io_error::plain_words;

/// Maximum characters of SQLite's error text.
const MAX_ERROR_CHARS: usize = 120;

/// Why the store cannot be used. Each text is one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{path} is in use by another process; stop that one first", path = .0.display())]
    InUse(PathBuf),
    #[error("there is no space left for {path}; free some", path = .0.display())]
    Full(PathBuf),
    #[error("{path} or its directory is read-only; allow this user to write there", path = .0.display())]
    ReadOnly(PathBuf),
    /// The file cannot be opened, read or written, with the reason.
    #[error("cannot use {path}: {1}", path = .0.display())]
    Unusable(PathBuf, String),
    #[error("{path} was moved or removed while in use; put it back", path = .0.display())]
    Gone(PathBuf),
    /// The path names another file than before.
    #[error("{path} is another file than the one the server started with; put that one back, or restart", path = .0.display())]
    Replaced(PathBuf),
    /// The file is the same store, but without records that were already stored.
    #[error("{path} is older than what was stored in it already; put the newer one back, or restart", path = .0.display())]
    Older(PathBuf),
    /// The file is not a store of chinwag.
    #[error("{path} is not a store of chinwag and was left unchanged; name another file", path = .0.display())]
    Foreign(PathBuf),
    /// A later version of chinwag made the file, with this schema version.
    #[error("{path} was made by a later chinwag (schema {1}) and was left unchanged; use that version", path = .0.display())]
    Newer(PathBuf, i64),
    /// The file is damaged, with what was found.
    #[error("{path} is damaged ({1}); restore a copy, or move it away to start with an empty store", path = .0.display())]
    Corrupt(PathBuf, String),
    #[error("there is no room {1} in {path}", path = .0.display())]
    NoRoom(PathBuf, String),
    /// The store does not accept the data, with the reason.
    #[error("cannot store that in {path}: {1}", path = .0.display())]
    Refused(PathBuf, String),
}

impl Error {
    /// Whether the cause can pass by itself, so that the same call can be repeated later. After other errors
    /// [`reopen`](super::Store::reopen) the file first.
    pub fn is_transient(&self) -> bool {
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

/// A store error that does not name the file yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum DbError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Damage that SQLite does not notice.
    #[error("the store is damaged: {0}")]
    Damage(String),
    #[error("the store does not accept that: {0}")]
    Refused(String),
    #[error("the store has the later schema {0}")]
    Newer(i64),
    #[error("the store is read-only")]
    ReadOnly,
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) type DbResult<T> = Result<T, DbError>;

impl DbError {
    /// Adds the path of the file.
    pub fn with_path(self, path: &std::path::Path) -> Error {
        let path = path.to_owned();
        let error = match self {
            DbError::Damage(what) => return Error::Corrupt(path, one_line(&what)),
            DbError::Refused(why) => return Error::Refused(path, why),
            DbError::Newer(version) => return Error::Newer(path, version),
            DbError::ReadOnly => return Error::ReadOnly(path),
            DbError::Io(error) => return Error::from_io(path, &error),
            DbError::Sqlite(error) => error,
        };
        let rusqlite::Error::SqliteFailure(failure, text) = &error else {
            // A column of another type than was written, text that is not UTF-8, or a missing row.
            return Error::Corrupt(path, one_line(&error.to_string()));
        };
        let text = one_line(&text.clone().unwrap_or_else(|| failure.to_string()));
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::InUse(path),
            ErrorCode::DiskFull => Error::Full(path),
            ErrorCode::ReadOnly => Error::ReadOnly(path),
            // A damaged length is too big; a damaged schema does not parse or lacks a table.
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

/// SQLite's text on one line without control characters: it can contain bytes of a damaged file.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_ERROR_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}
