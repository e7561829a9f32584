//! One connection: decodes a socket's bytes to lines for the hub, and writes the hub's bytes.

mod decoder;
mod flags;
mod receive;
pub(crate) mod transport;

use std::io::{self, IoSlice, Read, Write};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use self::decoder::Lines;
pub use self::flags::Flags;
pub use self::receive::Received;
use self::receive::{InputState, Kept, Receiver};
pub use self::transport::Flushed;
use super::http::Exchange;
use crate::chat::{ClientId, Hub, Now};
use crate::wire::websocket::FrameDecoder;

/// Slices written with one system call.
const SLICES: usize = 16;

/// Input bytes discarded from a closing connection before it is closed at once.
const DRAIN_BUDGET: u32 = 256 * 1024;

/// The phase of a connection, from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its lines are processed.
    Open,
    /// Its lines are ignored; its unread output is still written.
    Closing,
    /// Writing is shut down; its input is discarded, since closing a socket with unread
    /// input would send a reset and lose the last lines.
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
    /// Input bytes discarded while draining.
    drained: u32,
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
    /// HTTP, which is unknown to the hub.
    Http(Box<Exchange>),
    /// WebSocket frames.
    ///
    /// Output needs no state: the hub's logs hold ready frames.
    WebSocket(Kept<FrameDecoder>),
}

impl<S> Connection<S> {
    /// The same connection on another socket, and the socket that it had.
    pub fn replace_stream<T>(self, stream: T) -> (Connection<T>, S) {
        let Connection { stream: old, phase, flags, serial, progress, drained, protocol } = self;
        (Connection { stream, phase, flags, serial, progress, drained, protocol }, old)
    }
}

impl<S: Read + Write> Connection<S> {
    /// Creates a connection that has just been accepted.
    pub fn new(stream: S, serial: u32) -> Self {
        Connection {
            stream,
            phase: Phase::Open,
            flags: Flags::empty(),
            serial,
            progress: 0,
            drained: 0,
            protocol: Protocol::Lines(None),
        }
    }

    /// Reads once, into `block`, and passes lines to the hub while it accepts them.
    pub fn receive(&mut self, hub: &mut Hub, id: ClientId, now: Now, block: &mut [u8], max_line: usize) -> Received {
        let Connection { stream, flags, progress, protocol, .. } = self;
        let mut receiver = Receiver { stream, flags, progress, hub, id, now };
        match protocol {
            Protocol::Lines(kept) => receiver.receive(kept, block, max_line),
            Protocol::WebSocket(kept) => receiver.receive(kept, block, max_line),
            Protocol::Http(_) => Received::All,
        }
    }

    /// Ends the unfinished line, as if a line end had come.
    pub fn end_line(&mut self, hub: &mut Hub, id: ClientId, now: Now) {
        let Connection { stream, flags, progress, protocol, .. } = self;
        if let Protocol::Lines(kept) = protocol {
            Receiver { stream, flags, progress, hub, id, now }.end_line(kept);
        }
    }

    /// Switches the connection to HTTP.
    pub fn begin_exchange(&mut self, exchange: Exchange) {
        self.protocol = Protocol::Http(Box::new(exchange));
    }

    /// Switches the connection to frames, beginning with the input `held`.
    pub fn become_web_socket(&mut self, held: Vec<u8>, now: Now) {
        let input = InputState { held, ..InputState::default() };
        self.protocol = Protocol::WebSocket((!input.is_idle()).then(|| Box::new(input)));
        self.progress = now.at.as_millis() as u64;
    }

    /// Whether it speaks HTTP.
    pub fn is_exchange(&self) -> bool {
        matches!(self.protocol, Protocol::Http(_))
    }

    /// Whether it is a WebSocket.
    pub fn is_web_socket(&self) -> bool {
        matches!(self.protocol, Protocol::WebSocket(_))
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
            Protocol::Http(exchange) => exchange.kept(),
            Protocol::WebSocket(kept) => kept.as_ref().map_or(0, |input| input.kept()),
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
        let mut written = 0;
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let lent = hub.gather(id, &mut slices);
            let result = match lent.slices {
                0 => {
                    hub.handle_written(id, lent, 0);
                    return Flushed::UpToDate;
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

    /// Discards input; returns whether the connection can be closed now.
    pub fn drain(&mut self, block: &mut [u8]) -> bool {
        loop {
            match self.stream.read(block) {
                Ok(n) if n > 0 && self.drained < DRAIN_BUDGET => self.drained += n as u32,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_takes_at_most_40_bytes() {
        let size = size_of::<Connection<std::net::TcpStream>>();
        assert!(size <= 40, "{size} bytes");
    }
}
