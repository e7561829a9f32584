//! The start of a cluster for trying, `tests/cluster/up`, and the examples of the manual.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program;
use crate::harness::{Client, Lines, PROGRAM, wait};
use crate::manual::cluster_examples;
use crate::store::TestDir;

/// The script; it ends what it has started.
struct Script(Child);

impl Script {
    fn terminate(&self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.terminate();
            let _ = self.0.wait();
        }
    }
}

#[test]
#[ignore = "needs nats-server"]
fn cluster_for_trying_is_one_chat_and_leaves_nothing_behind() {
    let dir = TestDir::new();
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/up"));
    command.args(["2", "--history", "0"]).env("CHINWAG", PROGRAM).env("CHINWAG_NATS_SERVER", program());
    command.env("TMPDIR", &dir.0).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut script = Script(command.spawn().expect("the script starts"));
    let mut output = Lines::new(script.0.stdout.take().expect("stdout"));
    let addrs = ["node-1", "node-2"].map(|name| {
        let line = output.until(&format!("{name}: nc 127.0.0.1 "));
        let port = line.split([' ', ',']).nth(3).and_then(|port| port.parse().ok()).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    output.until("Ctrl-C ends all");
    let mut alice = Client::connect(addrs[0]).log_in("alice");
    let mut bob = Client::connect(addrs[1]).log_in("bob");
    alice.until("bob joined (2 here)");
    alice.send("hello\n");
    bob.until("alice: hello");
    assert_eq!(fs::read_dir(&dir.0).expect("a folder").count(), 1);
    script.terminate();
    assert_eq!(wait(&mut script.0).code(), Some(143));
    assert_eq!(fs::read_dir(&dir.0).expect("a folder").count(), 0);
    for addr in addrs {
        assert!(TcpStream::connect(addr).is_err());
    }
}

#[test]
#[ignore = "needs nats-server"]
fn configurations_of_the_manual_are_those_of_nats_server() {
    let dir = TestDir::new();
    let file = dir.0.join("nats.conf");
    let whole = ["listen:", "server_name:"].map(cluster_examples).concat();
    assert_eq!(whole.len(), 2);
    // The user with fewer permissions is a part of one.
    let users = cluster_examples("{ user:").concat();
    for text in [whole, vec![format!("authorization {{ users = [ {users} ] }}")]].concat() {
        fs::write(&file, &text).expect("a file");
        let mut command = Command::new(program());
        let output = command.arg("--config").arg(&file).arg("-t").output().expect("nats-server");
        assert!(output.status.success() && text.lines().count() > 2, "{text}: {output:?}");
    }
}
