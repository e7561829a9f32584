//! Exports the messages of a store as lines, imports them, and copies stores.
//!
//! Only one line is in memory at a time.

mod backup;
mod copy;
mod error;
mod input;
mod line;
mod output;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{self, Path, PathBuf};
use std::process;

use time::OffsetDateTime;

pub use self::backup::{BackupSettings, backup};
pub use self::error::Error;
pub use self::output::Format;
use crate::store::{self, Options, Store, Sync};
use crate::util::clock;

/// Settings of an export to standard output.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    pub store: PathBuf,
    /// The control socket of the server that uses the store; `None` for the one beside it.
    pub control: Option<PathBuf>,
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

/// Writes the messages to standard output as lines, oldest first. If a server uses the store, it makes a copy beside it, which
/// is read and removed.
///
/// # Errors
/// If the store cannot be read, or the lines cannot be written.
pub fn export(settings: &ExportSettings) -> Result<(), Error> {
    let source =
        crate::control::Source { store: Some(settings.store.clone()), control: settings.control.clone(), pid: None };
    let Some(server) = source.server()? else { return write_messages(settings, &settings.store) };
    let mut copy = path::absolute(&settings.store).map_err(|error| Error::Copy(settings.store.clone(), error))?;
    copy.as_mut_os_string().push(format!(".{}.export", process::id()));
    let copied = source.copy_by(server, &copy, &mut |_| ())?;
    write_messages(settings, copied.file.path()).map_err(|error| match error {
        Error::Store(store::Error::NoRoom(_, room)) => store::Error::NoRoom(settings.store.clone(), room).into(),
        error => error,
    })
}

fn write_messages(settings: &ExportSettings, path: &Path) -> Result<(), Error> {
    let store = Store::open_existing(&options(path))?;
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
