//! The load test on a server that is replaced again and again.

use rustix::process::Pid;

use super::Replaceable;
use crate::bench::{bench, finish, json};

#[test]
fn load_test_has_the_server_replaced_and_loses_nothing() {
    let mut server = Replaceable::start(&["--rate", "0", "--history", "0"]);
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
    let last = rest.strip_suffix(" now").and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    let checked = &scenario["measured"]["checked"];
    assert_eq!((&checked["lost"], &checked["duplicates"]), (&0.into(), &0.into()));
    assert!(last.is_some(), "{note}");
    server.login("alice").expect_nothing();
    server.follow();
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
