//! Reconnects to a server whose lines the test writes.

use crate::connect::{ClientTerminal, FakeConnection, FakeServer};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:\n";
const ENTERED: &str = "* You are alice. 2 here: bob and you. /help lists the commands.\n";
const TAKEN: &str = "! The nickname alice is taken. Try another:\n";

/// Returns the history that the server sends.
fn history(messages: &[&str]) -> String {
    let messages: String = messages.iter().map(|text| format!("[12:00:00] bob: {text}\n")).collect();
    format!("* --- the last 1 message ---\n{messages}* --- you are up to date ---\n")
}

/// Starts alice's client, logs in, and shows the first message.
fn entered(fake: &FakeServer) -> (ClientTerminal, FakeConnection) {
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut peer = fake.accept();
    peer.write(WELCOME);
    peer.expect("alice");
    peer.write(format!("{ENTERED}{}", history(&["one"])));
    peer.expect("/ping lag 1");
    peer.write("* pong lag 1\n");
    alice.shows("lag ");
    (alice, peer)
}

#[test]
fn messages_during_reconnect_follow_missed_ones_once() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    peer.write(WELCOME);
    peer.expect("alice");
    peer.write(format!("{ENTERED}{}[12:00:00] bob: three\n", history(&["one", "two"])));
    peer.expect("/ping back again");
    peer.write("* pong back again\n[12:00:00] bob: four\n");
    alice.shows("bob: four");
    let rows = alice.all_rows();
    let said: Vec<&str> = rows.iter().filter_map(|row| row.split_once(" bob: ").map(|(_, text)| text)).collect();
    assert_eq!(said, ["one", "two", "three", "four"], "{rows:#?}");
    assert!(alice.has("2 messages were missed"), "{rows:#?}");
}

#[test]
fn input_waits_until_missed_messages_are_shown() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    peer.write(WELCOME);
    peer.expect("alice");
    peer.write(format!("{ENTERED}{}", history(&["one"])));
    peer.expect("/ping back again");
    alice.press("early\r");
    alice.shows("your line is kept here");
    peer.write("* pong back again\n");
    alice.shows("Nothing was missed");
    alice.input_is("> early|");
}

#[test]
fn paste_confirmed_without_connection_is_not_sent_as_nickname() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    alice.press("\x1b[200~1\r2\r3\r4\r5\r6\r\x1b[201~");
    alice.shows("Send 6 lines? y or n");
    drop(peer);
    alice.shows("The connection is lost");
    alice.press("y");
    alice.shows("-- Not connected: several lines");
    let mut peer = fake.accept();
    peer.write(WELCOME);
    peer.expect("alice");
    peer.write(format!("{ENTERED}{}", history(&["one"])));
    peer.expect("/ping back again");
    peer.write("* pong back again\n");
    alice.shows("Nothing was missed");
    alice.press("y");
    while peer.line().as_deref() != Some("1") {}
}

#[test]
fn typed_nickname_stays_while_old_one_is_retried() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    peer.write(format!("{WELCOME}{TAKEN}"));
    peer.expect("alice");
    alice.shows("choose a nickname");
    alice.press("ann");
    alice.input_is("nickname: ann|");
    peer.expect("alice");
    peer.write(format!("{TAKEN}* that was the second time\n"));
    alice.shows("that was the second time");
    alice.input_is("nickname: ann|");
}
