//! TLS on a socket.
//!
//! A session has no buffers while it is idle: bytes are received, decrypted and encrypted in scratch buffers that all sessions
//! share. A part of a record that has been received, and records that the socket has not taken, are kept (at most about 18 KiB
//! each) and counted.

use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;

use log::debug;

use super::ListenerKind;
use super::buffers::KeptBytes;
use super::records::{Input, MAX_DATA, Records, first_record};
use super::tls_server::{Scratch, TlsServer};

/// The first byte of a TLS handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

enum Stage {
    /// Nothing has been received.
    New,
    Handshake(Box<Records>),
    Open(Box<Records>),
    /// The handshake has failed; all input is discarded.
    Failed,
}

/// A TLS connection.
pub struct TlsStream<S> {
    socket: S,
    server: Rc<TlsServer>,
    kind: ListenerKind,
    stage: Stage,
    /// Received bytes that are not processed: less than a record, unless data of a read did not fit.
    input: Vec<u8>,
    /// How many of them the session has seen, see [`Input::seen`].
    seen: u32,
    /// Encrypted bytes that the socket has not taken.
    output: Vec<u8>,
    /// The last read has emptied the socket.
    is_socket_empty: bool,
    /// The end of our data has been announced.
    has_ended: bool,
    kept: KeptBytes,
}

impl<S: Read + Write> TlsStream<S> {
    /// A connection whose handshake has not begun.
    pub fn new(socket: S, server: &Rc<TlsServer>, kind: ListenerKind) -> Self {
        TlsStream {
            socket,
            kind,
            stage: Stage::New,
            input: Vec::new(),
            seen: 0,
            output: Vec::new(),
            is_socket_empty: false,
            has_ended: false,
            kept: KeptBytes::new(&server.buffers),
            server: server.clone(),
        }
    }

    /// The socket.
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// The socket.
    pub fn socket_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Whether the handshake is complete.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Goes on with the handshake; fails with `WouldBlock` when it waits for the peer.
    ///
    /// # Errors
    /// `InvalidData` if the peer does not speak TLS, or no version and cipher that we have: it has been sent an alert or a
    /// line. Errors of the socket, and `UnexpectedEof`.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        let result = self.flush().and_then(|()| match self.stage {
            Stage::Open(_) => Ok(()),
            Stage::Failed => Err(io::ErrorKind::InvalidData.into()),
            Stage::New | Stage::Handshake(_) => self.receive(&mut []).map(drop),
        });
        if result.as_ref().is_err_and(|error| !is_temporary(error)) && !matches!(self.stage, Stage::Failed) {
            self.fail();
        }
        result
    }

    /// Ends the handshake: it has failed or has taken too long. A peer that has sent nothing is told that TLS is spoken.
    pub fn give_up(&mut self) {
        if matches!(self.stage, Stage::New) {
            self.answer_plain();
        }
        self.fail();
    }

    fn fail(&mut self) {
        self.server.count(|figures| figures.failed += 1);
        self.stage = Stage::Failed;
        (self.input, self.seen) = (Vec::new(), 0);
        self.count_kept();
    }

    /// Tells a client that does not speak TLS, in its own protocol, that this is a TLS port.
    fn answer_plain(&mut self) {
        let answer = self.server.plain_answer(self.kind);
        // A new socket has room for it.
        let _ = self.socket.write(answer.as_bytes());
    }

    /// Whether bytes may be readable for which no event comes.
    pub fn has_pending_read(&self) -> bool {
        let is_ended = matches!(&self.stage, Stage::Open(records) if records.is_ended);
        is_ended || !self.is_socket_empty || first_record(&self.input[self.seen as usize..]).is_some()
    }

    /// Whether encrypted bytes wait until the socket takes them.
    pub fn wants_write(&self) -> bool {
        !self.output.is_empty()
    }

    /// Since when it has been keeping bytes, see [`KeptBytes::since`].
    pub fn keeps_since(&self) -> Option<u64> {
        self.kept.since()
    }

    /// Announces the end of our data, so that the peer knows that nothing was cut off.
    ///
    /// # Errors
    /// If the socket is broken.
    pub fn end_writing(&mut self) -> io::Result<()> {
        let Stage::Open(records) = &mut self.stage else { return Ok(()) };
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(());
        }
        let result = records.end(&mut self.input[..self.seen as usize], &mut self.output).map_err(failure);
        // A socket without room for it is closed without it, as one that broke.
        match result.and_then(|()| self.flush()) {
            Err(error) if !is_temporary(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Processes what has been received, and reads the socket once if there is no data in it. Returns the length of the data
    /// in `block`; 0 is the end, or the end of the handshake.
    fn receive(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let server = self.server.clone();
        let Scratch { received, output, .. } = &mut *server.scratch.borrow_mut();
        output.clear();
        let kept = self.input.len();
        received[..kept].copy_from_slice(&self.input);
        let mut input = Input { bytes: received, start: 0, seen: self.seen as usize, end: kept };
        let result = self.receive_into(&mut input, block, output);
        let Input { bytes, start, seen, end } = input;
        // The common case allocates nothing: all records were whole.
        self.input = bytes[start..end].to_vec();
        self.seen = (seen - start) as u32;
        self.send(output)?;
        result
    }

    fn receive_into(&mut self, input: &mut Input, block: &mut [u8], output: &mut Vec<u8>) -> io::Result<usize> {
        let mut has_read = false;
        loop {
            match &mut self.stage {
                Stage::Open(records) => {
                    let filled = records.process(input, block, output).map_err(failure)?;
                    if filled > 0 || records.is_ended {
                        // More may have come since the last read, whose event is used up.
                        self.is_socket_empty &= has_read;
                        return Ok(filled);
                    }
                }
                Stage::Handshake(records) => {
                    records.process(input, &mut [], output).map_err(failure)?;
                    if records.is_ended {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if self.open() {
                        return Ok(0);
                    }
                }
                Stage::New | Stage::Failed => {}
            }
            // Others have their turn before the rest.
            if first_record(&input.bytes[input.seen..input.end]).is_some() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if has_read {
                // Others have their turn before the rest of the socket. An end may follow a short read, without an event of
                // its own, so that only the socket itself says that it is empty.
                self.is_socket_empty = false;
                return Err(io::ErrorKind::Interrupted.into());
            }
            input.make_room();
            let room = &mut input.bytes[input.end..];
            let space = room.len();
            match self.socket.read(room) {
                // Without an announced end, data may have been cut off.
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    input.end += n;
                    self.is_socket_empty = n < space;
                }
                Err(error) => {
                    self.is_socket_empty = error.kind() == io::ErrorKind::WouldBlock;
                    return Err(error);
                }
            }
            has_read = true;
            if matches!(self.stage, Stage::New) {
                if input.bytes[0] != HANDSHAKE {
                    self.answer_plain();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak TLS"));
                }
                self.stage = Stage::Handshake(Box::new(self.server.session(self.kind).map_err(failure)?));
            }
        }
    }

    /// Opens the connection if the handshake is complete.
    fn open(&mut self) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Handshake(records) if !records.is_handshaking() => {
                let resumed = u64::from(records.is_resumed());
                self.server.count(|figures| {
                    figures.complete += 1;
                    figures.resumed += resumed;
                });
                self.stage = Stage::Open(records);
                true
            }
            stage => {
                self.stage = stage;
                false
            }
        }
    }

    /// Writes `bytes` to the socket, after those that wait; keeps what it does not take.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while self.output.is_empty() && sent < bytes.len() {
            match self.socket.write(&bytes[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.output.extend_from_slice(&bytes[sent..]);
        self.count_kept();
        Ok(())
    }

    fn count_kept(&mut self) {
        self.kept.set(self.input.len() + self.output.len());
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    /// Reads data into `block`, which must have room for [`MAX_DATA`] bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` if the connection ended without an announcement (`close_notify`), so that data may be missing;
    /// `InvalidData` if the peer does not keep to the protocol; errors of the socket.
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        debug_assert!(block.len() >= MAX_DATA);
        match &self.stage {
            Stage::Open(records) if records.is_ended => Ok(0),
            Stage::Open(_) => self.receive(block),
            // What comes after a failed handshake is discarded by the caller.
            Stage::Failed => self.socket.read(block),
            Stage::New | Stage::Handshake(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    /// Encrypts up to [`MAX_DATA`] bytes of all slices as one record; returns how many. They may not have reached the socket.
    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        self.flush()?;
        let server = self.server.clone();
        let Scratch { data, output, .. } = &mut *server.scratch.borrow_mut();
        let Stage::Open(records) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        output.clear();
        let seen = &mut self.input[..self.seen as usize];
        let first = slices.first().map_or(&[][..], |slice| slice);
        let length = if slices.len() == 1 {
            let length = first.len().min(MAX_DATA);
            records.encrypt(seen, &first[..length], output).map_err(failure)?;
            length
        } else {
            data.clear();
            for slice in slices {
                let room = MAX_DATA - data.len();
                data.extend_from_slice(&slice[..slice.len().min(room)]);
            }
            records.encrypt(seen, data, output).map_err(failure)?;
            data.len()
        };
        self.send(output)?;
        Ok(length)
    }

    /// Writes what waits; fails with `WouldBlock` while something is left.
    fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.output);
        self.send(&bytes)?;
        if self.output.is_empty() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl<S> Drop for TlsStream<S> {
    fn drop(&mut self) {
        if let Stage::Handshake(_) = self.stage {
            self.server.count(|figures| figures.failed += 1);
        }
    }
}

/// Whether a later call may succeed.
pub fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn failure(error: rustls::Error) -> io::Error {
    debug!("TLS: {error}");
    io::Error::new(io::ErrorKind::InvalidData, error)
}
