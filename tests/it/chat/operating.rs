//! Operators of rooms, and the deletion of messages.

use crate::harness::{Client, Server};

/// Alice has made den, and bob is in it.
fn den(args: &[&str]) -> (Server, [Client; 3]) {
    let server = Server::start(args);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    for other in [&mut bob, &mut carol] {
        other.expect("* alice left (2 here)");
    }
    bob.ask("/join den", &["* You are in den. 2 here: alice and you."]);
    alice.expect("* bob joined (2 here)");
    carol.expect("* bob left (1 here)");
    (server, [alice, bob, carol])
}

#[test]
fn newcomer_needs_the_key_of_a_room() {
    let (_server, [mut alice, mut bob, mut carol]) = den(&[]);
    alice.ask("/room key 魚", &["* alice changed the settings: key"]);
    bob.expect("* alice changed the settings: key");
    bob.ask("/room", &["* Settings of den: key. Operators: alice."]);
    carol.ask("/join den", &["! den needs a key: /join den KEY"]);
    carol.ask("/join den fish", &["! That is not the key of den."]);
    carol.ask("/follow #DEN  魚", &["* You follow den. 3 here: alice, bob and you."]);
    // The room can be entered by those who follow it.
    carol.ask("/join den", &["* You are in den. 3 here: alice, bob and you."]);
}

#[test]
fn bad_settings_are_refused_and_change_nothing() {
    const USAGE: &str = "! Usage: /room [key WORD|limit N|slow SECONDS|invite-only|moderated|secret|topic-lock], each with off to end it";
    let (_server, [mut alice, mut bob, mut carol]) = den(&["--rate", "0"]);
    for line in ["/room key", "/room limit", "/room limit 0", "/room limit 99999999999999999999", "/room slow -1"] {
        alice.ask(line, &[USAGE]);
    }
    for line in ["/room nonsense", "/room moderated perhaps", "/room slow 86401", "/room limit 1.5"] {
        alice.ask(line, &[USAGE]);
    }
    alice.ask(&format!("/room key {}", "k".repeat(65)), &["! A key is one word of 64 bytes at most."]);
    alice.ask("/room key two words", &["! A key is one word of 64 bytes at most."]);
    alice.ask("/room", &["* Settings of den: none. Operators: alice."]);
    bob.ask("/room secret", &["! Only operators of den can do that."]);
    carol.ask("/room #den secret", &["! You are not in den. /join den or /follow den first."]);
    carol.ask("/room secret", &["! Only moderators can do that."]);
    carol.ask("/op carol", &["! Only moderators can do that."]);
    bob.ask("/op #den bob", &["! Only operators of den can do that."]);
    alice.ask("/deop alice", &["! You are the only operator of den. /op another member first."]);
    bob.expect_nothing();
}

#[test]
fn room_of_an_operator_that_left_has_none_until_it_is_made_anew() {
    let (server, [mut alice, mut bob, _carol]) = den(&[]);
    alice.ask("/quit", &["* Goodbye."]);
    bob.expect("* alice left (1 here)");
    bob.ask("/room", &["* Settings of den: none."]);
    bob.ask("/op bob", &["! Only operators of den can do that."]);
    // Another member with that name is not the operator.
    let mut again = server.login("alice");
    again.ask("/join den", &["* You are in den. 2 here: bob and you."]);
    again.ask("/room secret", &["! Only operators of den can do that."]);
    again.ask("/leave", &["* You are in lobby. 2 here: carol and you."]);
    bob.expect_all(&["* alice joined (2 here)", "* alice left (1 here)"]);
    bob.ask("/leave", &["* You are in lobby. 3 here: carol, alice and you."]);
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.ask("/room", &["* Settings of den: none. Operators: bob."]);
}

#[test]
fn deleted_message_is_not_shown_to_newcomers() {
    let (server, [mut alice, mut bob, _carol]) = den(&[]);
    bob.send("secret words\nother words\n");
    alice.expect_all(&["[T] bob: secret words", "[T] bob: other words"]);
    alice.ask("/delete 99", &["! There is no message 99 in den."]);
    bob.ask("/delete soon", &["! Usage: /delete last|ID|@name [n]"]);
    alice.ask("/delete 1", &["* A message of bob was deleted by alice."]);
    bob.expect("* A message of bob was deleted by alice.");
    let mut dave = server.login("dave");
    dave.send("/join den\n");
    dave.expect_all(&[
        "* You are in den. 3 here: alice, bob and you.",
        "* --- the last 1 message ---",
        "[T] bob: other words",
        "* --- you are up to date ---",
    ]);
    alice.expect("* dave joined (3 here)");
    dave.ask("/delete @bob", &["! Only operators of den can do that."]);
    dave.ask("/delete 2", &["! Message 2 is not yours."]);
    dave.ask("/delete last", &["! You have said nothing in den that can be deleted."]);
}

#[test]
fn commands_of_roles_do_not_exist_where_names_are_addresses() {
    let server = Server::start(&["--login", "address"]);
    let mut alice = server.connect();
    alice.line();
    for word in ["room", "invite", "op", "deop", "voice", "devoice", "delete", "kick", "mute", "ban", "bans"] {
        alice.ask(&format!("/{word} x"), &[&format!("! There is no command /{word}. /help lists them.")]);
    }
}
