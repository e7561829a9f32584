//! The load test on a server that is replaced again and again.

use rustix::process::Pid;

use super::Replaceable;
use crate::bench::{bench, finish, json};
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
