//! Lines that a child process writes to the load test.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};

use memchr::memchr;
use mio::unix::pipe::Receiver;

/// Maximum number of lines kept.
const MAX_LINES: usize = 1000;

/// A pipe read line by line.
pub struct LinePipe {
    /// The reading end.
    pub receiver: Receiver,
    /// Complete lines not taken yet; the oldest are dropped at the maximum.
    pub lines: VecDeque<String>,
    /// Whether more may come.
    pub open: bool,
    rest: Vec<u8>,
}

impl LinePipe {
    /// Reads from a non-blocking pipe.
    pub fn new(receiver: Receiver) -> Self {
        LinePipe { receiver, lines: VecDeque::new(), open: true, rest: Vec::new() }
    }

    /// Reads what has arrived.
    pub fn read(&mut self, block: &mut [u8]) {
        while self.open {
            match self.receiver.read(block) {
                Ok(0) => self.open = false,
                Ok(n) => self.take(&block[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.open = false,
            }
        }
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.push(&rest);
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(&bytes[..end]);
            self.push(&line);
            bytes = &bytes[end + 1..];
        }
        self.rest.extend_from_slice(bytes);
    }

    fn push(&mut self, line: &[u8]) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(String::from_utf8_lossy(line).into_owned());
    }
}
