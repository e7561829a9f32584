//! The options of `chinwag backup`.

use std::path::PathBuf;

use clap::{Args, value_parser};

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

/// Which store is meant.
#[derive(Clone, Debug, Args)]
struct SourceArgs {
    /// The store file of a server
    #[arg(long, env = "CHINWAG_STORE", value_name = "FILE", required_unless_present_any = ["control", "pid"])]
    store: Option<PathBuf>,

    /// The control socket of the server [default: FILE.control]
    #[arg(long, env = "CHINWAG_CONTROL", value_name = "PATH")]
    control: Option<PathBuf>,

    /// The process of the server, in place of its store and socket
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(1..))]
    pid: Option<u32>,
}

impl Backup {
    /// The settings of the backup.
    pub fn settings(self) -> transfer::BackupSettings {
        let SourceArgs { store, control, pid } = self.source;
        // The environment may name a store and a socket; a process is named for one command.
        let (store, control) = if pid.is_some() { (None, None) } else { (store, control) };
        let source = transfer::Source { store, control, pid };
        transfer::BackupSettings { source, to: self.to, force: self.force }
    }
}
