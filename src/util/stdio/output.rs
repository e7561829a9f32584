//! A standard stream that is written without blocking.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::is_ready;

/// Bytes that a terminal or pipe always accepts once poll(2) reports it writable.
const SAFE_WRITE: usize = 256;

/// A file that is written without blocking on its reader.
pub enum Output {
    /// A regular file, or a file that could be opened again with O_NONBLOCK.
    File(File),
    Socket(OwnedFd),
    /// Could not be opened again: polled before each small write.
    Polled(File),
    /// It has no reader any more.
    Closed,
}

impl Output {
    /// Opens the file of `fd`.
    pub fn open(fd: BorrowedFd) -> Self {
        let Ok(own) = fd.try_clone_to_owned() else { return Output::Closed };
        let kind = fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::RegularFile) => Output::File(own.into()),
            Ok(FileType::Socket) => Output::Socket(own),
            Ok(_) => {
                let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                open(path, flags, Mode::empty())
                    .map_or_else(|_| Output::Polled(own.into()), |fd| Output::File(fd.into()))
            }
            Err(_) => Output::Closed,
        }
    }

    /// Writes what can be written now; returns 0 if there is no reader any more.
    ///
    /// # Errors
    /// `WouldBlock` if nothing can be written now, and those of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::File(file) => file.write(bytes),
            Output::Socket(fd) => Ok(send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?),
            Output::Polled(file) => {
                if !is_ready(file.as_fd(), PollFlags::OUT, Duration::ZERO) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                file.write(&bytes[..bytes.len().min(SAFE_WRITE)])
            }
            Output::Closed => Ok(0),
        }
    }

    /// Registers for events under `token` when it becomes writable or is closed.
    ///
    /// # Errors
    /// If it cannot be registered.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let fd = match self {
            Output::File(file) | Output::Polled(file) => file.as_raw_fd(),
            Output::Socket(fd) => fd.as_raw_fd(),
            Output::Closed => return Ok(()),
        };
        match registry.register(&mut SourceFd(&fd), token, Interest::WRITABLE) {
            // Writes to regular files do not block: epoll_ctl(2).
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => Ok(()),
            outcome => outcome,
        }
    }

    /// Waits at most `most` until it is writable or a write reports an error.
    pub fn wait(&self, most: Duration) -> bool {
        match self {
            Output::File(file) | Output::Polled(file) => is_ready(file.as_fd(), PollFlags::OUT, most),
            Output::Socket(fd) => is_ready(fd.as_fd(), PollFlags::OUT, most),
            Output::Closed => false,
        }
    }
}
