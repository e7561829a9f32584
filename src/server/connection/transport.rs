//! What the engine needs of sockets: the kernel's have it, and so have those of the simulator.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// A socket that connections come from.
pub trait Listener {
    /// What it accepts.
    type Stream: Stream;

    /// Takes a connection that waits; an error of the kind `WouldBlock` when there is none.
    ///
    /// # Errors
    /// Those of accept(2).
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;

    /// Whether a connection waits to be accepted.
    fn has_waiting(&self) -> bool;
}

/// The socket of one client; it never blocks.
pub trait Stream: Read + Write {
    /// What tells of its events.
    type Poll;

    /// Asks for the events of this stream, edge-triggered, under the number of its slot.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn watch(&mut self, poll: &Self::Poll, slot: usize) -> io::Result<()>;

    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    /// If the connection is broken.
    fn end_writing(&self) -> io::Result<()>;
}
