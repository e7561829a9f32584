//! Errors of an export, import or backup.

use std::io;
use std::path::PathBuf;

use crate::control;
use crate::store;
use crate::util::io_error::plain_words;

/// Why an export, import or backup failed; each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The server that uses the store cannot be asked, or refuses.
    #[error(transparent)]
    Control(#[from] control::Error),
    /// Neither a store nor a server was named.
    #[error("name the store with --store FILE")]
    NoSource,
    #[error("cannot catch signals: {why}", why = plain_words(.0))]
    Start(#[source] io::Error),
    /// A signal has ended it.
    #[error("cancelled; no copy was made")]
    Cancelled,
    /// The copy cannot be made at that path.
    #[error("cannot make the copy {path}: {why}", path = .0.display(), why = plain_words(.1))]
    Copy(PathBuf, #[source] io::Error),
    /// The path of the copy is not allowed.
    #[error("{0}")]
    Refused(String),
    /// The server has made a copy that cannot be found.
    #[error("the server has made {path}, but it is not there: the server sees other files (PrivateTmp= of systemd?); choose a folder that both see", path = .0.display())]
    Elsewhere(PathBuf),
    #[error("cannot write to standard output: {why}", why = plain_words(.0))]
    Output(#[source] io::Error),
    #[error("cannot read {0}: {why}", why = plain_words(.1))]
    Input(String, #[source] io::Error),
    /// A line that is not an exported message: its number, counted from 1, and the reason.
    #[error("line {0} is not a message: {1}; nothing was imported")]
    Line(u64, String),
}
