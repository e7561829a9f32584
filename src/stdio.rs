//! Standard output and standard error, written without ever waiting for whoever reads them.
//!
//! A terminal that is stopped or a pipe that is full must not stop the server, yet O_NONBLOCK on
//! descriptors 0 to 2 would be seen by the shell that shares them. So a terminal or pipe is opened
//! anew, which gives a description of our own.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memrchr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::net::{SendFlags, send};

/// Bytes that are kept for a reader who does not read at present.
const MAX_PENDING: usize = 256 * 1024;

/// Bytes that a terminal or pipe which says that it can be written to surely takes.
const SURE: usize = 256;

enum Target {
    /// Regular files, and what could be opened anew with O_NONBLOCK.
    File(File),
    Socket(OwnedFd),
    /// Could not be opened anew: asked before each small write.
    Asked(File),
    /// Nobody will ever read it.
    Gone,
}

/// A stream of lines that loses lines rather than time.
pub struct Sink {
    target: Target,
    pending: Vec<u8>,
    lost: u64,
}

impl Sink {
    /// A sink on the same file as `fd`.
    pub fn new(fd: BorrowedFd) -> Self {
        Sink { target: Target::open(fd), pending: Vec::new(), lost: 0 }
    }

    /// Queues whole lines; counts as lost those that do not fit since too much is pending.
    pub fn push(&mut self, lines: &[u8]) {
        if matches!(self.target, Target::Gone) {
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
                    self.target = Target::Gone;
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

impl Target {
    fn open(fd: BorrowedFd) -> Target {
        let Ok(own) = fd.try_clone_to_owned() else { return Target::Gone };
        let kind = fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::RegularFile) => Target::File(own.into()),
            Ok(FileType::Socket) => Target::Socket(own),
            Ok(_) => {
                let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                open(path, flags, Mode::empty())
                    .map_or_else(|_| Target::Asked(own.into()), |fd| Target::File(fd.into()))
            }
            Err(_) => Target::Gone,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Socket(fd) => Ok(send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?),
            Target::Asked(file) => {
                if !is_ready(file.as_fd(), PollFlags::OUT, Duration::ZERO) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                file.write(&bytes[..bytes.len().min(SURE)])
            }
            Target::Gone => Ok(0),
        }
    }

    fn wait(&self, most: Duration) -> bool {
        match self {
            Target::File(file) | Target::Asked(file) => is_ready(file.as_fd(), PollFlags::OUT, most),
            Target::Socket(fd) => is_ready(fd.as_fd(), PollFlags::OUT, most),
            Target::Gone => false,
        }
    }
}

/// Whether `fd` is ready, or in a state that a read or write will tell, within `most`; poll(2).
pub fn is_ready(fd: BorrowedFd, flags: PollFlags, most: Duration) -> bool {
    let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&timeout)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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
