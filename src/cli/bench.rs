//! The options of `chinwag bench`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Subcommand, ValueEnum, value_parser};

use super::{Cli, Serve};
use crate::bench::Settings;
use crate::bench::driver::clock::SECOND;
use crate::bench::process::cost::PID_LIMIT;
use crate::bench::scenario::fanout::SendRate;
use crate::bench::scenario::{
    AT_ONCE, DEFAULT_TIMEOUT, Scenario, WHISPER, at_most, churn, connections, fanout, stalled, whisper,
};
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::MIN_SIZE;
use crate::util::fd_limit;

/// The default number of clients, if the limit of open files allows it.
const CLIENTS: usize = 15_000;

/// Load test: measures the cost of a server, and checks that each line arrives once and in order
#[derive(Clone, Debug, Args)]
#[command(
    subcommand_value_name = "SCENARIO",
    subcommand_help_heading = "Scenarios",
    next_help_heading = "Options of every scenario"
)]
pub struct Bench {
    #[command(subcommand)]
    scenario: ScenarioArgs,

    /// Drive a running server at this address (with --encoding websocket: its --web address) instead of starting one
    #[arg(long, global = true, value_name = "HOST:PORT", value_parser = addr)]
    addr: Option<SocketAddr>,

    /// Encoding of the clients. plain: lines, as nc sends them; websocket: frames, as the server's page sends them
    #[arg(long, alias = "dialect", global = true, value_enum, default_value_t, value_name = "ENCODING")]
    encoding: Encoding,

    /// Process number of the server at --addr, to measure its cost
    #[arg(long, global = true, requires = "addr", value_name = "PID", value_parser = value_parser!(u32).range(1..i64::from(PID_LIMIT)))]
    pid: Option<u32>,

    /// wait: wait for a prompt of the server before sending the name; none: send it at once
    #[arg(long, global = true, value_enum, default_value_t, value_name = "PROMPT")]
    prompt: Expect,

    /// wait: wait for an answer to the name; none: do not wait
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WELCOME")]
    welcome: Expect,

    /// Whisper command of the server
    #[arg(long, global = true, value_name = "LINE", default_value = WHISPER, value_parser = whisper_line)]
    whisper: String,

    /// Allow a server on another machine: only your own, or with its owner's consent
    #[arg(long, global = true)]
    yes_remote: bool,

    /// Options of the server that the load test starts, such as --serve '-q --history 0'
    #[arg(
        long,
        global = true,
        value_name = "OPTIONS",
        allow_hyphen_values = true,
        default_value = "",
        hide_default_value = true,
        conflicts_with = "addr"
    )]
    serve: String,

    /// Maximum number of logins in progress at once
    #[arg(long, global = true, value_name = "N", default_value_t = AT_ONCE as u32, value_parser = value_parser!(u32).range(1..=10_000))]
    at_once: u32,

    /// How long nothing may happen before the load test gives up
    #[arg(long, alias = "patience", global = true, value_name = "SECONDS", default_value_t = (DEFAULT_TIMEOUT / SECOND) as u32, value_parser = value_parser!(u32).range(1..=600))]
    timeout: u32,

    /// Reserve one CPU core for the server that the load test starts
    #[arg(long, global = true, conflicts_with = "addr")]
    pin: bool,

    /// Print the whole result as JSON
    #[arg(long, global = true)]
    json: bool,

    /// Draw a chart of latency over time and of its distribution
    #[arg(long, global = true, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum ScenarioArgs {
    /// Number of clients, login rate, and cost per client
    Connections {
        /// Clients [default: 15000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = count_of_clients())]
        count: Option<u32>,
        /// How long the idle server is measured
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Broadcast to many readers: cost and latency of a delivered line
    Fanout {
        /// Clients that only read [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = count_of_clients())]
        readers: Option<u32>,
        /// Clients that send, in turn
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=1000))]
        senders: u32,
        /// Messages per second, of all senders together
        #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
        rate: f64,
        /// Send as fast as messages are read
        #[arg(long, conflicts_with = "rate", action = ArgAction::SetTrue)]
        saturate: bool,
        /// Messages of each sender in flight at once, with --saturate
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = value_parser!(u32).range(1..=10_000))]
        in_flight: u32,
        /// Size of a message
        #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size())]
        size: u32,
        /// How long; the baseline (bare send) is measured for the same time again
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Round trips of whispers, in a quiet room and in a busy one
    Whisper {
        /// Clients that only read the room [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = count_of_clients())]
        idle: Option<u32>,
        /// Pairs of clients that whisper to each other
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
        pairs: u32,
        /// Whispers per second that expect an answer, of all pairs together
        #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
        rate: f64,
        /// Messages per second in the busy room
        #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = rate)]
        storm: f64,
        /// How long, half of it in the quiet room
        #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Clients that log in, send a message and leave
    Churn {
        /// Visitors per second
        #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
        rate: f64,
        /// Clients that stay and read the visitors' messages
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = count_of_clients())]
        residents: u32,
        /// How long visitors come
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Slow consumers: whether clients that stop reading delay the others
    Stalled {
        /// Clients that always read [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = count_of_clients())]
        readers: Option<u32>,
        /// Clients that stop reading in every other slice
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = count_of_clients())]
        stalled: u32,
        /// Messages per second
        #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
        rate: f64,
        /// Size of a message
        #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size())]
        size: u32,
        /// How long with stalled clients; the time without them is the same again
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// All scenarios, some minutes in total, with a summary
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Expect {
    #[default]
    Wait,
    None,
}

/// A child process of a load test.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchPart {
    /// The server; the last one of repeated options counts
    #[command(args_override_self = true)]
    Server(Box<Serve>),
    /// The baseline of a run, with the sizes of its prompt and of its answer to a name in bytes
    Baseline { encoding: Encoding, run: u16, prompt: usize, welcome: usize },
    /// Readers beyond the limit of open files of one process
    Readers,
}

impl Bench {
    /// The settings of the load test; ends the program if they are not possible.
    pub fn settings(&self) -> Settings {
        if let Some(addr) = self.addr
            && !addr.ip().is_loopback()
            && !self.yes_remote
        {
            usage_error(format!(
                "{addr} is not on this machine, and a load test can bring a server down: add --yes-remote if it is yours"
            ));
        }
        // Default counts depend on the limit.
        fd_limit::raise();
        let scenarios = self.scenarios();
        for scenario in &scenarios {
            if let Err(text) = scenario.is_possible() {
                usage_error(text);
            }
        }
        Settings {
            addr: self.addr,
            encoding: self.encoding,
            pid: self.pid,
            prompt: self.prompt == Expect::Wait,
            welcome: self.welcome == Expect::Wait,
            whisper: self.whisper.clone(),
            serve: self.serve.split_whitespace().map(str::to_owned).collect(),
            at_once: self.at_once as usize,
            timeout: u64::from(self.timeout) * SECOND,
            pin: self.pin,
            scenarios,
            json: self.json,
            svg: self.svg.clone(),
        }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let own = self.addr.is_none();
        let given = |given: Option<u32>, wanted| given.map_or_else(|| at_most(wanted, own), |given| given as usize);
        let one = match self.scenario {
            ScenarioArgs::Connections { count, seconds } => {
                let count = given(count, CLIENTS);
                Scenario::Connections(connections::Params { count, seconds })
            }
            ScenarioArgs::Fanout { readers, senders, rate, saturate, in_flight, size, seconds } => {
                Scenario::Fanout(fanout::Params {
                    readers: given(readers, 1000),
                    senders: senders as usize,
                    pace: if saturate { SendRate::Saturate { in_flight } } else { SendRate::Rate(rate) },
                    size: size as usize,
                    seconds,
                })
            }
            ScenarioArgs::Whisper { idle, pairs, rate, storm, seconds } => {
                let (idle, pairs) = (given(idle, 1000), pairs as usize);
                Scenario::Whisper(whisper::Params { idle, pairs, rate, storm, seconds })
            }
            ScenarioArgs::Churn { rate, residents, seconds } => {
                Scenario::Churn(churn::Params { rate, residents: residents as usize, seconds })
            }
            ScenarioArgs::Stalled { readers, stalled, rate, size, seconds } => {
                let (readers, stalled, size) = (given(readers, 1000), stalled as usize, size as usize);
                Scenario::Stalled(stalled::Params { readers, stalled, rate, size, seconds })
            }
            ScenarioArgs::All => return all_scenarios(own),
        };
        vec![one]
    }
}

/// Ends the program with a usage error.
fn usage_error(text: String) -> ! {
    let mut command = Cli::command();
    command.build();
    let bench = command.find_subcommand_mut("bench").expect("it is one");
    bench.error(ErrorKind::ValueValidation, text).exit()
}

/// The scenarios of `all`.
fn all_scenarios(own: bool) -> Vec<Scenario> {
    let fanout = |readers, senders, pace| {
        let readers = at_most(readers, own);
        Scenario::Fanout(fanout::Params { readers, senders, pace, size: 64, seconds: 10.0 })
    };
    vec![
        Scenario::Connections(connections::Params { count: at_most(CLIENTS, own), seconds: 10.0 }),
        fanout(1000, 1, SendRate::Rate(20.0)),
        fanout(10_000, 1, SendRate::Rate(5.0)),
        fanout(1000, 4, SendRate::Saturate { in_flight: 16 }),
        Scenario::Whisper(whisper::Params {
            idle: at_most(10_000, own),
            pairs: 10,
            rate: 200.0,
            storm: 5.0,
            seconds: 20.0,
        }),
        Scenario::Churn(churn::Params { rate: 200.0, residents: 10, seconds: 10.0 }),
        Scenario::Stalled(stalled::Params {
            readers: at_most(1000, own),
            stalled: 1,
            rate: 20.0,
            size: 64,
            seconds: 6.0,
        }),
    ]
}

fn count_of_clients() -> clap::builder::RangedI64ValueParser<u32> {
    // There are few more names than that, and on most machines fewer sockets.
    value_parser!(u32).range(1..=1_000_000)
}

fn size() -> clap::builder::RangedI64ValueParser<u32> {
    value_parser!(u32).range(MIN_SIZE as i64..=1_048_576)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is allowed")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1, 86_400.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, 1_000_000.0)
}

fn addr(text: &str) -> Result<SocketAddr, String> {
    let help = "write HOST:PORT, such as 127.0.0.1:4567 or [::1]:4567";
    let addrs = text.to_socket_addrs().map_err(|error| format!("{error}; {help}"))?;
    // Where localhost is both, most servers listen on 127.0.0.1.
    addrs.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| help.into())
}

fn whisper_line(text: &str) -> Result<String, String> {
    match text.split("{text}").collect::<Vec<_>>()[..] {
        [before, after] if before.contains("{name}") && !after.contains("{name}") => Ok(text.to_owned()),
        _ => Err("it must contain {name} and then {text}, as in '/msg {name} {text}'".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Command;

    fn bench(args: &[&str]) -> Result<Settings, ErrorKind> {
        match Cli::try_parse_from([&["chinwag", "bench"], args].concat()).map(Cli::into_command) {
            Ok(Command::Bench(bench)) => Ok(bench.settings()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        }
    }

    #[test]
    fn scenario_command_round_trips() {
        for what in [
            "connections --count 12 --seconds 1.5",
            "fanout --readers 7 --senders 2 --rate 3 --size 100 --seconds 4",
            "fanout --readers 7 --senders 2 --saturate --in-flight 9 --size 64 --seconds 4",
            "whisper --idle 5 --pairs 2 --rate 10 --storm 1 --seconds 3",
            "churn --rate 50 --residents 3 --seconds 2",
            "stalled --readers 7 --stalled 2 --rate 3 --size 100 --seconds 4",
        ] {
            for common in ["", " --encoding websocket", " --addr 127.0.0.1:4567 --pid 1", " --pin", " --serve '-q'"] {
                let text = format!("{what}{common}");
                let args: Vec<&str> = text.split(' ').map(|arg| arg.trim_matches('\'')).collect();
                let settings = bench(&args).unwrap();
                assert_eq!(settings.scenarios[0].command(&settings), format!("chinwag bench {text}"));
            }
        }
    }

    #[test]
    fn out_of_range_values_are_refused() {
        for args in [
            &["connections", "--count", "0"][..],
            &["connections", "--count", "-1"],
            &["connections", "--count", "99999999999"],
            &["fanout", "--rate", "0"],
            &["fanout", "--rate", "nan"],
            &["fanout", "--size", "1"],
            &["fanout", "--seconds", "inf"],
            &["whisper", "--pairs", "0"],
            &["connections", "--addr", "nowhere"],
            &["whisper", "--whisper", "/msg {name}"],
        ] {
            let kind = bench(args).map(|_| ()).unwrap_err();
            assert!(matches!(kind, ErrorKind::ValueValidation | ErrorKind::UnknownArgument), "{args:?}: {kind}");
        }
        assert_eq!(bench(&[]).map(|_| ()).unwrap_err(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        assert_eq!(bench(&["connections", "--pid", "1"]).map(|_| ()).unwrap_err(), ErrorKind::MissingRequiredArgument);
    }
}
