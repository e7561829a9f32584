//! A node whose servers of NATS are given by name, while no name can be looked up.

use std::process::Command;

use super::{health, node_args};
use crate::harness::{PROGRAM, Server};
use crate::store::TestDir;

/// Runs the server where /etc/hosts is a pipe to which no process writes, so that each look-up of a name waits without
/// end.
const SCRIPT: &str = r#"mkfifo "$0/hosts" && mount --bind "$0/hosts" /etc/hosts && exec "$@""#;

#[test]
#[ignore = "needs name spaces of users"]
fn node_goes_on_while_a_name_is_looked_up() {
    let dir = TestDir::new();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT]).arg(&dir.0);
    command.args([PROGRAM, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(node_args("nats://a.example", "a"));
    let mut node = Server::spawn(command);
    let line = node.log.until("metrics on http://");
    let addr = line.split("http://").nth(1).and_then(|addr| addr.strip_suffix("/metrics")).expect("an address");
    let admin = addr.parse().expect("an address");
    for _ in 0..2 {
        assert_eq!(health(admin), 503);
    }
    node.log.until("no connection to a.example:4222: its name cannot be found: no answer yet, after 3 seconds");
    assert_eq!(health(admin), 503);
}
