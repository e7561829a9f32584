//! CPU cores: one for the server, the others for the load test.
//!
//! On a machine with few cores the kernel often runs the load test on the core of the server that has woken it up. One
//! of the two then waits for the end of the other's time slice, some milliseconds, and that would be measured.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// The core reserved for the server.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    server: usize,
}

impl Cores {
    /// Reserves one core and moves this process, and those that it starts, to the others.
    ///
    /// # Errors
    /// If there is only one core, or the kernel refuses (sched_setaffinity(2)).
    pub fn split() -> io::Result<Self> {
        let ours = sched_getaffinity(None)?;
        // The current core, so that load tests running at the same time do not all choose the same.
        let (server, rest) = divide(&ours, sched_getcpu()).ok_or_else(|| {
            io::Error::other("--pin needs two cores at least, and there is one for this process: leave it out")
        })?;
        sched_setaffinity(None, &rest)?;
        Ok(Cores { server })
    }

    /// The number of the reserved core.
    pub fn server(self) -> usize {
        self.server
    }

    /// Moves a process to the reserved core.
    pub fn give(self, pid: u32) {
        let mut cores = CpuSet::new();
        cores.set(self.server);
        // If it has ended already, the wait for its answer reports it.
        let _ = sched_setaffinity(Pid::from_raw(pid as i32), &cores);
    }
}

fn divide(ours: &CpuSet, here: usize) -> Option<(usize, CpuSet)> {
    let server = if ours.is_set(here) { here } else { (0..CpuSet::MAX_CPU).find(|&core| ours.is_set(core))? };
    let mut rest = *ours;
    rest.unset(server);
    (rest.count() > 0).then_some((server, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cores: &[usize]) -> CpuSet {
        cores.iter().fold(CpuSet::new(), |mut set, &core| {
            set.set(core);
            set
        })
    }

    #[test]
    fn cores_are_split_between_server_and_load_test() {
        assert_eq!(divide(&set(&[0, 1]), 1), Some((1, set(&[0]))));
        assert_eq!(divide(&set(&[2, 3, 5]), 3), Some((3, set(&[2, 5]))));
        assert_eq!(divide(&set(&[2, 3]), 7), Some((2, set(&[3]))));
        assert_eq!(divide(&set(&[4]), 4), None);
        assert_eq!(divide(&set(&[]), 0), None);
    }
}
