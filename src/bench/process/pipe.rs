//! What a process of ours writes to us, line by line.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};

use memchr::memchr;
use mio::unix::pipe::Receiver;

/// Lines that are kept; who writes more is not read for each of them.
const MAX_LINES: usize = 1000;

/// See the module.
pub struct Pipe {
    /// Our end.
    pub receiver: Receiver,
    /// Whole lines that nobody has taken yet; the oldest give way.
    pub lines: VecDeque<String>,
    /// Whether more may come.
    pub open: bool,
    rest: Vec<u8>,
}

impl Pipe {
    /// Reads from a non-blocking pipe.
    pub fn new(receiver: Receiver) -> Self {
        Pipe { receiver, lines: VecDeque::new(), open: true, rest: Vec::new() }
    }

    /// Reads what there is.
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
