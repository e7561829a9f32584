//! The operator and one other, with the operator on a pipe.

use crate::harness::{Client, Server, mask_time};

const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// A server of that mode and its peer, whose greeting and coming have been read.
fn start() -> (Server, Client) {
    let mut server = Server::start(&["--mode", "p2p"]);
    let mut peer = server.connect();
    let name = peer.addr();
    peer.expect(&format!("* You are {name}, talking with the server's operator. /help lists the commands."));
    server.console.until(&format!("* {name} joined (1 here)"));
    (server, peer)
}

#[test]
fn both_sides_read_each_other_without_a_nickname() {
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
fn the_server_says_so_and_ends_when_the_peer_leaves_by_a_word() {
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
fn the_server_says_so_and_ends_when_the_peer_hangs_up() {
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
fn a_reset_by_the_peer_ends_the_server_too() {
    let (mut server, peer) = start();
    let name = peer.addr();
    peer.reset();
    server.console.until(&format!("* {name} has left; the server ends."));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_person_is_refused_and_the_first_two_talk_on() {
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
fn the_operator_ends_it_with_a_word() {
    for word in ["q", "Quit", "exit", "/quit", "/shutdown"] {
        let (mut server, mut peer) = start();
        server.type_in(&format!("{word}\n"));
        peer.expect(SHUTTING_DOWN);
        peer.expect_end();
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn the_operator_may_leave_before_anybody_has_come() {
    let mut server = Server::start(&["--mode", "p2p"]);
    server.type_in("q\n");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_peer_cannot_walk_out_of_earshot() {
    let (mut server, mut peer) = start();
    peer.ask("/join elsewhere", &["! There is no command /join. /help lists them."]);
    peer.ask("/leave", &["! There is no command /leave. /help lists them."]);
    server.type_in("still there?\n");
    peer.expect("[T] server: still there?");
}
