//! Rooms: joining and leaving, messages and history, and when a room is removed.

use crate::harness::{Client, Server};

#[test]
fn messages_stay_in_their_room() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (2 here)");
    bob.ask("/join den", &["* You are in den. 2 here: alice and you."]);
    alice.expect("* bob joined (2 here)");
    carol.expect_all(&["* alice left (2 here)", "* bob left (1 here)"]);
    alice.send("in the den\n/me whistles\n");
    bob.expect_all(&["[T] alice: in the den", "[T] * alice whistles"]);
    carol.expect_nothing();
    carol.send("in the lobby\n");
    carol.ask("/nick caroline", &["* carol is now called caroline"]);
    for client in [&mut alice, &mut bob] {
        client.expect_nothing();
    }
}

#[test]
fn leave_returns_to_the_lobby() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/leave", &["! You are in lobby already."]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    alice.ask("/leave", &["* You are in lobby. 2 here: bob and you."]);
    bob.expect("* alice joined (2 here)");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.ask("/join lobby", &["* You are in lobby. 2 here: bob and you."]);
    bob.expect_all(&["* alice left (1 here)", "* alice joined (2 here)"]);
    alice.expect_nothing();
}

#[test]
fn quit_is_announced_in_the_room_of_the_member() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    for client in [&mut alice, &mut bob] {
        client.send("/join den\n");
    }
    alice.expect("* You are in den. 1 here: you.");
    alice.expect("* bob joined (2 here)");
    carol.expect_all(&["* alice left (2 here)", "* bob left (1 here)"]);
    bob.send("/quit home\n");
    alice.expect("* bob left: \"home\" (1 here)");
    carol.expect_nothing();
}

#[test]
fn each_room_has_its_own_history() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("said in the lobby\n");
    bob.expect("[T] alice: said in the lobby");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    alice.ask("/history", &["* Nothing has been said here yet."]);
    alice.send("said in the den\n");
    let den = ["* --- the last 1 message ---", "[T] alice: said in the den", "* --- you are up to date ---"];
    alice.ask("/history", &den);
    bob.ask("/join den", &["* You are in den. 2 here: alice and you."]);
    bob.expect_all(&den);
    let mut carol = server.login("carol");
    carol.expect_all(&["* --- the last 1 message ---", "[T] alice: said in the lobby", "* --- you are up to date ---"]);
    carol.expect_nothing();
}

#[test]
fn whispers_and_nicknames_are_shared_by_all_rooms() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    bob.ask("@alice where are you?", &["[T] you -> alice: where are you?"]);
    alice.expect("[T] bob -> you: where are you?");
    alice.ask("/r in the den", &["[T] you -> bob: in the den"]);
    bob.expect("[T] alice -> you: in the den");
    alice.ask("/nick bob", &["! The nickname bob is taken."]);
}

#[test]
fn ignore_applies_in_every_room() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/ignore bob", &["* You no longer read bob. /unignore bob ends that."]);
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.expect("* bob left (1 here)");
    alice.ask("/join den", &["* You are in den. 2 here: bob and you."]);
    bob.expect("* alice joined (2 here)");
    bob.send("hello\n");
    bob.expect_nothing();
    alice.expect_nothing();
}

#[test]
fn who_lists_the_members_of_a_room() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/who", &["* 3 here: bob, carol and you."]);
    bob.ask("/join Den", &["* You are in Den. 1 here: you."]);
    bob.ask("/who", &["* 1 here: you."]);
    bob.ask("/who lobby", &["* 2 in lobby: alice and carol."]);
    alice.expect("* bob left (2 here)");
    alice.ask("/who den", &["* 1 in Den: bob."]);
    alice.ask("/who lobby", &["* 2 here: carol and you."]);
    alice.ask("/who attic", &["! There is no room attic. /rooms lists them, /join attic makes it."]);
    carol.expect("* bob left (2 here)");
    carol.expect_nothing();
}

#[test]
fn who_counts_the_members_that_it_does_not_list() {
    let server = Server::start(&["--rate", "0"]);
    let mut people: Vec<Client> = (0..103).map(|n| server.login(&format!("p{n}"))).collect();
    people[102].send("/who\n");
    let line = people[102].line();
    assert!(line.starts_with("* 103 here: ") && line.ends_with(" 2 more and you."), "{line}");
    people[102].expect_nothing();
}

#[test]
fn join_creates_a_room_and_rooms_lists_member_counts() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, _carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/rooms", &["* 1 room: lobby (3)"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (2 here)");
    bob.ask("/rooms", &["* 2 rooms: lobby (2), den (1)"]);
    bob.ask("/join DEN", &["* You are in den. 2 here: alice and you."]);
    bob.ask("/rooms", &["* 2 rooms: den (2), lobby (1)"]);
}

#[test]
fn empty_room_is_removed_when_history_is_off() {
    let server = Server::start(&["--history", "0"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.send("hello?\n");
    alice.ask("/rooms", &["* 2 rooms: den (1), lobby (1)"]);
    alice.ask("/leave", &["* You are in lobby. 2 here: bob and you."]);
    bob.expect_all(&["* alice left (1 here)", "* alice joined (2 here)"]);
    bob.ask("/rooms", &["* 1 room: lobby (2)"]);
    bob.ask("/who den", &["! There is no room den. /rooms lists them, /join den makes it."]);
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.expect("* bob left (1 here)");
    bob.ask("q", &["* Goodbye."]);
    bob.expect_end();
    alice.ask("/rooms", &["* 1 room: lobby (1)"]);
}

#[test]
fn empty_room_without_messages_is_removed() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.ask("/join attic", &["* You are in attic. 1 here: you."]);
    alice.ask("/rooms", &["* 2 rooms: attic (1), lobby (0)"]);
}

#[test]
fn empty_room_with_history_stays() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.send("remember me\n");
    alice.ask("/leave", &["* You are in lobby. 1 here: you."]);
    alice.ask("/rooms", &["* 2 rooms: lobby (1), den (0)"]);
    alice.ask("/who den", &["* 0 in den."]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.expect_all(&["* --- the last 1 message ---", "[T] alice: remember me", "* --- you are up to date ---"]);
}

#[test]
fn invalid_join_is_refused() {
    let server = Server::start(&["--max-rooms", "2"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let shape =
        "! The name of a room is 1 to 48 characters wide: letters and digits of any script, _, - and ., no spaces.";
    for (line, refusal) in [
        ("/join", "! Usage: /join room"),
        ("/join lobby", "! You are in lobby already."),
        ("/join Lobby", "! You are in lobby already."),
        ("/join the den", "! There is no room the. /rooms lists them, /join the makes it."),
        ("/join the! den", shape),
        ("/join ##den", shape),
    ] {
        alice.ask(line, &[refusal]);
    }
    bob.expect_nothing();
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    bob.ask("/join attic", &["! There are 2 rooms already, and no more can be made. /rooms lists them."]);
    alice.ask("/join den", &["! You are in den already."]);
    bob.expect_nothing();
}

#[test]
fn new_rooms_that_look_like_others_are_refused() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/follow Games", &["* You follow Games. 1 here: you."]);
    for (command, room, other) in
        [("/join", "l\u{43e}bby", "lobby"), ("/follow", "1OBBY", "lobby"), ("/join", "garnes", "Games")]
    {
        bob.ask(&format!("{command} {room}"), &[&format!("! The name {room} looks like that of the room {other}.")]);
    }
    let mixes = "! The name d\u{435}n mixes scripts that are easily confused, such as Latin and Cyrillic.";
    bob.ask("/join d\u{435}n", &[mixes]);
    bob.ask("/follow GAMES", &["* You follow Games. 2 here: alice and you."]);
    alice.expect("* (Games) bob joined (2 here)");
    // The room is gone when it is empty.
    alice.ask("/unfollow games", &["* You no longer follow Games."]);
    bob.expect("* (Games) alice left (1 here)");
    bob.ask("/unfollow games", &["* You no longer follow Games."]);
    bob.ask("/follow garnes", &["* You follow garnes. 1 here: you."]);
}

#[test]
fn unread_lines_of_the_old_room_are_written_before_the_new_room() {
    let server = Server::start(&["--rate", "0", "--backlog-bytes", "33554432"]);
    let mut alice = server.login("alice");
    let mut bob = Client::connect_slow(server.addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
    // More than the kernel buffers while bob does not read.
    let text = "x".repeat(4000);
    for _ in 0..2000 {
        alice.send(&format!("{text}\n"));
    }
    alice.expect_nothing();
    bob.send("/join den\n");
    alice.expect("* bob left (1 here)");
    alice.send("not for bob\n");
    alice.expect_nothing();
    for _ in 0..2000 {
        bob.expect(&format!("[T] alice: {text}"));
    }
    bob.expect("* You are in den. 1 here: you.");
    bob.expect_nothing();
}
