//! The terminal client: keyboard and server in one poll, as the server does it with its clients.
//!
//! - `dialer`, `link`: the connection.
//! - `pipe`: lines in, lines out, where standard input or output is no terminal.

mod dialer;
mod full;
mod link;
mod pipe;
mod screen;
mod terminal;
mod text;
mod view;

use std::{fmt, io};

use crate::words::plain_words;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A name or an address of the server's.
    pub host: String,
    pub port: u16,
    /// Under which name to log in without asking.
    pub nick: Option<String>,
}

/// Why the client ended other than as it should.
#[derive(Debug)]
pub enum Error {
    /// The host is not known.
    Host(String, io::Error),
    /// Nothing answers at that address.
    Connect(String, io::Error),
    /// The connection broke.
    Lost(io::Error),
    /// Standard output cannot be written to.
    Output(io::Error),
    /// The kernel refuses a poll or what it is to watch.
    System(io::Error),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Host(host, error) => write!(f, "cannot find the host {host}: {}", plain_words(error)),
            Error::Connect(addr, error) => write!(f, "cannot connect to {addr}: {}", plain_words(error)),
            Error::Lost(error) => write!(f, "the connection was lost: {}", plain_words(error)),
            Error::Output(error) => write!(f, "cannot write to standard output: {}", plain_words(error)),
            Error::System(error) => write!(f, "cannot go on: {}", plain_words(error)),
        }
    }
}

impl Settings {
    /// Host and port as one writes them.
    pub fn addr(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Talks with a server until one of the two leaves; returns the exit code.
///
/// # Errors
/// If the server cannot be reached, or something breaks.
pub fn run(settings: &Settings) -> Result<u8, Error> {
    let addrs = dialer::resolve(&settings.host, settings.port)?;
    pipe::run(settings, &addrs)
}
