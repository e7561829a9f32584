//! The records of one TLS connection: received bytes to data, data to bytes to send.

use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ClientConfig, CommonState, Error, HandshakeKind, ServerConfig};

/// The header of a record: type, version, length (RFC 8446, section 5.1).
pub const HEADER: usize = 5;
/// The data in one record at most, in bytes.
pub const MAX_DATA: usize = 1 << 14;
/// A whole record at most, in bytes (RFC 5246, section 6.2.3; those of TLS 1.3 are smaller).
pub const MAX_RECORD: usize = HEADER + MAX_DATA + 2048;
/// Encryption makes data longer by at least this many bytes, in each cipher suite.
const LEAST_OVERHEAD: usize = 16;
/// Encryption makes the data of one record longer by at most about this many bytes.
const OVERHEAD: usize = 64;

/// Records that one call processes at most. Small ones cost as much as large ones, so that their bytes are no measure.
const RECORDS: usize = 64;

/// Received bytes that are being processed.
pub struct Input<'a> {
    pub bytes: &'a mut [u8],
    /// The first byte that has not been processed.
    pub start: usize,
    /// The end of the bytes that the session has seen; a part of a handshake message before it may wait for the rest.
    pub seen: usize,
    /// The end of the received bytes.
    pub end: usize,
}

impl Input<'_> {
    /// Moves the bytes that are left to the start.
    pub fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.seen, self.end) = (0, self.seen - self.start, self.end - self.start);
    }
}

/// The length of the first record of `bytes`, if all of it is there. Of a record that is too long all bytes count, so that
/// the session refuses it.
pub fn first_record(bytes: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(3)?, *bytes.get(4)?]));
    match HEADER + length {
        record if record > MAX_RECORD => Some(bytes.len()),
        record => (record <= bytes.len()).then_some(record),
    }
}

/// One side of a TLS session.
pub trait Session {
    /// What rustls keeps for this side.
    type Data;

    /// Processes records until something has to be done.
    fn process_records<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// The state that both sides have.
    fn common(&self) -> &CommonState;
}

impl Session for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process_records<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

impl Session for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process_records<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

/// A TLS session; it has no buffers of its own between two calls.
pub struct Records<S = UnbufferedServerConnection> {
    session: S,
    /// The peer has announced the end of its data.
    pub is_ended: bool,
}

impl Records {
    /// The server's session of a connection whose handshake begins.
    ///
    /// # Errors
    /// If the settings are not usable.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Records { session: UnbufferedServerConnection::new(config)?, is_ended: false })
    }
}

impl Records<UnbufferedClientConnection> {
    /// A client's session with the server `name`.
    ///
    /// # Errors
    /// If the settings are not usable.
    pub fn of_client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        Ok(Records { session: UnbufferedClientConnection::new(config, name)?, is_ended: false })
    }
}

impl<S: Session> Records<S> {
    /// The state of the session.
    pub fn state(&self) -> &CommonState {
        self.session.common()
    }

    /// Whether the handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.state().is_handshaking()
    }

    /// Whether the handshake has gone on from an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.state().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Processes some records of `input`: writes their data into `block` as far as whole records fit, and what has to be sent
    /// to `output`. Returns the number of data bytes. With an empty block the handshake alone goes on.
    ///
    /// # Errors
    /// If the peer does not keep to the protocol; `output` then ends with the alert for it.
    pub fn process(&mut self, input: &mut Input, block: &mut [u8], output: &mut Vec<u8>) -> Result<usize, Error> {
        let (mut filled, mut records) = (0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.session.process_records(&mut input.bytes[input.start..input.seen]);
            let mut is_idle = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        let place = block.get_mut(filled..filled + record.payload.len());
                        place.ok_or(Error::PeerSentOversizedRecord)?.copy_from_slice(record.payload);
                        filled += record.payload.len();
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => append_handshake(output, data)?,
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.is_ended = true,
                // Data before the end of the handshake is never accepted.
                Ok(ConnectionState::ReadEarlyData(_)) => return Err(Error::HandshakeNotComplete),
                Ok(_) => is_idle = true,
                Err(error) => {
                    self.append_alert(input, output)?;
                    return Err(error);
                }
            }
            input.start += discard;
            if !is_idle {
                continue;
            }
            let rest = &input.bytes[input.seen..input.end];
            let may_go_on = !self.is_ended && records < RECORDS;
            match first_record(rest) {
                Some(length) if may_go_on && self.may_process(length, block.len() - filled) => input.seen += length,
                _ => return Ok(filled),
            }
            records += 1;
        }
    }

    /// Appends the alert about an error to `output`, with what else waits before it.
    fn append_alert(&mut self, input: &mut Input, output: &mut Vec<u8>) -> Result<(), Error> {
        while self.state().wants_write() {
            let seen = &mut input.bytes[input.start..input.seen];
            match self.session.process_records(seen).state? {
                ConnectionState::EncodeTlsData(data) => append_handshake(output, data)?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Whether the data of a record of this length fits into `room` bytes.
    fn may_process(&self, record: usize, room: usize) -> bool {
        let most = record.saturating_sub(HEADER + LEAST_OVERHEAD).min(MAX_DATA);
        self.is_handshaking() || (room > 0 && most <= room)
    }

    /// Encrypts `data` and appends it to `output`; `seen` are the bytes that have been seen and not been processed.
    ///
    /// # Errors
    /// If the keys have been used for too many records, or there are none yet.
    pub fn encrypt(&mut self, seen: &mut [u8], data: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        self.write(seen, output, data.len(), |traffic, space| traffic.encrypt(data, space))
    }

    /// Appends the announcement of the end of the data (`close_notify`) to `output`.
    ///
    /// # Errors
    /// As [`Records::encrypt`].
    pub fn end(&mut self, seen: &mut [u8], output: &mut Vec<u8>) -> Result<(), Error> {
        self.write(seen, output, 0, |traffic, space| traffic.queue_close_notify(space))
    }

    fn write(
        &mut self,
        seen: &mut [u8],
        output: &mut Vec<u8>,
        length: usize,
        mut write: impl FnMut(&mut WriteTraffic<'_, S::Data>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        loop {
            match self.session.process_records(seen).state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return append(output, length + OVERHEAD, |space| match write(&mut traffic, space) {
                        Err(EncryptError::InsufficientSize(size)) => Err(Some(size)),
                        result => result.map_err(|_| None),
                    });
                }
                ConnectionState::EncodeTlsData(data) => append_handshake(output, data)?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.is_ended = true,
                _ => return Err(Error::HandshakeNotComplete),
            }
        }
    }
}

fn append_handshake<D>(output: &mut Vec<u8>, mut data: EncodeTlsData<'_, D>) -> Result<(), Error> {
    append(output, 0, |space| match data.encode(space) {
        Err(EncodeError::InsufficientSize(size)) => Err(Some(size)),
        result => result.map_err(|_| None),
    })
}

/// Lets `write` append to `output`: it is given `guess` bytes of space, and then as many as it asks for.
fn append(
    output: &mut Vec<u8>,
    guess: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<InsufficientSizeError>>,
) -> Result<(), Error> {
    let start = output.len();
    output.resize(start + guess, 0);
    loop {
        match write(&mut output[start..]) {
            Ok(written) => {
                output.truncate(start + written);
                return Ok(());
            }
            Err(Some(InsufficientSizeError { required_size })) => output.resize(start + required_size, 0),
            Err(None) => {
                output.truncate(start);
                return Err(Error::EncryptError);
            }
        }
    }
}
