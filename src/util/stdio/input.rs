//! Standard input of any kind as a source of poll events.

use std::io;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{isatty, tcgetpgrp};

use super::is_ready;

/// The descriptor of standard input.
const STDIN: i32 = 0;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StdinRead {
    /// This number of bytes, at least one.
    Bytes(usize),
    /// Nothing now; an event will follow.
    Later,
    /// End of input.
    End,
}

/// Standard input.
pub struct Stdin {
    /// It has not ended.
    open: bool,
    /// It is registered with epoll; else it is a file, which is always ready.
    registered: bool,
    /// There may be something to read.
    ready: bool,
}

impl Stdin {
    /// Registers standard input under `token`.
    ///
    /// # Errors
    /// If registration fails for another reason than its file type.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let registered = match registry.register(&mut SourceFd(&STDIN), token, Interest::READABLE) {
            Ok(()) => true,
            // Regular files and /dev/null: epoll_ctl(2).
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => false,
            Err(error) => return Err(error),
        };
        Ok(Stdin { open: true, registered, ready: !registered })
    }

    /// Reports an event of the poll.
    pub fn notify(&mut self) {
        self.ready = true;
    }

    /// Whether there may be something to read.
    pub fn is_ready(&self) -> bool {
        self.open && self.ready
    }

    /// Reads what is available.
    pub fn read(&mut self, block: &mut [u8]) -> StdinRead {
        // Descriptor 0 must stay blocking, since other processes share it; so it is polled before each read.
        while is_ready(stdin(), PollFlags::IN, Duration::ZERO) && !is_in_background() {
            match rustix::io::read(stdin(), &mut *block) {
                Ok(n @ 1..) => return StdinRead::Bytes(n),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // A terminal after a hangup returns EIO.
                Ok(0) | Err(_) => return StdinRead::End,
            }
        }
        self.ready = false;
        StdinRead::Later
    }

    /// Stops reading.
    pub fn close(&mut self, registry: &Registry) {
        self.open = false;
        if self.registered {
            let _ = registry.deregister(&mut SourceFd(&STDIN));
        }
    }
}

/// Whether standard input is a terminal with another process group in the foreground.
fn is_in_background() -> bool {
    isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|group| group != getpgrp())
}
