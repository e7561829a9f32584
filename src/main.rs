//! Parses the command line, starts the log, runs what was asked for, and says how it went.

use std::process::ExitCode;

use clap::Parser;

use chinwag::cli::{Cli, Command};
use chinwag::{logging, server};

fn main() -> ExitCode {
    let Command::Serve(serve) = Cli::parse().into_command();
    let outcome = server::run(serve.settings());
    let code = match &outcome {
        Ok(code) => *code,
        Err(error) => {
            eprintln!("chinwag: {error}");
            1
        }
    };
    logging::finish();
    ExitCode::from(code)
}
