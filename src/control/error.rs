//! Errors of a process that asks a server.

use std::io;
use std::path::PathBuf;

use crate::util::io_error::plain_words;

/// Why a server cannot be asked, or has not done what it was asked for. Each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server listens there.
    #[error("no server has the control socket {path}; name the one that it has with --control PATH, or its process with --pid PID", path = .0.display())]
    NoServer(PathBuf),
    #[error("the control socket {path} belongs to another user; run this as the user of the server, or as root", path = .0.display())]
    OtherUser(PathBuf),
    #[error("cannot ask the server at {path}: {why}", path = .0.display(), why = plain_words(.1))]
    Socket(PathBuf, #[source] io::Error),
    /// The connection has ended without the last answer.
    #[error("the server at {path} has ended, or has closed the connection", path = .0.display())]
    Closed(PathBuf),
    /// An answer cannot be understood.
    #[error("the server at {path} is another version of chinwag: its answer is not known here", path = .0.display())]
    Unknown(PathBuf),
    /// The process cannot be looked at.
    #[error("cannot find the control socket of process {0}: {why}", why = plain_words(.1))]
    Process(u32, #[source] io::Error),
    /// It is not a server, or one that has no control socket.
    #[error("process {0} has no control socket; start the server with --store FILE or --control PATH.control")]
    NoSocket(u32),
    /// The server refuses, with the reason.
    #[error("{0}")]
    Refused(String),
}
