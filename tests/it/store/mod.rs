//! Tests of servers with a store.

mod backup;
mod deleting;
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

/// A temporary directory, removed with the value.
pub struct TestDir(pub PathBuf);

impl TestDir {
    pub fn new() -> TestDir {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chinwag-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        TestDir(path)
    }

    /// Path of the store.
    pub fn file(&self) -> PathBuf {
        self.0.join("history.db")
    }

    /// Starts a server with the store.
    pub fn start(&self, args: &[&str]) -> Server {
        Server::spawn(self.command(args))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0", "--store"]).arg(self.file()).args(args);
        command
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Kills a server with SIGKILL.
pub fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait();
}

/// Shuts a server down with SIGTERM; returns the rest of its log.
fn end(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    server.log.rest()
}

/// Runs a program that must refuse to start with exit code 1; returns its last line on standard error.
fn refused(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let mut lines = errors.lines();
    let line = lines.next_back().expect("a line").to_owned();
    assert!(lines.all(|line| line.contains(" WARN ") || line.contains(" INFO ")), "{errors}");
    line
}

/// The lines that a client is sent up to now, after its greeting.
fn shown(client: &mut Client) -> Vec<String> {
    client.send("/ping shown\n");
    std::iter::from_fn(|| Some(client.line()).filter(|line| line != "* pong shown")).collect()
}

/// Whether the file exists.
fn is_there(path: &Path) -> bool {
    path.try_exists().expect("a look")
}
