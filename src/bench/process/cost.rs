//! What a process costs, as the kernel counts it.

use std::fs;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::bench::driver::clock::{Nanos, SECOND};

/// Process numbers are lower than that: PID_MAX_LIMIT, proc_sys_kernel(5).
pub const PID_LIMIT: u32 = 4 << 20;

/// A process whose costs are watched.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
    clock: ClockId,
}

impl Process {
    /// # Errors
    /// If there is no such process.
    pub fn new(pid: u32) -> Result<Self, nix::Error> {
        let clock = clock_getcpuclockid(Pid::from_raw(pid as i32))?;
        clock.now()?;
        Ok(Process { pid, clock })
    }

    /// This one.
    pub fn own() -> Self {
        Process { pid: std::process::id(), clock: ClockId::CLOCK_PROCESS_CPUTIME_ID }
    }

    /// CPU time of all its threads, those that have ended included (clock_getcpuclockid(3)); 0 once it is
    /// gone. While it runs on another CPU, what it has used since that CPU's last tick is not in it.
    pub fn cpu(&self) -> Nanos {
        let time = self.clock.now().unwrap_or_else(|_| TimeSpec::new(0, 0));
        time.tv_sec() as Nanos * SECOND + time.tv_nsec() as Nanos
    }

    /// Bytes of memory that are its own: RssAnon, proc_pid_status(5).
    pub fn user_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some(kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Open file descriptors; `None` if we may not look.
    pub fn descriptors(&self) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_seen_from_outside_as_from_inside() {
        let outside = Process::new(std::process::id()).unwrap();
        let (before, seen) = (Process::own().cpu(), outside.cpu());
        assert!(before > 0 && before <= seen && seen <= Process::own().cpu());
        assert!(outside.user_bytes().unwrap() > 10_000);
        assert!(outside.descriptors().unwrap() >= 3);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Process::new(PID_LIMIT).is_err());
    }
}
