//! Reconnects to a server whose lines the test writes.

use crate::connect::{ClientTerminal, FakeConnection, FakeServer};

const TAKEN: &str = concat!(
    r#"{"t":"refused","what":"taken","asked":true,"text":"The nickname alice is taken. Try another:","name":"alice"}"#,
    "\r\n"
);

/// Starts alice's client, logs in, and shows the first message.
fn entered(fake: &FakeServer) -> (ClientTerminal, FakeConnection) {
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut peer = fake.accept();
    assert_eq!(peer.let_in("1"), "/json");
    peer.history("lobby", &[(1, "one")], false);
    peer.pong("lag 1");
    alice.shows("lag ");
    (alice, peer)
}

/// The texts of bob's messages on the screen.
fn said(alice: &mut ClientTerminal) -> Vec<String> {
    let rows = alice.all_rows();
    rows.iter().filter_map(|row| row.split_once(" bob: ").map(|(_, text)| text.to_owned())).collect()
}

#[test]
fn messages_during_reconnect_follow_missed_ones_once() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    assert_eq!(peer.let_in("1"), "/json room=lobby run=1 after=1");
    peer.history("lobby", &[(2, "two"), (3, "three")], false);
    peer.said("lobby", 4, "four");
    peer.pong("back again");
    peer.said("lobby", 5, "five");
    alice.shows("bob: five");
    assert_eq!(said(&mut alice), ["one", "two", "three", "four", "five"]);
    assert!(alice.has("2 messages were missed"));
}

#[test]
fn another_loss_before_all_rooms_have_come_loses_and_doubles_nothing() {
    let fake = FakeServer::start();
    let (mut alice, mut peer) = entered(&fake);
    peer.write("{\"t\":\"following\",\"room\":\"den\",\"here\":1,\"names\":[],\"topic\":null}\r\n");
    peer.history("den", &[(2, "old")], false);
    peer.said("lobby", 3, "three");
    alice.shows("bob: three");
    drop(peer);
    let mut peer = fake.accept();
    assert_eq!(peer.let_in("1"), "/json room=lobby follow=den run=1 after=3");
    peer.history("lobby", &[(4, "four")], false);
    alice.shows("bob: four");
    drop(peer);
    let mut peer = fake.accept();
    // The room den has not come, so the position is the old one.
    assert_eq!(peer.let_in("1"), "/json room=lobby follow=den run=1 after=3");
    peer.history("lobby", &[(4, "four"), (6, "six")], false);
    peer.write("{\"t\":\"following\",\"room\":\"den\",\"here\":1,\"names\":[],\"topic\":null}\r\n");
    peer.history("den", &[(5, "in the den")], false);
    peer.pong("back again");
    alice.shows("bob: six");
    alice.shows("2 den +1");
    alice.press("\x1b2");
    alice.shows("bob: in the den");
    assert_eq!(said(&mut alice), ["one", "three", "four", "six", "old", "in the den"]);
    drop(peer);
    assert_eq!(fake.accept().let_in("1"), "/json room=lobby follow=den run=1 after=6");
}

#[test]
fn restarted_server_shows_only_what_is_new() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    // With a store the ids go on.
    assert_eq!(peer.let_in("2"), "/json room=lobby run=1 after=1");
    peer.history("lobby", &[(1, "one"), (2, "two")], false);
    peer.pong("back again");
    alice.shows("One message was missed");
    drop(peer);
    let mut peer = fake.accept();
    assert_eq!(peer.let_in("3"), "/json room=lobby run=2 after=2");
    // Without one they begin again.
    peer.history("lobby", &[(1, "new one")], false);
    peer.pong("back again");
    alice.shows("More was missed than the server sends");
    assert_eq!(said(&mut alice), ["one", "two", "new one"]);
    drop(peer);
    let mut peer = fake.accept();
    assert_eq!(peer.let_in("4"), "/json room=lobby run=3 after=1");
    peer.history("lobby", &[], false);
    peer.pong("back again");
    alice.shows("The server no longer has what was missed");
    drop(peer);
    assert_eq!(fake.accept().let_in("4"), "/json room=lobby run=4 after=0");
}

#[test]
fn input_waits_until_missed_messages_are_shown() {
    let fake = FakeServer::start();
    let (mut alice, peer) = entered(&fake);
    drop(peer);
    let mut peer = fake.accept();
    peer.let_in("1");
    peer.history("lobby", &[], false);
    peer.expect("/ping back again");
    alice.press("early\r");
    alice.shows("your line is kept here");
    peer.write("{\"t\":\"pong\",\"text\":\"back again\"}\r\n");
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
    peer.let_in("1");
    peer.history("lobby", &[], false);
    peer.pong("back again");
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
    peer.begin_json("1");
    peer.expect("alice");
    peer.write(TAKEN);
    alice.shows("alice is still taken, perhaps by the connection that was");
    alice.press("ann");
    alice.input_is("nickname: ann|");
    peer.expect("alice");
    peer.write(TAKEN);
    peer.write("{\"t\":\"note\",\"text\":\"that was the second time\"}\r\n");
    alice.shows("that was the second time");
    alice.input_is("nickname: ann|");
    assert_eq!(alice.all_rows().iter().filter(|row| row.contains("still taken")).count(), 1);
}

#[test]
fn room_with_a_key_is_entered_again() {
    let fake = FakeServer::start();
    let (mut alice, mut peer) = entered(&fake);
    alice.press("/join den fish\r");
    peer.expect("/join den fish");
    peer.write("{\"t\":\"room\",\"room\":\"den\",\"here\":1,\"names\":[],\"topic\":null}\r\n");
    peer.history("den", &[(2, "two")], false);
    alice.shows("bob: two");
    drop(peer);
    let mut peer = fake.accept();
    assert_eq!(peer.begin_json("1"), "/json room=den run=1 after=2");
    peer.expect("alice");
    peer.write("{\"t\":\"refused\",\"what\":\"wrong_key\",\"text\":\"den needs a key\",\"room\":\"den\"}\r\n");
    peer.expect("/join den fish");
    peer.write("{\"t\":\"entered\",\"name\":\"alice\",\"room\":\"lobby\",\"here\":1,\"names\":[],\"topic\":null,\"role\":null,\"account\":false}\r\n");
    peer.history("lobby", &[(1, "one"), (3, "in the lobby")], false);
    peer.expect("/ping back again");
    peer.write("{\"t\":\"room\",\"room\":\"den\",\"here\":1,\"names\":[],\"topic\":null}\r\n");
    peer.history("den", &[(2, "two"), (4, "four")], false);
    peer.write("{\"t\":\"pong\",\"text\":\"back again\"}\r\n");
    alice.shows("bob: four");
    alice.shows(" den · alice");
    assert_eq!(said(&mut alice).iter().filter(|text| *text == "two").count(), 1);
}
