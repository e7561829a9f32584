//! Connections that are in the midst of something when the server is replaced.

use serde_json::json;

use super::Replaceable;
use crate::harness::{Client, Signal};
use crate::irc::{Irc, address};
use crate::web::Page;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

#[test]
fn login_half_a_line_and_a_follower_go_on() {
    let mut server = Replaceable::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let mut asked = server.connect();
    asked.expect(WELCOME);
    asked.send("car");
    alice.send("half a l");
    bob.send("/follow den\n");
    bob.until("den");
    // What was sent has been read by the old process or not: both must do.
    server.upgrade();
    alice.send("ine\n");
    bob.expect("[T] alice: half a line");
    asked.send("ol\n");
    asked.until("* You are carol. ");
    alice.expect("* carol joined (3 here)");
    bob.expect("* carol joined (3 here)");
    alice.send("/join den\nin the den\n");
    bob.until("in the den");
}

#[test]
fn newcomers_who_wait_are_admitted_in_their_order() {
    let mut server = Replaceable::start(&["--max-clients", "1"]);
    let alice = server.login("alice");
    let mut waiting = [server.connect(), server.connect()];
    waiting[0].expect("* The room is full. You are number 1 in line.");
    waiting[1].expect("* The room is full. You are number 2 in line.");
    server.upgrade();
    drop(alice);
    waiting[0].until(WELCOME);
    waiting[1].until("number 1 in line");
}

#[test]
fn mute_ban_and_roles_last() {
    let mut server = Replaceable::start(&["--console"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    server.type_in("/mute bob 5\n");
    server.console.until("* bob is muted for another 5 minutes.");
    server.type_in("/ban 192.0.2.7\n/mod alice\n");
    server.console.until("alice is now a moderator");
    alice.until("moderator");
    server.upgrade();
    server.type_in("/mutes\n");
    server.console.until("* bob is muted for another 5 minutes.");
    server.type_in("/bans\n");
    server.console.until("192.0.2.7");
    bob.send("unheard\n");
    server.console.until("(muted) bob: unheard");
    alice.expect_nothing();
    alice.send("/kick bob\n");
    bob.until("kicked");
}

#[test]
fn console_goes_on_in_the_midst_of_a_line() {
    let mut server = Replaceable::start(&["--console"]);
    let mut alice = server.login("alice");
    server.type_in("half a l");
    server.upgrade();
    server.type_in("ine\n");
    alice.expect("[T] server: half a line");
    server.upgrade();
    alice.send("to the operator\n");
    server.console.until("alice: to the operator");
    server.type_in("/shutdown\n");
    alice.until("The server is shutting down");
    super::await_end(server.pid);
}

#[test]
fn page_goes_on_in_the_midst_of_a_frame_and_of_a_request() {
    let mut server = Replaceable::start(&["--web", "127.0.0.1:0"]);
    let line = server.log.until("listening on http://");
    let web = line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address");
    let mut alice = server.login("alice");
    let mut page = Page::connect(web, "/ws", &[]);
    page.until("hello");
    page.log_in("page");
    page.until("live");
    alice.expect("* page joined (2 here)");

    let mut request = Client::connect(web);
    request.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConn");
    // A text frame of one client, with a mask of zeros, cut in the header of its second half.
    let mut raw = Client::connect(web);
    raw.send("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
    raw.send("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    assert_eq!(raw.line(), "HTTP/1.1 101 Switching Protocols");
    raw.send_bytes(&[0x81, 0x83, 0, 0]);
    raw.send_bytes(&[0, 0, b'r']);
    server.upgrade();
    raw.send_bytes(b"aw");
    alice.expect("* raw joined (3 here)");
    request.send("ection: close\r\n\r\n");
    assert_eq!(request.line(), "HTTP/1.1 200 OK");
    page.send("from the page");
    alice.expect("[T] page: from the page");
    alice.send("to the page\n");
    assert_eq!(page.until("said")["text"], json!("from the page"));
    assert_eq!(page.until("said")["text"], json!("to the page"));
}

#[test]
fn client_of_irc_goes_on_in_the_midst_of_its_registration_and_of_a_line() {
    let mut server = Replaceable::start(&["--irc", "127.0.0.1:0"]);
    let irc = address(&mut server, "irc");
    let mut alice = Irc::over(Client::connect(irc));
    alice.register("alice");
    alice.join("#lobby");
    let mut bob = server.login("bob");
    let mut late = Irc::over(Client::connect(irc));
    late.send(&["CAP LS 302", "NICK late"]);
    late.until(" LS ");
    alice.client.send("PRIVMSG #lobby :half a l");
    server.upgrade();
    alice.client.send("ine\r\n");
    bob.expect("[T] alice: half a line");
    bob.send("to IRC\n");
    alice.until("PRIVMSG #lobby :to IRC");
    late.send(&["USER late 0 * :Late", "CAP END"]);
    late.until(" 001 late ");
    alice.send(&["PING :still here"]);
    alice.until("PONG");
}

#[test]
fn passwords_that_are_compared_during_an_upgrade_are_answered() {
    let dir = crate::store::TestDir::new();
    let store = dir.file().display().to_string();
    let mut server = Replaceable::start_in(dir, &["--store", &store, "--rate", "0"], &[]);
    let mut alice = server.login("alice");
    alice.send("/register correct-horse-battery\n");
    alice.until("registered");
    alice.send("/quit\n");
    alice.until("Goodbye");
    for _ in 0..3 {
        let mut again = server.connect();
        again.expect(WELCOME);
        again.send("alice\n");
        again.until("assword");
        again.send("correct-horse-battery\n");
        server.upgrade();
        again.until("* You are alice");
        again.send("/quit\n");
        again.until("Goodbye");
    }
    server.send_signal(Signal::TERM);
    super::await_end(server.pid);
}
