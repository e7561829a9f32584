//! A socket in memory, with limits.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use chinwag::server::connection::transport::Transport;

/// Reads and writes at most `piece` bytes at once, and writes `room` bytes in all before it is full.
pub struct Socket {
    pub input: VecDeque<u8>,
    pub ended: bool,
    pub broken: bool,
    pub output: Vec<u8>,
    pub room: usize,
    pub piece: usize,
}

impl Socket {
    pub fn new(piece: usize) -> Self {
        Socket { input: VecDeque::new(), ended: false, broken: false, output: Vec::new(), room: usize::MAX, piece }
    }
}

impl Transport for Socket {
    type Poll = ();

    fn watch(&mut self, (): &(), _slot: usize) -> io::Result<()> {
        Ok(())
    }

    fn peek(&mut self, _block: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn take_peeked(&mut self, _block: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.input.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = block.len().min(self.piece);
        self.input.read(&mut block[..size])
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
        let size = bytes.len().min(self.piece).min(self.room);
        self.room -= size;
        self.output.extend_from_slice(&bytes[..size]);
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
