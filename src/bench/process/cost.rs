//! CPU time, memory and descriptors of a process, as the kernel counts them.

use std::fs;
use std::io;

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

use crate::bench::driver::clock::{Nanos, SECOND};

/// Process numbers are lower than this: PID_MAX_LIMIT, proc_sys_kernel(5).
pub const PID_LIMIT: u32 = 4 << 20;

/// A process whose cost is measured; of several, [`Processes`] adds it up.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// Finds a process.
    ///
    /// # Errors
    /// If there is no such process, or this user may not see it (hidepid, proc(5)).
    pub fn new(pid: u32) -> io::Result<Self> {
        fs::metadata(format!("/proc/{pid}/stat"))
            .map_err(|_| io::Error::other(format!("there is no process {pid}, or you may not see it")))?;
        Ok(Process { pid })
    }

    /// CPU time of this process, with nanosecond precision.
    pub fn own_cpu() -> Nanos {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as Nanos * SECOND + time.tv_nsec as Nanos
    }

    /// CPU time of all its threads; 0 once it has ended. While a thread runs, its time since the last tick is not
    /// included.
    ///
    /// The sum over its threads has nanosecond precision: /proc/PID/task/TID/schedstat, as in the kernel's
    /// Documentation/scheduler/sched-stats.rst. The times in /proc/PID/stat (proc_pid_stat(5)), in ticks of usually
    /// 10 ms, include ended threads, so they count if they are more.
    pub fn cpu(&self) -> Nanos {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let on_cpu = |schedstat: String| schedstat.split(' ').next()?.parse::<Nanos>().ok();
        let times = tasks.filter_map(|task| on_cpu(fs::read_to_string(task.path().join("schedstat")).ok()?));
        times.sum::<Nanos>().max(self.cpu_in_ticks().unwrap_or(0))
    }

    fn cpu_in_ticks(&self) -> Option<Nanos> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name in parentheses may have spaces; utime and stime are the 12th and 13th field after it.
        let ticks = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2).map(|field| field.parse::<Nanos>());
        Some(ticks.sum::<Result<Nanos, _>>().ok()? * SECOND / clock_ticks_per_second())
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

/// The processes of a chat, whose costs are added up; at least one.
#[derive(Clone, Debug)]
pub struct Processes(Vec<Process>);

impl From<Process> for Processes {
    fn from(process: Process) -> Self {
        Processes(vec![process])
    }
}

impl Processes {
    /// Finds the processes with these numbers; `None` if there are no numbers.
    ///
    /// # Errors
    /// If one of them does not exist, or this user may not see it.
    pub fn find(pids: &[u32]) -> io::Result<Option<Self>> {
        let processes: Vec<Process> = pids.iter().map(|&pid| Process::new(pid)).collect::<io::Result<_>>()?;
        Ok((!processes.is_empty()).then_some(Processes(processes)))
    }

    /// As [`Process::cpu`].
    pub fn cpu(&self) -> Nanos {
        self.0.iter().map(Process::cpu).sum()
    }

    /// As [`Process::user_bytes`]; `None` if it is not known of each.
    pub fn user_bytes(&self) -> Option<u64> {
        self.0.iter().map(Process::user_bytes).sum()
    }

    /// As [`Process::descriptors`]; `None` without permission for each.
    pub fn descriptors(&self) -> Option<usize> {
        self.0.iter().map(Process::descriptors).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn child_process_has_cpu_time_memory_and_descriptors() {
        // Each line makes the shell work; it sleeps between them.
        let mut child = Command::new("sh")
            .args(["-c", "while read line; do i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo; done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let process = Process::new(child.id()).unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut before = 0;
        for _ in 0..3 {
            stdin.write_all(b"x\n").unwrap();
            io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
            let now = process.cpu();
            assert!(now >= before, "{now} after {before}");
            before = now;
        }
        assert!(before > 0);
        assert!(process.user_bytes().unwrap() > 10_000);
        assert!(process.descriptors().unwrap() >= 3);
        drop(stdin);
        // Until it is waited for, it is there with all of its time.
        io::Read::read_to_end(&mut stdout, &mut Vec::new()).unwrap();
        let end = process.cpu();
        assert!(end >= before, "{end} after {before}");
        child.wait().unwrap();
        assert_eq!((process.cpu(), process.user_bytes()), (0, None));
    }

    #[test]
    fn own_cpu_time_grows() {
        let before = Process::own_cpu();
        assert!(before > 0 && before <= Process::own_cpu());
    }

    #[test]
    fn missing_process_is_an_error() {
        assert!(Process::new(PID_LIMIT).is_err());
        let error = Processes::find(&[std::process::id(), PID_LIMIT]).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no process {PID_LIMIT}, or you may not see it"));
        assert!(Processes::find(&[]).unwrap().is_none());
    }

    #[test]
    fn costs_of_processes_are_added() {
        let child = || Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut children = [child(), child()];
        for child in &mut children {
            // It has started when it answers.
            child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
            io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        }
        let pids = [children[0].id(), children[1].id()];
        let both = Processes::find(&pids).unwrap().unwrap();
        let each = pids.map(|pid| Process::new(pid).unwrap());
        let sum = |of: fn(&Process) -> Option<u64>| each.iter().map(of).sum::<Option<u64>>();
        assert_eq!(both.user_bytes(), sum(Process::user_bytes));
        assert_eq!(both.descriptors().map(|open| open as u64), sum(|it| it.descriptors().map(|open| open as u64)));
        for child in &mut children {
            drop(child.stdin.take());
            // It has ended, and its time is complete, but it is not waited for.
            let id = WaitId::Pid(Pid::from_child(child));
            waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        }
        let times = each.map(|process| process.cpu());
        assert!(times.iter().all(|&time| time > 0));
        assert_eq!(both.cpu(), times.iter().sum::<Nanos>());
        children.iter_mut().for_each(|child| assert!(child.wait().unwrap().success()));
        assert_eq!((both.cpu(), both.user_bytes()), (0, None), "they have ended");
    }
}
