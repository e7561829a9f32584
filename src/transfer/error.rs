//! Errors of an export or import.

use std::io;

use crate::store;
use crate::util::io_error::plain_words;

/// Why an export or import failed; each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("cannot write to standard output: {why}", why = plain_words(.0))]
    Output(#[source] io::Error),
    #[error("cannot read {0}: {why}", why = plain_words(.1))]
    Input(String, #[source] io::Error),
    /// A line that is not an exported message: its number, counted from 1, and the reason.
    #[error("line {0} is not a message: {1}; nothing was imported")]
    Line(u64, String),
}
