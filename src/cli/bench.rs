//! The options of `chinwag bench`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, Subcommand, ValueEnum, value_parser};

use super::{Cli, Serve};
use crate::bench::Settings;
use crate::bench::driver::clock::SECOND;
use crate::bench::process::cost::PID_LIMIT;
use crate::bench::scenario::{AnyScenario, all_scenarios};
use crate::bench::settings::{CommonSettings, DEFAULT_TIMEOUT};
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::irc;

/// Load test: measures the cost of a server, and checks that each line arrives once and in order
#[derive(Clone, Debug, Args)]
#[command(
    subcommand_value_name = "SCENARIO",
    subcommand_help_heading = "Scenarios",
    next_help_heading = "Options of every scenario",
    mut_subcommands(hide_common)
)]
pub struct Bench {
    #[command(subcommand)]
    scenario: ScenarioArgs,

    #[command(flatten)]
    common: Common,
}

/// Options of every scenario, which may stand before and behind its name.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Drive a running server at this address (with --encoding websocket its --web address, irc: its --irc address)
    /// instead of starting one. Repeat it for several addresses of one chat: the clients connect to each in turn
    #[arg(long, global = true, value_name = "HOST:PORT", value_parser = addr)]
    addr: Vec<SocketAddr>,

    /// Encoding of the clients. plain: lines, as nc sends them; websocket: frames, as the server's page sends them; irc: IRC, in the channel #lobby
    #[arg(long, alias = "dialect", global = true, value_enum, default_value_t, value_name = "ENCODING")]
    encoding: Encoding,

    /// Process number of the server at --addr, to measure its cost; repeat it for several processes, whose costs are
    /// added up
    #[arg(long, global = true, requires = "addr", value_name = "PID", value_parser = value_parser!(u32).range(1..i64::from(PID_LIMIT)))]
    pid: Vec<u32>,

    /// Upgrade the server of --pid again and again, with this time between (chinwag manual service); it needs a control
    /// socket. The server's cost of a line is not measured then
    #[arg(long, global = true, requires = "pid", value_name = "SECONDS", value_parser = value_parser!(u32).range(1..=3600))]
    upgrade_every: Option<u32>,

    /// wait: wait for a prompt of the server before sending the name; none: send it at once
    #[arg(long, global = true, value_enum, default_value_t, value_name = "PROMPT")]
    prompt: Expect,

    /// wait: wait for an answer to the name; none: do not wait
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WELCOME")]
    welcome: Expect,

    /// Whisper command of the server [default: @{name} {text}; irc: PRIVMSG {name} :{text}]
    #[arg(long, global = true, value_name = "LINE", value_parser = whisper_line)]
    whisper: Option<String>,

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

    /// Clients speak TLS; the certificate of the server may be anyone's
    #[arg(long, global = true)]
    tls: bool,

    /// Maximum number of logins in progress at once, or TLS handshakes [default: 64; handshakes: 1000]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
    at_once: Option<u32>,

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

/// Adds the options of every scenario to one, without repeating them in its help.
fn hide_common(scenario: Command) -> Command {
    let own: Vec<_> = scenario.get_arguments().map(|arg| arg.get_id().clone()).collect();
    let about = scenario.get_about().cloned().unwrap_or_default();
    let all = Common::augment_args(scenario).after_help("Options of every scenario: chinwag bench --help").about(about);
    all.mut_args(|arg| if own.contains(arg.get_id()) { arg } else { arg.hide(true) })
}

#[derive(Clone, Debug, Subcommand)]
enum ScenarioArgs {
    #[command(flatten)]
    One(AnyScenario),
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
    /// Asks for an upgrade of the server that is process PID
    Upgrade { pid: u32 },
}

impl Bench {
    /// The settings of the load test; ends the program if they are not possible.
    pub fn settings(&self) -> Settings {
        let common = &self.common;
        if let Some(addr) = common.addr.iter().find(|addr| !addr.ip().is_loopback())
            && !common.yes_remote
        {
            usage_error(format!(
                "{addr} is not on this machine, and a load test can bring a server down: add --yes-remote if it is yours"
            ));
        }
        let scenarios = match &self.scenario {
            ScenarioArgs::One(scenario) => vec![scenario.clone()],
            ScenarioArgs::All => all_scenarios(),
        };
        if common.upgrade_every.is_some() && scenarios.len() > 1 {
            usage_error("--upgrade-every is for one scenario: name it in place of all".into());
        }
        if common.upgrade_every.is_some() && common.pid.len() > 1 {
            usage_error("--upgrade-every is for one process: give --pid once".into());
        }
        for scenario in &scenarios {
            if let Err(text) = scenario.check().and_then(|()| common.check(scenario)) {
                usage_error(text);
            }
        }
        let settings = CommonSettings {
            addrs: common.addr.clone(),
            encoding: common.encoding,
            pids: common.pid.clone(),
            prompt: common.prompt == Expect::Wait,
            welcome: common.welcome == Expect::Wait,
            whisper: common.whisper.clone().unwrap_or_else(|| common.encoding.whisper().into()),
            serve: common.serve.split_whitespace().map(str::to_owned).collect(),
            tls: common.tls,
            at_once: common.at_once.map(|at_once| at_once as usize),
            timeout: u64::from(common.timeout) * SECOND,
            pin: common.pin,
            upgrade_every: common.upgrade_every.map(|seconds| u64::from(seconds) * SECOND),
        };
        Settings { common: settings, scenarios, json: common.json, svg: common.svg.clone() }
    }
}

impl Common {
    /// Checks whether the scenario drives several addresses; and what holds for IRC alone: the length of its lines, and
    /// that a server answers the name, but says nothing before.
    fn check(&self, scenario: &AnyScenario) -> Result<(), String> {
        if self.addr.len() > 1 && !scenario.has_many_addresses() {
            return Err(format!("the scenario {} drives one address: give --addr once", scenario.name()));
        }
        match self.encoding {
            Encoding::Irc if scenario.size() > irc::MAX_SIZE => Err(format!(
                "--size with --encoding irc: at most {} are allowed, since a line has 512 bytes",
                irc::MAX_SIZE
            )),
            Encoding::Irc if self.prompt == Expect::None || self.welcome == Expect::None => {
                Err("--prompt and --welcome are not for --encoding irc: leave them out".into())
            }
            _ => Ok(()),
        }
    }
}

/// Ends the program with a usage error.
fn usage_error(text: String) -> ! {
    let mut command = Cli::command();
    command.build();
    let bench = command.find_subcommand_mut("bench").expect("it is one");
    bench.error(ErrorKind::ValueValidation, text).exit()
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
    use crate::bench::scenario::command;
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
            "connections --count 12 --follow 20 --seconds 1.5",
            "fanout --readers 7 --senders 2 --follow 3 --rate 3 --size 100 --seconds 4",
            "fanout --readers 7 --senders 2 --rate 3 --size 100 --seconds 4",
            "fanout --readers 7 --senders 2 --saturate --in-flight 9 --size 64 --seconds 4",
            "whisper --idle 5 --pairs 2 --rate 10 --storm 1 --seconds 3",
            "churn --rate 50 --residents 3 --seconds 2",
            "stalled --readers 7 --stalled 2 --rate 3 --size 100 --seconds 4",
            "handshakes --count 9 --bystander none",
            "handshakes --count 9",
        ] {
            for common in [
                "",
                " --encoding websocket",
                " --encoding websocket --tls",
                " --encoding irc",
                " --tls --at-once 3",
                " --addr 127.0.0.1:4567 --pid 1",
                " --pin",
                " --serve '-q'",
            ] {
                let text = format!("{what}{common}");
                let args: Vec<&str> = text.split(' ').map(|arg| arg.trim_matches('\'')).collect();
                let settings = bench(&args).unwrap();
                assert_eq!(command(&settings.scenarios[0], &settings.common), format!("chinwag bench {text}"));
            }
        }
    }

    #[test]
    fn command_of_several_addresses_round_trips() {
        let text = "fanout --readers 7 --senders 2 --rate 3 --size 100 --seconds 4 --addr 127.0.0.1:4567 --addr [::1]:4568 \
                    --pid 1 --pid 2";
        let settings = bench(&text.split(' ').collect::<Vec<_>>()).unwrap();
        assert_eq!(settings.common.addrs.iter().map(SocketAddr::port).collect::<Vec<_>>(), [4567, 4568]);
        assert_eq!(settings.common.pids, [1, 2]);
        assert_eq!(command(&settings.scenarios[0], &settings.common), format!("chinwag bench {text}"));
    }

    #[test]
    fn all_has_every_scenario() {
        let settings = bench(&["all"]).unwrap();
        let commands: Vec<String> = settings.scenarios.iter().map(|it| command(it, &settings.common)).collect();
        assert_eq!(commands.len(), 8);
        for name in ["connections", "fanout", "whisper", "churn", "stalled", "handshakes"] {
            assert!(
                commands.iter().any(|command| command.starts_with(&format!("chinwag bench {name} "))),
                "{commands:?}"
            );
        }
    }

    #[test]
    fn out_of_range_values_are_refused() {
        for args in [
            &["connections", "--count", "0"][..],
            &["connections", "--count", "-1"],
            &["connections", "--count", "99999999999"],
            &["connections", "--follow", "21"],
            &["fanout", "--follow", "-1"],
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
