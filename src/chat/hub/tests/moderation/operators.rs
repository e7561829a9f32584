//! Tests of room settings, roles, restrictions in rooms, and the deletion of messages.

use std::time::Duration;

use time::macros::datetime;

use crate::chat::config::Config;
use crate::chat::hub::tests::store_queue::{StoreHub, message, start};
use crate::chat::hub::tests::test_hub::{TestHub, den};
use crate::chat::id::ClientId;
use crate::chat::record::{InitialRoom, InitialState, Record, RoomBanRecord, RoomRecord, TopicRecord};
use crate::chat::settings::RoomSettings;
use crate::chat::{Answer, DeleteChoice, Lookup};

#[test]
fn settings_keep_members_out_until_they_have_the_key_or_an_invitation() {
    let (mut server, [alice, bob, carol]) = den();
    server.check(bob, "/room key fish", "! Only operators of den can do that.");
    server.check(alice, "/room key two words", "! A key is one word of 64 bytes at most.");
    server.check(alice, "/room key fish", "* alice changed the settings: key");
    server.check(alice, "/room key fish", "! That is set so already.");
    assert_eq!(server.read(bob), ["! Only operators of den can do that.", "* alice changed the settings: key"][1..]);
    server.check(bob, "/room", "* Settings of den: key. Operators: alice.");
    server.check(alice, "/room", "* Settings of den: key fish. Operators: alice.");
    server.check(carol, "/join den", "! den needs a key: /join den KEY");
    server.check(carol, "/follow den wet", "! That is not the key of den.");
    assert_eq!(server.answer(carol, "/join den fish")[0], "* You are in den. 3 here: alice, bob and you.");
    server.say(carol, "/leave");
    server.say(alice, "/room limit 2");
    server.check(carol, "/join den fish", "! den is full (2 members at most).");
    server.say(alice, "/room limit off");
    server.say(alice, "/room key off");
    server.say(alice, "/room invite-only");
    server.check(carol, "/join den", "! den is invite-only. One of its operators can invite you.");
    server.check(alice, "/invite carol", "* carol is invited to den.");
    assert_eq!(server.read(carol), ["* alice invites you to den: /join den"]);
    assert_eq!(server.answer(carol, "/join den").len(), 1);
    server.say(carol, "/leave");
    server.check(carol, "/join den", "! den is invite-only. One of its operators can invite you.");
    server.check(alice, "/room #lobby secret", "! You are not in lobby. /join lobby or /follow lobby first.");
    server.say(ClientId::CONSOLE, "/mod alice");
    server.check(alice, "/room #lobby secret", "! That does not apply to lobby.");
    server.check(
        alice,
        "/room #nowhere secret",
        "! There is no room nowhere. /rooms lists them, /join nowhere makes it.",
    );
}

#[test]
fn secret_room_is_shown_to_its_members_alone() {
    let (mut server, [alice, bob, carol]) = den();
    server.say(alice, "/room secret");
    server.check(carol, "/rooms", "* 1 room: lobby (1)");
    server.check(bob, "/rooms", "* 2 rooms: den (2), lobby (1)");
    server.check(carol, "/who den", "! There is no room den. /rooms lists them, /join den makes it.");
    assert_eq!(server.answer(carol, "#den is text here"), [""; 0]);
    let whois = server.answer(carol, "/whois bob");
    assert!(whois[0].ends_with("; in no room that you see"), "{whois:?}");
    server.say(ClientId::CONSOLE, "/mod carol");
    server.check(carol, "/rooms", "* 2 rooms: den (2), lobby (1)");
}

#[test]
fn moderated_and_slow_rooms_refuse_messages() {
    let (mut server, [alice, bob, _]) = den();
    server.say(alice, "/room moderated");
    server.check(bob, "hi", "! den is moderated: only its operators and members with voice speak there.");
    server.check(alice, "/voice bob", "* alice gave bob voice");
    assert_eq!(server.answer(bob, "hi"), [""; 0]);
    assert_eq!(server.read(alice).last().unwrap(), "[12:00:01] bob: hi");
    server.check(alice, "/voice bob", "! bob has voice in den already.");
    server.check(alice, "/devoice bob", "* alice took voice from bob");
    server.check(alice, "/devoice bob", "! bob has no voice in den.");
    server.say(alice, "/room moderated off");
    server.say(alice, "/room slow 30");
    server.read(bob);
    assert_eq!(server.answer(bob, "one"), [""; 0]);
    server.at += Duration::from_millis(28_500);
    server.check(bob, "two", "! den is in slow mode: one message in 30 seconds. Wait another 2 seconds.");
    server.at += Duration::from_millis(1_500);
    assert_eq!(server.answer(bob, "three"), [""; 0]);
    assert_eq!((server.answer(alice, "a"), server.answer(alice, "b")), (vec![], vec![]), "operators are not slowed");
}

#[test]
fn roles_come_from_operators_alone_and_the_last_one_stays() {
    let (mut server, [alice, bob, carol]) = den();
    server.check(bob, "/op bob", "! Only operators of den can do that.");
    server.check(alice, "/op carol", "! carol is not in den.");
    server.check(alice, "/deop alice", "! You are the only operator of den. /op another member first.");
    server.check(alice, "/op bob", "* alice made bob an operator");
    server.check(alice, "/deop alice", "* alice took the operator role from alice");
    server.check(alice, "/op alice", "! Only operators of den can do that.");
    // The role stays with the member while it is elsewhere and has another name.
    server.say(bob, "/nick bobby");
    server.say(bob, "/leave");
    server.say(bob, "/join den");
    server.check(bob, "/room", "* Settings of den: none. Operators: bobby.");
    server.check(carol, "/op carol", "! Only moderators can do that.");
    server.say(ClientId::CONSOLE, "/op #den carol");
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "! carol is not in den.");
    server.say(carol, "/follow den");
    server.say(ClientId::CONSOLE, "/op #den carol");
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "* (den) server made carol an operator");
    // A room that is removed leaves no role.
    for (id, line) in [(alice, "/leave"), (bob, "/leave"), (carol, "/unfollow den"), (alice, "/join den")] {
        server.say(id, line);
    }
    server.check(alice, "/room", "* Settings of den: none. Operators: alice.");
    server.say(bob, "/join den");
    server.check(bob, "/room secret", "! Only operators of den can do that.");
}

#[test]
fn operators_of_a_room_kick_mute_and_ban_there() {
    let (mut server, [alice, bob, carol]) = den();
    server.check(bob, "/kick alice", "! Only operators of den can do that.");
    server.say(alice, "/kick bob too loud");
    assert_eq!(
        server.read(bob),
        ["* You were kicked from den by alice: too loud", "* You are in lobby. 2 here: carol and you."]
    );
    assert_eq!(server.read(alice), ["* bob left: kicked (1 here)"]);
    assert_eq!(server.read(carol).last().unwrap(), "* bob joined (2 here)");
    server.say(bob, "/follow den");
    server.check(alice, "/mute bob 5", "* bob was muted by alice");
    assert_eq!(server.answer(bob, "#den hi"), ["! You are muted in den for another 5 minutes."]);
    assert_eq!(server.answer(bob, "/topic #den hi"), ["! You are muted in den for another 5 minutes."]);
    assert_eq!(server.answer(alice, "/mutes"), ["* bob is muted for another 5 minutes."]);
    server.say(bob, "/nick robert");
    server.check(alice, "/unmute robert", "* bob was unmuted by alice");
    server.check(alice, "/unmute bob", "! bob is not muted in den.");
    assert_eq!(server.answer(bob, "#den hi"), [""; 0]);
    server.read(alice);
    server.say(alice, "/ban robert");
    assert_eq!(server.read(alice), ["* robert was banned by alice", "* robert left: banned (1 here)"]);
    let shown = server.answer(bob, "/join den");
    assert_eq!(shown, ["! You are banned from den."]);
    server.say(bob, "/nick bob");
    server.check(bob, "/follow den", "! You are banned from den.");
    server.check(alice, "/bans", "* robert is banned.");
    server.say(carol, "/nick Robert");
    server.check(carol, "/join den", "! You are banned from den.");
    server.check(alice, "/unban nobody", "! nobody is not banned from den.");
    server.check(alice, "/unban robert", "* robert was unbanned by alice");
    assert_eq!(server.answer(bob, "/join den")[0], "* You are in den. 2 here: alice and you.");
    server.check(alice, "/kick #lobby carol", "! You are not in lobby. /join lobby or /follow lobby first.");
}

#[test]
fn moderators_act_everywhere_and_see_no_addresses() {
    let (mut server, [alice, bob, carol]) = den();
    server.check(carol, "/stats", "! There is no command /stats. /help lists them.");
    server.say(ClientId::CONSOLE, "/mod carol");
    assert_eq!(server.read(carol), ["* server made you a moderator."]);
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "* carol is now a moderator.");
    server.say(ClientId::CONSOLE, "/mod carol");
    assert_eq!(server.read(ClientId::CONSOLE), ["! carol is a moderator already."]);
    let refusal = "! carol is a moderator. Only the operator of the server can do that.";
    server.say(carol, "/follow den");
    server.read(carol);
    server.check(alice, "/kick carol", refusal);
    server.check(alice, "/ban carol", refusal);
    server.say(carol, "/unfollow den");
    server.read(carol);
    server.check(carol, "/ban 10.0.0.1", "! Only the operator of the server can do that.");
    server.check(carol, "/mod bob", "! There is no command /mod. /help lists them.");
    server.check(carol, "/shutdown", "! There is no command /shutdown. /help lists them.");
    server.check(carol, "/mute bob 5", "* bob is muted for another 5 minutes.");
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "* bob is muted by carol for another 5 minutes.");
    server.check(carol, "/unmute bob", "* bob is no longer muted.");
    assert_eq!(server.read(ClientId::CONSOLE), ["* carol decided that bob is no longer muted."]);
    server.check(carol, "/room #den moderated", "* (den) carol changed the settings: moderated");
    server.say(carol, "/kick bob rude");
    assert_eq!(server.read(bob).last().unwrap(), "* You were kicked by carol: rude");
    assert!(server.read(ClientId::CONSOLE).contains(&"* bob is kicked by carol: rude".to_owned()));
    let dave = server.connect("dave", 77);
    server.check(carol, "/ban dave 5", "* dave is banned for another 5 minutes.");
    assert!(
        server.read(ClientId::CONSOLE).contains(&"* 10.0.0.77 (dave) is banned by carol for another 5 minutes.".into())
    );
    server.check(carol, "/bans", "* dave is banned for another 5 minutes.");
    server.say(ClientId::CONSOLE, "/bans");
    assert_eq!(server.read(ClientId::CONSOLE), ["* 10.0.0.77 (dave) is banned for another 5 minutes."]);
    server.check(carol, "/unban dave", "* dave is no longer banned.");
    assert!(!server.read(dave).is_empty());
    server.say(ClientId::CONSOLE, "/ban 10.0.0.99");
    server.check(carol, "/unban 10.0.0.99", "! 10.0.0.99 is not a banned address. /bans lists them.");
    assert!(server.answer(carol, "/stats").iter().all(|line| !line.contains("10.0.0.")));
    server.say(ClientId::CONSOLE, "/unmod carol");
    server.check(carol, "/kick alice", "! Only moderators can do that.");
}

#[test]
fn ban_by_name_is_refused_where_others_share_the_address() {
    let mut server = TestHub::new();
    let [_, bob] = ["alice", "bob"].map(|name| server.connect(name, 7));
    server.say(ClientId::CONSOLE, "/ban bob");
    let refusal = "! 1 other shares the address of bob. /mute bob is about bob alone; /ban 10.0.0.7 bans both.";
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), refusal);
    let carol = server.connect("carol", 7);
    server.say(ClientId::CONSOLE, "/mod carol");
    let refusal =
        "! 2 others share the address of bob. /mute bob is about bob alone; the operator can ban the address.";
    server.check(carol, "/ban bob", refusal);
    server.say(ClientId::CONSOLE, "/ban 10.0.0.7");
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "* 10.0.0.7 is banned.");
    server.hub.handle_tick(server.now());
    assert_eq!(server.read(bob).last().unwrap(), "! Your address is banned from this server.");
}

#[test]
fn deleted_message_is_in_no_history() {
    let (mut server, [alice, bob, carol]) = den();
    for (id, line) in [(alice, "one"), (bob, "two"), (bob, "three"), (alice, "four")] {
        server.say(id, line);
    }
    let check = |server: &mut TestHub, left: &[&str]| {
        let shown = server.answer(carol, "/join den");
        let said = shown.iter().filter_map(|line| line.strip_prefix("[12:00:01] "));
        assert_eq!(said.collect::<Vec<_>>(), left, "{shown:?}");
        server.say(carol, "/leave");
        let again = server.answer(alice, "/history");
        let said = again.iter().filter_map(|line| line.strip_prefix("[12:00:01] "));
        assert_eq!(said.collect::<Vec<_>>(), left, "{again:?}");
    };
    check(&mut server, &["alice: one", "bob: two", "bob: three", "alice: four"]);
    server.check(bob, "/delete 1", "! Message 1 is not yours.");
    server.check(bob, "/delete 9", "! There is no message 9 in den.");
    server.check(bob, "/delete @alice", "! Only operators of den can do that.");
    server.check(bob, "/delete last", "* A message of bob was deleted by bob.");
    check(&mut server, &["alice: one", "bob: two", "alice: four"]);
    server.check(bob, "/delete 3", "! There is no message 3 in den.");
    // New messages are read from the log again, together with the older ones.
    server.say(bob, "five");
    check(&mut server, &["alice: one", "bob: two", "alice: four", "bob: five"]);
    server.check(alice, "/delete @BOB 2", "* 2 messages of bob were deleted by alice.");
    check(&mut server, &["alice: one", "alice: four"]);
    server.say(ClientId::CONSOLE, "/delete #den 1");
    assert_eq!(server.read(ClientId::CONSOLE).last().unwrap(), "* (den) A message of alice was deleted by server.");
    check(&mut server, &["alice: four"]);
    server.check(alice, "/delete last", "* A message of alice was deleted by alice.");
    check(&mut server, &[]);
    server.check(alice, "/delete last", "! You have said nothing in den that can be deleted.");
    server.check(alice, "/delete @bob", "! There is no message of bob in den.");
}

#[test]
fn muted_member_is_told_that_its_message_was_deleted() {
    let (mut server, [alice, bob, _]) = den();
    server.say(ClientId::CONSOLE, "/mute bob");
    server.say(bob, "hidden");
    server.check(bob, "/delete last", "* A message of bob was deleted by bob.");
    assert_eq!(server.read(alice), [""; 0]);
}

#[test]
fn settings_topics_bans_and_deletions_are_recorded_and_restored() {
    let at = datetime!(2026-11-20 12:00:00 UTC);
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    for line in ["/join Den", "/room key fish", "/topic tea", "hello", "/delete last", "/delete last"] {
        fixture.say(alice, line);
    }
    let settings = RoomSettings { key: Some("fish".into()), ..RoomSettings::default() };
    let mut record = RoomRecord { settings, changed: Some(at.unix_timestamp()), ..RoomRecord::default() };
    let of = |record: &RoomRecord| Record::Settings { room: "Den".into(), record: Box::new(record.clone()) };
    let first = of(&record);
    record.topic = Some(TopicRecord { name: "alice".into(), text: "tea".into(), at: at.unix_timestamp() });
    let expected = [
        first,
        of(&record),
        Record::Message(message(1, "Den", "alice", "hello", at)),
        Record::Delete { room: "Den".into(), ids: vec![1] },
    ];
    assert_eq!(fixture.hub.poll_records(), expected);
    // Messages that are not in memory are looked up.
    let at_once = fixture.read(alice);
    assert_eq!(at_once.last().unwrap(), "! You have said nothing in Den that can be deleted.");
    for (line, which, found, answer) in [
        ("/delete 7", DeleteChoice::Id(7), vec![], "! There is no message 7 in Den."),
        (
            "/delete @Ben 2",
            DeleteChoice::Of { name: "Ben".into(), n: 2 },
            vec![],
            "! There is no message of Ben in Den.",
        ),
        ("/delete 8", DeleteChoice::Id(8), vec![8], "* A message of ben was deleted by alice."),
        (
            "/delete @ben 9",
            DeleteChoice::Of { name: "ben".into(), n: 9 },
            vec![4, 6],
            "* 2 messages of ben were deleted by alice.",
        ),
    ] {
        fixture.say(alice, line);
        let query = fixture.query();
        assert_eq!(query.lookup, Lookup::Delete { room: "Den".into(), which });
        let messages = found.iter().map(|&id| message(id, "Den", "ben", "old", at)).collect();
        fixture.hub.handle_answer(query, Answer::Messages(messages), fixture.now);
        assert_eq!(fixture.read(alice), [answer], "{line}");
        let records = fixture.hub.poll_records();
        let deleted = (!found.is_empty()).then(|| Record::Delete { room: "Den".into(), ids: found });
        assert_eq!(records, Vec::from_iter(deleted));
    }
}

#[test]
fn restored_room_keeps_out_whom_it_kept_out_before() {
    let record = RoomRecord {
        settings: RoomSettings { secret: true, ..RoomSettings::default() },
        topic: Some(TopicRecord { name: "alice".into(), text: "tea".into(), at: 0 }),
        bans: vec![RoomBanRecord { name: "bob".into(), until: None, account: None }],
        ..RoomRecord::default()
    };
    let rooms = vec![InitialRoom { name: "den".into(), record: record.clone(), messages: Vec::new() }];
    let stored = vec![("old".to_owned(), record)];
    let mut fixture = StoreHub::new(Config::default(), InitialState { rooms, stored, ..start() });
    let (bob, _) = fixture.enter("Bob");
    let (alice, _) = fixture.enter("alice");
    for (line, answer) in [
        ("/join den", "! You are banned from den."),
        ("/rooms", "* 1 room: lobby (2)"),
        ("/who old", "! There is no room old. /rooms lists them, /join old makes it."),
    ] {
        fixture.read(bob);
        fixture.say(bob, line);
        assert_eq!(fixture.read(bob), [answer], "{line}");
    }
    for (id, is_kept_out) in [(bob, true), (alice, false)] {
        fixture.read(id);
        fixture.say(id, "/join old");
        if !is_kept_out {
            assert_eq!(fixture.read(id), ["* You are in old. 1 here: you.", "* The topic, set by alice: tea"]);
            continue;
        }
        let query = fixture.query();
        fixture.hub.handle_answer(query, Answer::Messages(Vec::new()), fixture.now);
        assert_eq!(fixture.read(id), ["! You are banned from old."]);
    }
    // A room that was restored has no operator.
    fixture.say(alice, "/room secret off");
    assert_eq!(fixture.read(alice), ["! Only operators of old can do that."]);
}
