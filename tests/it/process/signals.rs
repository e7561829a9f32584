//! Signals and the end of the server.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// A client with megabytes of unread output, which alice has sent and bob has read.
fn with_blocked_reader() -> (Server, Client, Client, usize) {
    let server = Server::start(&["--rate", "0", "--backlog-bytes", "100000000"]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    let blocked = Client::connect_slow(server.addr).log_in("blocked");
    alice.expect_all(&["* bob joined (2 here)", "* blocked joined (3 here)"]);
    bob.expect("* blocked joined (3 here)");
    let text = "x".repeat(4000);
    const LINES: usize = 2000;
    for n in 0..LINES {
        alice.send(&format!("{n} {text}\n"));
        bob.expect(&format!("[T] alice: {n} {text}"));
    }
    drop(bob);
    alice.expect("* bob left (2 here)");
    (server, alice, blocked, LINES)
}

#[test]
fn signal_notifies_all_members_and_ends_the_server() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = Server::start(&["--max-clients", "2"]);
        let mut alice = server.login("alice");
        let mut asked = server.connect();
        asked.expect(WELCOME);
        let mut waiting = server.connect();
        waiting.expect("* The room is full. You are number 1 in line.");
        server.signal(signal);
        for client in [&mut alice, &mut asked, &mut waiting] {
            client.expect(SHUTTING_DOWN);
            client.expect_end();
        }
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn members_of_all_rooms_and_paused_clients_are_notified_of_shutdown() {
    let mut server = Server::start(&["--rate", "1", "--burst", "2"]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    bob.send(&"more than the rate allows\n".repeat(1000));
    alice.expect_nothing();
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    bob.expect(SHUTTING_DOWN);
    bob.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn server_without_clients_ends_at_a_signal() {
    let mut server = Server::start(&[]);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn unread_output_is_written_before_the_end() {
    let (mut server, mut alice, mut blocked, lines) = with_blocked_reader();
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    for n in 0..lines {
        let line = blocked.line();
        assert!(line.starts_with(&format!("[T] alice: {n} x")), "{line}");
    }
    blocked.expect("* bob left (2 here)");
    blocked.expect(SHUTTING_DOWN);
    blocked.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn stalled_reader_does_not_prevent_shutdown() {
    let (mut server, mut alice, _blocked, _) = with_blocked_reader();
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn second_signal_ends_the_server_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (mut server, mut alice, _blocked, _) = with_blocked_reader();
        server.signal(Signal::TERM);
        alice.expect(SHUTTING_DOWN);
        server.signal(signal);
        let status = server.wait();
        let ended = status.code().or(status.signal().map(|signal| 128 + signal));
        assert_eq!(ended, Some(code));
    }
}

#[test]
fn other_signals_are_ignored() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    for signal in [Signal::USR1, Signal::ALARM, Signal::PIPE, Signal::XFSZ] {
        server.signal(signal);
        if ![Signal::PIPE, Signal::XFSZ].contains(&signal) {
            server.log.until(&format!("signal {} is ignored", signal.as_raw()));
        }
        alice.expect_nothing();
    }
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn sighup_ends_p2p_except_with_nohup() {
    let mut server = Server::start(&["--mode", "p2p"]);
    let mut peer = server.connect();
    peer.line();
    server.signal(Signal::HUP);
    peer.expect(SHUTTING_DOWN);
    peer.expect_end();
    assert_eq!(server.wait().code(), Some(0));

    let server = Server::in_shell("trap '' HUP; exec \"$0\" \"$@\"", &["--mode", "p2p"]);
    let mut peer = server.connect();
    peer.line();
    server.signal(Signal::HUP);
    peer.expect_nothing();
}
