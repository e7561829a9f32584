//! `chinwag completions`: completion scripts of shells.

use std::io::{self, Write};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// The shell whose script is printed; the manual tells where to put it.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// bash, zsh or fish
    #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new(), hide_possible_values = true)]
    shell: Shell,
}

impl Completions {
    /// Prints the script to standard output.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn print(&self) -> io::Result<()> {
        let all = Cli::command();
        // Helper processes are not for people.
        let visible = all.get_subcommands().filter(|command| !command.is_hide_set());
        let mut shown = Command::new("chinwag").args(all.get_arguments()).subcommands(visible);
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut shown, "chinwag", &mut script);
        io::stdout().write_all(&script)
    }
}
