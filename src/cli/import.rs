//! The options of `chinwag import`.

use std::path::PathBuf;

use clap::Args;

use crate::transfer;

/// Read exported messages into a store file, all of them or none
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Messages keep their ids; an id that is already in the store is an error. Stop the server that uses the store first."
)]
pub struct Import {
    /// The store file of a server; created if it does not exist
    #[arg(long, env = "CHINWAG_STORE", value_name = "FILE")]
    store: PathBuf,

    /// The file with the exported messages; - or none for standard input
    #[arg(value_name = "INPUT")]
    input: Option<PathBuf>,
}

impl Import {
    /// The settings of the import.
    pub fn settings(self) -> transfer::ImportSettings {
        transfer::ImportSettings { store: self.store, input: self.input.filter(|input| input.as_os_str() != "-") }
    }
}
