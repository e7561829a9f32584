//! What comes before the protocol of a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::transport::{ListenerKind, Transport};
use super::{Connection, Flags};
use crate::wire::proxy_header::{self, MAX_HEADER, ProxyHeader};

/// A connection that has been accepted and has not begun with its protocol.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opening {
    /// The peer's address; that of its client, when a proxy has named it.
    pub addr: SocketAddr,
    /// The protocol that follows.
    pub kind: ListenerKind,
    #[serde(default)]
    pub step: OpeningStep,
}

/// What the opening of a connection waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpeningStep {
    /// The header of a proxy.
    ProxyHeader,
    /// The end of the TLS handshake.
    #[default]
    Handshake,
}

impl Opening {
    /// The address by which the opening is counted: none while only the proxy is known, whose clients are not limited
    /// together.
    pub fn counted_addr(&self) -> IpAddr {
        match self.step {
            OpeningStep::ProxyHeader => Ipv4Addr::UNSPECIFIED.into(),
            OpeningStep::Handshake => self.addr.ip(),
        }
    }
}

impl<S: Transport> Connection<S> {
    /// Takes the header of a proxy, and nothing that follows it.
    ///
    /// # Errors
    /// `WouldBlock` if the rest of it has not come; `InvalidData` if something else has; `UnexpectedEof` if the input has
    /// ended; other errors of the socket.
    pub fn take_proxy_header(&mut self) -> io::Result<ProxyHeader> {
        let mut block = [0; MAX_HEADER];
        let length = self.stream.peek(&mut block)?;
        let header = proxy_header::parse(&block[..length]);
        let Some(header) = header.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? else {
            // What has come stays in the socket, so that its end is not read.
            let has_ended = length == 0 || self.flags.intersects(Flags::HUNG_UP | Flags::BROKEN);
            return Err(if has_ended { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::WouldBlock }.into());
        };
        let mut rest = &mut block[..header.length];
        while !rest.is_empty() {
            match self.stream.take_peeked(rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(taken) => rest = &mut rest[taken..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(header)
    }
}
