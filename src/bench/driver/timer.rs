//! A timer that ends a poll to the microsecond; those of epoll_wait(2) are rounded up to milliseconds.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::clock::{Nanos, SECOND};

/// See the module; timerfd_create(2).
pub struct Timer {
    fd: OwnedFd,
    /// When it is over; setting it costs a system call.
    at: Nanos,
}

impl Timer {
    /// A timer that tells by an event with that token.
    ///
    /// # Errors
    /// If there are no file descriptors left.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Timer { fd, at: Nanos::MAX })
    }

    /// It is over at `until`.
    ///
    /// # Errors
    /// None that the kernel has a reason for.
    pub fn set(&mut self, until: Nanos) -> io::Result<()> {
        if self.at != until {
            let at = Timespec { tv_sec: (until / SECOND) as i64, tv_nsec: (until % SECOND) as i64 };
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let spec = Itimerspec { it_interval: zero, it_value: at };
            timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &spec)?;
            self.at = until;
        }
        Ok(())
    }

    /// Its event has come.
    pub fn is_over(&mut self) {
        self.at = Nanos::MAX;
    }
}
