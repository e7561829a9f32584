//! Tests of the history of a room that is read from outside.

use crate::chat::config::Config;
use crate::chat::hub::tests::store_queue::{StoreHub, message, start};
use crate::chat::hub::tests::test_hub::den;
use crate::chat::id::ClientId;
use crate::chat::query::{Answer, HistoryRange, Lookup, RoomUse};
use crate::chat::record::{InitialState, RoomRecord};
use crate::chat::settings::RoomSettings;

#[test]
fn history_is_shown_to_members_that_could_enter_without_a_key() {
    let (mut server, [alice, bob, carol]) = den();
    server.say(alice, "hello");
    let page =
        ["* (den) --- the last 1 message ---", "[12:00:01] (den) alice: hello", "* (den) --- you are up to date ---"];
    assert_eq!(server.answer(carol, "/history #den"), page);
    assert_eq!(server.answer(carol, "/history #Den 5"), page);
    server.check(carol, "/history #den 0", "! Usage: /history n, with n from 1 to 100");
    server.check(carol, "/who #den", "* 2 in den: alice and bob.");
    assert_eq!(server.read(bob), ["[12:00:01] alice: hello"], "no other member is told");
    for (setting, refusal) in [
        ("key fish", "! den needs a key: /join den KEY"),
        ("invite-only", "! den is invite-only. One of its operators can invite you."),
        ("secret", "! There is no room den. /rooms lists them, /join den makes it."),
    ] {
        server.say(alice, &format!("/room {setting}"));
        server.check(carol, "/history #den", refusal);
        server.say(alice, &format!("/room {} off", setting.split(' ').next().unwrap()));
    }
    server.say(alice, "/room limit 2");
    server.say(alice, "/room moderated");
    assert_eq!(server.answer(carol, "/history #den"), page, "neither keeps from reading");
    server.say(alice, "/ban carol");
    server.check(carol, "/history #den", "! You are banned from den.");
    server.say(ClientId::CONSOLE, "/mod carol");
    assert_eq!(server.answer(carol, "/history #den"), page);
    // Who is invited needs no key.
    let dave = server.enter("dave");
    server.say(alice, "/room key fish");
    server.say(alice, "/invite dave");
    assert_eq!(server.answer(dave, "/history #den"), page);
}

#[test]
fn room_in_the_store_is_loaded_for_a_reader() {
    let secret = RoomSettings { secret: true, ..RoomSettings::default() };
    let stored = vec![
        ("Den".into(), RoomRecord::default()),
        ("attic".into(), RoomRecord { settings: secret, ..RoomRecord::default() }),
    ];
    let mut fixture = StoreHub::new(Config::default(), InitialState { stored, ..start() });
    let (alice, _) = fixture.enter("alice");
    let hello = message(1, "Den", "bob", "hello", fixture.now.local);
    let (room, n) = (|| "Den".to_owned(), 2);
    let history = Lookup::History { room: room(), range: HistoryRange::After { after: 0 }, n };
    let search = Lookup::Search { room: room(), words: "hello".into(), before: None, n: 20 };
    for (line, lookup, is_loaded) in [("/history #den after 0 2", history, false), ("/search #den hello", search, true)]
    {
        fixture.say(alice, line);
        if !is_loaded {
            let query = fixture.query();
            assert_eq!(query.lookup, Lookup::Room { room: room(), then: RoomUse::Command { line: line.into() } });
            fixture.hub.handle_answer(query, Answer::Messages(vec![hello.clone()]), fixture.now);
        }
        let query = fixture.query();
        assert_eq!(query.lookup, lookup);
        fixture.hub.handle_answer(query, Answer::Nothing, fixture.now);
        assert_eq!(fixture.read(alice), ["! That cannot be looked up at present. Try again later."]);
        fixture.hub.audit().unwrap();
    }
    fixture.say(alice, "/history #den");
    fixture.answer(Answer::History { before: vec![hello], after: Vec::new() });
    let page = [
        "* (Den) --- the last 1 message ---",
        "[12:00:00] (Den) bob: hello",
        "* (Den) --- nothing was said here before that ---",
    ];
    assert_eq!(fixture.read(alice), page);
    fixture.say(alice, "/history #attic");
    assert_eq!(fixture.read(alice), ["! There is no room attic. /rooms lists them, /join attic makes it."]);
}
