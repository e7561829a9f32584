//! Tests of ways around roles, settings and restrictions.

use crate::chat::config::{Config, Login};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::store_queue::{StoreHub, message, start};
use crate::chat::hub::tests::test_hub::{TestHub, den};
use crate::chat::id::ClientId;
use crate::chat::record::{InitialState, RoomRecord};
use crate::chat::settings::RoomSettings;
use crate::chat::{Answer, Lang, Lookup};
use crate::wire::renderers;

#[test]
fn topics_and_farewells_are_no_way_to_speak() {
    let (mut server, [alice, bob, _]) = den();
    server.say(alice, "/room moderated");
    let refusal = "! den is moderated: only its operators and members with voice speak there.";
    server.read(bob);
    server.check(bob, "/topic I speak", refusal);
    server.say(alice, "/room moderated off");
    server.say(alice, "/mute bob");
    server.read(bob);
    server.check(bob, "/topic I speak", "! You are muted in den.");
    server.read(alice);
    server.say(bob, "/quit I speak");
    assert_eq!(server.read(alice), ["* bob left (1 here)"]);
}

#[test]
fn operators_do_not_remove_themselves() {
    let (mut server, [alice, ..]) = den();
    for line in ["/kick alice", "/mute alice", "/ban alice"] {
        server.check(alice, line, "! That is you.");
    }
    server.check(alice, "/room", "* Settings of den: none. Operators: alice.");
}

#[test]
fn banned_member_is_not_invited() {
    let (mut server, [alice, bob, _]) = den();
    server.say(alice, "/ban bob");
    server.check(alice, "/invite bob", "! bob is banned from den. /unban bob first.");
    assert!(!server.read(bob).iter().any(|line| line.contains("invites")));
}

#[test]
fn room_with_settings_stays_while_its_operator_is_on_the_server() {
    let mut server = TestHub::new();
    server.hub = Hub::new(Config { rate: 0, max_rooms: 3, ..Config::default() }, renderers(Lang::En));
    let [alice, eve] = ["alice", "eve"].map(|name| server.enter(name));
    for line in ["/join den", "/room key fish", "hello", "/leave"] {
        server.say(alice, line);
    }
    for room in ["a", "b", "c"] {
        server.say(eve, &format!("/join {room}"));
        server.say(eve, "a line");
    }
    server.say(eve, "/leave");
    server.check(eve, "/join den", "! den needs a key: /join den KEY");
    // When its operator has left, it may be removed.
    server.say(alice, "/quit");
    for room in ["d", "e"] {
        server.say(eve, &format!("/join {room}"));
        server.say(eve, "a line");
    }
    server.read(eve);
    server.check(eve, "/join den", "* You are in den. 1 here: you.");
}

#[test]
fn muted_operator_of_a_room_says_nothing_with_its_name() {
    let (mut server, [alice, bob, _]) = den();
    server.say(alice, "one");
    server.say(ClientId::CONSOLE, "/mute alice");
    server.say(alice, "/nick listen-to-me");
    server.read(bob);
    let shown = "* listen-to-me changed the settings: secret";
    server.check(alice, "/room secret", shown);
    assert!(server.read(ClientId::CONSOLE).iter().any(|line| line.ends_with("changed the settings: secret")));
    server.check(alice, "/delete last", "* A message of alice was deleted by listen-to-me.");
    assert_eq!(server.read(bob), [""; 0]);
    let history = server.answer(bob, "/history");
    assert_eq!(history, ["* Nothing has been said here yet."]);
    // An id that was never given is unknown to a muted member, too.
    server.check(alice, "/delete 2", "! There is no message 2 in den.");
}

#[test]
fn unfollow_does_not_show_the_name_of_a_secret_room() {
    let (mut server, [alice, _, carol]) = den();
    server.say(alice, "/room secret");
    server.check(carol, "/unfollow DEN", "! You do not follow DEN.");
}

#[test]
fn moderator_names_a_room_that_is_only_in_the_store() {
    let record =
        RoomRecord { settings: RoomSettings { moderated: true, ..RoomSettings::default() }, ..RoomRecord::default() };
    let stored = vec![("den".to_owned(), record)];
    let mut fixture = StoreHub::new(Config::default(), InitialState { stored, next_id: 2, ..start() });
    fixture.hub.attach_console();
    fixture.say(ClientId::CONSOLE, "/delete #den 1");
    let query = fixture.query();
    assert!(matches!(query.lookup, Lookup::Room { .. }));
    let found = message(1, "den", "ben", "old", fixture.now.local);
    fixture.hub.handle_answer(query, Answer::Messages(vec![found]), fixture.now);
    fixture.say(ClientId::CONSOLE, "/room #den");
    let shown = String::from_utf8(fixture.hub.poll_console_output()).unwrap();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown, ["* (den) A message of ben was deleted by server.", "* Settings of den: moderated."]);
}

#[test]
fn settings_do_not_hold_where_names_are_addresses() {
    let settings = RoomSettings { moderated: true, key: Some("fish".into()), ..RoomSettings::default() };
    let stored = vec![("den".to_owned(), RoomRecord { settings, ..RoomRecord::default() })];
    let config = Config { login: Login::Address, ..Config::default() };
    let mut fixture = StoreHub::new(config, InitialState { stored, next_id: 2, ..start() });
    let alice = fixture.connect();
    fixture.read(alice);
    fixture.say(alice, "/join den");
    let query = fixture.query();
    let found = message(1, "den", "ben", "old", fixture.now.local);
    fixture.hub.handle_answer(query, Answer::Messages(vec![found]), fixture.now);
    assert_eq!(fixture.read(alice)[0], "* You are in den. 1 here: you.");
    fixture.say(alice, "hello");
    assert_eq!(fixture.read(alice), [""; 0]);
}
