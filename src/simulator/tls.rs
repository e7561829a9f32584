//! Simulated TLS: records without encryption, and the buffers that real TLS has.
//!
//! A record is its length in one byte and its data; one without data announces the end. The handshake is two bytes in
//! each direction. As with real TLS, a write that took everything may not have reached the kernel, and data may wait
//! that no event announces.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;

use super::network::Wire;
use crate::server::connection::transport::{KeptBytes, TransportBuffers};
use crate::util::test_support::Random;

/// Data of a record at most; from a person it fits into the smallest block of a read.
const FROM_PERSON: usize = 16;
const TO_PERSON: usize = 64;
const HELLO: [u8; 2] = [22, 7];
/// Bytes that the server reads from the kernel at once.
const SCRATCH: usize = 40;

/// What a person's program speaks at a TLS port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Tls,
    /// Lines or HTTP, so that the handshake fails.
    Plain,
    /// Nothing: the handshake never begins.
    Silent,
}

/// What a person speaks who connects to a TLS port.
pub fn speech(seed: u64) -> Speech {
    match seed % 12 {
        0 => Speech::Plain,
        1 => Speech::Silent,
        _ => Speech::Tls,
    }
}

/// The person's side.
pub struct Peer {
    speech: Speech,
    delays: bool,
    has_greeted: bool,
    /// Bytes of records that are on the way.
    late: VecDeque<u8>,
    /// Received bytes that are no whole record yet, and whether the server's greeting has come.
    received: Vec<u8>,
    is_greeted: bool,
}

impl Peer {
    /// Bytes stay on the way only if `delays`.
    pub fn new(speech: Speech, delays: bool) -> Peer {
        Peer { speech, delays, has_greeted: false, late: VecDeque::new(), received: Vec::new(), is_greeted: false }
    }

    /// Whether its handshake is to succeed.
    pub fn speaks_tls(&self) -> bool {
        self.speech == Speech::Tls
    }

    /// The bytes that arrive at the server when the person sends `data`; `ends` announces the end. A part of them may stay on
    /// the way until the next call.
    pub fn send(&mut self, data: impl Iterator<Item = u8>, ends: bool, random: &mut Random) -> Vec<u8> {
        match self.speech {
            Speech::Silent => return Vec::new(),
            Speech::Plain => return data.collect(),
            Speech::Tls => {}
        }
        if !std::mem::replace(&mut self.has_greeted, true) {
            self.late.extend(HELLO);
        }
        let data: Vec<u8> = data.collect();
        let mut rest = &data[..];
        while !rest.is_empty() {
            let (record, after) = rest.split_at((1 + random.below(FROM_PERSON)).min(rest.len()));
            self.late.push_back(record.len() as u8);
            self.late.extend(record);
            rest = after;
        }
        if ends {
            self.late.push_back(0);
        }
        let stays = if self.delays && !ends && !data.is_empty() && random.one_in(3) {
            random.below(self.late.len())
        } else {
            0
        };
        self.late.drain(..self.late.len() - stays).collect()
    }

    /// Whether bytes are on the way.
    pub fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// The server has written these bytes; appends the data of whole records to `fresh`.
    pub fn receive(&mut self, bytes: &[u8], fresh: &mut Vec<u8>) {
        if self.speech != Speech::Tls {
            return;
        }
        self.received.extend_from_slice(bytes);
        if !self.is_greeted && self.received.len() >= HELLO.len() {
            self.is_greeted = true;
            let greeting: Vec<u8> = self.received.drain(..HELLO.len()).collect();
            if greeting != HELLO {
                // Nothing of the person's handshake has come in time.
                assert_eq!(greeting, b"Th", "the server's handshake");
                self.speech = Speech::Plain;
            }
        }
        while self.speech == Speech::Tls
            && self.is_greeted
            && let Some(length) = first_length(&self.received)
        {
            fresh.extend_from_slice(&self.received[1..=length]);
            self.received.drain(..=length);
        }
    }
}

/// The length of the data in the first record, if all of it is there.
fn first_length(bytes: &[u8]) -> Option<usize> {
    bytes.first().map(|&length| usize::from(length)).filter(|length| *length < bytes.len())
}

/// The server's side.
pub struct SimulatedTls {
    input: Vec<u8>,
    output: Vec<u8>,
    pub is_open: bool,
    has_failed: bool,
    is_ended: bool,
    is_socket_empty: bool,
    kept: KeptBytes,
}

impl SimulatedTls {
    pub fn new(buffers: &Rc<TransportBuffers>) -> SimulatedTls {
        SimulatedTls {
            input: Vec::new(),
            output: Vec::new(),
            is_open: false,
            has_failed: false,
            is_ended: false,
            is_socket_empty: false,
            kept: KeptBytes::new(buffers),
        }
    }

    pub fn keeps_since(&self) -> Option<u64> {
        self.kept.since()
    }

    fn count_kept(&mut self) {
        self.kept.set(self.input.len() + self.output.len());
    }

    pub fn has_pending_read(&self) -> bool {
        self.is_ended || !self.is_socket_empty || first_length(&self.input).is_some()
    }

    pub fn wants_write(&self) -> bool {
        !self.output.is_empty()
    }

    pub fn shake_hands(&mut self, wire: &mut Wire) -> io::Result<()> {
        self.flush(wire)?;
        if self.input.len() < HELLO.len() {
            let result = self.fill(wire);
            if self.input.len() < HELLO.len() && self.input.first().is_none_or(|&byte| byte == HELLO[0]) {
                return Err(result.err().unwrap_or_else(|| io::ErrorKind::Interrupted.into()));
            }
        }
        if self.input[0] != HELLO[0] {
            self.give_up(wire);
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.input.drain(..HELLO.len());
        self.output.extend(HELLO);
        self.is_open = true;
        self.flush_some(wire)
    }

    pub fn give_up(&mut self, wire: &mut Wire) {
        self.has_failed = true;
        if self.input.first() == Some(&HELLO[0]) {
            return;
        }
        let _ = wire.write(&[IoSlice::new(b"This port speaks TLS.\r\n")]);
    }

    pub fn read(&mut self, wire: &mut Wire, block: &mut [u8]) -> io::Result<usize> {
        let result = self.receive(wire, block);
        self.count_kept();
        result
    }

    fn receive(&mut self, wire: &mut Wire, block: &mut [u8]) -> io::Result<usize> {
        if !self.is_open || self.has_failed {
            return wire.read(block);
        }
        let mut has_read = false;
        loop {
            let mut filled = 0;
            while let Some(length) = first_length(&self.input).filter(|_| !self.is_ended)
                && filled + length <= block.len()
            {
                block[filled..filled + length].copy_from_slice(&self.input[1..=length]);
                filled += length;
                self.is_ended = length == 0;
                self.input.drain(..=length);
            }
            if filled > 0 {
                // More may have come since the last read, whose event is used up.
                self.is_socket_empty &= has_read;
                return Ok(filled);
            }
            if self.is_ended {
                wire.told_end = true;
                wire.progress += 1;
                return Ok(0);
            }
            if has_read {
                // An end may follow a short read.
                self.is_socket_empty = false;
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.fill(wire)?;
            has_read = true;
        }
    }

    /// Reads once from the kernel.
    fn fill(&mut self, wire: &mut Wire) -> io::Result<()> {
        let mut scratch = [0; SCRATCH];
        let space = SCRATCH - self.input.len().min(SCRATCH - 1);
        match wire.read(&mut scratch[..space]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.input.extend_from_slice(&scratch[..n]);
                self.is_socket_empty = n < space;
                Ok(())
            }
            Err(error) => {
                self.is_socket_empty = error.kind() == io::ErrorKind::WouldBlock;
                Err(error)
            }
        }
    }

    pub fn write(&mut self, wire: &mut Wire, slices: &[IoSlice]) -> io::Result<usize> {
        self.flush(wire)?;
        let data: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(TO_PERSON).collect();
        self.output.push(data.len() as u8);
        self.output.extend(&data);
        self.flush_some(wire)?;
        Ok(data.len())
    }

    /// Writes what waits, as far as the kernel takes it.
    fn flush_some(&mut self, wire: &mut Wire) -> io::Result<()> {
        let result = self.flush(wire);
        self.count_kept();
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result,
        }
    }

    pub fn flush(&mut self, wire: &mut Wire) -> io::Result<()> {
        while !self.output.is_empty() {
            match wire.write(&[IoSlice::new(&self.output)]) {
                Ok(n) => drop(self.output.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub fn end_writing(&mut self, wire: &mut Wire) -> io::Result<()> {
        if !self.is_open {
            return Ok(());
        }
        // It belongs to the end of the connection, not to the writes of a turn.
        let touched = wire.touched;
        self.output.push(0);
        let result = self.flush_some(wire);
        wire.touched = touched;
        result
    }
}
