//! Tests of what the operator does in rooms without members.

use crate::chat::hub::tests::test_hub::den;
use crate::chat::id::ClientId;

#[test]
fn empty_room_is_removed_with_its_last_setting_or_message() {
    let lines = [
        ("/room secret on", "/room #den secret off"),
        ("/topic fish", "/topic #den -"),
        ("hello", "/delete #den @alice"),
    ];
    for (kept, removed) in lines {
        let (mut server, [alice, bob, _]) = den();
        server.say(alice, kept);
        [alice, bob].into_iter().for_each(|id| server.say(id, "/leave"));
        let rooms = server.answer(ClientId::CONSOLE, "/rooms");
        assert_eq!(rooms, ["* 2 rooms: lobby (3), den (0)"], "{kept} keeps the room");
        server.say(ClientId::CONSOLE, removed);
        assert_eq!(server.answer(ClientId::CONSOLE, "/rooms"), ["* 1 room: lobby (3)"], "{removed}");
    }
}

#[test]
fn operator_reads_the_topic_of_the_lobby_without_its_name() {
    let (mut server, [_, _, carol]) = den();
    server.check(ClientId::CONSOLE, "/topic", "* There is no topic.");
    server.check(ClientId::CONSOLE, "/topic #den", "* (den) There is no topic.");
    server.say(carol, "/topic fish");
    server.check(ClientId::CONSOLE, "/topic", "* The topic, set by carol: fish");
}
