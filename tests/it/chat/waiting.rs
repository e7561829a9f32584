//! The admission queue.

use std::time::{Duration, Instant};

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

#[test]
fn waiting_clients_are_numbered_and_admitted_in_order() {
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
fn lines_of_waiting_clients_are_refused() {
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
fn client_at_the_prompt_counts_against_max_clients() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.connect();
    alice.expect(WELCOME);
    let mut bob = waiting(&server, 1);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    bob.expect(WELCOME);
}

#[test]
fn leaving_the_queue_moves_the_others_up() {
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
fn connection_lost_in_the_queue_moves_the_others_up() {
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
fn positions_are_sent_at_most_once_a_second() {
    let server = Server::start(&["--max-clients", "1"]);
    let _alice = server.login("alice");
    let mut line: Vec<Client> = (1..=10).map(|number| waiting(&server, number)).collect();
    let mut last = line.pop().unwrap();
    let start = Instant::now();
    for mut client in line {
        client.ask("q", &["* Goodbye."]);
    }
    let mut numbers = 0;
    loop {
        numbers += 1;
        if last.line() == "* The room is full. You are number 1 in line." {
            break;
        }
    }
    let seconds = start.elapsed().as_secs() + 2;
    assert!(numbers <= seconds, "{numbers} numbers in {:?}", start.elapsed());
}

#[test]
fn full_queue_refuses_new_connections() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.login("alice");
    let _bob = waiting(&server, 1);
    let _carol = waiting(&server, 2);
    refused(&server);
    refused(&server);
    alice.expect_nothing();
}

#[test]
fn queue_of_length_zero_refuses_new_connections() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "0"]);
    let mut alice = server.login("alice");
    refused(&server);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    server.login("bob");
}

#[test]
fn with_login_address_the_first_waiting_client_is_logged_in_at_once() {
    let server = Server::start(&["--max-clients", "1", "--login", "address"]);
    let mut alice = server.connect();
    alice.expect(&format!("* You are {}. 1 here: you. /help lists the commands.", alice.addr()));
    let mut bob = waiting(&server, 1);
    alice.ask("q", &["* Goodbye."]);
    bob.expect(&format!("* You are {}. 1 here: you. /help lists the commands.", bob.addr()));
}

/// Connects a client that waits at position `number` and has read it.
fn waiting(server: &Server, number: usize) -> Client {
    let mut client = server.connect();
    client.expect(&format!("* The room is full. You are number {number} in line."));
    client
}

/// Connects a client that is refused because the queue is full.
fn refused(server: &Server) {
    let mut client = server.connect();
    client.expect("! The room and the waiting line are full. Try again later.");
    client.expect_end();
}
