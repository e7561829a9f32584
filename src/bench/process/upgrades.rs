//! Upgrades of the server under test: it is asked again and again to be replaced by the program on disk.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::driver::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::bench::error::Error;
use crate::bench::report::figures::count;

/// How often the process is looked at while it is replaced.
const LOOK_INTERVAL: Nanos = 2 * MILLISECOND;

/// How long that may take.
const TIMEOUT: Nanos = 20 * SECOND;

/// Sends SIGUSR2 to a server, and follows it from process to process.
#[derive(Debug)]
pub struct Upgrades {
    pid: u32,
    every: Nanos,
    /// The time of the next signal or look.
    due: Nanos,
    /// When the upgrade that is under way was asked for.
    asked: Option<Nanos>,
    /// The process that will serve after it.
    successor: Option<u32>,
    done: u64,
}

impl Upgrades {
    /// Upgrades of the server that is process `pid`; `every` is the time between two of them, in nanoseconds.
    pub fn new(pid: u32, every: Nanos) -> Self {
        Upgrades { pid, every, due: clock::now() + every, asked: None, successor: None, done: 0 }
    }

    /// When [`Upgrades::turn`] has something to do.
    pub fn next_due(&self) -> Nanos {
        self.due
    }

    /// Does what is due.
    ///
    /// # Errors
    /// If the server has ended, or is not replaced.
    pub fn turn(&mut self, now: Nanos) -> Result<(), Error> {
        if now < self.due {
            return Ok(());
        }
        self.due = now + LOOK_INTERVAL;
        let failed = |why: &str| Err(Error::Subprocess("--upgrade-every", why.into()));
        let Some(asked) = self.asked else {
            self.asked = Some(now);
            let pid = Pid::from_raw(self.pid.cast_signed());
            return match pid.map(|pid| kill_process(pid, Signal::USR2)) {
                Some(Ok(())) => Ok(()),
                _ => failed("the server cannot be sent a signal; is it still there, and yours?"),
            };
        };
        self.successor = child_of(self.pid).or(self.successor);
        match self.successor {
            Some(successor) if has_ended(self.pid) => {
                (self.pid, self.successor, self.asked) = (successor, None, None);
                self.done += 1;
                self.due = now + self.every;
                Ok(())
            }
            _ if now > asked + TIMEOUT => failed("the server was not replaced within 20 s; its log says why"),
            _ => Ok(()),
        }
    }

    /// What the report says of them.
    pub fn note(&self) -> String {
        format!("{} upgrades of the server, which is process {} now", count(self.done), self.pid)
    }
}

/// The process that a server has started to be replaced by; its other child hashes passwords.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let takes_over = |child: &u32| {
        let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).nth(1) == Some(crate::server::upgrade::TAKE_OVER.as_bytes())
    };
    children.split_whitespace().filter_map(|child| child.parse().ok()).find(takes_over)
}

/// Whether a process has ended; its parent may not have noticed that yet.
fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}
