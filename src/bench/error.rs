//! Reasons why a load test failed.

use std::io;
use std::net::SocketAddr;

use crate::util::io_error::plain_words;

/// A load test could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A signal requested the end.
    #[error("interrupted")]
    Interrupted(i32),
    /// More clients, connections or messages were requested than the limits allow.
    #[error("{0}")]
    Limit(String),
    /// The connection could not be made.
    #[error("cannot connect to {0}: {words}", words = plain_words(.1))]
    Connect(SocketAddr, #[source] io::Error),
    /// The TLS connection could not be made, or the server broke the protocol.
    #[error("no TLS at {0}: {words} (leave out --tls if it speaks none)", words = plain_words(.1))]
    Tls(SocketAddr, #[source] io::Error),
    /// The server closed a connection.
    #[error("the server closed the connection of {name}{}", details(*.logged_in, .error.as_ref(), .last_words.as_deref()))]
    Closed {
        /// The name of the client.
        name: String,
        /// Whether that client was logged in.
        logged_in: bool,
        /// The last line that it got from the server itself.
        last_words: Option<String>,
        /// The error of the kernel, if it was not an orderly end.
        #[source]
        error: Option<io::Error>,
    },
    /// The server refused a name.
    #[error("the server refused the name {name}: {}", .answer.escape_debug())]
    Refused {
        /// The name.
        name: String,
        /// The server's answer.
        answer: String,
    },
    /// The server did not let a member follow a room.
    #[error("the server did not let {name} follow {room}: {}", .answer.escape_debug())]
    NotFollowed {
        /// The name of the member.
        name: String,
        /// The name of the room.
        room: String,
        /// The server's answer.
        answer: String,
    },
    /// The server did not accept the WebSocket upgrade.
    #[error("no WebSocket at {0}: {why}", why = .1.escape_debug())]
    NoWebSocket(SocketAddr, String),
    /// The server sent a frame that is not allowed.
    #[error("the server sent an invalid frame: {0}")]
    Frame(String),
    /// The server sent a line that is too long.
    #[error("the server sent a line of more than {0} bytes")]
    EndlessLine(usize),
    /// Nothing happened before the timeout.
    #[error("nothing has happened for {seconds:.0} s while waiting for {waiting_for}")]
    Stalled {
        /// What the load test was waiting for.
        waiting_for: String,
        /// The timeout in seconds.
        seconds: f64,
    },
    /// Nothing that was said at one address has come to others.
    #[error(
        "nothing said at {from} has come to {} in {seconds:.0} s: are they addresses of one chat? \
         Servers that are none must be driven one by one",
        .to.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" or ")
    )]
    NotOneChat {
        /// The address of the sender.
        from: SocketAddr,
        /// The addresses of readers that got nothing.
        to: Vec<SocketAddr>,
        /// The timeout in seconds.
        seconds: f64,
    },
    /// A process of the load test failed.
    #[error("{0}: {1}")]
    Subprocess(&'static str, String),
    /// A system call failed.
    #[error("{0}: {words}", words = plain_words(.1))]
    System(&'static str, #[source] io::Error),
}

/// When and why the server closed a connection.
fn details(logged_in: bool, error: Option<&io::Error>, last_words: Option<&str>) -> String {
    let when = if logged_in { "" } else { " before it was logged in" };
    let why = error.map(|error| format!(" ({})", plain_words(error))).unwrap_or_default();
    let words = last_words.map(|words| format!("; its last line: {}", words.escape_debug())).unwrap_or_default();
    format!("{when}{why}{words}")
}
