//! More people than file descriptors.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

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

const TOLD: &str = "newcomers wait in the kernel's queue";

/// How many lines of the log say that newcomers wait, up to the end of the server.
fn times_told(mut server: Server) -> usize {
    server.signal(Signal::TERM);
    let log = server.log.rest();
    assert_eq!(server.wait().code(), Some(0));
    log.iter().filter(|line| line.contains(TOLD)).count()
}

#[test]
fn a_shortage_of_descriptors_is_logged_once_however_many_come_and_go() {
    // There is one connection at a time.
    for limit in [16, 20, 24] {
        let server = Server::in_shell(&format!("ulimit -n {limit}; exec \"$0\" \"$@\""), &[]);
        // Full, and nobody waits: no shortage.
        (0..3).for_each(|_| server.connect().expect(WELCOME));
        let mut all: Vec<Client> = (0..7).map(|_| server.connect()).collect();
        // One after another is accepted when another leaves.
        while !all.is_empty() {
            all.remove(0).expect(WELCOME);
        }
        assert_eq!(times_told(server), 1, "with {limit}");
    }
}

#[test]
fn another_shortage_of_descriptors_is_logged_again() {
    let mut server = Server::in_shell("ulimit -n 30; exec \"$0\" \"$@\"", &[]);
    for _ in 0..2 {
        let mut all: Vec<Client> = (0..9).map(|_| server.connect()).collect();
        server.log.until(TOLD);
        while !all.is_empty() {
            all.remove(0).expect(WELCOME);
        }
        loop {
            let line = server.log.next().expect("a line");
            assert!(!line.contains(TOLD), "{line}");
            if line.ends_with("(0 connected)") {
                break;
            }
        }
        // There is room for more than this one, and so nobody waits any more.
        server.connect().expect(WELCOME);
        server.log.until("(0 connected)");
    }
    assert_eq!(times_told(server), 0);
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
    // The first of them has been read above.
    assert_eq!(times_told(server), 0);
}
