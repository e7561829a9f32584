//! Kicks and bans by the operator.

use super::console::{ask, shows, with_people};
use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const BANNED: &str = "! Your address is banned from this server.";

#[test]
fn kick_shows_reason_to_the_member_and_leave_to_others() {
    let (mut server, [mut alice, mut bob, mut carol]) = with_people(["alice", "bob", "carol"]);
    server.type_in("/kick bob\n");
    bob.expect("* You were kicked by the operator.");
    bob.expect_end();
    alice.expect("* bob left: kicked (2 here)");
    carol.expect("* bob left: kicked (2 here)");
    shows(&mut server, &["* bob left: kicked (2 here)"]);
    let gone = bob.addr();
    drop(bob);
    shows(&mut server, &[&format!("* disconnected {gone} (2 connected)")]);

    server.type_in("/kick carol far too loud\n");
    carol.expect("* You were kicked by the operator: far too loud");
    carol.expect_end();
    alice.expect("* carol left: kicked (1 here)");
    shows(&mut server, &["* carol left: kicked (1 here)"]);

    let gone = carol.addr();
    drop(carol);
    shows(&mut server, &[&format!("* disconnected {gone} (1 connected)")]);
    ask(&mut server, "/kick bob", &["! Nobody here is called bob."]);
    ask(&mut server, "/kick", &["! Usage: /kick name [reason]"]);
    alice.expect_nothing();
}

#[test]
fn kicked_member_may_rejoin_and_banned_may_not() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    server.type_in("/kick bob\n");
    alice.expect("* bob left: kicked (1 here)");
    bob.expect("* You were kicked by the operator.");
    drop(bob);
    server.console.until("* disconnected ");
    let mut bob = Client::connect_from([127, 0, 0, 2], server.addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
    server.console.until("* bob joined (2 here)");

    ask(&mut server, "/ban bob 5", &["* 127.0.0.2 is banned for another 5 minutes.", "* bob left: banned (1 here)"]);
    bob.expect(BANNED);
    bob.expect_end();
    alice.expect("* bob left: banned (1 here)");
    drop(bob);
    server.console.until("* disconnected ");

    let mut again = Client::connect_from([127, 0, 0, 2], server.addr);
    again.expect(BANNED);
    again.expect_end();
    drop(again);
    server.console.until("* disconnected ");
    ask(&mut server, "/bans", &["* 127.0.0.2 (bob) is banned for another 5 minutes."]);
    ask(&mut server, "/unban 127.0.0.2", &["* 127.0.0.2 is no longer banned."]);
    ask(&mut server, "/bans", &["* Nobody is banned."]);
    ask(&mut server, "/unban 127.0.0.2", &["! 127.0.0.2 is not a banned address. /bans lists them."]);
    let _bob = Client::connect_from([127, 0, 0, 2], server.addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
}

#[test]
fn address_without_connections_can_be_banned() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    ask(&mut server, "/ban 127.0.0.9", &["* 127.0.0.9 is banned."]);
    ask(&mut server, "/bans", &["* 127.0.0.9 is banned."]);
    let mut refused = Client::connect_from([127, 0, 0, 9], server.addr);
    refused.expect(BANNED);
    refused.expect_end();
    alice.expect_nothing();
    server.console.until("* connected ");
    drop(refused);
    server.console.until("* disconnected ");
    ask(&mut server, "/ban nobody", &["! Nobody here is called nobody."]);
    for typed in ["/ban", "/ban alice soon", "/ban alice 0", "/ban alice -1"] {
        ask(&mut server, typed, &["! Usage: /ban ADDRESS|name [minutes]"]);
    }
    alice.expect_nothing();
}

#[test]
fn network_can_be_banned() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    let mut near = Client::connect_from([127, 1, 2, 3], server.addr).log_in("near");
    let mut far = Client::connect_from([127, 2, 0, 1], server.addr).log_in("far");
    server.console.until("* far joined (3 here)");
    ask(
        &mut server,
        "/ban 127.1.2.3/16 5",
        &["* 127.1.0.0/16 is banned for another 5 minutes.", "* near left: banned (2 here)"],
    );
    near.expect("* far joined (3 here)");
    near.expect(BANNED);
    near.expect_end();
    drop(near);
    server.console.until("* disconnected ");
    let mut again = Client::connect_from([127, 1, 255, 1], server.addr);
    again.expect(BANNED);
    again.expect_end();
    drop(again);
    server.console.until("* disconnected ");
    far.send("still here\n");
    alice.expect_all(&[
        "* near joined (2 here)",
        "* far joined (3 here)",
        "* near left: banned (2 here)",
        "[T] far: still here",
    ]);
    server.console.until("far: still here");
    ask(&mut server, "/unban 127.1.2.3", &["! 127.1.2.3 is not a banned address. /bans lists them."]);
    ask(&mut server, "/unban 127.1.0.0/16", &["* 127.1.0.0/16 is no longer banned."]);
    let _again = Client::connect_from([127, 1, 255, 1], server.addr).log_in("again");
    server.console.until("* again joined");
    for name in ["127.1.2.3/33", "127.1.2/8", "127.1.2.3:4567"] {
        ask(&mut server, &format!("/ban {name}"), &[&format!("! Nobody here is called {name}.")]);
    }
}

#[test]
fn ban_removes_clients_from_the_admission_queue() {
    let mut server = Server::start(&["--console", "--max-clients", "1"]);
    let mut alice = server.login("alice");
    let mut second = Client::connect_from([127, 0, 0, 2], server.addr);
    second.expect("* The room is full. You are number 1 in line.");
    let mut third = Client::connect_from([127, 0, 0, 3], server.addr);
    third.expect("* The room is full. You are number 2 in line.");
    server.type_in("/ban 127.0.0.2\n");
    second.expect(BANNED);
    second.expect_end();
    third.expect("* The room is full. You are number 1 in line.");
    alice.expect_nothing();
}

#[test]
fn ban_does_not_admit_a_queued_client_of_the_same_address() {
    let mut server = Server::start(&["--console", "--max-clients", "1"]);
    let mut alice = Client::connect_from([127, 0, 0, 2], server.addr).log_in("alice");
    let mut same = Client::connect_from([127, 0, 0, 2], server.addr);
    same.expect("* The room is full. You are number 1 in line.");
    let mut other = Client::connect_from([127, 0, 0, 3], server.addr);
    other.expect("* The room is full. You are number 2 in line.");
    server.type_in("/ban alice\n");
    alice.expect(BANNED);
    same.expect(BANNED);
    same.expect_end();
    loop {
        match &*other.line() {
            "* The room is full. You are number 1 in line." => {}
            line => break assert_eq!(line, WELCOME),
        }
    }
}

#[test]
fn list_of_20_000_bans_is_shown_in_pages() {
    let mut server = Server::start(&["--console"]);
    // The answers are read meanwhile, since typing would wait for that.
    for thousand in 0..20 {
        let orders: String = (0..1000).map(|n| format!("/ban 10.{thousand}.{}.{}\n", n / 250, n % 250)).collect();
        server.type_in(&orders);
        (0..1000).for_each(|n| shows(&mut server, &[&format!("* 10.{thousand}.{}.{} is banned.", n / 250, n % 250)]));
    }
    for page in ["/bans\n", "/bans 200\n"] {
        server.type_in(page);
        (0..100).for_each(|_| assert!(server.console.next().expect("a line").ends_with(" is banned.")));
        if page == "/bans\n" {
            shows(&mut server, &["* --- page 1 of 200; /bans 2 shows the next one ---"]);
        }
    }
    server.type_in("/ping done\n");
    shows(&mut server, &["* --- page 200 of 200 ---", "* pong done"]);
}
