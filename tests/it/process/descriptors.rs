//! More clients than file descriptors.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

const FULL: &str = "! The room and the waiting line are full. Try again later.";

#[test]
fn clients_past_the_descriptor_limit_wait_until_others_leave() {
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
        // Connections that ended in the kernel's queue take places until they are read: then newcomers are told that it is
        // full, and try again.
        let mut tries = 0;
        while let told = client.try_line().unwrap_or_else(|| FULL.into())
            && told != WELCOME
        {
            if told == FULL {
                tries += 1;
                assert!(tries < 100, "it stays full");
                *client = server.connect();
            }
        }
    }
    alice.send("and still\n");
    bob.expect("[T] alice: and still");
}

const TOLD: &str = "newcomers wait in the kernel's queue";

/// Counts the log lines about newcomers that wait, up to the end of the server.
fn shortage_count(mut server: Server) -> usize {
    server.signal(Signal::TERM);
    let log = server.log.rest();
    assert_eq!(server.wait().code(), Some(0));
    log.iter().filter(|line| line.contains(TOLD)).count()
}

#[test]
fn descriptor_shortage_is_logged_once() {
    // There is one connection at a time.
    for limit in [16, 20, 24] {
        let mut server = Server::in_shell(&format!("ulimit -n {limit}; exec \"$0\" \"$@\""), &[]);
        // Full, and no connection waits: no shortage.
        for _ in 0..3 {
            server.connect().expect(WELCOME);
            // Otherwise the next one could wait for it, which is a shortage.
            server.log.until("disconnected ");
        }
        let mut all: Vec<Client> = (0..7).map(|_| server.connect()).collect();
        // One after another is accepted when another leaves.
        while !all.is_empty() {
            all.remove(0).expect(WELCOME);
        }
        assert_eq!(shortage_count(server), 1, "with {limit}");
    }
}

#[test]
fn second_descriptor_shortage_is_logged_again() {
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
        // There is room for more connections, and so none waits any more.
        server.connect().expect(WELCOME);
        server.log.until("(0 connected)");
    }
    assert_eq!(shortage_count(server), 0);
}

#[test]
fn exhausted_descriptors_do_not_affect_members() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    // The limit is lowered while it runs, so that the limit known at the start is wrong; three are left. Not every
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
    assert_eq!(shortage_count(server), 0);
}
