//! Has a store copied into a new file: by the server that uses it, or by this process if none does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::error::Error;
use crate::control::Source;
use crate::control::client::Connection;
use crate::control::protocol::{Answer, Request};
use crate::store::{CopyStep, NewFile, Store};
use crate::util::signals;

/// A finished copy. Its file is removed with the value, unless it has another path by then.
pub(super) struct Copied {
    pub file: NewFile,
    /// The file of the store: device and inode.
    pub store: (u64, u64),
    /// The server removes the file, too, when the connection ends.
    _server: Option<Connection>,
}

impl Source {
    /// Copies the store into a new file. `progress` is told the percentage that is copied.
    pub(super) fn copy(&self, to: &Path, progress: &mut dyn FnMut(u8)) -> Result<Copied, Error> {
        match (self.server()?, &self.store) {
            (Some(server), _) => self.copy_by(server, to, progress),
            (None, Some(store)) => copy_here(store, to, progress),
            (None, None) => Err(Error::NoSource),
        }
    }

    /// Has a server copy its store into a new file.
    pub(super) fn copy_by(&self, server: Connection, to: &Path, progress: &mut dyn FnMut(u8)) -> Result<Copied, Error> {
        let copied = ask(server, to, progress)?;
        // The socket may be that of another server, such as one that the environment names.
        if let Some(path) = &self.store
            && fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) != copied.store)
        {
            return Err(Error::Refused(format!(
                "the server that was asked uses another store than {}; leave out --store, or name the socket of its server",
                path.display()
            )));
        }
        Ok(copied)
    }
}

/// Has the server make the copy.
fn ask(mut server: Connection, to: &Path, progress: &mut dyn FnMut(u8)) -> Result<Copied, Error> {
    if to.to_str().is_none() {
        return Err(Error::Refused(format!("{} is not valid UTF-8; choose another name", to.display())));
    }
    let asked = server.ask(&Request::Copy { to: to.to_owned() });
    let store = asked.and_then(|()| {
        loop {
            match server.next_answer()? {
                Answer::Copied { store } => return Ok(store),
                Answer::Copying { percent } => progress(percent),
                _ => {}
            }
        }
    });
    match store {
        Ok(store) => {
            // The server may live in a mount namespace of its own, where the same path is another place.
            let file = NewFile::adopt(to).map_err(|_| Error::Elsewhere(to.to_owned()))?;
            Ok(Copied { file, store, _server: Some(server) })
        }
        Err(error) => {
            if matches!(error, crate::control::Error::Closed(_)) {
                // A server that was killed leaves the part of the file that it has copied. It is safe to remove: no
                // other process uses this name, which has the number of this process.
                let _ = fs::remove_file(to);
            }
            Err(error.into())
        }
    }
}

/// Makes the copy in this process, which opens the store.
fn copy_here(path: &Path, to: &Path, progress: &mut dyn FnMut(u8)) -> Result<Copied, Error> {
    let is_asked_to_end = signals::flag_of_end().map_err(Error::Start)?;
    let mut store = Store::open_existing(&super::options(path))?;
    store.begin_copy(to)?;
    loop {
        match store.copy_step(&mut || false)? {
            CopyStep::Done(file) => return Ok(Copied { file, store: store.inode(), _server: None }),
            CopyStep::More(_) if is_asked_to_end.load(Ordering::Relaxed) => return Err(Error::Cancelled),
            CopyStep::More(percent) => progress(percent),
        }
    }
}
