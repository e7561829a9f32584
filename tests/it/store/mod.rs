//! History that outlives the process.

mod faults;
mod killing;
mod looking;
mod restarting;
mod transfer;
mod whispers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{Client, PROGRAM, Server, Signal};

/// A directory of a test's own, gone with it.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chinwag-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Place(path)
    }

    /// The file.
    fn file(&self) -> PathBuf {
        self.0.join("history.db")
    }

    /// A server that keeps its history there.
    fn start(&self, args: &[&str]) -> Server {
        Server::spawn(self.command(args))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0", "--store"]).arg(self.file()).args(args);
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ends a server without giving it time for anything.
fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait();
}

/// Ends a server as it should be; what its log says from then on.
fn end(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    server.log.rest()
}

/// One line that a program prints which refuses to start; it exits with 1.
fn refused(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let mut lines = errors.lines();
    let line = lines.next_back().expect("a line").to_owned();
    assert!(lines.all(|line| line.contains(" WARN ") || line.contains(" INFO ")), "{errors}");
    line
}

/// Lines that somebody is shown on entering, from the first message on.
fn shown(client: &mut Client) -> Vec<String> {
    client.send("/ping shown\n");
    std::iter::from_fn(|| Some(client.line()).filter(|line| line != "* pong shown")).collect()
}

/// Whether the file is there.
fn is_there(path: &Path) -> bool {
    path.try_exists().expect("a look")
}
