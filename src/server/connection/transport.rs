//! The sockets as the engine sees them; the kernel and the simulator implement them.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// A listening socket.
pub trait Listener {
    /// The type of its connections.
    type Stream: Stream;

    /// Accepts a waiting connection; fails with `WouldBlock` when none waits.
    ///
    /// # Errors
    /// The errors of accept(2).
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;

    /// Whether a connection waits to be accepted.
    fn has_waiting(&self) -> bool;
}

/// The protocol of a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// Lines.
    Plain,
    /// HTTP for browsers.
    Web,
    /// HTTP for the operator's programs.
    Admin,
}

/// The non-blocking socket of one client.
pub trait Stream: Read + Write {
    /// The source of its events.
    type Poll;

    /// Registers for the events of this stream, edge-triggered, under the number of its slot.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn watch(&mut self, poll: &Self::Poll, slot: usize) -> io::Result<()>;

    /// Shuts down the sending side.
    ///
    /// # Errors
    /// If the connection is broken.
    fn end_writing(&self) -> io::Result<()>;
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything.
    UpToDate,
    /// A part; the socket takes more.
    More,
    /// The socket is full; an event announces room.
    Blocked,
    /// The connection broke.
    Lost,
}

/// The readiness of a stream, as an event reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    /// Urgent data has come, at which a read ends early: tcp(7).
    pub urgent: bool,
    pub writable: bool,
    /// The peer has shut down its sending side.
    pub read_closed: bool,
    /// The connection is broken.
    pub error: bool,
}
