//! Copies a store into a file that is there only when it is whole.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::Error;
use crate::control::Source;
use crate::store;

/// Settings of a backup.
#[derive(Clone, Debug)]
pub struct BackupSettings {
    pub source: Source,
    /// The file that becomes the copy.
    pub to: PathBuf,
    /// Whether it replaces an older copy.
    pub force: bool,
}

/// Copies a store, and writes the size of the copy to standard output. After an error nothing of the copy is left.
///
/// # Errors
/// Why there is no copy.
pub fn backup(settings: &BackupSettings) -> Result<(), Error> {
    let to = absolute(&settings.to).map_err(|error| Error::Copy(settings.to.clone(), error))?;
    check_target(&to, settings.force)?;
    let part = with_suffix(&to, &format!(".{}.part", std::process::id()));
    let mut shown = Progress::new();
    let copied = settings.source.copy(&part, &mut |percent| shown.show(percent));
    shown.end();
    let copied = copied?;
    let failed = |error: io::Error| Error::Copy(to.clone(), error);
    if fs::metadata(&to).is_ok_and(|found| (found.dev(), found.ino()) == copied.store) {
        return Err(Error::Refused(format!("{} is the store itself; choose another name", to.display())));
    }
    // This process does it: it can take seconds, in which a server would answer no client.
    let file = File::open(&part).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    give_name(&part, &to, settings.force).map_err(failed)?;
    File::open(to.parent().unwrap_or(Path::new("/"))).and_then(|folder| folder.sync_all()).map_err(failed)?;
    let reported = writeln!(io::stdout(), "{bytes} bytes copied to {}", to.display());
    reported.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(Error::Output(error)) })
}

/// Refuses a name under which a backup could do harm.
fn check_target(to: &Path, force: bool) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Refused(format!("{} {why}", to.display())));
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::Copy(to.to_owned(), error)),
        Ok(found) if found.is_dir() => return refused("is a folder; name a file in it".into()),
        Ok(_) if !force => return refused("exists; choose another name, or replace it with --force".into()),
        Ok(_) if !store::is_store(to) => {
            return refused("exists and is no copy of a store; choose another name".into());
        }
        Ok(_) => {}
    }
    for suffix in ["-wal", "-journal"] {
        let log = with_suffix(to, suffix);
        if log.exists() {
            // SQLite would apply it to the copy.
            return refused(format!("has a log beside it, {}; choose another name, or remove the log", log.display()));
        }
    }
    Ok(())
}

/// Gives the copy its name. Without `force` a file that has appeared meanwhile stays.
fn give_name(part: &Path, to: &Path, force: bool) -> io::Result<()> {
    if force {
        return fs::rename(part, to);
    }
    match renameat_with(CWD, part, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag.
        Err(Errno::INVAL | Errno::NOSYS) if !to.exists() => fs::rename(part, to),
        renamed => Ok(renamed?),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Shows on a terminal how far the copy is.
struct Progress {
    is_shown: bool,
    percent: Option<u8>,
}

impl Progress {
    fn new() -> Self {
        Progress { is_shown: io::stderr().is_terminal(), percent: None }
    }

    fn show(&mut self, percent: u8) {
        if self.is_shown && self.percent.replace(percent) != Some(percent) {
            // What cannot be shown is not needed.
            let _ = write!(io::stderr(), "\r{percent} %");
        }
    }

    fn end(&self) {
        if self.percent.is_some() {
            let _ = write!(io::stderr(), "\r     \r");
        }
    }
}
