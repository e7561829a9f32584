//! The options that name a running server.

use std::path::PathBuf;

use clap::{Args, value_parser};

use crate::control::Source;

/// Which server, or store, is meant.
#[derive(Clone, Debug, Args)]
pub struct SourceArgs {
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

impl SourceArgs {
    /// The server that they name.
    pub fn source(self) -> Source {
        let SourceArgs { store, control, pid } = self;
        // The environment may name a store and a socket; a process is named for one command.
        let (store, control) = if pid.is_some() { (None, None) } else { (store, control) };
        Source { store, control, pid }
    }
}
