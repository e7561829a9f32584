//! The stream of a connection: TCP, or TLS on it.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use mio::net::TcpStream;

use super::tls::{TlsClients, TlsStream};

/// What carries the bytes of a connection.
pub enum MemberStream {
    Tcp(TcpStream),
    Tls(Box<TlsStream>),
}

impl MemberStream {
    /// For a socket whose connection has been requested.
    ///
    /// # Errors
    /// If there are no random numbers for a TLS handshake.
    pub fn new(socket: TcpStream, tls: Option<&Rc<TlsClients>>) -> io::Result<Self> {
        Ok(match tls {
            Some(clients) => MemberStream::Tls(Box::new(TlsStream::new(socket, clients)?)),
            None => MemberStream::Tcp(socket),
        })
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        match self {
            MemberStream::Tcp(socket) => socket,
            MemberStream::Tls(stream) => stream.socket(),
        }
    }

    /// Whether a TLS handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        matches!(self, MemberStream::Tls(stream) if stream.is_handshaking())
    }

    /// Whether the TLS handshake has gone on from an earlier session.
    pub fn is_resumed(&self) -> bool {
        matches!(self, MemberStream::Tls(stream) if stream.is_resumed())
    }

    /// Whether a read that has put `n` bytes into a block of `size` bytes has emptied the socket, so that an event reports
    /// what comes later: epoll(7).
    pub fn has_read_all(&self, n: usize, size: usize) -> bool {
        match self {
            MemberStream::Tcp(_) => n < size,
            MemberStream::Tls(stream) => stream.is_socket_empty(),
        }
    }

    /// Writes what the stream has taken before and the socket has not; fails with `WouldBlock` while something is left.
    ///
    /// # Errors
    /// Errors of the socket.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            MemberStream::Tcp(_) => Ok(()),
            MemberStream::Tls(stream) => stream.flush(),
        }
    }

    /// Ends the sending side.
    ///
    /// # Errors
    /// Errors of the socket.
    pub fn end_writing(&mut self) -> io::Result<()> {
        if let MemberStream::Tls(stream) = self {
            stream.end()?;
        }
        self.socket().shutdown(Shutdown::Write)
    }

    /// Reads into `block`; 0 is the end.
    ///
    /// # Errors
    /// Errors of the socket, and those of [`TlsStream::read`].
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        match self {
            MemberStream::Tcp(socket) => socket.read(block),
            MemberStream::Tls(stream) => stream.read(block),
        }
    }

    /// Writes a part of `bytes`; returns its length.
    ///
    /// # Errors
    /// Errors of the socket, and those of [`TlsStream::write`].
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            MemberStream::Tcp(socket) => socket.write(bytes),
            MemberStream::Tls(stream) => stream.write(bytes),
        }
    }
}
