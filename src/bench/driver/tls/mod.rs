//! TLS on the connections of the load test.
//!
//! A connection keeps only the session, a part of a record, and records that its socket has not taken. Everything else is
//! done in buffers that all connections share.

mod certificate;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{CipherSuite, ClientConfig, ProtocolVersion};

pub use self::certificate::AnyCertificate;
use crate::server::connection::transport::records::{Input, MAX_DATA, Records, first_record};

/// Bytes per read: usually more than a socket buffer holds.
pub const BLOCK: usize = 256 * 1024;

/// The name in the handshake (SNI, RFC 6066, section 3).
const SERVER: &str = "localhost";

/// Tickets that are kept for later handshakes: rustls keeps no more for one server.
pub const TICKETS: usize = 8;

/// The version and the cipher suite that a handshake has agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    pub version: ProtocolVersion,
    pub suite: CipherSuite,
}

/// What all TLS connections of a load test share.
pub struct TlsClients {
    config: RefCell<Arc<ClientConfig>>,
    scratch: RefCell<Scratch>,
    negotiated: Cell<Option<Negotiated>>,
}

/// Buffers that are used within one call.
struct Scratch {
    received: Box<[u8]>,
    output: Vec<u8>,
}

impl TlsClients {
    /// Connections whose handshakes are all full ones.
    pub fn new() -> Rc<Self> {
        Rc::new(TlsClients {
            config: RefCell::new(config(Resumption::disabled())),
            scratch: RefCell::new(Scratch { received: vec![0; BLOCK].into(), output: Vec::new() }),
            negotiated: Cell::new(None),
        })
    }

    /// Lets later handshakes go on from earlier sessions, with the tickets of those made from now on; or not any more.
    pub fn set_resumption(&self, resumes: bool) {
        self.config.replace(config(if resumes {
            Resumption::in_memory_sessions(TICKETS)
        } else {
            Resumption::disabled()
        }));
    }

    /// What the last handshake has agreed on.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.negotiated.get()
    }
}

fn config(resumption: Resumption) -> Arc<ClientConfig> {
    let provider = Arc::new(default_provider());
    let certificate = AnyCertificate::new(&provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(certificate))
        .with_no_client_auth();
    config.resumption = resumption;
    Arc::new(config)
}

/// A TLS connection.
pub struct TlsStream {
    socket: TcpStream,
    clients: Rc<TlsClients>,
    records: Records<UnbufferedClientConnection>,
    /// Received bytes that are not processed: less than a record.
    input: Vec<u8>,
    /// How many of them the session has seen, see [`Input::seen`].
    seen: usize,
    /// Encrypted bytes that the socket has not taken.
    output: Vec<u8>,
    is_socket_empty: bool,
}

impl TlsStream {
    /// A connection whose handshake begins with the next [`TlsStream::flush`].
    ///
    /// # Errors
    /// If there are no random numbers.
    pub fn new(socket: TcpStream, clients: &Rc<TlsClients>) -> io::Result<Self> {
        let name = ServerName::try_from(SERVER).expect("it is a name");
        let config = clients.config.borrow().clone();
        let mut records = Records::of_client(config, name).map_err(failure)?;
        let mut output = Vec::new();
        records
            .process(&mut Input { bytes: &mut [], start: 0, seen: 0, end: 0 }, &mut [], &mut output)
            .map_err(failure)?;
        let (clients, input) = (clients.clone(), Vec::new());
        Ok(TlsStream { socket, clients, records, input, seen: 0, output, is_socket_empty: false })
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether the handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.records.is_handshaking()
    }

    /// Whether the handshake has gone on from an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.records.is_resumed()
    }

    /// Whether the last read has emptied the socket.
    pub fn is_socket_empty(&self) -> bool {
        self.is_socket_empty
    }

    /// Reads the socket once; returns the number of bytes of data in `block`, which has room for what one read gives. 0 is
    /// the announced end.
    ///
    /// # Errors
    /// `UnexpectedEof` for an end without an announcement, `InvalidData` if the server does not keep to the protocol,
    /// `Interrupted` or `WouldBlock` if no data has come; errors of the socket.
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.records.is_ended {
            return Ok(0);
        }
        let clients = self.clients.clone();
        let Scratch { received, output } = &mut *clients.scratch.borrow_mut();
        let kept = self.input.len();
        received[..kept].copy_from_slice(&self.input);
        let space = received.len() - kept;
        self.is_socket_empty = true;
        let n = self.socket.read(&mut received[kept..])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.is_socket_empty = n < space;
        output.clear();
        let was_handshaking = self.is_handshaking();
        let mut input = Input { bytes: received, start: 0, seen: self.seen, end: kept + n };
        let result = process_all(&mut self.records, &mut input, block, output);
        let Input { bytes, start, seen, end } = input;
        // Nothing is allocated if all records were whole.
        self.input = bytes[start..end].to_vec();
        self.seen = seen - start;
        self.send(output)?;
        let filled = result.map_err(failure)?;
        if was_handshaking && !self.is_handshaking() {
            self.note_agreement();
        }
        match filled {
            0 if self.records.is_ended => Ok(0),
            0 if self.is_socket_empty => Err(io::ErrorKind::WouldBlock.into()),
            0 => Err(io::ErrorKind::Interrupted.into()),
            n => Ok(n),
        }
    }

    fn note_agreement(&self) {
        let state = self.records.state();
        let agreed = state.protocol_version().zip(state.negotiated_cipher_suite());
        self.clients.negotiated.set(agreed.map(|(version, suite)| Negotiated { version, suite: suite.suite() }));
    }

    /// Encrypts up to [`MAX_DATA`] bytes as one record, and writes it; returns how many. They may not have reached the
    /// socket.
    ///
    /// # Errors
    /// `WouldBlock` while the handshake is not complete or the socket is full; errors of the socket.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let clients = self.clients.clone();
        let Scratch { output, .. } = &mut *clients.scratch.borrow_mut();
        output.clear();
        let length = bytes.len().min(MAX_DATA);
        self.records.encrypt(&mut self.input[..self.seen], &bytes[..length], output).map_err(failure)?;
        self.send(output)?;
        Ok(length)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// `WouldBlock` while something is left; errors of the socket.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.output);
        self.send(&bytes)?;
        if self.output.is_empty() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Announces the end of our data.
    ///
    /// # Errors
    /// As [`TlsStream::flush`].
    pub fn end(&mut self) -> io::Result<()> {
        self.records.end(&mut self.input[..self.seen], &mut self.output).map_err(failure)?;
        self.flush()
    }

    /// Writes `bytes` to the socket, after those that wait; keeps what it does not take.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while self.output.is_empty() && sent < bytes.len() {
            match self.socket.write(&bytes[sent..]) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A socket whose connection is being made takes nothing either.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => break,
                Err(error) => return Err(error),
            }
        }
        self.output.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}

/// Processes all whole records, whose data fits into `block`; returns the number of data bytes.
fn process_all(
    records: &mut Records<UnbufferedClientConnection>,
    input: &mut Input,
    block: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<usize, rustls::Error> {
    let mut filled = 0;
    loop {
        let before = input.seen;
        filled += records.process(input, &mut block[filled..], output)?;
        // It stops after some records, so that a server gives others their turn.
        let has_more = first_record(&input.bytes[input.seen..input.end]).is_some();
        if records.is_ended || !has_more || input.seen == before {
            return Ok(filled);
        }
    }
}

fn failure(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
