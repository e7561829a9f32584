//! Several rooms, conversations, search in sent lines, and local times.

use std::process::Command;

use crate::connect::{ClientTerminal, FakeServer};
use crate::harness::{PROGRAM, Server};
use crate::store::TestDir;
use crate::web::WebServer;

#[test]
fn followed_room_has_a_view_with_unread_messages() {
    let server = Server::start(&["--rate", "0"]);
    let [mut bob, mut carol] = server.people(["bob", "carol"]);
    bob.send("/join den\nbefore\n");
    bob.until("* You are in den.");
    for args in [&["--nick", "alice"][..], &["--nick", "anna", "--full-screen"]] {
        let name = args[1];
        let mut alice = ClientTerminal::connect(server.addr, args);
        alice.shows(&format!("lobby · {name} · 2 here"));
        alice.press("/follow den\r");
        alice.shows("* You follow den.");
        alice.shows("[1 lobby] 2 den · ");
        bob.send(&format!("one\nlook, {name}\n"));
        alice.shows("[1 lobby] 2 den +2! ");
        assert!(!alice.has("bob: one"));
        alice.press("\x1b2");
        alice.shows_line("[T] bob: before");
        alice.shows_line(&format!("[T] bob: look, {name}"));
        alice.shows(&format!("1 lobby [2 den] · {name} · 2 here"));
        alice.input_is("#den> |");
        alice.press("from here\r");
        bob.until(&format!("{name}: from here"));
        alice.shows_line(&format!("[T] {name}: from here"));
        alice.press("/topic fish\r");
        bob.until("* anna set the topic: fish".replace("anna", name).as_str());
        carol.send("in the lobby\n");
        alice.shows("1 lobby +1 [2 den]");
        alice.press("/go lo\t\r");
        alice.shows_line("[T] carol: in the lobby");
        alice.press("/go den\r/leave\r");
        alice.shows("* You no longer follow den.");
        alice.shows(&format!(" lobby · {name} · 2 here"));
        alice.press("\x04");
        alice.ends(0);
        carol.until(&format!("* {name} left"));
    }
}

#[test]
fn conversation_is_kept_apart_once_it_is_opened() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    bob.until("* alice joined");
    alice.press("/go @b\t\r");
    alice.input_is("@bob> |");
    alice.press("psst\r");
    bob.expect("[T] alice -> you: psst");
    alice.shows_line("[T] you -> bob: psst");
    alice.press("\x1b1");
    alice.input_is("> |");
    bob.send("@alice yes?\n");
    alice.shows("[1 lobby] 2 @bob +1! · alice");
    alice.press("said aloud\r");
    bob.until("] alice: said aloud");
    alice.press("\x1b2/close\r");
    alice.shows_line("[T] bob -> you: yes?");
    alice.shows(" lobby · alice · 2 here");
}

#[test]
fn followed_rooms_come_back_after_a_lost_connection() {
    let (fake, server) = (FakeServer::start(), Server::start(&["--rate", "0"]));
    let mut bob = server.login("bob");
    bob.send("/join den\n");
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("* You are alice."));
    alice.press("/follow den\r/join tea\r");
    relay.until(&mut alice, |alice| alice.rows().iter().any(|row| row.contains("[1 tea] 2 den")));
    bob.until("* alice joined");
    relay.cut();
    bob.until("* alice left");
    bob.send("missed\n/ping x\n");
    bob.until("* pong x");
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.rows().iter().any(|row| row.contains("[1 tea] 2 den +1 ")));
    relay.until(&mut alice, |alice| alice.has("Messages were missed in other rooms."));
    alice.press("\x1b2");
    relay.until(&mut alice, |alice| alice.has("bob: missed"));
}

#[test]
fn sent_lines_are_found_with_ctrl_r() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    alice.press("make tea\rdrink tea\reat\r");
    bob.until("] alice: eat");
    alice.press("half ty\x12tea");
    alice.input_is("(find) tea: drink tea|");
    alice.press("\x12");
    alice.input_is("(find) tea: make tea|");
    alice.press("\x07");
    alice.input_is("> half ty|");
    alice.press("\x12drink\r");
    bob.until("] alice: drink tea");
    alice.input_is("> |");
}

#[test]
fn times_and_dates_are_those_of_the_clients_zone() {
    let fake = FakeServer::start();
    let mut command = Command::new(PROGRAM);
    command.args(["connect", &fake.addr().to_string(), "--nick", "alice"]).env("TZ", "XYZ-5:30");
    let mut alice = ClientTerminal::start(command);
    let mut peer = fake.accept();
    peer.let_in("1");
    peer.history("lobby", &[(0, "before noon UTC"), (60_000, "another day there")], false);
    alice.shows("[13:30:00] bob: before noon UTC");
    alice.shows("[06:10:00] bob: another day there");
    alice.shows("* Friday 15 January 2027");
    alice.shows("* Saturday 16 January 2027");
}

#[test]
fn address_of_a_web_page_is_told() {
    let server = WebServer::start(&[]);
    let addr = server.web;
    let told = format!("chinwag: this is a web page: open http://{addr} in a browser");
    // The terminal has divided it into rows.
    let is_told = |rows: String| rows.replace(['\n', ' '], "").contains(&told.replace(' ', ""));
    let alice = ClientTerminal::connect(addr, &["--nick", "alice"]);
    let rows = alice.ends(1);
    assert!(is_told(rows.clone()), "{rows}");
    let mut bob = ClientTerminal::connect(addr, &[]);
    bob.shows("The server has said nothing so far.");
    bob.press("bob\r");
    assert!(is_told(bob.ends(1)));
    let mut command = Command::new(PROGRAM);
    command.args(["connect", &addr.to_string(), "--nick", "carol"]).stdin(std::process::Stdio::null());
    let output = command.output().expect("the client");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(&told), "{output:?}");
}

#[test]
fn passwords_of_commands_can_be_typed_without_being_shown() {
    let dir = TestDir::new();
    let file = dir.0.join("history.db");
    let server = Server::start(&["--rate", "0", "--store", file.to_str().expect("UTF-8")]);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    alice.press("/register\r");
    alice.input_is("new password: |");
    alice.press("Hunter2\r");
    alice.input_is("again: |");
    alice.press("Hunter3\r");
    alice.shows("The two passwords differ");
    alice.input_is("> |");
    alice.press("/register\rHunter2\rHunter2\r");
    alice.shows("* alice is registered now");
    alice.press("/password\rHunter2\rHunter4\rHunter4\r");
    alice.shows("* The password is changed.");
    alice.press("/unregister\r");
    alice.input_is("password: |");
    alice.press("\r");
    alice.shows("/unregister was given up.");
    alice.input_is("> |");
    alice.press("\x1b[A\x1b[A");
    alice.input_is("> |");
    assert!(!alice.written().contains("Hunter"));
}
