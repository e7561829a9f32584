//! The command line: options, their defaults and environment variables, to typed settings.

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

/// A chat server in one thread: anything that speaks lines over TCP is a client
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = "Without a command it serves.")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What chinwag can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (a bare `chinwag` does that, too)
    Serve(Box<Serve>),
    /// Talk on a server, this one or another
    Connect(Connect),
    /// Write what is kept in a server's file as lines
    Export(Export),
    /// Read such lines into a server's file
    Import(Import),
    /// Measure what a server can do, this one or another
    Bench(Box<Bench>),
    /// Print the reference, by topic
    Manual(Manual),
    /// A process that belongs to a load test
    #[command(hide = true, subcommand)]
    BenchPart(BenchPart),
}

impl Cli {
    /// Parses the command line and checks what only makes sense together; ends the process with code 2 if it does not.
    pub fn parse_and_check() -> Command {
        let command = Self::parse().into_command();
        if let Command::Serve(serve) = &command
            && let Err(why) = serve.check()
        {
            Self::command().error(ErrorKind::ArgumentConflict, why).exit();
        }
        command
    }

    /// What is to be done.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// `-h`, `--help` and `help COMMAND` show the same, since no text has a longer version.
    #[test]
    fn there_is_one_help() {
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
