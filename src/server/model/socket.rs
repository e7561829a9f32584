//! A socket for tests.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use crate::testing::Random;

/// A socket that takes and gives as much as its randomness likes.
pub struct Socket {
    pub random: Random,
    pub input: VecDeque<u8>,
    pub ended: bool,
    pub broken: bool,
    pub output: Vec<u8>,
    /// Bytes that it still takes before it is full.
    pub room: usize,
}

impl Read for Socket {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.input.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let most = if self.random.one_in(2) { 1 } else { block.len() };
        let n = self.input.len().min(most);
        for (slot, byte) in block.iter_mut().zip(self.input.drain(..n)) {
            *slot = byte;
        }
        Ok(n)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = if self.random.one_in(3) { 1 + self.random.below(20) } else { bytes.len() };
        let n = bytes.len().min(most).min(self.room);
        self.room -= n;
        self.output.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
