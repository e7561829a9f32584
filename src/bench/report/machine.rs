//! The machine of a load test.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::system::uname;
use serde::Serialize;

use crate::util::clock;

/// What figures depend on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The kernel and its version.
    pub kernel: String,
    /// The CPU's name.
    pub cpu: String,
    /// Number of CPUs available to this process.
    pub cpus: usize,
    /// The core reserved for the server; `None` if there is none.
    pub server_core: Option<usize>,
    /// Maximum number of open files per process.
    pub open_files: Option<u64>,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let name = uname();
        Machine {
            kernel: format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
            cpu: model.map_or_else(|| name.machine().to_string_lossy().into_owned(), |(_, cpu)| cpu.trim().to_owned()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            server_core: None,
            open_files: getrlimit(Resource::Nofile).maximum,
        }
    }
}

/// The current time (RFC 3339).
pub fn utc_now() -> String {
    let now = clock::utc();
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second) = now.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}
