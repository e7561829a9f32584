//! The load test on a server that is replaced again and again.

use rustix::process::Pid;

use super::{Replaceable, await_end};
use crate::bench::{bench, finish, json};
use crate::irc::address;
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;

#[test]
fn load_test_has_the_server_replaced_and_loses_nothing() {
    let dir = TestDir::new();
    let control = dir.0.join("chat.control").to_str().expect("UTF-8").to_owned();
    let mut server = Replaceable::start_in(dir, &["--rate", "0", "--history", "0", "--control", &control], &[]);
    let (addr, pid) = (server.addr, server.pid.as_raw_nonzero());
    let load = format!("fanout --readers 40 --rate 100 --seconds 3 --addr {addr} --pid {pid} --upgrade-every 1");
    let finished = finish(json(&load));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let report = finished.report();
    let scenario = &report["scenarios"][0];
    assert!(scenario["command"].as_str().expect("a command").ends_with(" --upgrade-every 1"), "{scenario}");
    let note = scenario["notes"][0].as_str().expect("a note");
    let (upgrades, rest) = note.split_once(" upgrades of the server, which is process ").expect(note);
    assert!(upgrades.parse::<u32>().expect(note) > 0, "{note}");
    let (last, figures) = rest.split_once(" now: ").expect(note);
    let last = last.parse().ok().and_then(Pid::from_raw);
    assert!(
        figures.contains(" without a delivery at most (at other times ") && figures.contains(" of CPU time each"),
        "{note}"
    );
    let checked = &scenario["measured"]["checked"];
    assert_eq!((&checked["lost"], &checked["duplicates"]), (&0.into(), &0.into()));
    assert!(last.is_some(), "{note}");
    server.login("alice").expect_nothing();
    server.follow();
}

#[test]
fn load_test_with_tls_loses_nothing_and_each_upgrade_counts() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let certificate = files(&dir.0, "a");
    let certificate: Vec<&str> = certificate.iter().map(String::as_str).collect();
    let control = dir.0.join("chat.control").to_str().expect("UTF-8").to_owned();
    let args = ["--listen", "tls://127.0.0.1:0", "--rate", "0", "--history", "0", "--control", &control];
    let args = [&args[..], &certificate].concat();
    let mut server = Replaceable::start_in(dir, &args, &[]);
    let (addr, pid) = (address(&mut server, "tls"), server.pid.as_raw_nonzero());
    let load = format!("fanout --tls --readers 40 --rate 100 --seconds 3 --addr {addr} --pid {pid} --upgrade-every 1");
    let finished = finish(json(&load));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let report = finished.report();
    let scenario = &report["scenarios"][0];
    let checked = &scenario["measured"]["checked"];
    assert_eq!((&checked["lost"], &checked["duplicates"]), (&0.into(), &0.into()));
    let note = scenario["notes"][0].as_str().expect("a note");
    assert!(!note.starts_with("0 upgrades"), "{note}");
    // The first process is the relay of all; the others end at once.
    let (first, line) = server.await_successor();
    assert_eq!(first.as_raw_nonzero(), pid);
    assert!(line.ends_with("this process stays as the relay of 41 with TLS"), "{line}");
    await_end(first);
    server.follow();
}

#[test]
fn upgrade_that_fails_ends_the_load_test_and_says_why() {
    let dir = TestDir::new();
    let control = dir.0.join("chat.control").to_str().expect("UTF-8").to_owned();
    let server = Replaceable::start_in(dir, &["--control", &control], &[]);
    server.put_script("#!/bin/sh\nexit 3\n");
    let (addr, pid) = (server.addr, server.pid.as_raw_nonzero());
    let load = format!("fanout --readers 4 --rate 100 --seconds 20 --addr {addr} --pid {pid} --upgrade-every 1");
    let (why, _) = finish(json(&load)).failed();
    assert!(why.starts_with("--upgrade-every: the server goes on as before: "), "{why}");
}

#[test]
fn upgrades_need_a_process_and_are_for_one_scenario() {
    let server = Replaceable::start(&[]);
    let (addr, pid) = (server.addr, server.pid.as_raw_nonzero());
    let finished = finish(bench(&format!("fanout --addr {addr} --upgrade-every 1")));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let finished = finish(bench(&format!("all --addr {addr} --pid {pid} --upgrade-every 1")));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("--upgrade-every is for one scenario: name it in place of all"), "{finished:?}");
}
