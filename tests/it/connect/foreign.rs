//! Servers that are not chinwag, and connections that drop and come back.

use crate::connect::{ClientTerminal, FakeServer};
use crate::harness::Server;

#[test]
fn client_works_with_any_line_server() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("220 ready\r\nlogin: ");
    alice.shows_line("220 ready");
    alice.input_is("login: |");
    alice.press("alice\r");
    peer.expect("alice");
    peer.write("ok\r\n");
    alice.input_is("> |");
    alice.press("/join #x\r");
    peer.expect("/join #x");
    peer.write("<bob> hi\n");
    alice.shows_line("<bob> hi");
    alice.press("bye\r");
    peer.expect("bye");
    drop(peer);
    alice.ends(0);
}

#[test]
fn other_server_echo_is_detected() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("hello\n");
    alice.shows_line("hello");
    alice.press("one\r");
    alice.until("the line", |alice| {
        alice.rows().iter().filter(|row| *row == "> one").count() == 1 && alice.input() == "> |"
    });
    peer.expect("one");
    peer.write("<me> one\n");
    alice.shows_line("<me> one");
    alice.press("two\r");
    peer.expect("two");
    peer.write("<me> two\n");
    alice.shows_line("<me> two");
    assert!(!alice.rows().iter().any(|row| row == "> two"), "{:?}", alice.rows());
}

#[test]
fn other_server_gets_nickname_after_prompt_line_or_delay() {
    let fake = FakeServer::start();
    for first in ["Who are you? ", "welcome\n", ""] {
        let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
        let mut peer = fake.accept();
        peer.write(first);
        peer.expect("alice");
        peer.write("hi alice\n");
        alice.shows("hi alice");
        alice.press("\x04");
        assert_eq!(peer.line(), None, "the connection is closed on our side");
        drop(peer);
        alice.ends(0);
    }
}

#[test]
fn unreachable_server_is_reported_without_touching_terminal() {
    let addr = FakeServer::start().addr();
    let alice = ClientTerminal::connect(addr, &[]);
    let rows = alice.ends(1).replace('\n', "");
    assert_eq!(rows.trim_end(), format!("chinwag: cannot connect to {addr}: connection refused"));
}

/// A chinwag server behind a relay that can drop the connection.
struct Proxy {
    fake: FakeServer,
    server: Server,
}

impl Proxy {
    fn start() -> Proxy {
        Proxy { fake: FakeServer::start(), server: Server::start(&["--rate", "0"]) }
    }
}

#[test]
fn reconnect_keeps_name_and_room_and_shows_only_missed_messages() {
    let Proxy { fake, server } = Proxy::start();
    let [mut bob, mut carol] = server.people(["bob", "carol"]);
    bob.send("/join den\n");
    bob.send("before\n");
    carol.send("in the lobby\n");
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("carol: in the lobby"));
    alice.press("/join den\r");
    relay.until(&mut alice, |alice| alice.has("bob: before"));
    alice.press("mine\r/ping done\r");
    relay.until(&mut alice, |alice| alice.has("* pong done"));
    bob.until("] alice: mine");
    bob.send("seen\n");
    relay.until(&mut alice, |alice| alice.has("bob: seen"));
    relay.cut();
    bob.until("* alice left");
    alice.press("half ty");
    bob.send("missed\n");
    bob.send("/ping x\n");
    bob.until("* pong x");
    alice.shows("The connection is lost");
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("bob: missed"));
    let rows: Vec<_> = alice.all_rows().iter().map(|row| crate::harness::mask_time(row)).collect();
    for once in ["[T] bob: before", "[T] alice: mine", "[T] bob: seen", "[T] bob: missed", "[T] carol: in the lobby"] {
        assert_eq!(rows.iter().filter(|row| *row == once).count(), 1, "{once} in {rows:#?}");
    }
    assert!(rows.iter().any(|row| row.contains("One message was missed")), "{rows:#?}");
    relay.until(&mut alice, |alice| alice.rows().iter().any(|row| row.starts_with(" den · alice · 2 here")));
    alice.input_is("> half ty|");
}

#[test]
fn undelivered_lines_are_reported_and_can_be_resent() {
    let Proxy { fake, server } = Proxy::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("lag "));
    alice.press("@bob psst\r");
    alice.press("into the void\r");
    // The relay passes nothing on.
    alice.shows("2 lines on their way");
    relay.cut();
    let mut relay = crate::connect::relay::Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| {
        // A long line is divided into rows, and the further ones are indented.
        let shown = alice.all_rows().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        shown.contains("Not delivered") && shown.contains("brings it back): @bob psst")
    });
    // The message is the newest line of the input history.
    alice.press("\x1b[A\r");
    relay.until(&mut alice, |alice| alice.all_rows().concat().matches("alice: into the void").count() == 1);
    let mut bob = server.connect();
    bob.send("bob\n");
    let mut seen = Vec::new();
    relay.until(&mut alice, |alice| alice.has("bob joined"));
    bob.send("/ping end\n");
    loop {
        let text = bob.line();
        if text == "* pong end" {
            break;
        }
        seen.push(text);
    }
    assert_eq!(seen.iter().filter(|line| line.ends_with("alice: into the void")).count(), 1, "{seen:?}");
}

#[test]
fn input_is_kept_while_disconnected() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("hello\n");
    alice.shows_line("hello");
    drop(peer);
    alice.shows("The connection is lost: the server closed it.");
    alice.press("kept\r");
    alice.until("the line is kept", |alice| alice.input() == "> kept|");
    let mut peer = fake.accept();
    peer.write("hello again\n");
    alice.shows_line("hello again");
    alice.press("\r");
    peer.expect("kept");
}

#[test]
fn kicked_client_reconnects_only_on_enter() {
    let mut server = Server::start(&["--console"]);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    server.type_in("/kick alice enough\n");
    alice.shows("* You were kicked by the operator: enough");
    alice.shows("Enter tries again, Ctrl-D leaves");
    alice.press("\r");
    alice.shows("lobby · alice · 1 here");
    server.type_in("/kick alice\n");
    alice.until("the end", |alice| alice.rows().iter().any(|row| row.starts_with(" closed by the server")));
    alice.press("\x04");
    alice.ends(0);
}
