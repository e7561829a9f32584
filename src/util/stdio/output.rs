//! A standard stream to be written without waiting.

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

/// Bytes that a terminal or pipe which says that it can be written to surely takes.
const SURE: usize = 256;

/// A file that one writes to without waiting for whoever reads it.
pub enum Output {
    /// Regular files, and what could be opened anew with O_NONBLOCK.
    File(File),
    Socket(OwnedFd),
    /// Could not be opened anew: asked before each small write.
    Asked(File),
    /// Nobody will ever read it.
    Gone,
}

impl Output {
    /// The same file as `fd`.
    pub fn open(fd: BorrowedFd) -> Self {
        let Ok(own) = fd.try_clone_to_owned() else { return Output::Gone };
        let kind = fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::RegularFile) => Output::File(own.into()),
            Ok(FileType::Socket) => Output::Socket(own),
            Ok(_) => {
                let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                open(path, flags, Mode::empty())
                    .map_or_else(|_| Output::Asked(own.into()), |fd| Output::File(fd.into()))
            }
            Err(_) => Output::Gone,
        }
    }

    /// Writes what can be written at once; 0 bytes if nobody will ever read them.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, and those of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::File(file) => file.write(bytes),
            Output::Socket(fd) => Ok(send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?),
            Output::Asked(file) => {
                if !is_ready(file.as_fd(), PollFlags::OUT, Duration::ZERO) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                file.write(&bytes[..bytes.len().min(SURE)])
            }
            Output::Gone => Ok(0),
        }
    }

    /// Has events come under `token` when it can be written to again, or never will be.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let fd = match self {
            Output::File(file) | Output::Asked(file) => file.as_raw_fd(),
            Output::Socket(fd) => fd.as_raw_fd(),
            Output::Gone => return Ok(()),
        };
        match registry.register(&mut SourceFd(&fd), token, Interest::WRITABLE) {
            // Regular files never make one wait: epoll_ctl(2).
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => Ok(()),
            outcome => outcome,
        }
    }

    /// Waits until it can be written to, or will tell why not, for at most so long.
    pub fn wait(&self, most: Duration) -> bool {
        match self {
            Output::File(file) | Output::Asked(file) => is_ready(file.as_fd(), PollFlags::OUT, most),
            Output::Socket(fd) => is_ready(fd.as_fd(), PollFlags::OUT, most),
            Output::Gone => false,
        }
    }
}
