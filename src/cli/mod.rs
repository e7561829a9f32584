//! Parses the command line: options, defaults and environment variables become typed settings.

mod bench;
mod connect;
mod export;
mod import;
mod manual;
mod serve;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub use bench::{Bench, BenchPart};
pub use connect::Connect;
pub use export::Export;
pub use import::Import;
pub use manual::Manual;
pub use serve::Serve;

/// Single-threaded chat server; any program that sends lines over TCP is a client
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = "Without a command, `serve` runs.")]
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
    Serve(Box<Serve>),
    /// Connect to a line chat server as a terminal client
    Connect(Connect),
    /// Write the messages of a store file to standard output
    Export(Export),
    /// Read exported messages into a store file
    Import(Import),
    /// Run a load test against a server
    Bench(Box<Bench>),
    /// Print the reference, by topic
    Manual(Manual),
    /// Helper process of a load test
    #[command(hide = true, subcommand)]
    BenchPart(BenchPart),
    /// Helper process of a server
    #[command(hide = true)]
    HashPasswords,
}

impl Cli {
    /// Parses the command line and checks options that depend on each other; an error ends the process with code 2.
    pub fn parse_and_check() -> Command {
        let command = Self::parse().into_command();
        if let Command::Serve(serve) = &command
            && let Err(why) = serve.check()
        {
            Self::command().error(ErrorKind::ArgumentConflict, why).exit();
        }
        command
    }

    /// The command to run; `serve` if none was given.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
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

    /// `-h`, `--help` and `help COMMAND` show the same, since no text has a longer version.
    #[test]
    fn help_is_the_same_in_all_three_forms() {
        let shown = |args: &[&str]| Cli::try_parse_from([&["chinwag"], args].concat()).unwrap_err().to_string();
        let mut commands = vec![(Vec::new(), Cli::command())];
        while let Some((path, command)) = commands.pop() {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let short = shown(&[&names[..], &["-h"]].concat());
            assert!(short.contains("Usage: chinwag"), "{short}");
            assert_eq!(short, shown(&[&names[..], &["--help"]].concat()), "{names:?}");
            assert_eq!(short, shown(&[&["help"], &names[..]].concat()), "{names:?}");
            let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
            commands.extend(inner.map(|inner| ([&path[..], &[inner.get_name().to_owned()]].concat(), inner.clone())));
        }
    }
}
