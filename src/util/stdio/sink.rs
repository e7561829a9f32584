//! A queue of lines for a standard stream that drops lines instead of blocking.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memrchr};
use mio::{Registry, Token};

use super::Output;

/// Maximum pending bytes for a stalled reader, which has read nothing for [`STALL_TIMEOUT`].
const MAX_STALLED: usize = 256 * 1024;
/// Pending bytes above which a producer that can wait should wait.
const HIGH_WATER: usize = 128 * 1024;
/// Time without a read after which a reader counts as stalled.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the end of the process may wait for a reader that still reads.
const MAX_FINISH: Duration = Duration::from_secs(5);

/// A stream of lines that drops lines instead of blocking.
pub struct Sink {
    target: Output,
    /// Maximum pending bytes for a reader that is not stalled.
    max_pending: usize,
    pending: Vec<u8>,
    /// The number of `pending` bytes already written.
    written: usize,
    /// Whether the last written byte ended a line.
    ends_line: bool,
    /// Whether the rest of a half-written line was dropped; a line end is written before anything else.
    cut: bool,
    /// Since when the stream is not writable; `None` while it is.
    blocked_since: Option<Instant>,
    lost: u64,
}

impl Sink {
    /// A sink for the file of `fd` with a small queue.
    pub fn new(fd: BorrowedFd) -> Self {
        Self::with_room(fd, MAX_STALLED)
    }

    /// A sink for the file of `fd` that keeps at most `max_pending` bytes for a reader that is not stalled.
    pub fn with_room(fd: BorrowedFd, max_pending: usize) -> Self {
        Sink {
            target: Output::open(fd),
            max_pending,
            pending: Vec::new(),
            written: 0,
            ends_line: true,
            cut: false,
            blocked_since: None,
            lost: 0,
        }
    }

    /// Registers for events under `token` when the stream becomes writable.
    ///
    /// # Errors
    /// If it cannot be registered.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.target.watch(registry, token)
    }

    /// Queues whole lines; drops and counts lines that do not fit.
    pub fn push(&mut self, lines: &[u8]) {
        if matches!(self.target, Output::Closed) {
            return;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let most = if self.is_stalled() { MAX_STALLED } else { self.max_pending };
            let room = most.saturating_sub(self.unwritten());
            let fits =
                if rest.len() <= room { rest.len() } else { memrchr(b'\n', &rest[..room]).map_or(0, |at| at + 1) };
            self.pending.extend_from_slice(&rest[..fits]);
            rest = &rest[fits..];
            if !rest.is_empty() {
                let unwritten = self.unwritten();
                self.flush();
                if self.unwritten() == unwritten {
                    self.lost += memchr_iter(b'\n', rest).count() as u64;
                    return;
                }
            }
        }
    }

    /// Takes out the bytes that are not written, for another process that goes on with the stream.
    pub fn take_pending(&mut self) -> Vec<u8> {
        self.flush();
        let mut pending = std::mem::take(&mut self.pending);
        pending.drain(..std::mem::take(&mut self.written));
        pending
    }

    /// Writes what can be written now.
    pub fn flush(&mut self) {
        while self.has_pending() {
            match self.write_some() {
                Ok(n) if n > 0 => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked_since.get_or_insert_with(Instant::now);
                    break;
                }
                // A full disk may get space again; a closed pipe never gets a reader again.
                Err(error) if is_full(&error) => {
                    self.lost += memchr_iter(b'\n', &self.pending[self.written..]).count() as u64;
                    self.cut = !self.ends_line;
                    self.written = self.pending.len();
                }
                _ => {
                    self.target = Output::Closed;
                    self.written = self.pending.len();
                }
            }
        }
        // Moving the rest only after half was written keeps the total cost linear.
        if self.written > self.pending.len() / 2 {
            self.pending.drain(..self.written);
            self.written = 0;
            self.pending.shrink_to(self.pending.len().max(4096));
        }
    }

    fn write_some(&mut self) -> io::Result<usize> {
        if self.cut {
            let n = self.target.write(b"\n")?;
            self.cut = n == 0;
            self.ends_line = n > 0;
            return Ok(n);
        }
        let n = self.target.write(&self.pending[self.written..])?;
        self.written += n;
        self.ends_line = self.written > 0 && self.pending[self.written - 1] == b'\n';
        self.blocked_since = None;
        Ok(n)
    }

    fn unwritten(&self) -> usize {
        self.pending.len() - self.written
    }

    /// Whether bytes wait to be written.
    pub fn has_pending(&self) -> bool {
        self.unwritten() > 0
    }

    /// Whether a producer that can wait should continue: little is pending, or the reader is stalled.
    ///
    /// `produced` is the number of bytes that are produced but not yet pushed.
    pub fn wants_more(&self, produced: usize) -> bool {
        self.unwritten() + produced < HIGH_WATER || self.is_stalled()
    }

    /// Whether the reader has read nothing for [`STALL_TIMEOUT`].
    fn is_stalled(&self) -> bool {
        self.blocked_since.is_some_and(|since| since.elapsed() > STALL_TIMEOUT)
    }

    /// Once nothing is pending, writes the line that `note` makes from the number of dropped lines, and resets it.
    pub fn report_lost(&mut self, note: impl FnOnce(u64) -> Vec<u8>) {
        if self.lost == 0 || self.has_pending() {
            return;
        }
        let lost = std::mem::take(&mut self.lost);
        self.push(&note(lost));
        self.flush();
        if self.lost > 0 {
            // There was no space after all; the line itself is not counted.
            self.lost = lost;
        }
    }

    /// Writes all pending bytes, while the reader reads something within each `most`; at most [`MAX_FINISH`].
    pub fn finish(&mut self, most: Duration) {
        let end = Instant::now() + MAX_FINISH;
        self.flush();
        while self.has_pending()
            && let Some(left) = end.checked_duration_since(Instant::now())
        {
            if !self.target.wait(left.min(most)) {
                return;
            }
            self.flush();
        }
    }
}

/// Whether there is no space at present: the disk is full, or the file has its maximum size.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    /// Bytes of a line; it divides the page size, so that a full pipe never has a part of a line.
    const LINE: usize = 128;

    /// Pushes lines one after another and flushes after each.
    fn push_lines(sink: &mut Sink, lines: usize) {
        let line = [b"x".repeat(LINE - 1), b"\n".to_vec()].concat();
        for _ in 0..lines {
            sink.push(&line);
            sink.flush();
        }
    }

    /// The number of dropped lines, if it can be reported now.
    fn reported_lost(sink: &mut Sink) -> u64 {
        let mut told = 0;
        sink.report_lost(|lost| {
            told = lost;
            Vec::new()
        });
        told
    }

    /// Makes the reader count as stalled.
    fn stall(sink: &mut Sink) {
        sink.blocked_since = Instant::now().checked_sub(2 * STALL_TIMEOUT);
        assert!(sink.is_stalled());
    }

    #[test]
    fn full_pipe_drops_lines_without_blocking() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::with_room(writer.as_fd(), 4 << 20);
        push_lines(&mut sink, 1000);
        assert!(sink.has_pending() && sink.lost == 0);
        stall(&mut sink);
        push_lines(&mut sink, 9000);
        assert!(sink.unwritten() <= MAX_STALLED);
        assert_eq!(reported_lost(&mut sink), 0, "reported while lines are pending");
        let mut got = 0;
        let mut block = vec![0; 65536];
        while sink.has_pending() {
            got += reader.read(&mut block).unwrap();
            sink.flush();
        }
        assert!(!sink.is_stalled());
        drop(writer);
        let lost = reported_lost(&mut sink);
        drop(sink);
        loop {
            match reader.read(&mut block).unwrap() {
                0 => break,
                n => got += n,
            }
        }
        assert!(lost > 0);
        assert_eq!(got / LINE + lost as usize, 10_000);
    }

    #[test]
    fn large_output_is_kept_for_an_active_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::with_room(writer.as_fd(), 32_000 * LINE);
        push_lines(&mut sink, 32_000);
        assert!(!sink.wants_more(0));
        let (mut got, mut block) = (0, vec![0; 65536]);
        while sink.has_pending() {
            got += reader.read(&mut block).unwrap();
            sink.flush();
        }
        assert!(sink.wants_more(0) && !sink.wants_more(HIGH_WATER) && sink.pending.capacity() <= 8192);
        drop((sink, writer));
        std::iter::from_fn(|| Some(reader.read(&mut block).unwrap()).filter(|&n| n > 0)).for_each(|n| got += n);
        assert_eq!(got, 32_000 * LINE);
    }

    #[test]
    fn closed_pipe_discards_output() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::new(writer.as_fd());
        drop(reader);
        sink.push(b"hello\n");
        sink.flush();
        sink.push(b"hello\n");
        assert!(!sink.has_pending());
    }

    #[test]
    fn lines_for_a_full_disk_are_counted_once_and_not_kept() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut sink = Sink::new(full.as_fd());
        for _ in 0..3 {
            push_lines(&mut sink, 10);
            sink.report_lost(|lost| format!("{lost} lost\n").into());
            assert!(!sink.has_pending());
        }
        assert_eq!(sink.lost, 30);
    }

    #[test]
    fn line_cut_by_a_full_disk_is_ended_before_the_next() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::new(writer.as_fd());
        sink.push(b"whole\nhalf of a");
        sink.flush();
        assert!(!sink.ends_line);
        // As a file that reaches its size limit in the middle of a line.
        let real = std::mem::replace(
            &mut sink.target,
            Output::File(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()),
        );
        sink.push(b" line\n");
        sink.flush();
        sink.target = real;
        sink.report_lost(|lost| format!("{lost} lost\n").into());
        drop((sink, writer));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole\nhalf of a\n1 lost\n");
    }
}
