//! Telnet clients: negotiation, editing and line ends.

use std::io::Read;

use rustix::process::Signal;

use crate::harness::{Client, Server};

/// Logs in alice, who uses telnet with `TCP_NODELAY`, and bob, who reads.
fn alice_and_bob(server: &Server) -> (Client, Client) {
    let mut alice = server.login("alice");
    let bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    alice.stream.set_nodelay(true).expect("TCP_NODELAY");
    (alice, bob)
}

#[test]
fn negotiation_is_refused_and_removed_at_every_split() {
    let server = Server::start(&["--rate", "0"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    // DO ECHO, WILL NAWS, DONT ECHO, WONT NAWS, a subnegotiation with an LF and an escaped 255, NOP (RFC 854).
    let sent = b"h\xff\xfd\x01e\xff\xfb\x1fl\xff\xfe\x01\xff\xfc\x1fl\xff\xfa\x18\x00x\n\xff\xffy\xff\xf0o\xff\xf1\r\n";
    let refusals = b"\xff\xfc\x01\xff\xfe\x1f";
    for at in 0..=sent.len() {
        alice.send_bytes(&sent[..at]);
        if at < sent.len() {
            // When bob gets his answer, the server has read everything sent before his line.
            bob.send("/ping\n");
            bob.expect("* pong");
        }
        alice.send_bytes(&sent[at..]);
        bob.expect("[T] alice: hello");
        let mut answer = [0; 6];
        alice.stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, refusals, "split at {at}");
    }
    alice.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn negotiation_works_byte_by_byte() {
    let server = Server::start(&["--rate", "0"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    for &byte in b"\xff\xfb\x18hi\xff\xfd\x03\r\0" {
        alice.send_bytes(&[byte]);
        bob.send("/ping\n");
        let mut line = bob.line();
        if line == "[T] alice: hi" {
            line = bob.line();
        }
        assert_eq!(line, "* pong");
    }
    let mut answer = [0; 6];
    alice.stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"\xff\xfe\x18\xff\xfc\x03");
    alice.expect_nothing();
    bob.ask("/history", &["* --- the last 1 message ---", "[T] alice: hi", "* --- you are up to date ---"]);
}

#[test]
fn negotiation_works_at_the_nickname_prompt() {
    let server = Server::start(&[]);
    let mut alice = server.connect();
    alice.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.send_bytes(b"\xff\xfd\x03\xff\xfb\x1f");
    let mut answer = [0; 6];
    alice.stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"\xff\xfc\x03\xff\xfe\x1f");
    alice.ask("alice", &["* You are alice. 1 here: you. /help lists the commands."]);
}

#[test]
fn backspace_and_delete_remove_one_character() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.connect();
    alice.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.ask("alixx\u{8}\u{7f}ce", &["* You are alice. 2 here: bob and you. /help lists the commands."]);
    bob.expect("* alice joined (2 here)");
    for (typed, said) in [
        ("helpp\u{8}\u{8}lo", "hello"),
        ("helpp\u{7f}\u{7f}lo", "hello"),
        ("你好\u{7f}们", "你们"),
        ("\u{8}\u{8}no further back", "no further back"),
        ("all gone\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}anew", "anew"),
    ] {
        alice.send(&format!("{typed}\r\n"));
        bob.expect(&format!("[T] alice: {said}"));
    }
    alice.send("gone\u{8}\u{8}\u{8}\u{8}\r\n");
    alice.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn backspace_does_not_change_the_previous_line() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    alice.send("one\r\n\u{8}\u{8}two\r\n");
    bob.expect_all(&["[T] alice: one", "[T] alice: two"]);
}

#[test]
fn carriage_return_and_nul_end_a_line() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.connect();
    alice.send("alice\r\0one\r\0two\nthree\r\nfour\r");
    bob.expect_all(&["* alice joined (2 here)", "[T] alice: one", "[T] alice: two", "[T] alice: three"]);
    bob.expect_nothing();
    alice.send("\0five\r\0");
    bob.expect_all(&["[T] alice: four", "[T] alice: five"]);
    bob.expect_nothing();
}

#[test]
fn escaped_255_makes_the_line_invalid_utf8() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    alice.send_bytes(b"a\xff\xffb\r\n");
    alice.expect("! That line is not UTF-8; it was not said.");
    bob.expect_nothing();
}

#[test]
fn endless_negotiation_takes_no_memory() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let before = server.resident_kib();
    alice.send_bytes(b"\xff\xfa");
    let block = vec![b'x'; 1 << 20];
    (0..10).for_each(|_| alice.send_bytes(&block));
    alice.send_bytes(b"\xff\xf0hello\r\n");
    bob.expect("[T] alice: hello");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more");
}

#[test]
fn data_after_urgent_data_is_read() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    // As telnet does on an interrupt (RFC 854, "Synch"). All of it arrives before the server reads.
    server.signal(Signal::STOP);
    alice.send("hel");
    socket2::SockRef::from(&alice.stream).send_out_of_band(b"!").expect("send");
    alice.send("lo\nworld\n");
    server.signal(Signal::CONT);
    bob.expect_all(&["[T] alice: hello", "[T] alice: world"]);
}
