//! A TLS session over a non-blocking socket.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::ClientConnection;

/// A TLS session and its socket.
///
/// The session may have decrypted bytes when the socket has none: read until [`io::ErrorKind::WouldBlock`], as with a
/// socket whose events are edge-triggered.
#[derive(Debug)]
pub struct TlsStream {
    socket: TcpStream,
    session: ClientConnection,
    /// Whether the session has been told to end our side.
    is_closing: bool,
}

/// Why a handshake failed.
#[derive(Debug)]
pub enum HandshakeError {
    Socket(io::Error),
    /// The server closed its side.
    Closed,
    Session(rustls::Error),
}

impl TlsStream {
    pub fn new(socket: TcpStream, session: ClientConnection) -> Self {
        TlsStream { socket, session, is_closing: false }
    }

    pub fn session(&self) -> &ClientConnection {
        &self.session
    }

    /// Continues the handshake; returns whether it is complete. The last bytes of it may still wait to be written.
    ///
    /// # Errors
    /// If the connection is broken or closed, or the session does not accept what the server sent.
    pub fn handshake(&mut self) -> Result<bool, HandshakeError> {
        loop {
            self.flush().map_err(HandshakeError::Socket)?;
            if !self.session.is_handshaking() {
                return Ok(true);
            }
            match self.session.read_tls(&mut self.socket) {
                Ok(0) => return Err(HandshakeError::Closed),
                Ok(_) => self.process().map_err(HandshakeError::Session)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(HandshakeError::Socket(error)),
            }
        }
    }

    /// Reads decrypted bytes; zero after the server's close_notify (RFC 8446, section 6.1).
    ///
    /// # Errors
    /// If nothing is there yet, the connection is broken, what came is no valid TLS, or the connection ends without
    /// close_notify, after which bytes may be missing.
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(block) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(error.kind(), "the connection was cut"));
                }
                outcome => return outcome,
            }
            self.session.read_tls(&mut self.socket)?;
            self.process().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    fn process(&mut self) -> Result<(), rustls::Error> {
        let outcome = self.session.process_new_packets().map(|_| ());
        if outcome.is_err() {
            // The alert says to the server what was wrong, if the socket takes it.
            let _ = self.flush();
        }
        outcome
    }

    /// Encrypts bytes and writes what the socket accepts; returns how many bytes the session has taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while earlier bytes wait, or if the connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.session.writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    /// Writes encrypted bytes that wait; returns whether none are left.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Sends close_notify after all bytes, then shuts down writing; returns whether that is done.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn close(&mut self) -> io::Result<bool> {
        if !std::mem::replace(&mut self.is_closing, true) {
            self.session.send_close_notify();
        }
        if !self.flush()? {
            return Ok(false);
        }
        self.socket.shutdown(Shutdown::Write)?;
        Ok(true)
    }
}
