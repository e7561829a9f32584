//! Results of a load test: for people, for programs, and as a chart.

pub mod addresses;
pub mod encryption;
pub mod figures;
pub mod latency;
pub mod machine;
pub mod own_cost;
pub mod progress;
pub mod ratio;
pub mod rows;
pub mod svg;
pub mod table;

use std::net::SocketAddr;

use serde::Serialize;

use self::latency::LatencySummary;
use self::rows::Rows;
use super::error::Error;
use super::settings::CommonSettings;
use super::workload::encoding::Encoding;
use machine::Machine;

/// The result of a load test; `M` are the figures of any of its scenarios.
#[derive(Debug, Serialize)]
pub struct Report<M> {
    /// The version of this program.
    pub chinwag: &'static str,
    /// `release`, or `debug`, whose figures mean little.
    pub build: &'static str,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// The machine.
    pub machine: Machine,
    /// The server: its addresses, or `own`.
    pub server: String,
    /// The encoding spoken with it.
    pub encoding: Encoding,
    /// What carries it.
    pub transport: TransportKind,
    /// The scenarios.
    pub scenarios: Vec<ScenarioReport<M>>,
}

/// What carries an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    Tcp,
    Tls,
}

/// The result of one scenario.
#[derive(Debug, Serialize)]
pub struct ScenarioReport<M> {
    /// The command that repeats it.
    pub command: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Remarks needed to understand the figures.
    pub notes: Vec<String>,
    /// The figures; `None` if it ended before the first measurement.
    pub measured: Option<M>,
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

/// The result of a scenario.
pub trait Figures {
    /// Whether every expected message arrived once, in order and intact.
    fn is_right(&self) -> bool;

    /// What the chart shows: names and distributions of the measured latencies.
    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)>;

    /// Rows of the table.
    fn rows(&self, encoding: Encoding) -> Rows;

    /// The most important figures, for the summary.
    fn headline(&self) -> Vec<String>;
}

impl<M: Figures> Report<M> {
    /// An empty result.
    pub fn begin(settings: &CommonSettings) -> Self {
        Report {
            chinwag: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            started: machine::utc_now(),
            machine: Machine::this(),
            server: server(&settings.addrs),
            encoding: settings.encoding,
            transport: if settings.tls { TransportKind::Tls } else { TransportKind::Tcp },
            scenarios: Vec::new(),
        }
    }

    /// Adds figures and remarks of the running scenario.
    pub fn add(&mut self, measured: Option<M>, notes: Vec<String>) {
        self.scenarios.push(ScenarioReport { command: String::new(), outcome: Outcome::Passed, notes, measured });
    }

    /// Adds a remark to the running scenario.
    pub fn note(&mut self, note: String) {
        if self.scenarios.last().is_none_or(|done| !done.command.is_empty()) {
            self.add(None, Vec::new());
        }
        self.scenarios.last_mut().expect("one was added").notes.push(note);
    }

    /// Ends the running scenario; `command` repeats it.
    pub fn end_scenario(&mut self, command: String, result: Result<(), Error>) -> Outcome {
        if self.scenarios.last().is_none_or(|done| !done.command.is_empty()) {
            self.add(None, Vec::new());
        }
        let done = self.scenarios.last_mut().expect("one was added");
        done.command = command;
        done.outcome = match result {
            Ok(()) if done.measured.as_ref().is_none_or(|measured| measured.is_right()) => Outcome::Passed,
            Ok(()) => Outcome::Faulty,
            Err(Error::Interrupted(signal)) => Outcome::Interrupted { signal },
            Err(error) => Outcome::Failed { why: error.to_string() },
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
        let code = |done: &ScenarioReport<M>| match done.outcome {
            Outcome::Passed => 0,
            Outcome::Faulty | Outcome::Failed { .. } => 1,
            Outcome::Interrupted { signal } => 128 + signal as u8,
        };
        let faulty = self.scenarios.iter().any(|done| done.measured.as_ref().is_some_and(|it| !it.is_right()));
        if faulty { 1 } else { self.scenarios.iter().map(code).find(|&code| code > 0).unwrap_or(0) }
    }
}

fn server(addrs: &[SocketAddr]) -> String {
    let addrs: Vec<String> = addrs.iter().map(SocketAddr::to_string).collect();
    if addrs.is_empty() { "own".into() } else { addrs.join(", ") }
}

impl<M: Serialize> Report<M> {
    /// As JSON; its schema is `schema.json` beside this file.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("it has only what JSON has");
        text.push('\n');
        text
    }
}
