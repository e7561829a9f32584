//! CPU time, memory and descriptors of a process, as the kernel counts them.

use std::fs;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::bench::driver::clock::{Nanos, SECOND};

/// Process numbers are lower than this: PID_MAX_LIMIT, proc_sys_kernel(5).
pub const PID_LIMIT: u32 = 4 << 20;

/// A process whose cost is measured.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
    clock: ClockId,
}

impl Process {
    /// Finds a process.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn new(pid: u32) -> Result<Self, nix::Error> {
        let clock = clock_getcpuclockid(Pid::from_raw(pid as i32))?;
        clock.now()?;
        Ok(Process { pid, clock })
    }

    /// This process.
    pub fn own() -> Self {
        Process { pid: std::process::id(), clock: ClockId::CLOCK_PROCESS_CPUTIME_ID }
    }

    /// CPU time of all its threads, ended ones included (clock_getcpuclockid(3)); 0 once it has ended. While it runs
    /// on another CPU, its time since that CPU's last tick is not included.
    pub fn cpu(&self) -> Nanos {
        let time = self.clock.now().unwrap_or_else(|_| TimeSpec::new(0, 0));
        time.tv_sec() as Nanos * SECOND + time.tv_nsec() as Nanos
    }

    /// Bytes of its anonymous memory: RssAnon, proc_pid_status(5).
    pub fn user_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some(kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Number of open file descriptors; `None` without permission.
    pub fn descriptors(&self) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_has_same_cost_by_number() {
        let outside = Process::new(std::process::id()).unwrap();
        let (before, seen) = (Process::own().cpu(), outside.cpu());
        assert!(before > 0 && before <= seen && seen <= Process::own().cpu());
        assert!(outside.user_bytes().unwrap() > 10_000);
        assert!(outside.descriptors().unwrap() >= 3);
    }

    #[test]
    fn missing_process_is_an_error() {
        assert!(Process::new(PID_LIMIT).is_err());
    }
}
