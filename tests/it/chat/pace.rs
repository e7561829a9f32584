//! Those who are too fast, too slow or too silent harm nobody else.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::limits::alice_and_bob;
use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// Between two looks at something that comes by time alone.
const TICK: Duration = Duration::from_millis(100);

#[test]
fn the_lines_of_one_who_is_too_fast_are_held_back_and_all_arrive_in_order() {
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
    let heard: Vec<String> = (0..10).map(|_| bob.line()).collect();
    let expected: Vec<String> = (2..=10).map(|n| format!("[T] alice: line {n}")).collect();
    let pong = heard.iter().position(|line| line == "* pong meanwhile").expect("an answer among the lines");
    assert!(pong < 9, "all lines came before the answer to a ping: {heard:#?}");
    let said: Vec<&String> = heard.iter().filter(|line| *line != "* pong meanwhile").collect();
    assert_eq!(said, expected.iter().collect::<Vec<_>>());

    let read: Vec<String> = (0..11).map(|_| carol.line()).collect();
    assert!(read.iter().position(|line| line == "* pong meanwhile") < Some(10), "{read:#?}");
    alice.expect_nothing();
}

#[test]
fn what_is_held_back_takes_no_memory_however_much_is_sent() {
    let server = Server::start(&["--rate", "1", "--burst", "1"]);
    let mut alice = server.login("alice");
    let flood = server.login("flood");
    alice.expect("* flood joined (2 here)");
    let before = server.resident_kib();
    let sent = send_until_stuck(&flood, "some more\n");
    alice.expect("[T] flood: some more");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(sent > 256 * 1024 && grown < 1024, "{sent} bytes sent, {grown} KiB more");
}

/// Sends `line` again and again until the server reads no more of it; returns how much was sent.
fn send_until_stuck(client: &Client, line: &str) -> usize {
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
    panic!("the server takes whatever is sent");
}

#[test]
fn one_who_asks_and_does_not_read_the_answers_is_no_longer_read_from() {
    let server = Server::start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    let greedy = Client::connect_slow(server.addr).log_in("greedy");
    alice.expect("* greedy joined (2 here)");
    let before = server.resident_kib();
    send_until_stuck(&greedy, "/help\n");
    alice.expect_nothing();
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more");
    greedy.reset();
    alice.expect("* greedy left: connection lost (1 here)");
}

#[test]
fn one_who_does_not_read_is_dropped_and_the_others_miss_nothing() {
    let server = Server::start(&["--backlog-bytes", "65536", "--rate", "0"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let _slow = server.login("slow");
    alice.expect("* slow joined (3 here)");
    bob.expect("* slow joined (3 here)");
    let text = "x".repeat(4000);
    let mut number = 0;
    let heard = loop {
        // Backlog, send buffer, and what the client's own kernel takes without being read.
        assert!(number < 500, "2 MB are not too much for anybody");
        alice.send(&format!("{number} {text}\n"));
        let line = bob.line();
        if line != format!("[T] alice: {number} {text}") {
            break line;
        }
        number += 1;
    };
    assert_eq!(heard, "* slow left: too slow to read (2 here)");
    bob.expect(&format!("[T] alice: {number} {text}"));
    alice.expect("* slow left: too slow to read (2 here)");
    alice.send("anybody else?\n");
    bob.expect("[T] alice: anybody else?");
    alice.expect_nothing();
}

#[test]
fn one_who_gives_no_nickname_in_time_is_told_so_and_closed_though_bytes_trickle_in() {
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
fn nicknames_that_cannot_be_taken_do_not_put_off_the_end_of_the_time_for_one() {
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
fn one_who_entered_in_time_is_not_closed_when_the_time_for_a_nickname_is_over() {
    let server = Server::start(&["--login-timeout", "1"]);
    let mut alice = server.login("alice");
    let mut never = server.connect();
    never.expect(WELCOME);
    let line = never.line();
    assert!(line.starts_with("! No nickname was given within 1 second"), "{line}");
    alice.expect_nothing();
}

#[test]
fn one_who_is_silent_for_too_long_is_closed_and_the_others_read_why() {
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
fn bare_chunks_count_as_lines_where_that_is_asked_for() {
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
