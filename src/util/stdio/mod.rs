//! Standard input, output and error, read and written without blocking.
//!
//! A stopped terminal or a full pipe must not block the process. But O_NONBLOCK on
//! descriptors 0 to 2 would also affect the shell that shares them. So an output is opened
//! again, which gives a separate file description, and an input is polled before each read.

mod input;
mod output;
mod sink;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use self::input::{Stdin, StdinRead};
pub use self::output::Output;
pub use self::sink::Sink;

/// Whether the environment allows colours. The variable counts if it is set and not empty: <https://no-color.org/>.
pub fn allows_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Waits at most `most` until `fd` is ready or has an error that a read or write reports; poll(2).
pub fn is_ready(fd: BorrowedFd, flags: PollFlags, most: Duration) -> bool {
    let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&timeout)).is_ok_and(|ready| ready > 0)
}
