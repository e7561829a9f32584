//! Exports the messages of a store as lines, and imports them.
//!
//! Only one line is in memory at a time.

mod error;
mod input;
mod line;
mod output;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use self::error::Error;
pub use self::output::Format;
use crate::store::{Options, Store, Sync};
use crate::util::clock;

/// Settings of an export to standard output.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    pub store: PathBuf,
    /// Only the messages of this room; `None` for all rooms.
    pub room: Option<String>,
    /// Only messages from this time on.
    pub since: Option<OffsetDateTime>,
    pub format: Format,
}

/// Settings of an import.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    pub store: PathBuf,
    /// `None` for standard input.
    pub input: Option<PathBuf>,
}

/// Writes the messages to standard output as lines, oldest first.
pub fn export(settings: &ExportSettings) -> Result<(), Error> {
    let store = Store::open_existing(&options(&settings.store))?;
    let mut writer =
        output::MessageWriter::new(BufWriter::new(io::stdout().lock()), settings.format, settings.room.is_none());
    let written = store.export(settings.room.as_deref(), |message| {
        let wanted = settings.since.is_none_or(|since| message.at >= since);
        if wanted { writer.write(&message).map_err(Error::Output) } else { Ok(()) }
    });
    match written.and_then(|()| writer.finish().map_err(Error::Output)) {
        // The reader of the pipe has closed it, such as `head`.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Imports messages, all of them or none, and writes their number to standard output.
pub fn import(settings: &ImportSettings) -> Result<(), Error> {
    let (input, name): (Box<dyn io::Read>, String) = match &settings.input {
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Error::Input(name.clone(), error))?;
            (Box::new(file), name)
        }
        None => (Box::new(io::stdin().lock()), "standard input".into()),
    };
    let (mut store, _) = Store::open(&options(&settings.store), clock::utc().unix_timestamp())?;
    let count = store.import(input::MessageReader::new(BufReader::new(input), name))?;
    let reported = writeln!(io::stdout(), "{count} messages imported into {}", settings.store.display());
    reported.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(Error::Output(error)) })
}

fn options(path: &Path) -> Options {
    let path = path.to_owned();
    Options { path, sync: Sync::Full, keep_days: None, keep_messages: None, rooms: 0, history: 0, history_bytes: 0 }
}
