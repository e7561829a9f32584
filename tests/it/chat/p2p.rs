//! The p2p mode: the operator, whose console is a pipe, and one peer.

use crate::harness::{Client, Server, mask_time};

const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// Starts a server in p2p mode and connects its peer; the greeting and the join notice are read.
fn start() -> (Server, Client) {
    let mut server = Server::start(&["--mode", "p2p"]);
    let mut peer = server.connect();
    let name = peer.addr();
    peer.expect(&format!("* You are {name}, talking with the server's operator. /help lists the commands."));
    server.console.until(&format!("* {name} joined (1 here)"));
    (server, peer)
}

#[test]
fn operator_and_peer_exchange_messages_without_nicknames() {
    let (mut server, mut peer) = start();
    let name = peer.addr();
    server.type_in("hello\n");
    peer.expect("[T] server: hello");
    peer.send("hello yourself\n/me waves\n");
    assert_eq!(server.console.next().map(|line| mask_time(&line)), Some(format!("[T] {name}: hello yourself")));
    assert_eq!(server.console.next().map(|line| mask_time(&line)), Some(format!("[T] * {name} waves")));
    server.type_in("/me nods\n");
    peer.expect("[T] * server nods");
}

#[test]
fn server_ends_with_a_notice_when_the_peer_quits() {
    for word in ["q", "quit", "exit", "QUIT", "/quit"] {
        let (mut server, mut peer) = start();
        let name = peer.addr();
        peer.ask(word, &["* Goodbye."]);
        peer.expect_end();
        server.console.until(&format!("* {name} has left; the server ends."));
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn server_ends_with_a_notice_when_the_peer_closes_the_connection() {
    for half in [true, false] {
        let (mut server, mut peer) = start();
        let name = peer.addr();
        if half {
            peer.send("last words");
            peer.half_close();
            server.console.until(&format!("] {name}: last words"));
        } else {
            drop(peer);
        }
        server.console.until(&format!("* {name} has left; the server ends."));
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn server_ends_when_the_peer_resets_the_connection() {
    let (mut server, peer) = start();
    let name = peer.addr();
    peer.reset();
    server.console.until(&format!("* {name} has left; the server ends."));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn second_client_is_refused_and_the_chat_goes_on() {
    let (mut server, mut peer) = start();
    let mut second = server.connect();
    second.expect("! The operator is talking with somebody else. Try again later.");
    second.expect_end();
    drop(second);
    server.console.until("* disconnected ");
    server.type_in("still there?\n");
    peer.expect("[T] server: still there?");
    peer.expect_nothing();
}

#[test]
fn operator_quit_ends_the_server() {
    for word in ["q", "Quit", "exit", "/quit", "/shutdown"] {
        let (mut server, mut peer) = start();
        server.type_in(&format!("{word}\n"));
        peer.expect(SHUTTING_DOWN);
        peer.expect_end();
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn operator_can_quit_before_a_peer_connects() {
    let mut server = Server::start(&["--mode", "p2p"]);
    server.type_in("q\n");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn peer_cannot_change_the_room() {
    let (mut server, mut peer) = start();
    peer.ask("/join elsewhere", &["! There is no command /join. /help lists them."]);
    peer.ask("/leave", &["! There is no command /leave. /help lists them."]);
    server.type_in("still there?\n");
    peer.expect("[T] server: still there?");
}
