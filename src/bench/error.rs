//! Reasons why a load test failed.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::util::io_error::plain_words;

/// A load test could not be completed.
#[derive(Debug)]
pub enum Error {
    /// A signal requested the end.
    Interrupted(i32),
    /// More clients, connections or messages were requested than the limits allow.
    Limit(String),
    /// The connection could not be made.
    Connect(SocketAddr, io::Error),
    /// The server closed a connection.
    Closed {
        /// The name of the client.
        name: String,
        /// Whether that client was logged in.
        logged_in: bool,
        /// The last line that it got from the server itself.
        last_words: Option<String>,
        /// The error of the kernel, if it was not an orderly end.
        error: Option<io::Error>,
    },
    /// The server refused a name.
    Refused {
        /// The name.
        name: String,
        /// The server's answer.
        answer: String,
    },
    /// The server did not accept the WebSocket upgrade.
    NoWebSocket(SocketAddr, String),
    /// The server sent a frame that is not allowed.
    Frame(String),
    /// The server sent a line that is too long.
    EndlessLine(usize),
    /// Nothing happened before the timeout.
    Stalled {
        /// What the load test was waiting for.
        waiting_for: String,
        /// The timeout in seconds.
        seconds: f64,
    },
    /// A process of the load test failed.
    Subprocess(&'static str, String),
    /// A system call failed.
    System(&'static str, io::Error),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Interrupted(_) => write!(f, "interrupted"),
            Error::Limit(text) => write!(f, "{text}"),
            Error::Connect(addr, error) => write!(f, "cannot connect to {addr}: {}", plain_words(error)),
            Error::Closed { name, logged_in, last_words, error } => {
                let when = if *logged_in { "" } else { " before it was logged in" };
                write!(f, "the server closed the connection of {name}{when}")?;
                if let Some(error) = error {
                    write!(f, " ({})", plain_words(error))?;
                }
                match last_words {
                    Some(words) => write!(f, "; its last line: {}", words.escape_debug()),
                    None => Ok(()),
                }
            }
            Error::Refused { name, answer } => {
                write!(f, "the server refused the name {name}: {}", answer.escape_debug())
            }
            Error::NoWebSocket(addr, why) => write!(f, "no WebSocket at {addr}: {}", why.escape_debug()),
            Error::Frame(what) => write!(f, "the server sent an invalid frame: {what}"),
            Error::EndlessLine(most) => write!(f, "the server sent a line of more than {most} bytes"),
            Error::Stalled { waiting_for, seconds } => {
                write!(f, "nothing has happened for {seconds:.0} s while waiting for {waiting_for}")
            }
            Error::Subprocess(part, text) => write!(f, "{part}: {text}"),
            Error::System(what, error) => write!(f, "{what}: {}", plain_words(error)),
        }
    }
}
