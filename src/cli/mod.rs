//! Parses the command line: options, defaults, environment variables and the configuration file become typed settings.

mod backup;
mod bench;
mod completions;
pub mod config;
mod connect;
mod export;
mod import;
mod manual;
mod serve;
mod source;
mod upgrade;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use backup::Backup;
pub use bench::{Bench, BenchPart};
pub use completions::Completions;
pub use connect::Connect;
pub use export::Export;
pub use import::Import;
pub use manual::Manual;
pub use serve::Serve;
pub use upgrade::Upgrade;

const AFTER_HELP: &str = "\
Without a command, `serve` runs. -h shows the most used options, --help all. Each option of a server can also be set in the
environment (--max-line as CHINWAG_MAX_LINE) and in the file of --config (max-line = 4096).";

/// Single-threaded chat server; any program that sends lines over TCP is a client
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// The commands of chinwag.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default command)
    #[command(after_help = AFTER_HELP)]
    Serve(Box<Serve>),
    /// Check the options of a server, with its configuration file and the files that it names
    CheckConfig(Box<Serve>),
    /// Print the options of a server that are in force, and where each comes from
    PrintConfig(Box<Serve>),
    /// Connect to a line chat server as a terminal client
    Connect(Connect),
    /// Copy the store of a server into a file, also while the server runs
    Backup(Backup),
    /// Replace a running server by the program that is on disk now, without a dropped connection
    Upgrade(Upgrade),
    /// Write the messages of a store file to standard output
    Export(Export),
    /// Read exported messages into a store file
    Import(Import),
    /// Run a load test against a server
    Bench(Box<Bench>),
    /// Print the reference, by topic
    Manual(Manual),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Helper process of a load test
    #[command(hide = true, subcommand)]
    BenchPart(BenchPart),
    /// Helper process of a server
    #[command(hide = true)]
    HashPasswords,
    /// Helper process of a server that takes part in a cluster
    #[command(hide = true)]
    LookUp { host: String, port: u16 },
}

impl Cli {
    /// Parses the command line, the environment and the configuration file; an error ends the process with code 2.
    pub fn parse_and_check() -> config::Parsed {
        let args: Vec<OsString> = std::env::args_os().collect();
        config::parse(&args).unwrap_or_else(|error| error.exit())
    }

    /// The command to run; `serve` if none was given.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

impl Command {
    /// The options of the server that the command is about, if it is about one.
    pub fn serve(&self) -> Option<&Serve> {
        match self {
            Command::Serve(serve) | Command::CheckConfig(serve) | Command::PrintConfig(serve) => Some(serve),
            Command::BenchPart(BenchPart::Server(serve)) => Some(serve),
            _ => None,
        }
    }

    /// The same, to be changed.
    fn serve_mut(&mut self) -> Option<&mut Serve> {
        match self {
            Command::Serve(serve) | Command::CheckConfig(serve) | Command::PrintConfig(serve) => Some(serve),
            Command::BenchPart(BenchPart::Server(serve)) => Some(serve),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn clap_definition_is_valid() {
        Cli::command().debug_assert();
    }

    /// The help of a command, which `names` name.
    fn shown(names: &[&str], option: &str) -> String {
        Cli::try_parse_from([&["chinwag"], names, &[option]].concat()).unwrap_err().to_string()
    }

    #[test]
    fn long_help_has_every_option_of_the_short_one_and_is_that_of_the_help_command() {
        let mut commands = vec![(Vec::new(), Cli::command())];
        while let Some((path, command)) = commands.pop() {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let (short, long) = (shown(&names, "-h"), shown(&names, "--help"));
            assert!(short.contains("Usage: chinwag"), "{short}");
            let help = Cli::try_parse_from([&["chinwag", "help"], &names[..]].concat()).unwrap_err().to_string();
            assert_eq!(long, help, "{names:?}");
            for option in short.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(long.contains(option), "{option} of {names:?}");
            }
            let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
            commands.extend(inner.map(|inner| ([&path[..], &[inner.get_name().to_owned()]].concat(), inner.clone())));
        }
    }

    #[test]
    fn short_help_leaves_out_rare_options_and_the_long_one_has_all_headings() {
        let (short, long) = (shown(&["serve"], "-h"), shown(&["serve"], "--help"));
        assert!(!short.contains("--keepalive") && short.contains("--listen"));
        for heading in [
            "General",
            "Listeners",
            "TLS",
            "Rooms and people",
            "History",
            "Limits",
            "Security",
            "Web",
            "Cluster",
            "Log",
        ] {
            assert!(long.contains(&format!("\n{heading}:\n")), "{heading}");
            assert!(shown(&[], "--help").contains(&format!("\n{heading}:\n")), "{heading}");
        }
    }

    #[test]
    fn options_of_every_scenario_stand_in_the_help_of_bench_only() {
        let (bench, fanout) = (shown(&["bench"], "--help"), shown(&["bench", "fanout"], "--help"));
        assert!(bench.contains("--at-once") && !bench.contains("--readers"));
        assert!(!fanout.contains("--at-once") && fanout.contains("--readers"));
        assert!(fanout.contains("chinwag bench --help"));
        assert!(!fanout.starts_with("Options of every scenario"), "{fanout}");
    }
}
