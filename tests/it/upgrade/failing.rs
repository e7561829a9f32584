//! Programs that cannot take over: the server goes on as if nothing had been.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::Replaceable;
use crate::harness::{Client, PROGRAM, Signal};
use crate::store::TestDir;

/// Two members who still read each other, and the right process.
fn talk(server: &Replaceable, alice: &mut Client, bob: &mut Client) {
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
    bob.send("me too\n");
    alice.expect("[T] bob: me too");
    assert_eq!(server.connect().line(), "* Welcome to chinwag. Type a nickname and press Enter:");
}

#[test]
fn programs_that_are_missing_or_end_at_once_leave_the_server_as_it_was() {
    let mut server = Replaceable::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    fs::remove_file(server.program()).expect("a program");
    let why = server.fail_to_upgrade();
    assert!(why.starts_with("cannot run ") && why.ends_with("/chinwag: no such file or directory"), "{why}");
    talk(&server, &mut alice, &mut bob);

    server.put_script("no program\n");
    fs::set_permissions(server.program(), fs::Permissions::from_mode(0o644)).expect("a mode");
    let why = server.fail_to_upgrade();
    assert!(why.ends_with("/chinwag: permission denied"), "{why}");
    talk(&server, &mut alice, &mut bob);

    for (script, expected) in [
        ("#!/bin/sh\nexit 7\n", "the new program has ended (exit status: 7)"),
        ("#!/bin/sh\nkill -SEGV $$\n", "the new program has ended (signal: 11"),
        ("#!/bin/sh\nexec /bin/echo out >&0\n", "the new program has sent something that is no message of an upgrade"),
    ] {
        server.put_script(script);
        let why = server.fail_to_upgrade();
        assert!(why.starts_with(expected), "{why}");
        talk(&server, &mut alice, &mut bob);
    }
    server.put_program();
    server.upgrade();
    talk(&server, &mut alice, &mut bob);
}

#[test]
fn program_that_hangs_is_killed_and_signals_meanwhile_are_obeyed() {
    let mut server = Replaceable::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    server.put_script("#!/bin/sh\nexec sleep 1000\n");
    server.ask_upgrade();
    server.log.until("is started, and this one serves on");
    server.ask_upgrade();
    server.log.until("an upgrade is under way already; wait until it is over");
    server.send_signal(Signal::HUP);
    server.log.until("reload");
    talk(&server, &mut alice, &mut bob);
    assert_eq!(server.await_failure(), "the new program was not ready within 10 s");
    talk(&server, &mut alice, &mut bob);

    server.ask_upgrade();
    server.log.until("is started, and this one serves on");
    server.send_signal(Signal::TERM);
    server.log.until("the upgrade is given up, since the server ends");
    alice.until("The server is shutting down");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn program_that_may_have_too_few_descriptors_is_refused() {
    let mut server = Replaceable::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let all: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    server.put_script(&format!("#!/bin/sh\nulimit -n 30\nexec '{PROGRAM}' \"$@\"\n"));
    let why = server.fail_to_upgrade();
    assert!(why.contains("this process may not have so many file descriptors as the one that it replaces"), "{why}");
    talk(&server, &mut alice, &mut bob);
    drop(all);
    server.log.until("(2 connected)");
    server.upgrade();
    talk(&server, &mut alice, &mut bob);
}

#[test]
fn program_that_fails_at_any_step_gives_store_and_connections_back() {
    let dir = TestDir::new();
    let store = dir.file().display().to_string();
    let mut server = Replaceable::start_in(dir, &["--store", &store, "--rate", "0"], &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    // With each descriptor more that the program may have, it gets a step further.
    let mut failures = 0;
    for most in 6.. {
        server.put_script(&format!("#!/bin/sh\nulimit -n {most}\nexec '{PROGRAM}' \"$@\"\n"));
        server.ask_upgrade();
        let line = server.log.until("upgrade: process ");
        assert!(line.contains(" is started"), "{line}");
        let mut seen = Vec::new();
        let end = loop {
            let line = server.log.next().expect("a line");
            if line.contains("the upgrade has failed") || line.contains("serves on with") {
                break line;
            }
            seen.push(line);
        };
        alice.send(&format!("with {most}\n"));
        bob.expect(&format!("[T] alice: with {most}"));
        if end.contains("serves on with") {
            server.pid = super::successor(&end);
            break;
        }
        failures += 1;
        assert!(!seen.iter().any(|line| line.contains("buffered")), "{seen:#?}");
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn program_that_does_not_know_the_word_of_an_upgrade_never_serves() {
    // As an older program does with `take-over`.
    let old =
        Command::new(PROGRAM).args(["take-over-as-never-before", "--listen", "127.0.0.1:0"]).output().expect("output");
    assert_eq!(old.status.code(), Some(2));
    // By hand.
    for args in [&["take-over"][..], &["take-over", "serve", "--listen", "127.0.0.1:0"]] {
        let mut command = Command::new(PROGRAM);
        let output = command.args(args).stdin(Stdio::null()).output().expect("output");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.contains("take-over is a part of an upgrade: the server that is replaced starts it itself"),
            "{error}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
    let output = Command::new(PROGRAM).args(["take-over", "manual"]).output().expect("output");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn settings_that_cannot_change_and_wrong_ones_are_refused() {
    let dir = TestDir::new();
    let config = dir.0.join("chinwag.toml");
    fs::write(&config, "").expect("a file");
    let mut server = Replaceable::start_in(dir, &["--config", config.to_str().unwrap()], &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let store = server.dir.file().display().to_string();
    for (text, why) in [
        ("mode = \"p2p\"", "--mode is another one; end the server and start it again, or leave that as it was"),
        (
            &format!("store = \"{store}\""),
            "--store is another one; end the server and start it again, or leave that as it was",
        ),
        ("nonsense = 1", "the new program has ended (exit status: 2)"),
        ("motd = \"/nowhere/motd\"", "cannot read the message of the day from /nowhere/motd"),
    ] {
        fs::write(&config, text).expect("a file");
        let failure = server.fail_to_upgrade();
        assert!(failure.contains(why), "{failure}");
        talk(&server, &mut alice, &mut bob);
    }
    fs::write(&config, "max-clients = 3\n").expect("a file");
    server.upgrade();
    talk(&server, &mut alice, &mut bob);
}

#[test]
fn failure_after_everything_was_sent_leaves_server_and_store_as_they_were() {
    let dir = TestDir::new();
    let config = dir.0.join("chinwag.toml");
    fs::write(&config, "").expect("a file");
    let store = dir.file().display().to_string();
    let socket = dir.0.join("chat.sock");
    let unix = format!("unix:{}", socket.display());
    let args = ["--config", config.to_str().unwrap(), "--store", &store, "--listen", &unix, "--console"];
    let mut server = Replaceable::start_in(dir, &args, &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    server.type_in("half a l");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = taken.local_addr().expect("an address");
    fs::write(&config, format!("web = \"{addr}\"\n")).expect("a file");
    let why = server.fail_to_upgrade();
    assert!(why.starts_with(&format!("the new program says: cannot listen on {addr}: ")), "{why}");
    talk(&server, &mut alice, &mut bob);
    server.type_in("ine\n");
    alice.expect("[T] server: half a line");
    bob.expect("[T] server: half a line");
    assert!(socket.exists());
    drop(taken);
    server.upgrade();
    talk(&server, &mut alice, &mut bob);
    let log = server.end();
    assert!(log.iter().any(|line| line.contains("all records are stored")), "{log:#?}");
    assert!(!socket.exists());
}
