//! Tests of `--offline-whispers`.

use super::{TestDir, kill, shown};
use crate::harness::Server;

fn kept(name: &str) -> String {
    format!("* {name} is not here; this is stored for the next member with that name.")
}

#[test]
fn stored_whispers_survive_a_restart_and_are_delivered_once() {
    let dir = TestDir::new();
    let server = dir.start(&["--offline-whispers"]);
    let mut alice = server.login("alice");
    alice.ask("@bob see you at noon", &["[T] you -> bob: see you at noon", &kept("bob")]);
    alice.ask("@ＢＯＢ or at one", &["[T] you -> ＢＯＢ: or at one", &kept("ＢＯＢ")]);
    kill(server);
    let server = dir.start(&["--offline-whispers"]);
    let mut bob = server.login("Bob");
    let missed = [
        "* --- 2 whispers stored for your name ---",
        "[T] alice -> you: see you at noon",
        "[T] alice -> you: or at one",
        "* --- end of the stored whispers ---",
    ];
    bob.expect_all(&missed);
    bob.ask("q", &["* Goodbye."]);
    bob.expect_end();
    for _ in 0..2 {
        let mut bob = server.login("bob");
        assert_eq!(shown(&mut bob), [""; 0]);
        bob.ask("q", &["* Goodbye."]);
        bob.expect_end();
    }
    kill(server);
    let server = dir.start(&["--offline-whispers"]);
    assert_eq!(shown(&mut server.login("bob")), [""; 0]);
}

#[test]
fn stored_whispers_are_delivered_after_nick() {
    let dir = TestDir::new();
    let server = dir.start(&["--offline-whispers"]);
    let [mut alice, mut carol] = server.people(["alice", "carol"]);
    alice.ask("@bob hi", &["[T] you -> bob: hi", &kept("bob")]);
    carol.ask(
        "/nick bob",
        &[
            "* carol is now called bob",
            "* --- 1 whisper stored for your name ---",
            "[T] alice -> you: hi",
            "* --- end of the stored whispers ---",
        ],
    );
}

#[test]
fn whisper_to_an_absent_nickname_needs_the_option() {
    let dir = TestDir::new();
    for server in [dir.start(&[]), Server::start(&[])] {
        let mut alice = server.login("alice");
        alice.ask("@bob hi", &["! Nobody here is called bob."]);
    }
    let server = dir.start(&["--offline-whispers"]);
    let mut alice = server.login("alice");
    for name in ["server", "a/b"] {
        alice.ask(&format!("@{name} hi"), &[&format!("! Nobody here is called {name}.")]);
    }
    let long = "x".repeat(4090);
    alice.ask(&format!("@bo {long}"), &[&format!("[T] you -> bo: {long}"), &kept("bo")]);
}

#[test]
fn stored_whispers_of_a_shadow_banned_member_are_not_delivered() {
    let dir = TestDir::new();
    let mut server = dir.start(&["--offline-whispers", "--console"]);
    let mut alice = server.login("alice");
    server.type_in("/mute alice\n");
    server.console.until("alice is muted.");
    alice.ask("@bob hi", &["[T] you -> bob: hi", &kept("bob")]);
    assert_eq!(shown(&mut server.login("bob")), [""; 0]);
}
