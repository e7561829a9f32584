//! Parses the command line, runs the command, and reports errors.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use chinwag::bench::baseline;
use chinwag::bench::process::{helper, upgrades};
use chinwag::bench::workload::readers;
use chinwag::cli::config::Parsed;
use chinwag::cli::{BenchPart, Cli, Command, config};
use chinwag::cluster::nats;
use chinwag::server::password;
use chinwag::util::{logging, signals};
use chinwag::{bench, client, server, transfer};

fn main() -> ExitCode {
    let code = run(Cli::parse_and_check()).unwrap_or_else(|error| {
        logging::write_error(&*error);
        1
    });
    logging::finish();
    ExitCode::from(code)
}

fn run(parsed: Parsed) -> Result<u8, Box<dyn Error>> {
    signals::survive_file_size_limit()?;
    let settings = parsed.settings();
    Ok(match parsed.command {
        Command::Serve(serve) => server::run(settings.unwrap_or_else(|| serve.settings()))?,
        Command::CheckConfig(serve) => {
            server::check(&serve.settings())?;
            print("The configuration is valid.\n")?;
            0
        }
        Command::PrintConfig(_) => print(&config::print(&parsed.values)).map(|()| 0)?,
        Command::Completions(completions) => completions.print().map(|()| 0)?,
        Command::Connect(connect) => client::run(&connect.settings())?,
        Command::Backup(backup) => transfer::backup(&backup.settings()).map(|()| 0)?,
        Command::Upgrade(upgrade) => upgrade.run().map(|()| 0)?,
        Command::Export(export) => transfer::export(&export.settings()).map(|()| 0)?,
        Command::Import(import) => transfer::import(&import.settings()).map(|()| 0)?,
        Command::Manual(manual) => manual.print().map(|()| 0)?,
        Command::Bench(bench) => bench::run(&bench.settings())?,
        Command::HashPasswords => password::child::run().map(|()| 0)?,
        Command::LookUp { host, port } => nats::look_up(&host, port).map(|()| 0)?,
        Command::BenchPart(BenchPart::Server(serve)) => {
            helper::end_with_parent();
            server::run(serve.settings())?
        }
        Command::BenchPart(BenchPart::Baseline { encoding, run, prompt, welcome }) => {
            baseline::process::run(encoding, run, prompt, welcome).map(|()| 0)?
        }
        Command::BenchPart(BenchPart::Readers) => {
            readers::run_helper();
            0
        }
        Command::BenchPart(BenchPart::Upgrade { pid }) => upgrades::ask(pid).map(|()| 0)?,
    })
}

/// Prints a text to standard output; a reader that has closed it is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
