//! Why a load test could not be carried through.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::util::io_error::plain_words;

/// See the module.
#[derive(Debug)]
pub enum Error {
    /// A signal asked for the end.
    Interrupted(i32),
    /// More was asked for than the limits allow.
    Limit(String),
    /// Nobody answers there.
    Connect(SocketAddr, io::Error),
    /// The server closed a connection.
    Closed {
        /// Whose.
        name: String,
        /// Whether that one had got in.
        logged_in: bool,
        /// The last line that it got from the server itself.
        last_words: Option<String>,
        /// What the kernel says, if it was not an orderly end.
        error: Option<io::Error>,
    },
    /// The server did not take a name.
    Refused {
        /// The name.
        name: String,
        /// What it said.
        answer: String,
    },
    /// The server does not make a WebSocket of a connection.
    NoWebSocket(SocketAddr, String),
    /// A frame is not as the server may send it.
    Frame(String),
    /// The server sends without a line's end.
    EndlessLine(usize),
    /// Nothing has happened for too long.
    Stalled {
        /// What was waited for.
        waiting_for: String,
        /// For how many seconds.
        seconds: f64,
    },
    /// A process that belongs to the load test did not do its part.
    Part(&'static str, String),
    /// The kernel refused something.
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
                let when = if *logged_in { "" } else { " before it had got in" };
                write!(f, "the server closed the connection of {name}{when}")?;
                if let Some(error) = error {
                    write!(f, " ({})", plain_words(error))?;
                }
                match last_words {
                    Some(words) => write!(f, "; its last words: {}", words.escape_debug()),
                    None => Ok(()),
                }
            }
            Error::Refused { name, answer } => {
                write!(f, "the server does not let {name} in: {}", answer.escape_debug())
            }
            Error::NoWebSocket(addr, why) => write!(f, "no WebSocket at {addr}: {}", why.escape_debug()),
            Error::Frame(what) => write!(f, "the server sent a frame that no browser takes: {what}"),
            Error::EndlessLine(most) => write!(f, "the server sent a line of more than {most} bytes"),
            Error::Stalled { waiting_for, seconds } => {
                write!(f, "nothing has happened for {seconds:.0} s while waiting for {waiting_for}")
            }
            Error::Part(part, text) => write!(f, "{part}: {text}"),
            Error::System(what, error) => write!(f, "{what}: {}", plain_words(error)),
        }
    }
}
