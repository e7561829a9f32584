//! Line limits, invalid UTF-8, control characters, and connections per address.

use crate::harness::{Client, Server};

const TOO_LONG: &str = "! That line is too long (4096 bytes at most); it was not said.";
const NOT_UTF8: &str = "! That line is not UTF-8; it was not said.";
const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// Logs alice and bob in; all their lines are read.
pub fn alice_and_bob(server: &Server) -> (Client, Client) {
    let mut alice = server.login("alice");
    let bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    (alice, bob)
}

#[test]
fn too_long_line_is_refused_at_once_and_the_next_line_is_sent() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    alice.send(&"x".repeat(4097));
    alice.expect(TOO_LONG);
    alice.send(&"y".repeat(10_000));
    alice.send(" the rest of it\nthe next line\n");
    bob.expect("[T] alice: the next line");
    alice.expect_nothing();
    // In one write, so that the server reads the end of the line together with its beginning.
    alice.ask(&"z".repeat(4097), &[TOO_LONG]);
    bob.expect_nothing();
}

#[test]
fn too_long_nickname_is_refused_and_the_prompt_stays() {
    let server = Server::start(&[]);
    let mut alice = server.connect();
    alice.expect(WELCOME);
    alice.ask(&"a".repeat(5000), &[TOO_LONG]);
    alice.ask("alice", &["* You are alice. 1 here: you. /help lists the commands."]);
}

#[test]
fn ten_mebibytes_without_line_end_take_no_memory() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let before = server.resident_kib();
    let block = vec![b'x'; 1 << 20];
    (0..10).for_each(|_| alice.send_bytes(&block));
    alice.expect(TOO_LONG);
    alice.send("\nhere again\n");
    bob.expect("[T] alice: here again");
    alice.expect_nothing();
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more");
}

#[test]
fn line_of_the_maximum_length_passes_and_one_byte_more_is_refused() {
    let server = Server::start(&["--max-line", "64"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    // The limit counts bytes, not characters.
    for text in ["x".repeat(64), "é".repeat(32)] {
        for end in ["\n", "\r\n", "\r\0"] {
            alice.send(&format!("{text}{end}"));
            bob.expect(&format!("[T] alice: {text}"));
            alice.send(&format!("{text}x{end}"));
            alice.expect("! That line is too long (64 bytes at most); it was not said.");
        }
    }
    bob.expect_nothing();
    alice.expect_nothing();
}

#[test]
fn invalid_utf8_line_is_refused_and_the_next_line_is_sent() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    for bytes in [&b"caf\xe9\n"[..], b"\xc0\xaf\r\n", b"\xed\xa0\x80\n", b"\xe4\xbd\n", b"/me \x80\n", b"@bob \x80\n"] {
        alice.send_bytes(bytes);
        alice.expect(NOT_UTF8);
    }
    alice.send("café\n");
    bob.expect("[T] alice: café");

    let mut carol = server.connect();
    carol.expect(WELCOME);
    carol.send_bytes(b"ren\xe9\n");
    carol.expect(NOT_UTF8);
    carol.ask("rené", &["* You are rené. 3 here: alice, bob and you. /help lists the commands."]);
}

#[test]
fn control_characters_escape_sequences_and_bidi_overrides_are_removed() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.connect();
    alice.expect(WELCOME);
    alice.ask("al\u{1b}[31mi\u{7}c\u{202e}e", &["* You are alice. 2 here: bob and you. /help lists the commands."]);
    bob.expect("* alice joined (2 here)");

    let dirty =
        "\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m\u{7} a\0b\u{202e}c\u{2066}d\u{9b}2Je\u{85}f\u{2028}g\rh\ti\u{1b}]0;t\u{7}j";
    let clean = "red abcdefgh ij";
    alice.send(&format!("{dirty}\n"));
    bob.expect(&format!("[T] alice: {clean}"));
    alice.send(&format!("/me {dirty}\n"));
    bob.expect(&format!("[T] * alice {clean}"));
    alice.ask(&format!("@bob {dirty}"), &[&format!("[T] you -> bob: {clean}")]);
    bob.expect(&format!("[T] alice -> you: {clean}"));
    alice.ask("/nick al\u{1b}[5mi\u{200f}x", &["* alice is now called alix"]);
    bob.expect("* alice is now called alix");

    alice.ask("/join d\u{1b}[31me\u{202d}n", &["* You are in den. 1 here: you."]);
    bob.expect("* alix left (1 here)");
    bob.ask("/rooms", &["* 2 rooms: den (1), lobby (1)"]);
    alice.ask("/leave", &["* You are in lobby. 2 here: bob and you."]);
    alice.expect("* --- the last 2 messages ---");
    alice.expect(&format!("[T] alice: {clean}"));
    alice.expect(&format!("[T] * alice {clean}"));
    alice.expect("* --- you are up to date ---");
    bob.expect("* alix joined (2 here)");
    alice.ask(&format!("/quit {dirty}"), &["* Goodbye."]);
    bob.expect(&format!("* alix left: \"{clean}\" (1 here)"));
}

#[test]
fn connections_above_the_per_ip_limit_are_refused() {
    let mut server = Server::start(&["--max-per-ip", "2"]);
    let (mut alice, mut bob) = alice_and_bob(&server);
    let mut third = server.connect();
    third.expect("! There are too many connections from your address (2 at most). Close one first.");
    third.expect_end();
    let refused = third.addr();
    drop(third);
    server.log.until(&format!("disconnected {refused} "));
    let mut other = Client::connect_from([127, 0, 0, 2], server.addr).log_in("other");
    alice.expect("* other joined (3 here)");
    // A close with unread data would be a reset.
    bob.expect("* other joined (3 here)");

    let gone = bob.addr();
    drop(bob);
    alice.expect("* bob left (2 here)");
    server.log.until(&format!("disconnected {gone} "));
    let _carol = server.login("carol");
    alice.expect("* carol joined (3 here)");
    other.expect("* bob left (2 here)");
}
