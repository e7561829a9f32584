//! The start of a cluster for trying: `tests/cluster/up`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program;
use crate::harness::{Client, Lines, PROGRAM, wait};
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
fn cluster_for_trying_says_how_to_connect_and_leaves_nothing_behind() {
    let dir = TestDir::new();
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/up"));
    command.args(["2", "--name", "trial"]).env("CHINWAG", PROGRAM).env("CHINWAG_NATS_SERVER", program());
    command.env("TMPDIR", &dir.0).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut script = Script(command.spawn().expect("the script starts"));
    let mut output = Lines::new(script.0.stdout.take().expect("stdout"));
    let addrs = ["node-1", "node-2"].map(|name| {
        let line = output.until(&format!("{name}: nc 127.0.0.1 "));
        let port = line.split([' ', ',']).nth(3).and_then(|port| port.parse().ok()).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    for addr in addrs {
        assert!(Client::connect(addr).line().contains(" at trial. Type a nickname"));
    }
    output.until("Ctrl-C ends all");
    assert_eq!(fs::read_dir(&dir.0).expect("a folder").count(), 1);
    script.terminate();
    assert_eq!(wait(&mut script.0).code(), Some(143));
    assert_eq!(fs::read_dir(&dir.0).expect("a folder").count(), 0);
    for addr in addrs {
        assert!(TcpStream::connect(addr).is_err());
    }
}
