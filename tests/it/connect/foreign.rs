//! Servers of others, and connections that come and go.

use crate::connect::{Other, Terminal};
use crate::harness::Server;

#[test]
fn any_server_that_speaks_lines_will_do() {
    let other = Other::start();
    let mut alice = Terminal::connect(other.addr(), &[]);
    let mut peer = other.accept();
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
fn a_server_that_shows_us_our_own_lines_is_found_out() {
    let other = Other::start();
    let mut alice = Terminal::connect(other.addr(), &[]);
    let mut peer = other.accept();
    peer.write("hello\n");
    alice.shows_line("hello");
    alice.press("one\r");
    alice.shows_line("[T] you: one");
    peer.expect("one");
    peer.write("<me> one\n");
    alice.shows_line("<me> one");
    alice.press("two\r");
    peer.expect("two");
    peer.write("<me> two\n");
    alice.shows_line("<me> two");
    assert!(!alice.rows().iter().any(|row| row.contains("you: two")), "{:?}", alice.rows());
}

#[test]
fn a_nickname_is_given_to_a_server_of_others_with_its_first_words_or_after_a_silence() {
    let other = Other::start();
    for first in ["Who are you? ", "welcome\n", ""] {
        let mut alice = Terminal::connect(other.addr(), &["--nick", "alice"]);
        let mut peer = other.accept();
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
fn a_server_that_cannot_be_reached_at_first_is_told_and_the_terminal_left_alone() {
    let addr = Other::start().addr();
    let alice = Terminal::connect(addr, &[]);
    let rows = alice.ends(1).replace('\n', "");
    assert_eq!(rows.trim_end(), format!("chinwag: cannot connect to {addr}: connection refused"));
}

/// A server between a client and a real one, that can drop the connection.
struct Proxy {
    other: Other,
    server: Server,
}

impl Proxy {
    fn start() -> Proxy {
        Proxy { other: Other::start(), server: Server::start(&["--rate", "0"]) }
    }
}

#[test]
fn a_lost_connection_comes_back_under_the_same_name_in_the_same_room_and_shows_only_what_was_missed() {
    let Proxy { other, server } = Proxy::start();
    let [mut bob, mut carol] = server.people(["bob", "carol"]);
    bob.send("/join den\n");
    bob.send("before\n");
    carol.send("in the lobby\n");
    let mut alice = Terminal::connect(other.addr(), &["--nick", "alice"]);
    let mut line = crate::connect::relay::Relay::new(&other, &server);
    line.until(&mut alice, |alice| alice.has("carol: in the lobby"));
    alice.press("/join den\r");
    line.until(&mut alice, |alice| alice.has("bob: before"));
    alice.press("mine\r/ping done\r");
    line.until(&mut alice, |alice| alice.has("* pong done"));
    bob.until("] alice: mine");
    bob.send("seen\n");
    line.until(&mut alice, |alice| alice.has("bob: seen"));
    line.cut();
    bob.until("* alice left");
    alice.press("half ty");
    bob.send("missed\n");
    bob.send("/ping x\n");
    bob.until("* pong x");
    alice.shows("The connection is lost");
    let mut line = crate::connect::relay::Relay::new(&other, &server);
    line.until(&mut alice, |alice| alice.has("bob: missed"));
    let rows: Vec<_> = alice.all_rows().iter().map(|row| crate::harness::mask_time(row)).collect();
    for once in ["[T] bob: before", "[T] alice: mine", "[T] bob: seen", "[T] bob: missed", "[T] carol: in the lobby"] {
        assert_eq!(rows.iter().filter(|row| *row == once).count(), 1, "{once} in {rows:#?}");
    }
    assert!(rows.iter().any(|row| row.contains("One message was missed")), "{rows:#?}");
    line.until(&mut alice, |alice| alice.rows().iter().any(|row| row.starts_with(" den · alice · 2 here")));
    alice.input_is("> half ty|");
}

#[test]
fn what_was_sent_into_a_connection_that_was_lost_is_told_and_can_be_sent_again() {
    let Proxy { other, server } = Proxy::start();
    let mut alice = Terminal::connect(other.addr(), &["--nick", "alice"]);
    let mut line = crate::connect::relay::Relay::new(&other, &server);
    line.until(&mut alice, |alice| alice.has("lag "));
    alice.press("@bob psst\r");
    alice.press("into the void\r");
    alice.shows_line("[T] alice: into the void");
    line.cut();
    let mut line = crate::connect::relay::Relay::new(&other, &server);
    line.until(&mut alice, |alice| {
        // The second row is indented.
        let shown = alice.all_rows().concat();
        shown.contains("This was not said any more") && shown.contains("brings it back): @bob   psst")
    });
    // The whisper is the newest, and the line stands before it.
    alice.press("\x1b[A\x1b[A\r");
    line.until(&mut alice, |alice| alice.all_rows().concat().matches("alice: into the void").count() == 2);
    let mut bob = server.connect();
    bob.send("bob\n");
    let mut seen = Vec::new();
    line.until(&mut alice, |alice| alice.has("bob joined"));
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
fn typed_lines_are_kept_while_there_is_no_connection_and_enter_tries_at_once() {
    let other = Other::start();
    let mut alice = Terminal::connect(other.addr(), &[]);
    let mut peer = other.accept();
    peer.write("hello\n");
    alice.shows_line("hello");
    drop(peer);
    alice.shows("The connection is lost: the server closed it.");
    alice.press("kept\r");
    alice.until("the line is kept", |alice| alice.input() == "> kept|");
    let mut peer = other.accept();
    peer.write("hello again\n");
    alice.shows_line("hello again");
    alice.press("\r");
    peer.expect("kept");
}

#[test]
fn one_who_was_kicked_is_not_brought_back_unless_they_ask() {
    let mut server = Server::start(&["--console"]);
    let mut alice = Terminal::connect(server.addr, &["--nick", "alice"]);
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
