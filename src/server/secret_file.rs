//! Reads files with secrets, which other users should not be able to read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use log::warn;

/// Reads a file of at most `most` bytes. Warns if other users can read it; `what` is what they can read then.
///
/// # Errors
/// If the file cannot be read, is longer, or is not UTF-8.
pub fn read(path: &Path, most: u64, what: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        warn!("{}: other users may read {what}; chmod 600 ends that", path.display());
    }
    let mut text = String::new();
    file.by_ref().take(most + 1).read_to_string(&mut text)?;
    match text.len() as u64 > most {
        true => Err(io::Error::other(format!("it is longer than {most} bytes"))),
        false => Ok(text),
    }
}
