//! From the connection to the welcome, and what is in the way of it.

use std::sync::Arc;

use super::{Irc, IrcServer, address};
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;
use crate::tls::{certificate, open, trusting};

const FULL: &str = ":chinwag NOTICE * :The room is full. You are number";

#[test]
fn nick_and_user_are_answered_with_the_welcome() {
    let server = IrcServer::start(&[]);
    let mut alice = server.open();
    alice.send(&["NICK alice", "USER al 0 * :Alice A."]);
    let welcome = alice.line();
    assert!(welcome.starts_with(":chinwag 001 alice :Welcome to the chinwag Network, alice!~al@"), "{welcome}");
    assert!(welcome.ends_with(".cloak"), "an address is never shown: {welcome}");
    let mut tokens = String::new();
    loop {
        let line = alice.line();
        match line.split(' ').nth(1) {
            Some("005") => tokens.push_str(&line),
            Some("422") => break,
            Some("002" | "003" | "004" | "251" | "252" | "253" | "254" | "255" | "265" | "266") => {}
            _ => panic!("{line}"),
        }
    }
    for token in ["NETWORK=chinwag", "CHANTYPES=#", "PREFIX=(ov)@+", "UTF8ONLY"] {
        assert!(tokens.split(' ').any(|found| found == token), "{token} is not in {tokens}");
    }
    alice.expect_nothing();
    alice.ask("QUIT", &["ERROR :Closing link: quit"]);
    alice.expect_end();
}

#[test]
fn newcomer_tries_until_a_nickname_is_free_and_valid() {
    let server = IrcServer::start(&[]);
    let mut alice = server.login("alice");
    let mut newcomer = server.open();
    newcomer.ask("PRIVMSG alice :hi", &[":chinwag 451 * :You have not registered"]);
    newcomer.ask("NICK", &[":chinwag 431 * :No nickname given"]);
    newcomer.send(&["USER x 0 * :x", "NICK Alice"]);
    let taken = newcomer.line();
    assert!(taken.starts_with(":chinwag 433 * Alice :"), "{taken}");
    newcomer.send(&["NICK a@b"]);
    let bad = newcomer.line();
    assert!(bad.starts_with(":chinwag 432 * a@b :"), "{bad}");
    newcomer.send(&["NICK 小明"]);
    let welcome = newcomer.line();
    assert!(welcome.starts_with(":chinwag 001 小明 :"), "{welcome}");
    alice.expect_nothing();
}

#[test]
fn client_waits_in_line_and_is_welcomed_when_a_place_is_free() {
    let server = IrcServer::start(&["--max-clients", "1", "--max-waiting", "2"]);
    let mut alice = server.enter("alice");
    let mut bob = server.open();
    bob.expect(&[&format!("{FULL} 1 in line.")]);
    let mut carol = server.open();
    carol.expect(&[&format!("{FULL} 2 in line.")]);
    // What it says meanwhile counts.
    bob.send(&["CAP LS 302"]);
    bob.until("CAP * LS :");
    bob.send(&["NICK bob", "USER bob 0 * :Bob", "CAP END"]);
    bob.expect_nothing();
    let mut dave = server.open();
    dave.expect(&["ERROR :Closing link: The room and the waiting line are full. Try again later."]);
    dave.expect_end();
    alice.send(&["QUIT"]);
    let welcome = bob.line();
    assert!(welcome.starts_with(":chinwag 001 bob :"), "{welcome}");
    carol.expect(&[&format!("{FULL} 1 in line.")]);
}

#[test]
fn password_of_the_server_is_what_pass_says() {
    let server = IrcServer::start_with(&[], &[("CHINWAG_PASSWORD", "sesame")]);
    let refused = |lines: &[&str]| {
        let mut client = server.open();
        client.send(lines);
        client.send(&["NICK alice", "USER alice 0 * :x"]);
        client.expect(&[
            ":chinwag 464 alice :Password incorrect",
            "ERROR :Closing link: the password of the server is wrong or missing",
        ]);
        client.expect_end();
    };
    refused(&[]);
    refused(&["PASS :open sesame"]);
    let mut alice = server.open();
    alice.send(&["PASS sesame"]);
    alice.register("alice");
    alice.expect_nothing();
    alice.ask("PASS sesame", &[":chinwag 462 alice :You may not reregister"]);
}

#[test]
fn client_that_does_not_register_is_closed() {
    let server = IrcServer::start(&["--login-timeout", "1"]);
    let mut silent = server.open();
    let mut half = server.open();
    half.send(&["CAP LS", "NICK half", "USER half 0 * :x"]);
    half.until("CAP * LS :");
    for client in [&mut silent, &mut half] {
        client.expect(&["ERROR :Closing link: No nickname was given within 1 second. Goodbye."]);
        client.expect_end();
    }
}

#[test]
fn tls_has_the_same_and_the_protocol_of_irc() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let certificates = files(&dir.0, "a");
    let certificates: Vec<&str> = certificates.iter().map(String::as_str).collect();
    let mut server = IrcServer::start(&[&["--irc", "ircs://127.0.0.1:0"], &certificates[..]].concat());
    let encrypted = address(&mut server, "ircs");
    let mut plain = server.join("plain", "#den");
    let mut config = (*trusting(&[certificate(&dir.0.join("a.pem"))])).clone();
    config.alpn_protocols = vec![b"irc".to_vec()];
    let mut alice = Irc::over(open(encrypted, &Arc::new(config)));
    alice.register("alice");
    assert_eq!(alice.client.stream.conn.alpn_protocol(), Some(&b"irc"[..]));
    alice.join("#den");
    plain.expect(&[":alice!~alice@HOST JOIN #den"]);
    plain.send(&["PRIVMSG #den :hi"]);
    alice.expect(&[":plain!~plain@HOST PRIVMSG #den :hi"]);
}
