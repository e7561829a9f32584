//! The options of `chinwag import`.

use std::path::PathBuf;

use clap::Args;

use crate::transfer;

/// Read what `chinwag export` wrote into a file, all of it or nothing
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Messages keep their ids, which the file must not have yet, and it is all or nothing. The server that uses the file must have been stopped."
)]
pub struct Import {
    /// The file in which a server keeps what is said; made if there is none
    #[arg(long, env = "CHINWAG_STORE", value_name = "FILE")]
    store: PathBuf,

    /// The file with the lines; standard input without, or if it is -
    #[arg(value_name = "INPUT")]
    input: Option<PathBuf>,
}

impl Import {
    /// What the options come to.
    pub fn settings(self) -> transfer::Import {
        transfer::Import { store: self.store, input: self.input.filter(|input| input.as_os_str() != "-") }
    }
}
