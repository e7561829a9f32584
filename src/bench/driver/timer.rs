//! A timer that ends a poll with microsecond precision; epoll_wait(2) rounds up to milliseconds.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::clock::{Nanos, SECOND};

/// A timer: timerfd_create(2).
pub struct Timer {
    fd: OwnedFd,
    /// When it expires; each change costs a system call.
    at: Nanos,
}

impl Timer {
    /// Creates a timer that reports its end as an event with this token.
    ///
    /// # Errors
    /// If there are no file descriptors left.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Timer { fd, at: Nanos::MAX })
    }

    /// Sets the time at which it expires.
    ///
    /// # Errors
    /// Never, as far as the kernel documents.
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

    /// Handles its event.
    pub fn is_over(&mut self) {
        self.at = Nanos::MAX;
    }
}
