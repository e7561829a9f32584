//! The client's side: asks a server, and waits for its answers.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::Error;
use super::protocol::{Answer, Request};

/// A connection to the control socket of a server. Closing it ends the request.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Connection {
    /// Connects to a server; `None` if none listens there.
    ///
    /// # Errors
    /// If there is a server that cannot be asked.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        match UnixStream::connect(path) {
            Ok(stream) => Ok(Some(Connection { stream: BufReader::new(stream), path: path.to_owned() })),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => Ok(None),
                ErrorKind::PermissionDenied => Err(Error::OtherUser(path.to_owned())),
                // The path is too long for a socket, so that no server can have it.
                ErrorKind::InvalidInput => Ok(None),
                _ => Err(Error::Socket(path.to_owned(), error)),
            },
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    /// If the connection is broken, or a path in the request is not UTF-8.
    pub fn ask(&mut self, request: &Request) -> Result<(), Error> {
        let mut line = serde_json::to_vec(request).map_err(|error| self.failed(io::Error::other(error)))?;
        line.push(b'\n');
        match self.stream.get_mut().write_all(&line) {
            // The server has refused the connection, and its answer says why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| self.failed(error)),
        }
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// If the request has failed, or the connection has ended.
    pub fn next_answer(&mut self) -> Result<Answer, Error> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => {}
            Ok(_) => return Err(Error::Closed(self.path.clone())),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(Error::Closed(self.path.clone())),
            Err(error) => return Err(self.failed(error)),
        }
        match serde_json::from_str(&line) {
            Ok(Answer::Error { why }) => Err(Error::Refused(why)),
            Ok(answer) => Ok(answer),
            Err(_) => Err(Error::Unknown(self.path.clone())),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::Socket(self.path.clone(), error)
    }
}
