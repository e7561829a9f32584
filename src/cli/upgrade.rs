//! The options of `chinwag upgrade`.

use std::io::{self, Write};

use clap::Args;

use super::source::SourceArgs;
use crate::control::Error;

const AFTER_HELP: &str = "The server starts the program at the path by which it was started itself, and hands its connections over to it. If that fails, \
it goes on as before, and this command says why. Exit code 0 means that the new program serves. `chinwag manual service` has more.";

/// Replace a running server by the program that is on disk now, without a dropped connection
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Upgrade {
    #[command(flatten)]
    source: SourceArgs,
}

impl Upgrade {
    /// Asks the server, and waits until it is replaced; writes the number of the new process to standard output.
    ///
    /// # Errors
    /// Why it is not replaced.
    pub fn run(self) -> Result<(), Error> {
        let pid = self.source.source().upgrade()?;
        // What cannot be written is not needed: the exit code says it.
        let _ = writeln!(io::stdout(), "process {pid} serves now");
        Ok(())
    }
}
