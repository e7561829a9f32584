//! One connection: decodes a socket's bytes to lines for the hub, and writes the hub's bytes.

mod decoder;
mod flags;
mod opening;
mod receive;
pub mod transport;

use std::io::{self, IoSlice};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use self::decoder::{IrcLines, Lines};
pub use self::flags::Flags;
pub use self::opening::{Opening, OpeningStep};
pub use self::receive::Received;
use self::receive::{Kept, Receiver, begun_with, skip};
pub use self::transport::Flushed;
use self::transport::Transport;
use super::http::Exchange;
use crate::chat::{ClientId, Hub, Now};
use crate::wire::irc::frames::IrcFrameDecoder;
use crate::wire::websocket::FrameDecoder;

/// Slices written with one system call.
const SLICES: usize = 16;

/// The phase of a connection, from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its lines are processed.
    Open,
    /// Its lines are ignored; its unread output is still written.
    Closing,
    /// All its output is written, and its input is discarded, since closing a socket with unread input would send a
    /// reset and lose the last lines. Writing is shut down, unless the peer's close frame is awaited.
    Draining,
    /// To be removed from the slab at the end of the turn.
    Closed,
}

/// A client's socket with its buffers.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "S: Default"))]
pub struct Connection<S> {
    #[serde(skip)]
    pub stream: S,
    pub phase: Phase,
    pub flags: Flags,
    /// Distinguishes it from earlier connections in its slot.
    pub serial: u32,
    /// Time of the last read, or of the last write while closing, in milliseconds.
    pub progress: u64,
    /// The protocol, with the state of its input.
    pub protocol: Protocol,
}

/// A connection without its socket, as plain data.
pub type ConnectionState = Connection<()>;

/// The protocol of a connection, with the state of its input.
#[derive(Serialize, Deserialize)]
pub enum Protocol {
    /// Lines.
    Lines(Kept<Lines>),
    /// Lines of IRC.
    Irc(Kept<IrcLines>),
    /// What comes before the others: the header of a proxy, and the handshake of TLS. It is unknown to the hub.
    Opening(Box<Opening>),
    /// HTTP, which is unknown to the hub.
    Http(Box<Exchange>),
    /// WebSocket frames.
    ///
    /// Output needs no state: the hub's logs hold ready frames.
    WebSocket(Kept<FrameDecoder>),
    /// WebSocket frames with lines of IRC.
    IrcWebSocket(Kept<IrcFrameDecoder>),
}

impl<S> Connection<S> {
    /// The same connection on another socket, and the socket that it had.
    pub fn replace_stream<T>(self, stream: T) -> (Connection<T>, S) {
        let Connection { stream: old, phase, flags, serial, progress, protocol } = self;
        (Connection { stream, phase, flags, serial, progress, protocol }, old)
    }
}

impl<S: Transport> Connection<S> {
    /// Creates a connection that has just been accepted.
    pub fn new(stream: S, serial: u32) -> Self {
        Connection {
            stream,
            phase: Phase::Open,
            flags: Flags::empty(),
            serial,
            progress: 0,
            protocol: Protocol::Lines(None),
        }
    }

    /// Reads once, into `block`, and passes lines to the hub while it accepts them.
    pub fn receive(&mut self, hub: &mut Hub, id: ClientId, now: Now, block: &mut [u8], max_line: usize) -> Received {
        let Connection { stream, flags, progress, protocol, .. } = self;
        let wanted_write = stream.wants_write();
        let mut receiver = Receiver { stream, flags, progress, hub, id, now };
        let received = match protocol {
            Protocol::Lines(kept) => receiver.receive(kept, block, max_line),
            Protocol::Irc(kept) => receiver.receive(kept, block, max_line),
            Protocol::WebSocket(kept) => receiver.receive(kept, block, max_line),
            Protocol::IrcWebSocket(kept) => receiver.receive(kept, block, max_line),
            Protocol::Opening(_) | Protocol::Http(_) => Received::All,
        };
        // Reading may cause answers below the protocol, such as new keys.
        if !wanted_write && self.stream.wants_write() {
            hub.handle_blocked(id);
        }
        received
    }

    /// Ends the unfinished line, as if a line end had come.
    pub fn end_line(&mut self, hub: &mut Hub, id: ClientId, now: Now) {
        let Connection { stream, flags, progress, protocol, .. } = self;
        if let Protocol::Lines(kept) = protocol {
            Receiver { stream, flags, progress, hub, id, now }.end_line(kept);
        }
    }

    /// Lets the connection begin with its opening.
    pub fn begin_opening(&mut self, opening: Opening) {
        self.protocol = Protocol::Opening(Box::new(opening));
    }

    /// Ends the opening of the connection, which is for lines from now on; gives what is known from it.
    pub fn end_opening(&mut self) -> Option<Opening> {
        match std::mem::replace(&mut self.protocol, Protocol::Lines(None)) {
            Protocol::Opening(opening) => Some(*opening),
            protocol => {
                self.protocol = protocol;
                None
            }
        }
    }

    /// Whether it has not begun with its protocol.
    pub fn is_opening(&self) -> bool {
        matches!(self.protocol, Protocol::Opening(_))
    }

    /// Whether it is in a TLS handshake.
    pub fn is_shaking_hands(&self) -> bool {
        matches!(&self.protocol, Protocol::Opening(opening) if opening.step == OpeningStep::Handshake)
    }

    /// Switches the connection to IRC.
    pub fn begin_irc(&mut self) {
        self.protocol = Protocol::Irc(None);
    }

    /// Switches the connection to HTTP.
    pub fn begin_exchange(&mut self, exchange: Exchange) {
        self.protocol = Protocol::Http(Box::new(exchange));
    }

    /// Switches the connection to frames, beginning with the input `held`; `is_irc` if they have lines of IRC.
    pub fn become_web_socket(&mut self, held: Vec<u8>, is_irc: bool, now: Now) {
        self.protocol = match is_irc {
            true => Protocol::IrcWebSocket(begun_with(held)),
            false => Protocol::WebSocket(begun_with(held)),
        };
        self.progress = now.at.as_millis() as u64;
    }

    /// Whether it speaks HTTP.
    pub fn is_exchange(&self) -> bool {
        matches!(self.protocol, Protocol::Http(_))
    }

    /// Whether it is a WebSocket.
    pub fn is_web_socket(&self) -> bool {
        matches!(self.protocol, Protocol::WebSocket(_) | Protocol::IrcWebSocket(_))
    }

    /// Whether it is a WebSocket whose peer has not sent its close frame. The server ends the connection after that frame
    /// (RFC 6455, section 7.1.1): Firefox drops messages that it reads together with the end of the connection.
    pub fn awaits_close(&self) -> bool {
        self.is_web_socket() && !self.flags.intersects(Flags::CLOSE_RECEIVED | Flags::ENDED)
    }

    /// Whether it belongs to the admin listener.
    pub fn is_admin(&self) -> bool {
        matches!(&self.protocol, Protocol::Http(exchange) if exchange.is_admin())
    }

    /// Its address, if it speaks HTTP with the listener for browsers.
    pub fn web_exchange_addr(&self) -> Option<IpAddr> {
        match &self.protocol {
            Protocol::Http(exchange) if !exchange.is_admin() => Some(exchange.addr().ip()),
            _ => None,
        }
    }

    /// Bytes kept of its input.
    pub fn kept(&self) -> usize {
        match &self.protocol {
            Protocol::Lines(kept) => kept.as_ref().map_or(0, |input| input.kept()),
            Protocol::Irc(kept) => kept.as_ref().map_or(0, |input| input.kept()),
            Protocol::Opening(_) => 0,
            Protocol::Http(exchange) => exchange.kept(),
            Protocol::WebSocket(kept) => kept.as_ref().map_or(0, |input| input.kept()),
            Protocol::IrcWebSocket(kept) => kept.as_ref().map_or(0, |input| input.kept()),
        }
    }

    /// Whether an unfinished line is buffered.
    pub fn has_partial(&self) -> bool {
        matches!(&self.protocol, Protocol::Lines(Some(input)) if input.decoder.has_partial())
    }

    /// Whether unread or unprocessed input may continue the line.
    pub fn has_more_input(&self) -> bool {
        self.flags.intersects(Flags::QUEUED | Flags::READ_PAUSED)
            || matches!(&self.protocol, Protocol::Lines(Some(input)) if !input.held.is_empty())
    }

    /// Writes the unread bytes of `id` until the socket is full, or `most` bytes have been written.
    pub fn flush(&mut self, hub: &mut Hub, id: ClientId, most: usize) -> Flushed {
        match self.write_from(hub, id, most) {
            Flushed::UpToDate if self.stream.wants_write() => {
                hub.handle_blocked(id);
                Flushed::Blocked
            }
            flushed => flushed,
        }
    }

    fn write_from(&mut self, hub: &mut Hub, id: ClientId, most: usize) -> Flushed {
        let mut written = 0;
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let lent = hub.gather(id, &mut slices);
            let result = match lent.slices {
                0 => {
                    hub.handle_written(id, lent, 0);
                    match self.stream.flush() {
                        Ok(()) => return Flushed::UpToDate,
                        Err(error) => Err(error),
                    }
                }
                1 => self.stream.write(&slices[0]),
                count => self.stream.write_vectored(&slices[..count]),
            };
            match result {
                Ok(0) => return Flushed::Lost,
                Ok(n) => {
                    hub.handle_written(id, lent, n);
                    written += n;
                    if n == lent.bytes && lent.slices < SLICES {
                        return Flushed::UpToDate;
                    }
                    if written >= most {
                        return Flushed::More;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    hub.handle_blocked(id);
                    return Flushed::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Lost,
            }
        }
    }

    /// Reads once and discards the bytes; a close frame that is awaited is noted.
    pub fn drain(&mut self, block: &mut [u8], max_line: usize) -> Received {
        let result = self.stream.read(block);
        if self.awaits_close() {
            let read = &block[..*result.as_ref().unwrap_or(&0)];
            let is_closed = match &mut self.protocol {
                Protocol::WebSocket(kept) => skip(kept, read, max_line),
                Protocol::IrcWebSocket(kept) => skip(kept, read, max_line),
                _ => false,
            };
            self.flags.set(Flags::CLOSE_RECEIVED, is_closed);
        }
        match result {
            Ok(n) if n > 0 => Received::More,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::All,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::More,
            _ => {
                self.flags.insert(Flags::ENDED);
                Received::End
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_takes_at_most_48_bytes() {
        // A socket or a pointer to TLS takes 16 bytes; in debug builds mio's sockets are larger.
        let size = size_of::<Connection<[u64; 2]>>();
        assert!(size <= 48, "{size} bytes");
    }
}
