//! Clients that are too fast, too slow or idle do not disturb the others.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::limits::alice_and_bob;
use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// The time between two checks for an event that only a timeout causes.
const TICK: Duration = Duration::from_millis(100);

#[test]
fn lines_above_the_rate_are_delayed_and_arrive_in_order() {
    let server = Server::start(&["--rate", "5", "--burst", "3"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let mut carol = server.login("carol");
    alice.expect("* carol joined (3 here)");
    bob.expect("* carol joined (3 here)");

    let lines: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    alice.send(&lines);
    bob.expect("[T] alice: line 1");
    carol.send("/ping meanwhile\n");
    bob.send("/ping meanwhile\n");
    let lines_read: Vec<String> = (0..10).map(|_| bob.line()).collect();
    let expected: Vec<String> = (2..=10).map(|n| format!("[T] alice: line {n}")).collect();
    let pong = lines_read.iter().position(|line| line == "* pong meanwhile").expect("an answer among the lines");
    assert!(pong < 9, "all lines came before the answer to a ping: {lines_read:#?}");
    let said: Vec<&String> = lines_read.iter().filter(|line| *line != "* pong meanwhile").collect();
    assert_eq!(said, expected.iter().collect::<Vec<_>>());

    let read: Vec<String> = (0..11).map(|_| carol.line()).collect();
    assert!(read.iter().position(|line| line == "* pong meanwhile") < Some(10), "{read:#?}");
    alice.expect_nothing();
}

#[test]
fn delayed_input_takes_no_memory() {
    let server = Server::start(&["--rate", "1", "--burst", "1"]);
    let mut alice = server.login("alice");
    let flood = server.login("flood");
    alice.expect("* flood joined (2 here)");
    let before = server.resident_kib();
    let sent = send_until_blocked(&flood, "some more\n");
    alice.expect("[T] flood: some more");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(sent > 256 * 1024 && grown < 1024, "{sent} bytes sent, {grown} KiB more");
}

/// Sends `line` repeatedly until the server reads no more; returns the number of bytes sent.
fn send_until_blocked(client: &Client, line: &str) -> usize {
    const MOST: usize = 64 << 20;
    let block = line.repeat(4096 / line.len());
    let (mut sent, mut at) = (0, 0);
    client.stream.set_nonblocking(true).expect("nonblocking");
    while sent < MOST {
        match (&client.stream).write(&block.as_bytes()[at..]) {
            Ok(n) => {
                sent += n;
                at = (at + n) % block.len();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let timeout = Timespec { tv_sec: 0, tv_nsec: 300_000_000 };
                if poll(&mut [PollFd::new(&client.stream, PollFlags::OUT)], Some(&timeout)).expect("poll") == 0 {
                    client.stream.set_nonblocking(false).expect("blocking");
                    return sent;
                }
            }
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    panic!("the server reads without a limit");
}

#[test]
fn client_with_unread_replies_is_no_longer_read() {
    let server = Server::start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    let greedy = Client::connect_slow(server.addr).log_in("greedy");
    alice.expect("* greedy joined (2 here)");
    let before = server.resident_kib();
    send_until_blocked(&greedy, "/help\n");
    alice.expect_nothing();
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more");
    greedy.reset();
    alice.expect("* greedy left: connection lost (1 here)");
}

#[test]
fn slow_consumer_is_dropped_and_others_miss_nothing() {
    let server = Server::start(&["--backlog-bytes", "65536", "--rate", "0"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let _slow = server.login("slow");
    alice.expect("* slow joined (3 here)");
    bob.expect("* slow joined (3 here)");
    let text = "x".repeat(4000);
    let mut number = 0;
    let lines_read = loop {
        // The backlog, the send buffer, and the receive buffer of the client's kernel.
        assert!(number < 500, "2 MB of backlog, and no client is dropped");
        alice.send(&format!("{number} {text}\n"));
        let line = bob.line();
        if line != format!("[T] alice: {number} {text}") {
            break line;
        }
        number += 1;
    };
    assert_eq!(lines_read, "* slow left: too slow to read (2 here)");
    bob.expect(&format!("[T] alice: {number} {text}"));
    alice.expect("* slow left: too slow to read (2 here)");
    alice.send("anybody else?\n");
    bob.expect("[T] alice: anybody else?");
    alice.expect_nothing();
}

#[test]
fn login_timeout_ends_a_connection_that_sends_single_bytes() {
    let server = Server::start(&["--login-timeout", "1"]);
    let mut slow = server.connect();
    slow.expect(WELCOME);
    while !slow.readable_within(TICK) {
        slow.send("x");
    }
    let line = slow.line();
    assert!(line.starts_with("! No nickname was given within 1 second"), "{line}");
    slow.expect_end();
}

#[test]
fn refused_nicknames_do_not_extend_the_login_timeout() {
    let server = Server::start(&["--login-timeout", "1"]);
    let mut slow = server.connect();
    slow.expect(WELCOME);
    let line = loop {
        slow.send("you\n");
        let line = slow.line();
        if line != "! The nickname you is reserved. Try another:" {
            break line;
        }
        slow.readable_within(TICK);
    };
    assert!(line.starts_with("! No nickname was given within 1 second"), "{line}");
}

#[test]
fn login_timeout_does_not_affect_members() {
    let server = Server::start(&["--login-timeout", "1"]);
    let mut alice = server.login("alice");
    let mut never = server.connect();
    never.expect(WELCOME);
    let line = never.line();
    assert!(line.starts_with("! No nickname was given within 1 second"), "{line}");
    alice.expect_nothing();
}

#[test]
fn idle_member_is_disconnected_with_an_announced_cause() {
    let server = Server::start(&["--idle-timeout", "1"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let left = loop {
        bob.send("/ping\n");
        let line = bob.line();
        if line != "* pong" {
            break line;
        }
        bob.readable_within(TICK);
    };
    assert_eq!(left, "* alice left: idle (1 here)");
    let line = alice.line();
    assert!(line.starts_with("! Nothing was heard from you for 1 second"), "{line}");
    alice.expect_end();
}

#[test]
fn eol_timeout_turns_chunks_without_line_end_into_lines() {
    let server = Server::start(&["--eol-timeout", "50"]);
    let mut bob = server.login("bob");
    let mut alice = server.connect();
    alice.expect(WELCOME);
    alice.send("alice");
    alice.expect("* You are alice. 2 here: bob and you. /help lists the commands.");
    bob.expect("* alice joined (2 here)");
    for text in ["hello", "and again", "你好"] {
        alice.send(text);
        bob.expect(&format!("[T] alice: {text}"));
    }
    alice.send("whole lines\nwork too\n");
    bob.expect_all(&["[T] alice: whole lines", "[T] alice: work too"]);
    alice.send("quit");
    alice.expect("* Goodbye.");
    alice.expect_end();
    bob.expect("* alice left (1 here)");
    bob.expect_nothing();
}
