//! The scenarios of a load test.

mod arguments;
pub mod churn;
pub mod connections;
mod cost;
pub mod fanout;
pub mod handshakes;
mod interface;
mod schedule;
pub mod stalled;
mod stuck;
pub mod whisper;

use clap::{Parser, Subcommand};
use serde::Serialize;

use self::interface::Scenario;
use super::driver::clock::SECOND;
use super::driver::generator::Generator;
use super::error::Error;
use super::report::latency::LatencySummary;
use super::report::rows::Rows;
use super::report::{Figures, Report};
use super::settings::{CommonSettings, DEFAULT_TIMEOUT};
use super::workload::encoding::Encoding;

/// Defines the subcommands and the results of all scenarios.
macro_rules! scenarios {
    ($($(#[$help:meta])* $name:ident: $module:ident, $parameters:ident;)*) => {
        /// A scenario with its parameters.
        #[derive(Clone, Debug, Subcommand)]
        pub enum AnyScenario {
            $($(#[$help])* $name($module::$parameters),)*
        }

        impl AnyScenario {
            /// Its name, as on the command line.
            pub fn name(&self) -> &'static str {
                match self {
                    $(AnyScenario::$name(_) => stringify!($module),)*
                }
            }

            /// Size of its messages in bytes.
            pub fn size(&self) -> usize {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.size(),)*
                }
            }

            /// Number of rooms that each client follows.
            pub fn follow(&self) -> usize {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.follow(),)*
                }
            }

            /// Whether its clients may be connected to several addresses of one chat.
            pub fn has_many_addresses(&self) -> bool {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.has_many_addresses(),)*
                }
            }

            /// Checks the parameters against fixed limits.
            ///
            /// # Errors
            /// If there would be too many bytes in flight, or too many visitors.
            pub fn check(&self) -> Result<(), String> {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.check(),)*
                }
            }

            /// The options that repeat it.
            fn options(&self) -> String {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.options(),)*
                }
            }

            /// Runs the scenario, and adds its figures to the report in any case.
            ///
            /// # Errors
            /// If it could not be completed; the report has the figures measured until then.
            pub fn run(
                &self,
                generator: &mut Generator,
                settings: &CommonSettings,
                report: &mut Report<Measured>,
            ) -> Result<(), Error> {
                match self {
                    $(AnyScenario::$name(parameters) => parameters.run(generator, settings, report),)*
                }
            }
        }

        /// The figures of a scenario.
        #[derive(Debug, Serialize)]
        #[serde(tag = "scenario", rename_all = "lowercase")]
        pub enum Measured {
            $($(#[$help])* $name($module::$name),)*
        }

        $(impl From<$module::$name> for Measured {
            fn from(figures: $module::$name) -> Self {
                Measured::$name(figures)
            }
        })*

        impl Figures for Measured {
            fn is_right(&self) -> bool {
                match self {
                    $(Measured::$name(figures) => figures.is_right(),)*
                }
            }

            fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
                match self {
                    $(Measured::$name(figures) => figures.latencies(),)*
                }
            }

            fn rows(&self, encoding: Encoding) -> Rows {
                match self {
                    $(Measured::$name(figures) => figures.rows(encoding),)*
                }
            }

            fn headline(&self) -> Vec<String> {
                match self {
                    $(Measured::$name(figures) => figures.headline(),)*
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
    /// TLS handshakes: their cost, and whether many at once delay the others
    Handshakes: handshakes, HandshakesParams;
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
        "handshakes",
    ];
    commands.map(|command| OneScenario::parse_from(command.split(' ')).scenario).into()
}

/// The command that repeats a scenario.
pub fn command(scenario: &AnyScenario, settings: &CommonSettings) -> String {
    let mut command = format!("chinwag bench {} {}", scenario.name(), scenario.options());
    for addr in &settings.addrs {
        command += &format!(" --addr {addr}");
    }
    if settings.encoding != Encoding::Plain {
        command += &format!(" --encoding {}", settings.encoding.name());
    }
    if settings.tls {
        command += " --tls";
    }
    for pid in &settings.pids {
        command += &format!(" --pid {pid}");
    }
    if let Some(every) = settings.upgrade_every {
        command += &format!(" --upgrade-every {}", every / SECOND);
    }
    for (option, taken) in [("prompt", settings.prompt), ("welcome", settings.welcome)] {
        if !taken {
            command += &format!(" --{option} none");
        }
    }
    if settings.whisper != settings.encoding.whisper() {
        command += &format!(" --whisper '{}'", settings.whisper);
    }
    if let Some(at_once) = settings.at_once {
        command += &format!(" --at-once {at_once}");
    }
    if settings.timeout != DEFAULT_TIMEOUT {
        command += &format!(" --timeout {}", settings.timeout / SECOND);
    }
    if settings.pin {
        command += " --pin";
    }
    if settings.addrs.iter().any(|addr| !addr.ip().is_loopback()) {
        command += " --yes-remote";
    }
    if !settings.serve.is_empty() {
        command += &format!(" --serve '{}'", settings.serve.join(" "));
    }
    command
}
