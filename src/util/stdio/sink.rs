//! Lines for a standard stream: kept for a reader who reads, and lost rather than waited for.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memrchr};
use mio::{Registry, Token};

use super::Output;

/// Bytes that are kept for a reader who has read nothing within [`PATIENCE`].
const MAX_STALLED: usize = 256 * 1024;
/// Pending bytes past which a producer that can wait does so.
const ENOUGH: usize = 128 * 1024;
/// How long a reader may read nothing and still counts as one who reads.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end of the process may wait for a reader who goes on reading.
const MAX_FINISH: Duration = Duration::from_secs(5);

/// A stream of lines that loses lines rather than time.
pub struct Sink {
    target: Output,
    /// Bytes that are kept for a reader who has read something within [`PATIENCE`].
    max_pending: usize,
    pending: Vec<u8>,
    /// How many of `pending` have been written.
    written: usize,
    /// The last byte that was written ended a line.
    ends_line: bool,
    /// The rest of a line that was begun is lost; it is ended before anything else is written.
    cut: bool,
    /// Since when the reader has read nothing; `None` while there is room for more.
    blocked_since: Option<Instant>,
    lost: u64,
}

impl Sink {
    /// A sink on the same file as `fd`, which keeps little.
    pub fn new(fd: BorrowedFd) -> Self {
        Self::with_room(fd, MAX_STALLED)
    }

    /// A sink on the same file as `fd`, which keeps at most `max_pending` bytes for a reader who goes on reading.
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

    /// Has events come under `token` when its reader has made room.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.target.watch(registry, token)
    }

    /// Queues whole lines; counts as lost those that do not fit since too much is pending.
    pub fn push(&mut self, lines: &[u8]) {
        if matches!(self.target, Output::Gone) {
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

    /// Writes what can be written at once.
    pub fn flush(&mut self) {
        while self.has_pending() {
            match self.write_some() {
                Ok(n) if n > 0 => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked_since.get_or_insert_with(Instant::now);
                    break;
                }
                // A full disk may have room again; a closed pipe has no reader ever.
                Err(error) if is_full(&error) => {
                    self.lost += memchr_iter(b'\n', &self.pending[self.written..]).count() as u64;
                    self.cut = !self.ends_line;
                    self.written = self.pending.len();
                }
                _ => {
                    self.target = Output::Gone;
                    self.written = self.pending.len();
                }
            }
        }
        // Moving the rest once for each half keeps the whole linear.
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

    /// Whether something waits to be written.
    pub fn has_pending(&self) -> bool {
        self.unwritten() > 0
    }

    /// Whether a producer that can wait should go on: little is pending, or waiting has not helped.
    ///
    /// `produced` bytes have been and are about to be pushed.
    pub fn wants_more(&self, produced: usize) -> bool {
        self.unwritten() + produced < ENOUGH || self.is_stalled()
    }

    /// Whether its reader has read nothing for some time.
    fn is_stalled(&self) -> bool {
        self.blocked_since.is_some_and(|since| since.elapsed() > PATIENCE)
    }

    /// Writes the line that `note` makes of how many lines are lost, once there is room; the count begins anew then.
    pub fn tell_lost(&mut self, note: impl FnOnce(u64) -> Vec<u8>) {
        if self.lost == 0 || self.has_pending() {
            return;
        }
        let lost = std::mem::take(&mut self.lost);
        self.push(&note(lost));
        self.flush();
        if self.lost > 0 {
            // There was no room after all; the line itself is not counted.
            self.lost = lost;
        }
    }

    /// Writes what is pending, for as long as its reader reads something within `most`.
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

/// Whether there is no room at present: the disk is full, or the file is as long as it may be.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    /// Bytes of a line; a whole number of them fills a page of a pipe, so that a full pipe takes no part of one.
    const LINE: usize = 128;

    /// Pushes lines one after another and gives each its chance to be written.
    fn push_lines(sink: &mut Sink, lines: usize) {
        let line = [b"x".repeat(LINE - 1), b"\n".to_vec()].concat();
        for _ in 0..lines {
            sink.push(&line);
            sink.flush();
        }
    }

    /// The lost lines, if there is room to tell.
    fn told_lost(sink: &mut Sink) -> u64 {
        let mut told = 0;
        sink.tell_lost(|lost| {
            told = lost;
            Vec::new()
        });
        told
    }

    /// Its reader has read nothing for longer than it may.
    fn stall(sink: &mut Sink) {
        sink.blocked_since = Instant::now().checked_sub(2 * PATIENCE);
        assert!(sink.is_stalled());
    }

    #[test]
    fn a_full_pipe_loses_lines_and_no_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::with_room(writer.as_fd(), 4 << 20);
        push_lines(&mut sink, 1000);
        assert!(sink.has_pending() && sink.lost == 0);
        stall(&mut sink);
        push_lines(&mut sink, 9000);
        assert!(sink.unwritten() <= MAX_STALLED);
        assert_eq!(told_lost(&mut sink), 0, "told while there is no room to tell it");
        let mut got = 0;
        let mut block = vec![0; 65536];
        while sink.has_pending() {
            got += reader.read(&mut block).unwrap();
            sink.flush();
        }
        assert!(!sink.is_stalled());
        drop(writer);
        let lost = told_lost(&mut sink);
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
    fn much_at_once_is_kept_for_a_reader_who_reads() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::with_room(writer.as_fd(), 32_000 * LINE);
        push_lines(&mut sink, 32_000);
        assert!(!sink.wants_more(0));
        let (mut got, mut block) = (0, vec![0; 65536]);
        while sink.has_pending() {
            got += reader.read(&mut block).unwrap();
            sink.flush();
        }
        assert!(sink.wants_more(0) && !sink.wants_more(ENOUGH) && sink.pending.capacity() <= 8192);
        drop((sink, writer));
        std::iter::from_fn(|| Some(reader.read(&mut block).unwrap()).filter(|&n| n > 0)).for_each(|n| got += n);
        assert_eq!(got, 32_000 * LINE);
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

    #[test]
    fn lines_for_a_full_disk_are_counted_once_and_nothing_waits() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut sink = Sink::new(full.as_fd());
        for _ in 0..3 {
            push_lines(&mut sink, 10);
            sink.tell_lost(|lost| format!("{lost} lost\n").into());
            assert!(!sink.has_pending());
        }
        assert_eq!(sink.lost, 30);
    }

    #[test]
    fn a_line_that_a_full_disk_cut_short_is_ended_before_the_next_one() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::new(writer.as_fd());
        sink.push(b"whole\nhalf of a");
        sink.flush();
        assert!(!sink.ends_line);
        // What a file does that has reached its limit in the middle of a line.
        let real = std::mem::replace(
            &mut sink.target,
            Output::File(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()),
        );
        sink.push(b" line\n");
        sink.flush();
        sink.target = real;
        sink.tell_lost(|lost| format!("{lost} lost\n").into());
        drop((sink, writer));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole\nhalf of a\n1 lost\n");
    }
}
