//! Standard input, output and error, read and written without ever waiting for the other side.
//!
//! A terminal that is stopped or a pipe that is full must not stop the process, yet O_NONBLOCK on
//! descriptors 0 to 2 would be seen by the shell that shares them. So what is written to is opened
//! anew, which gives a description of our own, and what is read from is asked before each read.

mod input;
mod output;
mod sink;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use self::input::{Input, Read};
pub use self::output::Output;
pub use self::sink::Sink;

/// Whether `fd` is ready, or in a state that a read or write will tell, within `most`; poll(2).
pub fn is_ready(fd: BorrowedFd, flags: PollFlags, most: Duration) -> bool {
    let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&timeout)).is_ok_and(|ready| ready > 0)
}
