//! Makes the control socket.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use log::{Level, log, warn};

use crate::server::Error;
use crate::server::connection::transport::{SocketFile, UnixServer};
use crate::util::io_error::plain_words;

/// The mode of the socket: only the user of the server may connect, and root.
const MODE: u32 = 0o600;
/// Connections that wait in the kernel's queue at most.
const BACKLOG: i32 = 16;

/// Where the control socket of a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlace {
    pub path: PathBuf,
    /// No option has named it, so that the server goes on if there can be no socket there.
    pub is_default: bool,
}

impl ControlPlace {
    /// Listens there; a socket that a dead server has left is replaced, and that of a predecessor (`passed`), if it is there,
    /// is taken out and used. `None` if there can be no socket at the default place: the log says so.
    ///
    /// # Errors
    /// If another server listens there, or the path that was named cannot be used.
    pub fn listen(&self, passed: &mut Option<(SocketFile, OwnedFd)>) -> Result<Option<UnixServer>, Error> {
        if let Some((file, socket)) = passed.take_if(|(file, _)| file.path() == self.path) {
            let listener = UnixServer::take_over(socket.into(), Some(file));
            return listener.map(Some).map_err(|error| Error::Control(self.path.clone(), error));
        }
        let path = self.path.display();
        match UnixServer::listen(&self.path, MODE, BACKLOG) {
            Ok(listener) => {
                // Where it is by default stands in the manual.
                let level = if self.is_default { Level::Trace } else { Level::Info };
                log!(level, "control socket: {path}");
                Ok(Some(listener))
            }
            Err(error) if self.is_default && error.kind() != io::ErrorKind::AddrInUse => {
                let why = plain_words(&error);
                warn!(
                    "there is no control socket {path}: {why}; without it, `chinwag backup` cannot ask this server; --control PATH names another place"
                );
                Ok(None)
            }
            Err(error) => Err(Error::Control(self.path.clone(), error)),
        }
    }
}
