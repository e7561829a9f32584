//! The line of those for whom there is no seat.

use std::time::{Duration, Instant};

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

#[test]
fn those_who_wait_are_numbered_and_admitted_in_order() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.login("alice");
    let mut bob = waiting(&server, 1);
    let mut carol = waiting(&server, 2);
    alice.expect_nothing();
    alice.ask("q", &["* Goodbye."]);
    bob.expect(WELCOME);
    carol.expect("* The room is full. You are number 1 in line.");
    let mut dave = waiting(&server, 2);
    bob.ask("bob", &["* You are bob. 1 here: you. /help lists the commands."]);
    bob.ask("q", &["* Goodbye."]);
    carol.expect(WELCOME);
    carol.ask("carol", &["* You are carol. 1 here: you. /help lists the commands."]);
    dave.expect("* The room is full. You are number 1 in line.");
}

#[test]
fn nothing_that_is_typed_in_line_is_said() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.login("alice");
    let mut bob = waiting(&server, 1);
    for line in ["bob", "hello?", "/who", "@alice hi", "/ping"] {
        bob.ask(line, &["! You are still waiting; this was not said."]);
    }
    alice.send("only for who is here\n");
    alice.expect_nothing();
    alice.ask("q", &["* Goodbye."]);
    bob.expect(WELCOME);
    bob.ask("bob", &["* You are bob. 1 here: you. /help lists the commands."]);
}

#[test]
fn a_seat_is_taken_by_one_who_has_not_given_a_name_yet() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.connect();
    alice.expect(WELCOME);
    let mut bob = waiting(&server, 1);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    bob.expect(WELCOME);
}

#[test]
fn those_who_leave_the_line_free_their_place() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "3"]);
    let mut alice = server.login("alice");
    let mut bob = waiting(&server, 1);
    let carol = waiting(&server, 2);
    let mut dave = waiting(&server, 3);
    refused(&server);
    let start = Instant::now();
    bob.ask("q", &["* Goodbye."]);
    bob.expect_end();
    dave.expect("* The room is full. You are number 2 in line.");
    carol.half_close();
    dave.expect("* The room is full. You are number 1 in line.");
    assert!(start.elapsed() >= Duration::from_secs(1), "renumbered twice within {:?}", start.elapsed());
    let mut erin = waiting(&server, 2);
    alice.ask("q", &["* Goodbye."]);
    dave.expect(WELCOME);
    erin.expect("* The room is full. You are number 1 in line.");
}

#[test]
fn a_connection_that_is_lost_in_line_frees_its_place() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.login("alice");
    let bob = waiting(&server, 1);
    let mut carol = waiting(&server, 2);
    bob.reset();
    carol.expect("* The room is full. You are number 1 in line.");
    alice.expect_nothing();
    alice.reset();
    carol.expect(WELCOME);
}

#[test]
fn several_changes_within_a_second_make_one_new_number() {
    let server = Server::start(&["--max-clients", "1"]);
    let _alice = server.login("alice");
    let mut line: Vec<Client> = (1..=10).map(|number| waiting(&server, number)).collect();
    let mut last = line.pop().unwrap();
    let start = Instant::now();
    for mut client in line {
        client.ask("q", &["* Goodbye."]);
    }
    let mut told = 0;
    loop {
        told += 1;
        if last.line() == "* The room is full. You are number 1 in line." {
            break;
        }
    }
    let seconds = start.elapsed().as_secs() + 2;
    assert!(told <= seconds, "{told} numbers in {:?}", start.elapsed());
}

#[test]
fn past_the_waiting_line_newcomers_are_refused() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.login("alice");
    let _bob = waiting(&server, 1);
    let _carol = waiting(&server, 2);
    refused(&server);
    refused(&server);
    alice.expect_nothing();
}

#[test]
fn without_a_waiting_line_newcomers_are_refused_at_once() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "0"]);
    let mut alice = server.login("alice");
    refused(&server);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    server.login("bob");
}

#[test]
fn with_login_address_the_first_in_line_comes_in_at_once() {
    let server = Server::start(&["--max-clients", "1", "--login", "address"]);
    let mut alice = server.connect();
    alice.expect(&format!("* You are {}. 1 here: you. /help lists the commands.", alice.addr()));
    let mut bob = waiting(&server, 1);
    alice.ask("q", &["* Goodbye."]);
    bob.expect(&format!("* You are {}. 1 here: you. /help lists the commands.", bob.addr()));
}

/// One more in line, who has read their number.
fn waiting(server: &Server, number: usize) -> Client {
    let mut client = server.connect();
    client.expect(&format!("* The room is full. You are number {number} in line."));
    client
}

/// One more who has read why not.
fn refused(server: &Server) {
    let mut client = server.connect();
    client.expect("! The room and the waiting line are full. Try again later.");
    client.expect_end();
}
