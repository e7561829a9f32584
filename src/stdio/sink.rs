//! Lines for a standard stream that are lost rather than waited for.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memrchr};

use super::Output;

/// Bytes that are kept for a reader who does not read at present.
const MAX_PENDING: usize = 256 * 1024;

/// A stream of lines that loses lines rather than time.
pub struct Sink {
    target: Output,
    pending: Vec<u8>,
    lost: u64,
}

impl Sink {
    /// A sink on the same file as `fd`.
    pub fn new(fd: BorrowedFd) -> Self {
        Sink { target: Output::open(fd), pending: Vec::new(), lost: 0 }
    }

    /// Queues whole lines; counts as lost those that do not fit since too much is pending.
    pub fn push(&mut self, lines: &[u8]) {
        if matches!(self.target, Output::Gone) {
            return;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let room = MAX_PENDING - self.pending.len();
            let fits =
                if rest.len() <= room { rest.len() } else { memrchr(b'\n', &rest[..room]).map_or(0, |at| at + 1) };
            self.pending.extend_from_slice(&rest[..fits]);
            rest = &rest[fits..];
            if !rest.is_empty() {
                let pending = self.pending.len();
                self.flush();
                if self.pending.len() == pending {
                    self.lost += memchr_iter(b'\n', rest).count() as u64;
                    return;
                }
            }
        }
    }

    /// Writes what can be written at once.
    pub fn flush(&mut self) {
        while !self.pending.is_empty() {
            match self.target.write(&self.pending) {
                Ok(n) if n > 0 => {
                    self.pending.drain(..n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A full disk may have room again; a closed pipe has no reader ever.
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                    self.lost += memchr_iter(b'\n', &self.pending).count() as u64;
                    self.pending.clear();
                }
                _ => {
                    self.target = Output::Gone;
                    self.pending = Vec::new();
                }
            }
        }
        if self.pending.capacity() > 4096 {
            self.pending = Vec::new();
        }
    }

    /// Whether something waits to be written.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How many lines have been lost, once there is room again to say so; the count begins anew.
    pub fn take_lost(&mut self) -> u64 {
        if self.pending.is_empty() { std::mem::take(&mut self.lost) } else { 0 }
    }

    /// Writes what is pending, for at most so long.
    pub fn finish(&mut self, most: Duration) {
        let end = Instant::now() + most;
        self.flush();
        while self.has_pending()
            && let Some(left) = end.checked_duration_since(Instant::now())
        {
            if !self.target.wait(left) {
                return;
            }
            self.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_full_pipe_loses_lines_and_no_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::new(writer.as_fd());
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        for _ in 0..10_000 {
            sink.push(&line);
            sink.flush();
        }
        assert!(sink.has_pending() && sink.pending.len() <= MAX_PENDING);
        assert_eq!(sink.take_lost(), 0, "told while there is no room to tell it");
        let mut got = 0;
        let mut block = vec![0; 65536];
        while sink.has_pending() {
            got += reader.read(&mut block).unwrap();
            sink.flush();
        }
        drop(writer);
        let lost = sink.take_lost();
        drop(sink);
        loop {
            match reader.read(&mut block).unwrap() {
                0 => break,
                n => got += n,
            }
        }
        assert!(lost > 0);
        assert_eq!(got / 100 + lost as usize, 10_000);
    }

    #[test]
    fn a_closed_pipe_is_forgotten() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::new(writer.as_fd());
        drop(reader);
        sink.push(b"hello\n");
        sink.flush();
        sink.push(b"hello\n");
        assert!(!sink.has_pending());
    }
}
