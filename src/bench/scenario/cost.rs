//! The cost of a slice: CPU time of the server or the baseline, and of the load test.

use crate::bench::driver::clock::{self, Nanos};
use crate::bench::driver::generator::Generator;
use crate::bench::error::Error;
use crate::bench::process::cost::{Process, Processes};
use crate::bench::report::figures::{rounded, us_each};
use crate::bench::report::own_cost::OwnCost;
use crate::bench::workload::room::Room;

/// Totals up to a moment, or differences between two moments.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// CPU time of the servers or the baseline.
    pub cpu: Nanos,
    /// Lines delivered.
    pub lines: u64,
    /// Time.
    pub took: Nanos,
    /// CPU time of the load test: main process and helpers.
    own: Nanos,
    helpers: Nanos,
}

impl Cost {
    /// Totals up to now.
    pub fn now(processes: Option<&Processes>, room: &Room, lines: u64) -> Cost {
        Cost {
            cpu: processes.map_or(0, Processes::cpu),
            lines,
            took: clock::now(),
            own: Process::own_cpu(),
            helpers: room.readers.helpers_cpu(),
        }
    }

    /// The difference to `before`.
    pub fn since(self, before: Cost) -> Cost {
        Cost {
            cpu: self.cpu.saturating_sub(before.cpu),
            lines: self.lines - before.lines,
            took: self.took - before.took,
            own: self.own - before.own,
            helpers: self.helpers.saturating_sub(before.helpers),
        }
    }

    /// The sum of all.
    pub fn sum(costs: impl Iterator<Item = Cost>) -> Cost {
        costs.fold(Cost::default(), |sum, cost| Cost {
            cpu: sum.cpu + cost.cpu,
            lines: sum.lines + cost.lines,
            took: sum.took + cost.took,
            own: sum.own + cost.own,
            helpers: sum.helpers + cost.helpers,
        })
    }

    /// CPU time per line in microseconds.
    pub fn us(&self) -> f64 {
        us_each(self.cpu, self.lines)
    }

    /// Cost of the load test per line.
    pub fn own(&self, processes: usize) -> Option<OwnCost> {
        (self.lines > 0).then(|| OwnCost {
            cpu_us: rounded(us_each(self.own + self.helpers, self.lines), 4),
            busy: OwnCost::busy(self.took, self.own, self.helpers, processes),
            processes,
        })
    }
}

/// Measures cost and reader latency of a room during a slice.
pub struct MeasuredSlice {
    processes: Option<Processes>,
    before: Cost,
}

impl MeasuredSlice {
    /// Starts the measurement.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn begin(generator: &mut Generator, processes: Option<&Processes>, room: &Room) -> Result<Self, Error> {
        generator.cpu_at_rest(processes)?;
        let before = Cost::now(processes, room, room.delivered(generator));
        generator.groups[room.readers.group].latency.resume(before.took);
        generator.background.iter_mut().for_each(|background| background.pause());
        Ok(MeasuredSlice { processes: processes.cloned(), before })
    }

    /// When it started.
    pub fn began(&self) -> Nanos {
        self.before.took
    }

    /// Ends the measurement; the cost is returned even with an error.
    pub fn end(self, generator: &mut Generator, room: &Room) -> (Cost, Result<(), Error>) {
        let mut after = Cost::now(self.processes.as_ref(), room, room.delivered(generator));
        generator.background.iter_mut().for_each(|background| background.pause());
        let at_rest = generator.cpu_at_rest(self.processes.as_ref());
        after.cpu = *at_rest.as_ref().unwrap_or(&after.cpu);
        generator.groups[room.readers.group].latency.pause(after.took);
        (after.since(self.before), at_rest.map(drop))
    }
}
