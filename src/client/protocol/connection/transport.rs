//! The bytes of a connection, over TCP alone or over TLS.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::tls::TlsStream;

/// A connected socket, or a TLS session whose handshake is complete.
pub enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Reads bytes; zero once the server has closed its side.
    ///
    /// # Errors
    /// If nothing is there yet, or the connection is broken; see [`TlsStream::read`].
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.read(block),
            Transport::Tls(stream) => stream.read(block),
        }
    }

    /// Writes bytes; returns how many it has accepted.
    ///
    /// # Errors
    /// If it accepts none now, or the connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write(bytes),
            Transport::Tls(stream) => stream.write(bytes),
        }
    }

    /// Writes accepted bytes that wait here; returns whether none are left.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        match self {
            Transport::Plain(_) => Ok(true),
            Transport::Tls(stream) => stream.flush(),
        }
    }

    /// Shuts down writing after all accepted bytes; returns whether that is done.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn close(&mut self) -> io::Result<bool> {
        match self {
            Transport::Plain(socket) => socket.shutdown(Shutdown::Write).map(|()| true),
            Transport::Tls(stream) => stream.close(),
        }
    }
}
