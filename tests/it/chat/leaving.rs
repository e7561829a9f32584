//! The ways to leave, and the notices for the other members.

use crate::harness::{Client, Server};

#[test]
fn quit_words_end_the_session_in_any_case() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for word in ["q", "Q", "quit", "QUIT", "exit", "Exit", " q ", "/quit", "/QUIT"] {
        let mut bob = server.login("bob");
        bob.ask(word, &["* Goodbye."]);
        bob.expect_end();
        alice.expect_all(&["* bob joined (2 here)", "* bob left (1 here)"]);
    }
}

#[test]
fn quit_reason_is_shown_to_others() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    bob.ask("/quit  lunch, back at one ", &["* Goodbye."]);
    bob.expect_end();
    alice.expect("* bob left: \"lunch, back at one\" (1 here)");
}

#[test]
fn lines_after_quit_are_ignored() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    bob.ask("one\nq\ntwo\n/me three", &["* Goodbye."]);
    bob.expect_end();
    alice.expect_all(&["[T] bob: one", "* bob left (1 here)"]);
    alice.expect_nothing();
}

#[test]
fn end_of_input_ends_the_session() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, carol] = server.people(["alice", "bob", "carol"]);
    bob.send("bye");
    bob.half_close();
    bob.expect_end();
    for line in ["[T] bob: bye", "* bob left (2 here)"] {
        alice.expect(line);
    }
    drop(carol);
    // Carol has not read these two lines, and a socket that is closed with unread bytes is reset.
    let line = alice.line();
    assert!(["* carol left (1 here)", "* carol left: connection lost (1 here)"].contains(&&*line), "{line}");
}

#[test]
fn closed_connection_ends_the_session() {
    let server = Server::start(&[]);
    let [mut alice, bob] = server.people(["alice", "bob"]);
    drop(bob);
    alice.expect("* bob left (1 here)");
}

#[test]
fn lost_connection_is_announced() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, carol] = server.people(["alice", "bob", "carol"]);
    carol.reset();
    for client in [&mut alice, &mut bob] {
        client.expect("* carol left: connection lost (2 here)");
        client.expect_nothing();
    }
}

#[test]
fn lost_connection_does_not_repeat_messages_or_send_an_incomplete_line() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    bob.send("last words\n");
    alice.expect("[T] bob: last words");
    bob.send("unended");
    bob.reset();
    alice.expect("* bob left: connection lost (1 here)");
    alice.expect_nothing();
}

#[test]
fn connection_lost_at_the_prompt_is_not_announced() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut guest = server.connect();
    guest.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    guest.reset();
    server.log.until("] disconnected ");
    alice.expect_nothing();
}

#[test]
fn unsent_data_is_written_before_the_connection_closes() {
    for farewell in ["q\n", ""] {
        let server = Server::start(&["--rate", "0", "--backlog-bytes", "33554432"]);
        let mut alice = server.login("alice");
        let mut bob = Client::connect_slow(server.addr).log_in("bob");
        alice.expect("* bob joined (2 here)");
        // More than the kernel buffers while bob does not read.
        let text = "x".repeat(4000);
        for _ in 0..2000 {
            alice.send(&format!("{text}\n"));
        }
        alice.expect_nothing();
        bob.send(farewell);
        bob.half_close();
        alice.expect("* bob left (1 here)");
        for _ in 0..2000 {
            bob.expect(&format!("[T] alice: {text}"));
        }
        if !farewell.is_empty() {
            bob.expect("* Goodbye.");
        }
        bob.expect_end();
    }
}
