//! Messages before, during and after upgrades: each is read once, in order.

use super::Replaceable;
use crate::harness::Client;
use crate::store::TestDir;

#[test]
fn messages_sent_during_an_upgrade_are_read_once_and_in_order() {
    let mut server = Replaceable::start(&["--rate", "0"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    for n in 0..600 {
        if n == 100 {
            server.ask_upgrade();
        }
        alice.send(&format!("line {n}\n"));
        // Now and then the sender waits, so that lines come at all times of the upgrade.
        if n % 50 == 49 {
            alice.expect_nothing();
        }
    }
    server.await_upgrade();
    alice.send("after\n");
    for n in 0..600 {
        bob.expect(&format!("[T] alice: line {n}"));
    }
    bob.expect("[T] alice: after");
    bob.send("both ways\n");
    alice.expect("[T] bob: both ways");
    assert_eq!(server.wait().code(), Some(0), "the old process ends without an error");
}

#[test]
fn ten_upgrades_in_a_row_lose_nothing() {
    let dir = TestDir::new();
    let store = dir.file().display().to_string();
    let mut server = Replaceable::start_in(dir, &["--rate", "0", "--store", &store], &[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    for n in 0..10 {
        alice.send(&format!("before {n}\n"));
        server.ask_upgrade();
        alice.send(&format!("during {n}\n"));
        server.await_upgrade();
        alice.send(&format!("after {n}\n"));
        for when in ["before", "during", "after"] {
            bob.expect(&format!("[T] alice: {when} {n}"));
        }
    }
    // A newcomer reads all of them from memory, and after a new start from the store.
    let all: Vec<String> =
        (0..10).flat_map(|n| ["before", "during", "after"].map(|when| format!("[T] alice: {when} {n}"))).collect();
    let mut carol = server.connect().log_in("carol");
    carol.until("the last 30 messages");
    all.iter().for_each(|line| carol.expect(line));
    drop((alice, bob, carol));
    let again = crate::harness::Server::start(&["--store", &{
        let store = store.clone();
        server.send_signal(crate::harness::Signal::TERM);
        server.log.until("all records are stored");
        super::await_end(server.pid);
        store
    }]);
    let mut dave = again.connect().log_in("dave");
    dave.until("the last 30 messages");
    all.iter().for_each(|line| dave.expect(line));
}

#[test]
fn slow_reader_gets_everything_that_was_unread() {
    let mut server = Replaceable::start(&["--rate", "0", "--backlog-bytes", "100000000"]);
    let mut alice = server.login("alice");
    let mut slow = Client::connect_slow(server.addr).log_in("slow");
    alice.expect("* slow joined (2 here)");
    let text = "x".repeat(4000);
    for n in 0..1500 {
        alice.send(&format!("{n} {text}\n"));
    }
    alice.expect_nothing();
    server.upgrade();
    alice.send("the last one\n");
    for n in 0..1500 {
        slow.expect(&format!("[T] alice: {n} {text}"));
    }
    slow.expect("[T] alice: the last one");
}

#[test]
fn history_and_ids_of_messages_go_on_with_a_store() {
    let dir = TestDir::new();
    let store = dir.file().display().to_string();
    let mut server = Replaceable::start_in(dir, &["--web", "127.0.0.1:0", "--store", &store], &[]);
    let line = server.log.until("listening on http://");
    let web = line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address");
    let mut page = crate::web::Page::connect(web, "/ws", &[]);
    page.until("hello");
    page.log_in("page");
    page.until("live");
    let mut alice = server.login("alice");
    let mut id_of = |text: &str| {
        alice.send(&format!("{text}\n"));
        page.until("said")["id"].as_u64().expect("an id")
    };
    let first = id_of("first");
    server.upgrade();
    assert_eq!(id_of("second"), first + 1);
    server.upgrade();
    assert_eq!(id_of("third"), first + 2);
    // A search that may not be answered yet, and one behind it.
    alice.send("/search second\n/search third\n");
    server.upgrade();
    alice.until("alice: second");
    alice.until("alice: third");
}
