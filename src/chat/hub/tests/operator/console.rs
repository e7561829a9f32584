//! Tests of what the operator's console shows, and of what it asks the hub.

use crate::chat::hub::HeadCount;
use crate::chat::hub::tests::test_hub::den;
use crate::chat::id::ClientId;

#[test]
fn names_rooms_and_head_count_are_those_of_now() {
    let (mut server, [alice, bob, _]) = den();
    assert_eq!(server.hub.nicknames(), ["alice", "bob", "carol"]);
    assert_eq!(server.hub.room_names(), ["lobby", "den"]);
    server.say(alice, "/nick zoe");
    server.say(alice, "/leave");
    server.say(bob, "/leave");
    // Its name is refused, so that it is no member.
    server.connect("!", 9);
    assert_eq!(server.hub.nicknames(), ["bob", "carol", "zoe"]);
    assert_eq!(server.hub.room_names(), ["lobby"]);
    assert_eq!(server.hub.head_count(), HeadCount { here: 3, waiting: 0, connected: 4 });
}

#[test]
fn console_with_a_screen_reads_its_own_messages_and_no_connections() {
    let (mut server, [alice, ..]) = den();
    server.check(ClientId::CONSOLE, "/ping", "* pong");
    server.hub.set_console_screen(true);
    server.check(ClientId::CONSOLE, "hello", "[12:00:01] server: hello");
    server.check(ClientId::CONSOLE, "#den psst", "[12:00:01] (den) server: psst");
    server.check(ClientId::CONSOLE, "/me waves", "[12:00:01] * server waves");
    assert_eq!(server.read(alice), ["[12:00:01] server: psst"]);
    server.enter("dave");
    assert_eq!(server.read(ClientId::CONSOLE), ["* dave joined from 10.0.0.3:1 (2 here)"]);
    server.hub.set_console_screen(false);
    assert_eq!(server.answer(ClientId::CONSOLE, "hello"), [""; 0]);
    server.enter("eve");
    let shown = ["* connected 10.0.0.4:1 (5 connected)", "* eve joined (3 here)"];
    assert_eq!(server.read(ClientId::CONSOLE), shown);
}
