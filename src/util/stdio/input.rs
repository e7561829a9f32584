//! Standard input as one of the things that a poll waits for, whatever it is.

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

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing now; an event will tell of more.
    Later,
    /// There will be no more.
    End,
}

/// Standard input.
pub struct Input {
    /// It has not ended.
    open: bool,
    /// epoll knows it; else it is a file, which is always ready.
    registered: bool,
    /// There may be something to read.
    ready: bool,
}

impl Input {
    /// Has its events come under `token`.
    ///
    /// # Errors
    /// If it can be registered in principle, but not now.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let registered = match registry.register(&mut SourceFd(&STDIN), token, Interest::READABLE) {
            Ok(()) => true,
            // Regular files and /dev/null: epoll_ctl(2).
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => false,
            Err(error) => return Err(error),
        };
        Ok(Input { open: true, registered, ready: !registered })
    }

    /// It has an event.
    pub fn notify(&mut self) {
        self.ready = true;
    }

    /// Whether there may be something to read.
    pub fn is_ready(&self) -> bool {
        self.open && self.ready
    }

    /// Reads what is there.
    pub fn read(&mut self, block: &mut [u8]) -> Read {
        // Descriptor 0 blocks, and must, since others share it: so it is asked before each read.
        while is_ready(stdin(), PollFlags::IN, Duration::ZERO) && !is_in_background() {
            match rustix::io::read(stdin(), &mut *block) {
                Ok(n @ 1..) => return Read::Bytes(n),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // A terminal that has been hung up gives EIO.
                Ok(0) | Err(_) => return Read::End,
            }
        }
        self.ready = false;
        Read::Later
    }

    /// It is not to be read from any more.
    pub fn close(&mut self, registry: &Registry) {
        self.open = false;
        if self.registered {
            let _ = registry.deregister(&mut SourceFd(&STDIN));
        }
    }
}

/// Whether standard input is a terminal that another process has in its foreground.
fn is_in_background() -> bool {
    isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|group| group != getpgrp())
}
