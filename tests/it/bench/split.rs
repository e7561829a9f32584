//! Several processes, where one cannot have enough open files.

use super::faults::mixture;
use super::{Faults, NONE, assert_checked, finish, limited};
use crate::faulty_server::{Act, Delivery, POLITE, drive};
use crate::harness::Server;

/// More readers than 150 open files allow.
const READERS: u64 = 300;

fn fanout(more: &str) -> String {
    format!("fanout --readers {READERS} {more}")
}

#[test]
fn readers_beyond_open_file_limit_use_helpers() {
    let server = Server::start(&["--rate", "0", "--max-clients", "400"]);
    let finished =
        finish(limited(150, &fanout(&format!("--senders 2 --rate 10 --seconds 0.4 --addr {}", server.addr))));
    let measured = finished.passed();
    assert!(measured["own"]["processes"].as_u64() > Some(1), "{measured}");
    assert_checked(&measured["checked"], 4 * (READERS + 1), NONE);
    assert_eq!(measured["latency"]["count"], 4 * READERS);
    assert!(finished.report()["scenarios"][0]["notes"][0].as_str().is_some_and(|note| note.contains("processes")));
}

#[test]
fn clients_beyond_open_file_limit_use_helpers() {
    let server = Server::start(&["--rate", "0", "--max-clients", "400"]);
    let args =
        format!("connections --count {READERS} --seconds 0.1 --addr {} --pid {}", server.addr, server.child.id());
    let finished = finish(limited(150, &args));
    let measured = finished.passed();
    assert!(finished.report()["scenarios"][0]["notes"][0].as_str().is_some_and(|note| note.contains("processes")));
    assert_eq!(measured["logged_in"], READERS);
    assert_checked(&measured["reach"]["checked"], READERS - 1, NONE);
    assert!(measured["own"]["processes"].as_u64() > Some(1) && measured["server_cpu_us"].is_number(), "{measured}");
}

#[test]
fn too_many_readers_for_baseline_skip_comparison() {
    let server = Server::start(&["--rate", "0", "--max-clients", "400"]);
    let pid = server.child.id();
    let args = fanout(&format!("--rate 10 --seconds 0.4 --addr {} --pid {pid}", server.addr));
    let finished = finish(limited(150, &args));
    let measured = finished.passed();
    assert!(measured["server_cpu_us"].is_number() && measured["ratio"].is_null(), "{measured}");
    assert!(finished.report()["scenarios"][0]["notes"][0].as_str().is_some_and(|note| note.contains("no baseline")));
}

#[test]
fn faults_in_helpers_are_counted() {
    let mut done = Faults::default();
    let acts = |line: Delivery| {
        // Numbers beyond those reserved for this process belong to readers in helpers.
        let elsewhere = u64::from(line.to) >= READERS;
        if elsewhere && line.seq < 3 { mixture(line, &mut done) } else { Act::Deliver }
    };
    let measured = drive(limited(150, &fanout("--rate 10 --seconds 0.4 --timeout 2")), POLITE, acts).faulty();
    done.assert_all_kinds();
    assert_checked(&measured["checked"], 4 * READERS, done);
}
