//! A server that is named by its store, its control socket, or its process.

use std::path::PathBuf;

use super::client::Connection;
use super::protocol::{Answer, Request};
use super::{Error, place};

/// A server, or the store that it would use. At least one of the fields is set.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file of the store.
    pub store: Option<PathBuf>,
    /// The control socket of the server that uses it; `None` for the one beside the store.
    pub control: Option<PathBuf>,
    /// The process of that server, in place of the two.
    pub pid: Option<u32>,
}

impl Source {
    /// Connects to the server that uses the store; `None` if none does, so that this process can open the file.
    pub fn server(&self) -> Result<Option<Connection>, Error> {
        let path = match (&self.control, self.pid, &self.store) {
            (Some(path), ..) => path.clone(),
            (None, Some(pid), _) => place::of_process(pid)?,
            (None, None, Some(store)) => place::beside(store),
            (None, None, None) => return Ok(None),
        };
        match Connection::open(&path)? {
            None if self.store.is_none() || self.pid.is_some() => Err(Error::NoServer(path)),
            connection => Ok(connection),
        }
    }

    /// Has the server replaced by the program that is on disk now; returns the number of the process that serves then.
    ///
    /// # Errors
    /// If there is no server, or it goes on as before.
    pub fn upgrade(&self) -> Result<u32, Error> {
        let Some(mut server) = self.server()? else {
            let path = self.control.clone().or_else(|| self.store.as_deref().map(place::beside));
            return Err(Error::NoServer(path.unwrap_or_default()));
        };
        server.ask(&Request::Upgrade)?;
        loop {
            if let Answer::Upgraded { pid } = server.next_answer()? {
                return Ok(pid);
            }
        }
    }
}
