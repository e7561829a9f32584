//! Whispers to those who are not here.

use super::{Place, kill, shown};
use crate::harness::Server;

fn kept(name: &str) -> String {
    format!("* {name} is not here; this is kept for whoever takes that name next.")
}

#[test]
fn a_whisper_waits_for_the_name_across_a_restart_and_is_handed_over_once() {
    let place = Place::new();
    let server = place.start(&["--offline-whispers"]);
    let mut alice = server.login("alice");
    alice.ask("@bob see you at noon", &["[T] you -> bob: see you at noon", &kept("bob")]);
    alice.ask("@ＢＯＢ or at one", &["[T] you -> ＢＯＢ: or at one", &kept("ＢＯＢ")]);
    kill(server);
    let server = place.start(&["--offline-whispers"]);
    let mut bob = server.login("Bob");
    let missed = [
        "* --- 2 whispers while nobody had your name ---",
        "[T] alice -> you: see you at noon",
        "[T] alice -> you: or at one",
        "* --- those were all whispers ---",
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
    let server = place.start(&["--offline-whispers"]);
    assert_eq!(shown(&mut server.login("bob")), [""; 0]);
}

#[test]
fn one_who_takes_the_name_later_is_handed_them_too() {
    let place = Place::new();
    let server = place.start(&["--offline-whispers"]);
    let [mut alice, mut carol] = server.people(["alice", "carol"]);
    alice.ask("@bob hi", &["[T] you -> bob: hi", &kept("bob")]);
    carol.ask(
        "/nick bob",
        &[
            "* carol is now called bob",
            "* --- 1 whisper while nobody had your name ---",
            "[T] alice -> you: hi",
            "* --- those were all whispers ---",
        ],
    );
}

#[test]
fn without_the_option_nobody_is_whispered_to_who_is_not_here() {
    let place = Place::new();
    for server in [place.start(&[]), Server::start(&[])] {
        let mut alice = server.login("alice");
        alice.ask("@bob hi", &["! Nobody here is called bob."]);
    }
    let server = place.start(&["--offline-whispers"]);
    let mut alice = server.login("alice");
    for name in ["server", "a/b"] {
        alice.ask(&format!("@{name} hi"), &[&format!("! Nobody here is called {name}.")]);
    }
    let long = "x".repeat(4090);
    alice.ask(&format!("@bo {long}"), &[&format!("[T] you -> bo: {long}"), &kept("bo")]);
}

#[test]
fn one_who_is_muted_is_not_told_and_not_heard() {
    let place = Place::new();
    let mut server = place.start(&["--offline-whispers", "--console"]);
    let mut alice = server.login("alice");
    server.type_in("/mute alice\n");
    server.console.until("alice is muted.");
    alice.ask("@bob hi", &["[T] you -> bob: hi", &kept("bob")]);
    assert_eq!(shown(&mut server.login("bob")), [""; 0]);
}
