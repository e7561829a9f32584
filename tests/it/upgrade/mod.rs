//! Servers that are replaced by the program on disk while their clients are connected.

mod clients;
mod command;
mod failing;
mod listeners;
mod load;
mod messages;
mod relay;
mod service;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open};

use crate::harness::{DEADLINE, PROGRAM, Server, Signal};
use crate::store::TestDir;

/// A server whose program is a link in a folder of its own, so that another program can be put in its place.
pub struct Replaceable {
    server: Server,
    dir: TestDir,
    /// The process that serves.
    pid: Pid,
}

impl Deref for Replaceable {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Replaceable {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl Drop for Replaceable {
    fn drop(&mut self) {
        let _ = kill_process(self.pid, Signal::KILL);
    }
}

impl Replaceable {
    pub fn start(args: &[&str]) -> Replaceable {
        Self::start_in(TestDir::new(), args, &[])
    }

    fn start_in(dir: TestDir, args: &[&str], variables: &[(&str, &str)]) -> Replaceable {
        let mut command = Command::new(link_program(&dir));
        command.args(["--listen", "127.0.0.1:0"]).args(args).envs(variables.iter().copied());
        Self::run(dir, command)
    }

    /// Runs a command that runs the program in that folder.
    fn run(dir: TestDir, command: Command) -> Replaceable {
        let server = Server::spawn(command);
        let pid = Pid::from_child(&server.child);
        Replaceable { server, dir, pid }
    }

    fn program(&self) -> PathBuf {
        self.dir.0.join("chinwag")
    }

    /// Puts a script in the place of the program.
    fn put_script(&self, text: &str) {
        let (program, draft) = (self.program(), self.dir.0.join("draft"));
        fs::write(&draft, text).expect("a script");
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::rename(draft, program).expect("a new program");
    }

    /// Puts the program back.
    fn put_program(&self) {
        let _ = fs::remove_file(self.program());
        link_program(&self.dir);
    }

    fn ask_upgrade(&self) {
        self.send_signal(Signal::USR2);
    }

    fn send_signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("kill");
    }

    /// Waits until the successor serves, and the old process has ended.
    fn await_upgrade(&mut self) {
        let (old, line) = self.await_successor();
        assert!(!line.contains("relay"), "{line}");
        await_end(old);
    }

    /// Waits until the successor serves; returns the old process, which may go on as a relay, and what it has said.
    fn await_successor(&mut self) -> (Pid, String) {
        let line = self.server.log.until("serves on with ");
        let pid = successor(&line);
        assert_ne!(pid, self.pid);
        (std::mem::replace(&mut self.pid, pid), line)
    }

    /// Finds the process that serves after upgrades that something else has asked for, also the last one, if it is under way.
    fn follow(&mut self) {
        let mut under_way = false;
        while self.server.log.has_more() {
            let line = self.server.log.next().expect("a line");
            if line.contains(" serves on with ") {
                self.pid = successor(&line);
            }
            under_way = line.contains(" is started, ") || under_way && !line.contains(" serves on with ");
        }
        if under_way {
            self.await_upgrade();
        }
    }

    pub fn upgrade(&mut self) {
        self.ask_upgrade();
        self.await_upgrade();
    }

    /// Asks for an upgrade that fails; returns why.
    fn fail_to_upgrade(&mut self) -> String {
        self.ask_upgrade();
        self.await_failure()
    }

    fn await_failure(&mut self) -> String {
        let line = self.server.log.until("the upgrade has failed");
        line.split_once("and this process goes on: ").expect("a reason").1.to_owned()
    }

    /// Ends the server by a signal; returns the rest of its log.
    fn end(mut self) -> Vec<String> {
        self.send_signal(Signal::TERM);
        await_end(self.pid);
        self.server.log.rest()
    }
}

/// Makes the link to the program in a folder.
fn link_program(dir: &TestDir) -> PathBuf {
    let link = dir.0.join("chinwag");
    std::os::unix::fs::symlink(PROGRAM, &link).expect("a link");
    link
}

/// The process that a line of the log names.
fn successor(line: &str) -> Pid {
    let number = line.split("process ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).and_then(Pid::from_raw).expect("a process number")
}

/// Waits for the end of a process, which need not be a child of this one.
fn await_end(pid: Pid) {
    let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let timeout = Timespec { tv_sec: DEADLINE.as_secs() as _, tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).expect("poll");
    assert!(ended > 0, "process {pid:?} does not end");
}
