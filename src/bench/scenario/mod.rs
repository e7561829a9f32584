//! The scenarios of a load test.

mod arguments;
pub mod churn;
pub mod connections;
mod cost;
pub mod fanout;
pub mod stalled;
mod stuck;
pub mod whisper;

use std::ops::Deref;

use clap::{Parser, Subcommand};
use serde::Serialize;

use super::Settings;
use super::driver::clock::{self, Nanos, SECOND};
use super::driver::generator::Generator;
use super::error::Error;
use super::process::target::SPARE;
use super::report::Report;
use super::report::latency::LatencySummary;
use super::report::table::Rows;
use super::workload::encoding::Encoding;
use super::workload::message::MIN_SIZE;
use super::workload::readers::RoomPlan;
use super::workload::room::Room;

/// What a load test does. Implemented by the parameters, which are the options of a subcommand.
pub trait Scenario {
    /// Size of its messages in bytes.
    fn size(&self) -> usize {
        SIZE
    }

    /// Checks the parameters against fixed limits.
    ///
    /// # Errors
    /// If there would be too many bytes in flight, or too many visitors.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The options that repeat it.
    fn options(&self) -> String;

    /// Runs the scenario, and adds its figures to the report in any case.
    ///
    /// # Errors
    /// If it could not be completed; the report has the figures measured until then.
    fn run(&self, generator: &mut Generator, settings: &Settings, report: &mut Report) -> Result<(), Error>;
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

/// Defines the subcommands and the results of all scenarios.
macro_rules! scenarios {
    ($($(#[$help:meta])* $name:ident: $module:ident, $parameters:ident;)*) => {
        /// A scenario with its parameters.
        #[derive(Clone, Debug, Subcommand)]
        pub enum AnyScenario {
            $($(#[$help])* $name($module::$parameters),)*
        }

        impl AnyScenario {
            fn name(&self) -> &'static str {
                match self {
                    $(AnyScenario::$name(_) => stringify!($module),)*
                }
            }
        }

        impl Deref for AnyScenario {
            type Target = dyn Scenario;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(AnyScenario::$name(parameters) => parameters,)*
                }
            }
        }

        /// The figures of a scenario.
        #[derive(Debug, Serialize)]
        #[serde(tag = "scenario", rename_all = "lowercase")]
        pub enum Measured {
            $($(#[$help])* $name($module::$name),)*
        }

        impl Deref for Measured {
            type Target = dyn Figures;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Measured::$name(figures) => figures,)*
                }
            }
        }
    };
}

scenarios! {
    /// Number of clients, login rate, and cost per client
    Connections: connections, ConnectionsParams;
    /// Broadcast to many readers: cost and latency of a delivered line
    Fanout: fanout, FanoutParams;
    /// Round trips of whispers, in a quiet room and in a busy one
    Whisper: whisper, WhisperParams;
    /// Clients that log in, send a message and leave
    Churn: churn, ChurnParams;
    /// Slow consumers: whether clients that stop reading delay the others
    Stalled: stalled, StalledParams;
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct OneScenario {
    #[command(subcommand)]
    scenario: AnyScenario,
}

/// The scenarios of `chinwag bench all`.
pub fn all_scenarios() -> Vec<AnyScenario> {
    let many = arguments::default_clients(10_000);
    let commands = [
        "connections",
        "fanout",
        &format!("fanout --readers {many} --rate 5"),
        "fanout --senders 4 --saturate",
        &format!("whisper --idle {many}"),
        "churn",
        "stalled --seconds 6",
    ];
    commands.map(|command| OneScenario::parse_from(command.split(' ')).scenario).into()
}

/// The command that repeats a scenario.
pub fn command(scenario: &AnyScenario, settings: &Settings) -> String {
    let mut command = format!("chinwag bench {} {}", scenario.name(), scenario.options());
    if let Some(addr) = settings.addr {
        command += &format!(" --addr {addr}");
    }
    if settings.encoding != Encoding::Plain {
        command += &format!(" --encoding {}", settings.encoding.name());
    }
    if let Some(pid) = settings.pid {
        command += &format!(" --pid {pid}");
    }
    for (option, taken) in [("prompt", settings.prompt), ("welcome", settings.welcome)] {
        if !taken {
            command += &format!(" --{option} none");
        }
    }
    if settings.whisper != WHISPER {
        command += &format!(" --whisper '{}'", settings.whisper);
    }
    if settings.at_once != AT_ONCE {
        command += &format!(" --at-once {}", settings.at_once);
    }
    if settings.timeout != DEFAULT_TIMEOUT {
        command += &format!(" --timeout {}", settings.timeout / SECOND);
    }
    if settings.pin {
        command += " --pin";
    }
    if settings.addr.is_some_and(|addr| !addr.ip().is_loopback()) {
        command += " --yes-remote";
    }
    if !settings.serve.is_empty() {
        command += &format!(" --serve '{}'", settings.serve.join(" "));
    }
    command
}

/// The default whisper command.
pub const WHISPER: &str = "@{name} {text}";

/// The default number of logins in progress at once.
pub const AT_ONCE: usize = 64;

/// The default timeout.
pub const DEFAULT_TIMEOUT: Nanos = 10 * SECOND;

/// The default size of a message in bytes.
pub const SIZE: usize = 64;
const _: () = assert!(SIZE >= MIN_SIZE);

fn span(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

/// Figures to be compared are measured in turn, each for about this time, so that both meet the same conditions.
const SLICE: f64 = 2.0;

/// The number of slices, and the length of each.
fn slices(seconds: f64) -> (u64, Nanos) {
    let slices = (seconds / SLICE).round().max(1.0);
    (slices as u64, span(seconds / slices))
}

fn plan(settings: &Settings, streams: usize, seconds: f64) -> RoomPlan {
    RoomPlan { streams, at_once: settings.at_once, span: span(seconds), timeout: settings.timeout }
}

/// Due times of events that happen `rate` times per second of measured time, which may pause.
struct Schedule {
    rate: f64,
    next: u64,
}

impl Schedule {
    /// The first event is due at once.
    fn new(rate: f64) -> Self {
        Schedule { rate, next: 0 }
    }

    /// The number of the next event and its due time, if that is before `end`.
    fn next(&mut self, end: Nanos) -> Option<(u64, Nanos)> {
        let due = self.due();
        let number = self.next;
        (due < end).then(|| {
            self.next += 1;
            (number, due)
        })
    }

    /// The due time of the next event.
    fn due(&self) -> Nanos {
        (self.next as f64 * SECOND as f64 / self.rate) as Nanos
    }
}

/// Handles events until `due`; at least some of them, if that is over.
fn wait_until(generator: &mut Generator, due: Nanos) -> Result<(), Error> {
    loop {
        generator.turn(due)?;
        if clock::now() >= due {
            return Ok(());
        }
    }
}

/// Sends, with talkers in turn, the messages due in a slice that began at `begin`; earlier slices had `measured` in
/// total.
fn talk_on_time(
    generator: &mut Generator,
    room: &mut Room,
    schedule: &mut Schedule,
    begin: Nanos,
    measured: Nanos,
    slice: Nanos,
) -> Result<(), Error> {
    while let Some((number, due)) = schedule.next(measured + slice) {
        let due = begin + due - measured;
        wait_until(generator, due)?;
        let talker = (number % room.said.len() as u64) as usize;
        let tag = room.next(talker, due);
        generator.say(room.talkers, talker, tag);
    }
    wait_until(generator, begin + slice)
}

/// Microseconds per item.
fn us_each(cpu: Nanos, count: u64) -> f64 {
    cpu as f64 / 1e3 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_continues_where_it_stopped() {
        let mut schedule = Schedule::new(0.5);
        let mut slices = Vec::new();
        for end in 1..=6 {
            slices.push(schedule.next(end * SECOND));
            assert_eq!(schedule.next(end * SECOND), None);
        }
        assert_eq!(slices, [Some((0, 0)), None, Some((1, 2 * SECOND)), None, Some((2, 4 * SECOND)), None]);
    }
}
