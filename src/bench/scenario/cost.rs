//! What a slice costs: the server, or one that it is compared with, and the load test itself.

use super::us_each;
use crate::bench::driver::clock;
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::generator::Generator;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::report::Own;
use crate::bench::report::figures::rounded;
use crate::bench::workload::room::Room;

/// Costs up to a moment, or between two.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// CPU time of the one that is driven.
    pub cpu: Nanos,
    /// Lines delivered.
    pub lines: u64,
    /// Time.
    pub took: Nanos,
    /// CPU time of the load test: the main process, and its helpers.
    own: Nanos,
    helpers: Nanos,
}

impl Cost {
    /// Up to now, of the load test and one that is driven.
    pub fn now(process: Option<Process>, room: &Room, lines: u64) -> Cost {
        Cost {
            cpu: process.map_or(0, |process| process.cpu()),
            lines,
            took: clock::now(),
            own: Process::own().cpu(),
            helpers: room.crowd.helpers_cpu(),
        }
    }

    /// What has come to it since `before`.
    pub fn since(self, before: Cost) -> Cost {
        Cost {
            cpu: self.cpu.saturating_sub(before.cpu),
            lines: self.lines - before.lines,
            took: self.took - before.took,
            own: self.own - before.own,
            helpers: self.helpers.saturating_sub(before.helpers),
        }
    }

    /// Of all of them.
    pub fn sum(costs: impl Iterator<Item = Cost>) -> Cost {
        costs.fold(Cost::default(), |sum, cost| Cost {
            cpu: sum.cpu + cost.cpu,
            lines: sum.lines + cost.lines,
            took: sum.took + cost.took,
            own: sum.own + cost.own,
            helpers: sum.helpers + cost.helpers,
        })
    }

    /// Microseconds of CPU time for each line.
    pub fn us(&self) -> f64 {
        us_each(self.cpu, self.lines)
    }

    /// What the load test took for each line, in so many processes.
    pub fn own(&self, processes: usize) -> Option<Own> {
        (self.lines > 0).then(|| Own {
            cpu_us: rounded(us_each(self.own + self.helpers, self.lines), 4),
            busy: Own::busy(self.took, self.own, self.helpers, processes),
            processes,
        })
    }
}

/// Measured time of a room, with what it costs and the latency of its readers.
pub struct Slice {
    process: Option<Process>,
    before: Cost,
}

impl Slice {
    /// From now on.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn begin(generator: &mut Generator, process: Option<Process>, room: &Room) -> Result<Self, Error> {
        generator.cpu_at_rest(process)?;
        let before = Cost::now(process, room, room.delivered(generator));
        generator.groups[room.crowd.group].latency.resume(before.took);
        Ok(Slice { process, before })
    }

    /// When that was.
    pub fn began(&self) -> Nanos {
        self.before.took
    }

    /// Up to now; the cost is there even if there is an error.
    pub fn end(self, generator: &mut Generator, room: &Room) -> (Cost, Result<(), Error>) {
        let mut after = Cost::now(self.process, room, room.delivered(generator));
        let at_rest = generator.cpu_at_rest(self.process);
        after.cpu = *at_rest.as_ref().unwrap_or(&after.cpu);
        generator.groups[room.crowd.group].latency.pause(after.took);
        (after.since(self.before), at_rest.map(drop))
    }
}
