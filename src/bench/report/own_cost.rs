//! The cost of the load test itself.

use serde::Serialize;

use super::figures::rounded;
use crate::bench::driver::clock::Nanos;

/// The cost of the load test itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OwnCost {
    /// CPU time of all its processes per delivery or login, in microseconds.
    pub cpu_us: f64,
    /// Share of one core that its busiest process used, 0 to 1.
    pub busy: f64,
    /// Number of processes that read.
    pub processes: usize,
}

impl OwnCost {
    /// Share of one core of the busiest process; all helpers do the same work.
    pub fn busy(took: Nanos, main: Nanos, helpers: Nanos, processes: usize) -> f64 {
        let helper = helpers as f64 / (processes - 1).max(1) as f64;
        // The two clocks are not read at the same moment.
        rounded(helper.max(main as f64) / took as f64, 3).min(1.0)
    }

    /// From this share of a core on, the load test itself is the limit.
    pub const BOTTLENECK: f64 = 0.95;

    /// Whether the load test, not the server, limits the figures.
    pub fn is_bottleneck(&self) -> bool {
        self.busy >= Self::BOTTLENECK
    }

    /// Remarks for scenarios with readers.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.processes > 1 {
            notes.push(format!(
                "readers are split over {} processes, since one cannot have that many open files",
                self.processes
            ));
        }
        if self.is_bottleneck() {
            notes.push(
                "the load test itself was the bottleneck: rate and latency are its own, the server can do more".into(),
            );
        }
        notes
    }
}
