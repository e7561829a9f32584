//! `chinwag upgrade`, which asks through the control socket.

use std::process::{Command, Output};

use rustix::process::Pid;

use super::{Replaceable, await_end};
use crate::harness::PROGRAM;
use crate::store::TestDir;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("upgrade").args(args).env_remove("CHINWAG_STORE").env_remove("CHINWAG_CONTROL");
    command.output().expect("output")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8").trim_end()
}

#[test]
fn command_ends_when_the_new_program_serves() {
    let dir = TestDir::new();
    let store = dir.0.join("chat.db").to_str().expect("UTF-8").to_owned();
    let mut server = Replaceable::start_in(dir, &["--store", &store], &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let control = format!("{store}.control");
    for round in 0..3 {
        let pid = server.pid.as_raw_nonzero().to_string();
        let named = [["--store", &store], ["--control", &control], ["--pid", &pid]][round];
        let output = run(&named);
        assert!(output.status.success(), "{output:?}");
        let said = text(&output.stdout);
        let number = said.strip_prefix("process ").and_then(|rest| rest.strip_suffix(" serves now"));
        let successor = number.and_then(|number| number.parse().ok()).and_then(Pid::from_raw).expect(said);
        assert_ne!(successor, server.pid);
        await_end(server.pid);
        server.pid = successor;
        alice.send("still here\n");
        bob.expect("[T] alice: still here");
    }
}

#[test]
fn command_says_why_the_server_was_not_replaced() {
    let dir = TestDir::new();
    let control = dir.0.join("chat.control").to_str().expect("UTF-8").to_owned();
    let output = run(&["--control", &control]);
    assert_eq!(output.status.code(), Some(1));
    let why = format!(
        "chinwag: no server has the control socket {control}; name the one that it has with --control PATH, or its process with --pid PID"
    );
    assert_eq!(text(&output.stderr), why);

    let server = Replaceable::start_in(dir, &["--control", &control], &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    server.put_script("#!/bin/sh\nexit 7\n");
    let output = run(&["--control", &control]);
    assert_eq!(output.status.code(), Some(1));
    let why = "chinwag: the server goes on as before: the new program has ended (exit status: 7)";
    assert!(text(&output.stderr).starts_with(why), "{output:?}");
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
}
