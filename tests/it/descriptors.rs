//! More people than file descriptors.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

#[test]
fn newcomers_past_the_limit_of_file_descriptors_wait_until_others_leave() {
    let server = Server::in_shell("ulimit -n 40; exec \"$0\" \"$@\"", &[]);
    let mut all: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    let mut late = all.split_off(35);
    let mut alice = all.remove(0).log_in("alice");
    let mut bob = all.remove(0).log_in("bob");
    alice.expect("* bob joined (2 here)");

    let ticks = server.cpu_ticks();
    assert!(!late[4].readable_within(Duration::from_secs(1)), "more connections than file descriptors");
    let spent = server.cpu_ticks() - ticks;
    assert!(spent < 20, "{spent} ticks while nothing happened");
    bob.send("still served\n");
    alice.expect("[T] bob: still served");

    drop(all);
    for client in &mut late {
        while client.line() != WELCOME {}
    }
    alice.send("and still\n");
    bob.expect("[T] alice: and still");
}

#[test]
fn running_out_of_file_descriptors_stops_nobody_and_passes() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    // Lowered behind its back, so that it cannot count on what it has been told; three are left. Not every
    // lower number need be taken, and some of the taken ones may have come down from this process.
    let entries = std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).expect("descriptors");
    let taken: Vec<u64> = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let free = (0..).filter(|fd| !taken.contains(fd)).nth(2).map(|third| third + 1);
    let limit = Rlimit { current: free, maximum: free };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Nofile, limit).expect("prlimit");

    let mut all: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    let mut late = all.split_off(3);
    all.iter_mut().for_each(|client| client.expect(WELCOME));
    server.log.until("cannot accept connections");
    let ticks = server.cpu_ticks();
    assert!(!late[0].readable_within(Duration::from_secs(1)), "more connections than file descriptors");
    let spent = server.cpu_ticks() - ticks;
    assert!(spent < 20, "{spent} ticks while nothing happened");
    bob.send("still served\n");
    alice.expect("[T] bob: still served");

    drop(all);
    for client in &mut late[..3] {
        client.expect(WELCOME);
    }
    late.drain(..3).for_each(drop);
    for client in &mut late {
        client.expect(WELCOME);
    }
    alice.expect_nothing();
}
