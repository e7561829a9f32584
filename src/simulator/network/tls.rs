//! Simulated TLS: records without encryption, and the buffers that real TLS has.
//!
//! A record is its length in one byte and its data; one without data announces the end. The handshake is two bytes in
//! each direction. As with real TLS, a write that took everything may not have reached the kernel, and data may wait
//! that no event announces.

use std::io::{self, IoSlice};
use std::rc::Rc;

use super::peer::{HELLO, first_length};
use super::wire::Wire;
use crate::server::connection::transport::{KeptBytes, TransportBuffers};

/// Data of a record at most.
const TO_PERSON: usize = 64;
/// Bytes that the server reads from the kernel at once.
const SCRATCH: usize = 40;

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
