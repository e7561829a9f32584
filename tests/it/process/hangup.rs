//! End of input: all earlier input counts, and all output is written.

use crate::chat::limits::alice_and_bob;
use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

#[test]
fn all_lines_before_half_close_are_processed_past_the_burst() {
    let server = Server::start(&["--rate", "20", "--burst", "5"]);
    let mut bob = server.login("bob");
    let mut script = server.connect();
    let lines: String = (1..=15).map(|n| format!("line {n}\n")).collect();
    script.send(&format!("eve\n{lines}@bob psst\n/nick adam\n/ping last"));
    script.half_close();

    bob.expect("* eve joined (2 here)");
    for n in 1..=15 {
        bob.expect(&format!("[T] eve: line {n}"));
    }
    bob.expect_all(&["[T] eve -> you: psst", "* eve is now called adam", "* adam left (1 here)"]);
    script.expect_all(&[
        WELCOME,
        "* You are eve. 2 here: bob and you. /help lists the commands.",
        "[T] you -> bob: psst",
        "* eve is now called adam",
        "* pong last",
    ]);
    script.expect_end();
}

#[test]
fn half_closed_client_gets_all_output() {
    let server = Server::start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    let text = "x".repeat(4000);
    for n in 0..100 {
        alice.send(&format!("{n:03} {text}\n"));
    }
    alice.expect_nothing();
    let mut reader = Client::connect_slow(server.addr);
    reader.send("reader\n");
    reader.half_close();
    alice.expect_all(&["* reader joined (2 here)", "* reader left (1 here)"]);
    reader.expect_all(&[
        WELCOME,
        "* You are reader. 2 here: alice and you. /help lists the commands.",
        "* --- the last 100 messages ---",
    ]);
    for n in 0..100 {
        reader.expect(&format!("[T] alice: {n:03} {text}"));
    }
    reader.expect("* --- you are up to date ---");
    reader.expect_end();
}

#[test]
fn last_line_before_eof_counts_without_line_end() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    alice.send("first\nlast words");
    alice.half_close();
    bob.expect_all(&["[T] alice: first", "[T] alice: last words", "* alice left (1 here)"]);
    alice.expect_end();
}

#[test]
fn silent_half_closed_client_is_welcomed_and_closed() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut silent = server.connect();
    silent.half_close();
    silent.expect(WELCOME);
    silent.expect_end();
    bob.expect_nothing();
}

#[test]
fn reset_within_a_line_loses_only_that_line() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    alice.send("a whole line\nhalf a li");
    bob.expect("[T] alice: a whole line");
    alice.reset();
    bob.expect("* alice left: connection lost (1 here)");
    bob.expect_nothing();
    let mut asked = server.connect();
    asked.expect(WELCOME);
    asked.send("al");
    asked.reset();
    bob.expect_nothing();
    let _alice = server.login("alice");
    bob.expect("* alice joined (2 here)");
}

#[test]
fn reset_of_paused_client_is_noticed_at_once() {
    let server = Server::start(&["--rate", "1", "--burst", "1"]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    bob.send(&"\n".repeat(1000));
    bob.reset();
    alice.expect("* bob left: connection lost (1 here)");
}
