//! The options of `chinwag backup`.

use std::path::PathBuf;

use clap::Args;

use super::source::SourceArgs;
use crate::transfer;

const AFTER_HELP: &str = "The server that uses the store makes the copy while it runs, with everything that was said up to its end. If no server runs, \
this command copies the file. Exit code 0 means that the copy is there, whole, and on the disk.";

/// Copy the store of a server into a file, also while the server runs
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Backup {
    #[command(flatten)]
    source: SourceArgs,

    /// Replace an older copy
    #[arg(long)]
    force: bool,

    /// The file of the copy; only the user of the server can read it
    #[arg(value_name = "TO")]
    to: PathBuf,
}

impl Backup {
    /// The settings of the backup.
    pub fn settings(self) -> transfer::BackupSettings {
        transfer::BackupSettings { source: self.source.source(), to: self.to, force: self.force }
    }
}
