//! The history as lines, out of the file that it is kept in and into one.
//!
//! One line is in memory at a time, however many there are.

mod input;
mod line;
mod output;

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::store;
use crate::store::{Options, Store, Sync};
use crate::util::clock;
use crate::util::io_error::plain_words;

/// What is to be written to standard output.
#[derive(Clone, Debug)]
pub struct Export {
    pub store: PathBuf,
    /// That room alone.
    pub room: Option<String>,
    /// What was said then or later.
    pub since: Option<OffsetDateTime>,
    pub format: Format,
}

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object for each message; can be imported.
    Json,
    /// As people read it.
    Text,
}

/// What is to be read, and into which file.
#[derive(Clone, Debug)]
pub struct Import {
    pub store: PathBuf,
    /// Standard input if there is none.
    pub input: Option<PathBuf>,
}

/// Why it ended early; one line for whoever asked for it.
#[derive(Debug)]
pub enum Error {
    Store(store::Error),
    Output(io::Error),
    Input(String, io::Error),
    /// A line of the input that is none of ours, by its number.
    Line(u64, String),
}

/// Writes the messages as lines, the oldest first.
pub fn export(export: &Export) -> Result<(), Error> {
    let store = Store::existing(&options(&export.store))?;
    let mut lines = output::Lines::new(BufWriter::new(io::stdout().lock()), export.format, export.room.is_none());
    let written = store.export(export.room.as_deref(), |message| {
        let wanted = export.since.is_none_or(|since| message.at >= since);
        if wanted { lines.write(&message).map_err(Error::Output) } else { Ok(()) }
    });
    match written.and_then(|()| lines.finish().map_err(Error::Output)) {
        // Whoever reads has enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Takes the messages in, all of them or none, and says how many on standard output.
pub fn import(import: &Import) -> Result<(), Error> {
    let (input, name): (Box<dyn io::Read>, String) = match &import.input {
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Error::Input(name.clone(), error))?;
            (Box::new(file), name)
        }
        None => (Box::new(io::stdin().lock()), "standard input".into()),
    };
    let (mut store, _) = Store::open(&options(&import.store), clock::utc().unix_timestamp())?;
    let count = store.import(input::Lines::new(BufReader::new(input), name))?;
    let said = writeln!(io::stdout(), "{count} messages imported into {}", import.store.display());
    said.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(Error::Output(error)) })
}

fn options(path: &Path) -> Options {
    let path = path.to_owned();
    Options { path, sync: Sync::Full, keep_days: None, keep_messages: None, rooms: 0, history: 0, history_bytes: 0 }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Error::Store(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Store(error) => error.fmt(f),
            Error::Output(error) => write!(f, "cannot write to standard output: {}", plain_words(error)),
            Error::Input(name, error) => write!(f, "cannot read {name}: {}", plain_words(error)),
            Error::Line(number, why) => {
                write!(f, "line {number} is no message: {why}; nothing was imported")
            }
        }
    }
}

impl std::error::Error for Error {}
