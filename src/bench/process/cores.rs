//! Which core the server has to itself, so that the load test does not stand in its way.
//!
//! Where there are few, the kernel often puts the load test on the core of the server that has woken it up.
//! One of the two then waits for the other's time slice of some milliseconds, and that is what is measured.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    server: usize,
}

impl Cores {
    /// Sets one core aside and keeps this process, and those that it starts, off it.
    ///
    /// # Errors
    /// If there is only one for us, or the kernel does not let us choose (sched_setaffinity(2)).
    pub fn split() -> io::Result<Self> {
        let ours = sched_getaffinity(None)?;
        // Where we are now, so that load tests at the same time do not all choose the same.
        let (server, rest) = divide(&ours, sched_getcpu()).ok_or_else(|| {
            io::Error::other("--pin needs two cores at least, and there is one for this process: leave it out")
        })?;
        sched_setaffinity(None, &rest)?;
        Ok(Cores { server })
    }

    /// The number of the core that was set aside.
    pub fn server(self) -> usize {
        self.server
    }

    /// Puts a process on that core, and nowhere else.
    pub fn give(self, pid: u32) {
        let mut cores = CpuSet::new();
        cores.set(self.server);
        // One that has ended already is found out where its answer is waited for.
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
    fn the_server_gets_one_core_and_the_load_test_the_others() {
        assert_eq!(divide(&set(&[0, 1]), 1), Some((1, set(&[0]))));
        assert_eq!(divide(&set(&[2, 3, 5]), 3), Some((3, set(&[2, 5]))));
        assert_eq!(divide(&set(&[2, 3]), 7), Some((2, set(&[3]))));
        assert_eq!(divide(&set(&[4]), 4), None);
        assert_eq!(divide(&set(&[]), 0), None);
    }
}
