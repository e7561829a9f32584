//! Results of a load test: for people, for programs, and as a chart.

pub mod figures;
pub mod latency;
pub mod machine;
pub mod progress;
pub mod svg;
pub mod table;

use serde::Serialize;

use super::Settings;
use super::driver::clock::Nanos;
use super::error::Error;
use super::interrupted;
use super::scenario::{AnyScenario, Measured, command};
use super::workload::checker::Tally;
use super::workload::encoding::Encoding;
use machine::Machine;

/// The result of a load test.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of this program.
    pub chinwag: &'static str,
    /// `release`, or `debug`, whose figures mean little.
    pub build: &'static str,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// The machine.
    pub machine: Machine,
    /// The server: an address, or `own`.
    pub server: String,
    /// The encoding spoken with it.
    pub encoding: Encoding,
    /// The scenarios.
    pub scenarios: Vec<ScenarioReport>,
}

/// The result of one scenario.
#[derive(Debug, Serialize)]
pub struct ScenarioReport {
    /// The command that repeats it.
    pub command: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Remarks needed to understand the figures.
    pub notes: Vec<String>,
    /// The figures; `None` if it ended before the first measurement.
    pub measured: Option<Measured>,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Outcome {
    /// Completed, and every expected message arrived once and in order.
    Passed,
    /// Completed, but the server lost, duplicated, damaged or reordered messages.
    Faulty,
    /// Ended early by a signal.
    Interrupted {
        /// The number of the signal.
        signal: i32,
    },
    /// Ended early by an error.
    Failed {
        /// The reason.
        why: String,
    },
}

/// Whether every expected message arrived once, in order and intact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryCheck {
    /// Deliveries expected.
    pub expected: u64,
    /// Deliveries counted, and their faults.
    #[serde(flatten)]
    pub tally: Tally,
    /// Deliveries that never came.
    pub lost: u64,
}

impl DeliveryCheck {
    /// From the expected deliveries, the counted ones and the lost ones.
    pub fn new(expected: u64, tally: Tally, lost: u64) -> Self {
        DeliveryCheck { expected, tally, lost }
    }

    /// The difference to an earlier check.
    pub fn since(self, before: DeliveryCheck) -> Self {
        DeliveryCheck {
            expected: self.expected - before.expected,
            tally: self.tally - before.tally,
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    /// Whether there was no fault.
    pub fn is_right(&self) -> bool {
        let Tally { duplicates, out_of_order, damaged, .. } = self.tally;
        self.lost + duplicates + out_of_order + damaged == 0
    }
}

/// The ratio of a figure to the one it is compared with, such as the cost of a bare send; one ratio per slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Median.
    pub median: f64,
    /// Minimum.
    pub lowest: f64,
    /// Maximum.
    pub highest: f64,
    /// Number of slices.
    pub slices: usize,
}

impl Ratio {
    /// From pairs of figures that were measured one right after the other.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let measured = pairs.into_iter().filter(|pair| [pair.0, pair.1].iter().all(|it| it.is_finite() && *it > 0.0));
        let mut ratios: Vec<f64> = measured.map(|(figure, other)| figure / other).collect();
        ratios.sort_by(f64::total_cmp);
        let (lowest, highest) = (*ratios.first()?, *ratios.last()?);
        let middle = ratios.len() / 2;
        let median = if ratios.len() % 2 == 1 { ratios[middle] } else { (ratios[middle - 1] + ratios[middle]) / 2.0 };
        let round = |ratio| figures::rounded(ratio, 3);
        Some(Ratio { median: round(median), lowest: round(lowest), highest: round(highest), slices: ratios.len() })
    }
}

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
        figures::rounded(helper.max(main as f64) / took as f64, 3).min(1.0)
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

impl Report {
    /// An empty result.
    pub fn begin(settings: &Settings) -> Self {
        Report {
            chinwag: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            started: machine::utc_now(),
            machine: Machine::this(),
            server: settings.addr.map_or_else(|| "own".to_owned(), |addr| addr.to_string()),
            encoding: settings.encoding,
            scenarios: Vec::new(),
        }
    }

    /// Adds figures and remarks of the running scenario.
    pub fn add(&mut self, measured: Option<Measured>, notes: Vec<String>) {
        self.scenarios.push(ScenarioReport { command: String::new(), outcome: Outcome::Passed, notes, measured });
    }

    /// Ends the running scenario.
    pub fn end_scenario(&mut self, scenario: &AnyScenario, settings: &Settings, result: Result<(), Error>) -> Outcome {
        if self.scenarios.last().is_none_or(|done| !done.command.is_empty()) {
            self.add(None, Vec::new());
        }
        let done = self.scenarios.last_mut().expect("one was added");
        done.command = command(scenario, settings);
        done.outcome = match result {
            Ok(()) if done.measured.as_ref().is_none_or(|measured| measured.is_right()) => Outcome::Passed,
            Ok(()) => Outcome::Faulty,
            Err(error) => match interrupted(&error) {
                Some(signal) => Outcome::Interrupted { signal },
                None => Outcome::Failed { why: error.to_string() },
            },
        };
        done.outcome.clone()
    }

    /// Why scenarios failed.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        let several = self.scenarios.len() > 1;
        self.scenarios.iter().filter_map(move |done| match &done.outcome {
            Outcome::Failed { why } if several => Some(format!("{why} ({})", done.command)),
            Outcome::Failed { why } => Some(why.clone()),
            _ => None,
        })
    }

    /// 0 if all passed, 1 if not, 128 plus the signal number if a signal ended it.
    pub fn exit_code(&self) -> u8 {
        let code = |done: &ScenarioReport| match done.outcome {
            Outcome::Passed => 0,
            Outcome::Faulty | Outcome::Failed { .. } => 1,
            Outcome::Interrupted { signal } => 128 + signal as u8,
        };
        let faulty = self.scenarios.iter().any(|done| done.measured.as_ref().is_some_and(|it| !it.is_right()));
        if faulty { 1 } else { self.scenarios.iter().map(code).find(|&code| code > 0).unwrap_or(0) }
    }

    /// As JSON; its schema is `schema.json` beside this file.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("it has only what JSON has");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_is_taken_per_pair() {
        let ratio = Ratio::of([(2.0, 1.0), (30.0, 10.0), (100.0, 100.0)]).unwrap();
        assert_eq!(ratio, Ratio { median: 2.0, lowest: 1.0, highest: 3.0, slices: 3 });
        assert_eq!(Ratio::of([(1.0, 1.0), (2.0, 1.0)]).unwrap().median, 1.5);
        assert_eq!(Ratio::of([(1.0, 0.0), (0.0, 1.0), (1.0, f64::INFINITY)]), None);
    }

    #[test]
    fn every_fault_fails_the_check() {
        let right = DeliveryCheck::new(5, Tally { delivered: 5, echoed: 3, ..Tally::default() }, 0);
        assert!(right.is_right());
        assert!(!DeliveryCheck { lost: 1, ..right }.is_right());
        for tally in [
            Tally { duplicates: 1, ..right.tally },
            Tally { out_of_order: 1, ..right.tally },
            Tally { damaged: 1, ..right.tally },
        ] {
            assert!(!DeliveryCheck { tally, ..right }.is_right());
        }
    }
}
