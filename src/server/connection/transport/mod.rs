//! The sockets as the engine sees them; the kernel and the simulator implement them.

mod buffers;
pub mod records;
mod socket;
mod tls;
mod tls_server;
#[cfg(test)]
mod tls_tests;
mod unix;

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub use self::buffers::KeptBytes;
pub use self::buffers::{Handshakes, TransportBuffers};
pub use self::socket::{CONNECTIONS, ClientStream, ServerListener, StreamKind};
pub use self::tls_server::TlsServer;
pub use self::unix::{SocketFile, UnixServer};

/// A listening socket.
pub trait Listener {
    /// The type of its connections.
    type Transport: Transport;

    /// Accepts a waiting connection; fails with `WouldBlock` when none waits.
    ///
    /// # Errors
    /// The errors of accept(2).
    fn accept(&self) -> io::Result<(Self::Transport, SocketAddr)>;

    /// Whether a connection waits to be accepted.
    fn has_waiting(&self) -> bool;
}

/// The protocol of a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerKind {
    /// Lines.
    Plain,
    /// Lines of IRC.
    Irc,
    /// HTTP for browsers.
    Web,
    /// HTTP for the operator's programs.
    Admin,
}

/// What carries the bytes of one client, without ever blocking: a socket, or TLS on one.
///
/// A transport may buffer: bytes that `write` has taken may not have reached the kernel ([`Transport::wants_write`]), and
/// bytes that have arrived may wait where no event announces them ([`Transport::has_pending_read`]). `flush` writes what
/// is buffered, and fails with `WouldBlock` while something is left.
pub trait Transport: Read + Write {
    /// The source of its events.
    type Poll;

    /// Registers for the events of this transport, edge-triggered, under the number of its slot.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn watch(&mut self, poll: &Self::Poll, slot: usize) -> io::Result<()>;

    /// Whether its bytes do not cross the network unencrypted: it has TLS, or is a socket of this machine.
    fn is_encrypted(&self) -> bool {
        false
    }

    /// Whether another process can go on with it: all of its state is in the kernel. TLS has keys in this process.
    fn can_move(&self) -> bool {
        true
    }

    /// Copies bytes that have arrived to `block` without taking them, below TLS; 0 is the end of the input.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived; an event announces more. Errors of the socket.
    fn peek(&mut self, block: &mut [u8]) -> io::Result<usize>;

    /// Takes the first bytes of those that [`Transport::peek`] has shown, as many as fit into `block`, below TLS.
    ///
    /// # Errors
    /// As those of a read.
    fn take_peeked(&mut self, block: &mut [u8]) -> io::Result<usize>;

    /// Whether [`Transport::shake_hands`] has to end before bytes can be read and written.
    fn needs_handshake(&self) -> bool {
        false
    }

    /// Goes on with the handshake; fails with `WouldBlock` when it waits for the peer.
    ///
    /// # Errors
    /// If the handshake cannot succeed any more. Then the peer has been told, and writing can be ended.
    fn shake_hands(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The handshake has taken too long: tells that to a peer that has sent nothing, if it could understand it.
    fn give_up_handshake(&mut self) {}

    /// Whether bytes may be readable for which no event comes.
    fn has_pending_read(&self) -> bool {
        false
    }

    /// Whether bytes that were written wait until the socket takes them.
    fn wants_write(&self) -> bool {
        false
    }

    /// Since when it has been keeping bytes, as a number that grows with time; `None` if it keeps none.
    fn keeps_since(&self) -> Option<u64> {
        None
    }

    /// Ends the sending side; the peer reads an end after everything that was written.
    ///
    /// # Errors
    /// If the connection is broken.
    fn end_writing(&mut self) -> io::Result<()>;
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

/// The readiness of a transport, as an event reports it.
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
