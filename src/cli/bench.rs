//! The options of `chinwag bench`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Subcommand, ValueEnum, value_parser};

use super::{Cli, Serve};
use crate::bench::Settings;
use crate::bench::driver::clock::SECOND;
use crate::bench::process::cost::PID_LIMIT;
use crate::bench::scenario::fanout::Pace;
use crate::bench::scenario::{
    AT_ONCE, PATIENCE, Scenario, WHISPER, at_most, churn, connections, fanout, stalled, whisper,
};
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::MIN_SIZE;
use crate::util::fd_limit;

/// How many clients there are, unless one says so or the limit of open files is lower.
const CLIENTS: usize = 15_000;

/// A load test: what a server costs, and whether it loses, doubles or mixes up a line.
#[derive(Clone, Debug, Args)]
#[command(
    subcommand_value_name = "SCENARIO",
    subcommand_help_heading = "Scenarios",
    next_help_heading = "Options of every scenario"
)]
pub struct Bench {
    #[command(subcommand)]
    what: What,

    /// Drive the server that listens there (with --dialect websocket: its --web address), instead of one that the load test starts and stops
    #[arg(long, global = true, value_name = "HOST:PORT", value_parser = addr)]
    addr: Option<SocketAddr>,

    /// plain: clients speak as nc does; websocket: as the server's page does in a browser
    #[arg(long, global = true, value_enum, default_value_t, value_name = "DIALECT")]
    encoding: Encoding,

    /// The process of the server at --addr, to measure what it costs
    #[arg(long, global = true, requires = "addr", value_name = "PID", value_parser = value_parser!(u32).range(1..i64::from(PID_LIMIT)))]
    pid: Option<u32>,

    /// wait: the server says something before the name is due; none: it does not
    #[arg(long, global = true, value_enum, default_value_t, value_name = "PROMPT")]
    prompt: First,

    /// wait: the server answers the name; none: it does not
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WELCOME")]
    welcome: First,

    /// How one whispers to the server
    #[arg(long, global = true, value_name = "LINE", default_value = WHISPER, value_parser = whisper_line)]
    whisper: String,

    /// Drive a server that is not on this machine: only your own, or with its owner's consent
    #[arg(long, global = true)]
    yes_remote: bool,

    /// Further options for the server that the load test starts, such as --serve '-q --history 0'
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

    /// Logins on their way at once
    #[arg(long, global = true, value_name = "N", default_value_t = AT_ONCE as u32, value_parser = value_parser!(u32).range(1..=10_000))]
    at_once: u32,

    /// How long nothing may happen before the load test gives up
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = (PATIENCE / SECOND) as u32, value_parser = value_parser!(u32).range(1..=600))]
    timeout: u32,

    /// Give the server that the load test starts a core of its own, and the load test the others
    #[arg(long, global = true, conflicts_with = "addr")]
    pin: bool,

    /// Print the whole result as JSON
    #[arg(long, global = true)]
    json: bool,

    /// Draw latency over time and its distribution
    #[arg(long, global = true, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// How many clients, how fast they get in, and what each costs
    Connections {
        /// Clients [default: 15000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = people())]
        count: Option<u32>,
        /// How long the server is watched while nothing happens
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// What is said is read by very many: what a delivered line costs, and how late it is
    Fanout {
        /// Those who only read [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = people())]
        readers: Option<u32>,
        /// Those who talk, in turn
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=1000))]
        senders: u32,
        /// Messages a second, of all senders together
        #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
        rate: f64,
        /// As fast as they are read
        #[arg(long, conflicts_with = "rate", action = ArgAction::SetTrue)]
        saturate: bool,
        /// Messages of each sender on their way at once, with --saturate
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = value_parser!(u32).range(1..=10_000))]
        in_flight: u32,
        /// The size of a message
        #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size())]
        size: u32,
        /// How long; the floor is measured for as long again
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Round trips of whispers, in a quiet room and in a busy one
    Whisper {
        /// Those who only read what is said in the room [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = people())]
        idle: Option<u32>,
        /// Pairs who whisper to each other
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
        pairs: u32,
        /// Whispers a second that are to be answered, of all pairs together
        #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
        rate: f64,
        /// Messages a second in the busy room
        #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = rate)]
        storm: f64,
        /// How long, half of it in the quiet room
        #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = seconds)]
        seconds: f64,
    },
    /// People who come, talk and go
    Churn {
        /// Visitors a second
        #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
        rate: f64,
        /// Those who stay and read what the visitors say
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = people())]
        residents: u32,
        /// How long visitors come
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Some stop reading: whether the others get their lines later for that
    Stalled {
        /// Those who read all the time [default: 1000, or what the limit of open files allows]
        #[arg(long, value_name = "N", value_parser = people())]
        readers: Option<u32>,
        /// Those who read nothing in every other slice
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = people())]
        stalled: u32,
        /// Messages a second
        #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
        rate: f64,
        /// The size of a message
        #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size())]
        size: u32,
        /// How long while some are stalled; it is measured while all read for as long again
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
    },
    /// A few minutes of everything, with a summary
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum First {
    #[default]
    Wait,
    None,
}

/// A part of a load test, as the load test itself starts it.
#[derive(Clone, Debug, Subcommand)]
pub enum Part {
    /// The server; of an option that is given twice the last one counts
    #[command(args_override_self = true)]
    Server(Box<Serve>),
    /// What sends and does nothing else, in a run, with a prompt and a welcome of so many bytes
    Baseline { encoding: Encoding, run: u16, prompt: usize, welcome: usize },
    /// Readers past the limit of open files of one process
    Readers,
}

impl Bench {
    /// What a load test is started with; ends the program if that is not to be had.
    pub fn settings(&self) -> Settings {
        if let Some(addr) = self.addr
            && !addr.ip().is_loopback()
            && !self.yes_remote
        {
            refuse(format!(
                "{addr} is not on this machine, and a load test can bring a server down: add --yes-remote if it is yours"
            ));
        }
        // Counts that are not given follow from the limit.
        fd_limit::raise();
        let scenarios = self.scenarios();
        for scenario in &scenarios {
            if let Err(text) = scenario.is_possible() {
                refuse(text);
            }
        }
        Settings {
            addr: self.addr,
            encoding: self.encoding,
            pid: self.pid,
            prompt: self.prompt == First::Wait,
            welcome: self.welcome == First::Wait,
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
        let one = match self.what {
            What::Connections { count, seconds } => {
                let count = given(count, CLIENTS);
                Scenario::Connections(connections::Params { count, seconds })
            }
            What::Fanout { readers, senders, rate, saturate, in_flight, size, seconds } => {
                Scenario::Fanout(fanout::Params {
                    readers: given(readers, 1000),
                    senders: senders as usize,
                    pace: if saturate { Pace::Saturate { in_flight } } else { Pace::Rate(rate) },
                    size: size as usize,
                    seconds,
                })
            }
            What::Whisper { idle, pairs, rate, storm, seconds } => {
                let (idle, pairs) = (given(idle, 1000), pairs as usize);
                Scenario::Whisper(whisper::Params { idle, pairs, rate, storm, seconds })
            }
            What::Churn { rate, residents, seconds } => {
                Scenario::Churn(churn::Params { rate, residents: residents as usize, seconds })
            }
            What::Stalled { readers, stalled, rate, size, seconds } => {
                let (readers, stalled, size) = (given(readers, 1000), stalled as usize, size as usize);
                Scenario::Stalled(stalled::Params { readers, stalled, rate, size, seconds })
            }
            What::All => return everything(own),
        };
        vec![one]
    }
}

/// Ends the program as a bad option does.
fn refuse(text: String) -> ! {
    let mut command = Cli::command();
    command.build();
    let bench = command.find_subcommand_mut("bench").expect("it is one");
    bench.error(ErrorKind::ValueValidation, text).exit()
}

/// What `all` stands for.
fn everything(own: bool) -> Vec<Scenario> {
    let fanout = |readers, senders, pace| {
        let readers = at_most(readers, own);
        Scenario::Fanout(fanout::Params { readers, senders, pace, size: 64, seconds: 10.0 })
    };
    vec![
        Scenario::Connections(connections::Params { count: at_most(CLIENTS, own), seconds: 10.0 }),
        fanout(1000, 1, Pace::Rate(20.0)),
        fanout(10_000, 1, Pace::Rate(5.0)),
        fanout(1000, 4, Pace::Saturate { in_flight: 16 }),
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

fn people() -> clap::builder::RangedI64ValueParser<u32> {
    // There are not many more names than that; nor sockets, on most machines.
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
        _ => Err("{name} and then {text} have to be in it, as in '/msg {name} {text}'".into()),
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
    fn the_command_of_a_scenario_is_one_that_does_the_same() {
        for what in [
            "connections --count 12 --seconds 1.5",
            "fanout --readers 7 --senders 2 --rate 3 --size 100 --seconds 4",
            "fanout --readers 7 --senders 2 --saturate --in-flight 9 --size 64 --seconds 4",
            "whisper --idle 5 --pairs 2 --rate 10 --storm 1 --seconds 3",
            "churn --rate 50 --residents 3 --seconds 2",
            "stalled --readers 7 --stalled 2 --rate 3 --size 100 --seconds 4",
        ] {
            for common in ["", " --dialect websocket", " --addr 127.0.0.1:4567 --pid 1", " --pin", " --serve '-q'"] {
                let text = format!("{what}{common}");
                let args: Vec<&str> = text.split(' ').map(|arg| arg.trim_matches('\'')).collect();
                let settings = bench(&args).unwrap();
                assert_eq!(settings.scenarios[0].command(&settings), format!("chinwag bench {text}"));
            }
        }
    }

    #[test]
    fn absurd_values_are_refused() {
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
