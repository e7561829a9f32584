//! Tests of CHATHISTORY.

use std::time::Duration;

use time::macros::datetime;

use super::short;
use crate::chat::config::Config;
use crate::chat::event::MessageKind;
use crate::chat::hub::tests::store_queue::{message, start};
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::member::Ignored;
use crate::chat::query::{Answer, Lookup};
use crate::chat::record::{InitialRoom, InitialState, RoomRecord};
use crate::chat::span::{Point, Side, Span};

const ALL: &str = "batch server-time message-tags labeled-response echo-message draft/chathistory";

impl TestHub {
    /// A member with IRC and these capabilities.
    pub(in crate::chat::hub::tests) fn enter_with(&mut self, name: &str, caps: &str) -> ClientId {
        let id = self.enter_irc(name);
        self.say(id, &format!("CAP REQ :{caps}"));
        self.read(id);
        id
    }

    /// The texts of the messages in the batch that a session reads now.
    fn batch(&mut self, id: ClientId, line: &str, target: &str) -> Vec<String> {
        let lines = self.answer(id, line);
        let Some((reference, inner)) = parse_batch(&lines, target) else { panic!("{line}: {lines:?}") };
        let tag = format!("@batch={reference};");
        assert!(inner.iter().all(|line| line.starts_with(&tag)), "{line}: {lines:?}");
        inner.iter().map(|line| line.rsplit_once(" :").unwrap().1.to_owned()).collect()
    }
}

/// The reference of the only batch of the lines, and what is in it.
fn parse_batch<'a>(lines: &'a [String], target: &str) -> Option<(&'a str, &'a [String])> {
    let [begin, inner @ .., end] = lines else { return None };
    let begin = begin.strip_suffix(&format!(" chathistory {target}"))?;
    let reference = begin.split_once(" BATCH +")?.1;
    end.ends_with(&format!(" BATCH -{reference}")).then_some((reference, inner))
}

/// Alice, with all capabilities, and carol, without IRC, are in den; carol has said 0 to 9, one each second.
fn told() -> (TestHub, ClientId, ClientId) {
    let mut server = TestHub::new();
    let (alice, carol) = (server.enter_with("alice", ALL), server.enter("carol"));
    server.say(alice, "JOIN #den");
    server.say(carol, "/join den");
    for number in 0..10 {
        server.at += Duration::from_secs(1);
        server.say(carol, &number.to_string());
    }
    server.read(alice);
    (server, alice, carol)
}

#[test]
fn each_subcommand_shows_its_part_of_a_room() {
    let (mut server, alice, _) = told();
    let id = |number: u64| format!("msgid=0-{}", number + 1);
    let time = |number: u64| format!("timestamp=2026-11-20T12:00:{:02}.000Z", number + 2);
    for (line, first, end) in [
        ("LATEST #den * 3".to_owned(), 7, 10),
        (format!("LATEST #den {} 9", id(7)), 8, 10),
        (format!("LATEST #den {} 1", time(4)), 9, 10),
        (format!("BEFORE #den {} 2", id(4)), 2, 4),
        (format!("BEFORE #den {} 2", time(4)), 2, 4),
        (format!("AFTER #den {} 2", id(4)), 5, 7),
        (format!("AFTER #den {} 2", time(4)), 5, 7),
        (format!("AROUND #den {} 3", id(4)), 3, 6),
        (format!("AROUND #den {} 1", time(4)), 4, 5),
        (format!("BETWEEN #den {} {} 2", id(2), id(8)), 3, 5),
        (format!("BETWEEN #den {} {} 2", id(8), id(2)), 6, 8),
        (format!("BETWEEN #den {} {} 99", time(8), id(5)), 6, 8),
        (format!("BEFORE #den {} 9", id(0)), 0, 0),
    ] {
        let texts: Vec<String> = (first..end).map(|number| number.to_string()).collect();
        assert_eq!(server.batch(alice, &format!("CHATHISTORY {line}"), "#den"), texts, "{line}");
    }
}

#[test]
fn old_message_has_its_id_its_time_and_the_source_of_its_author() {
    let (mut server, alice, carol) = told();
    let shown = |server: &mut TestHub| server.answer(alice, "CHATHISTORY LATEST #den * 1")[1].clone();
    let line = shown(&mut server);
    assert!(line.contains(";time=2026-11-20T12:00:11.000Z;msgid=0-10 :carol!") && !line.contains("unknown"), "{line}");
    server.say(carol, "/nick dora");
    assert!(shown(&mut server).contains(" :carol!carol@unknown.cloak PRIVMSG #den :9"));
}

#[test]
fn client_without_batches_is_shown_the_lines_alone() {
    let (mut server, _, carol) = told();
    let bob = server.enter_with("bob", "server-time");
    server.say(bob, "JOIN #den");
    server.say(carol, "/me waves");
    let lines = server.answer(bob, "CHATHISTORY LATEST #den * 2");
    let shown: Vec<String> = lines.iter().map(|line| short(line.split_once(' ').unwrap().1)).collect();
    assert_eq!(shown, [":carol PRIVMSG #den :9", ":carol PRIVMSG #den :\u{1}ACTION waves\u{1}"]);
    assert!(lines.iter().all(|line| line.starts_with("@time=")), "{lines:?}");
}

#[test]
fn only_members_of_a_room_are_shown_its_history() {
    let (mut server, ..) = told();
    let bob = server.enter_with("bob", ALL);
    for target in ["#den", "#nowhere", "nobody"] {
        let refused = format!("FAIL CHATHISTORY INVALID_TARGET LATEST {target} :Messages could not be retrieved");
        server.check_irc(bob, &format!("CHATHISTORY LATEST {target} * 5"), &[&refused]);
    }
    server.check_irc(
        bob,
        "CHATHISTORY OLDEST",
        &["FAIL CHATHISTORY UNKNOWN_COMMAND OLDEST :There is no such subcommand"],
    );
}

#[test]
fn messages_of_ignored_members_are_left_out() {
    let (mut server, alice, _) = told();
    let bob = server.enter("bob");
    server.say(bob, "/join den");
    server.say(bob, "hi");
    let members = &mut server.hub.shared.members;
    let [member, carol] = ["alice", "carol"].map(|name| members.find(name).unwrap());
    let author = members.author(carol.slot);
    members[member.slot].ignored_mut().push(Ignored { name: "carol".into(), author });
    server.hub.note_ignoring(member);
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST #den * 5", "#den"), ["hi"]);
}

#[test]
fn deleted_message_is_not_shown() {
    let (mut server, alice, carol) = told();
    server.say(carol, "/delete last");
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST #den * 2", "#den"), ["7", "8"]);
}

/// A server that has read the messages 8 and 9 of den, of two seconds, from its store.
fn restored() -> (TestHub, ClientId) {
    let mut server = TestHub::new();
    let said = |id: u64, at| message(id, "den", "carol", &id.to_string(), at);
    let at = datetime!(2026-11-20 11:00:00 UTC);
    let messages = vec![said(8, at), said(9, at + Duration::from_secs(1))];
    let room = InitialRoom { name: "den".into(), record: RoomRecord::default(), messages };
    let now = server.now();
    server.hub.restore(InitialState { rooms: vec![room], next_id: 10, ..start() }, now);
    let alice = server.enter_with("alice", ALL);
    while let Some(query) = server.hub.poll_query() {
        server.hub.handle_answer(query, Answer::Nothing, now);
    }
    server.say(alice, "JOIN #den");
    server.read(alice);
    (server, alice)
}

#[test]
fn messages_that_may_be_in_the_store_are_looked_up_there_and_have_the_label() {
    let (mut server, alice) = restored();
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST #den * 2", "#den"), ["8", "9"]);
    assert_eq!(server.answer(alice, "@label=x CHATHISTORY BEFORE #den timestamp=2026-11-20T11:00:00.500Z 2"), [""; 0]);
    let query = server.hub.poll_query().unwrap();
    let span = Span { after: None, before: Some(Point::Id(9)), side: Side::Newest };
    assert_eq!(query.lookup, Lookup::Span { room: "den".into(), span, n: 2 });
    let said = |id: u64| message(id, "den", "carol", &id.to_string(), datetime!(2026-11-20 10:00:00 UTC));
    // One more than is shown.
    let before = vec![said(6), said(7), said(8)];
    let now = server.now();
    server.hub.handle_answer(query, Answer::History { before, after: vec![] }, now);
    let lines = server.read(alice);
    assert!(lines[0].starts_with("@label=x :"), "{lines:?}");
    let inner = parse_batch(&lines, "#den").unwrap().1;
    assert!(inner.len() == 2 && inner[0].ends_with(" :7") && inner[1].ends_with(" :8"), "{lines:?}");
}

#[test]
fn join_of_a_room_in_the_store_is_answered_with_its_label_when_the_room_is_read() {
    let mut server = TestHub::new();
    let now = server.now();
    let stored = vec![("den".to_owned(), RoomRecord::default())];
    server.hub.restore(InitialState { stored, next_id: 10, ..start() }, now);
    let alice = server.enter_with("alice", "batch server-time labeled-response");
    while let Some(query) = server.hub.poll_query() {
        server.hub.handle_answer(query, Answer::Nothing, now);
    }
    assert_eq!(server.answer(alice, "@label=x JOIN #den,#tea"), [""; 0]);
    let query = server.hub.poll_query().unwrap();
    let old = message(9, "den", "carol", "old", datetime!(2026-11-20 10:00:00 UTC));
    server.hub.handle_answer(query, Answer::Messages(vec![old]), now);
    let lines = server.read(alice);
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert!(first.starts_with("@label=x :") && first.ends_with(" labeled-response"), "{lines:?}");
    assert!(last.contains(" BATCH -"), "{lines:?}");
    for shown in [" JOIN #den", " chathistory #den", " PRIVMSG #den :old", " JOIN #tea"] {
        assert_eq!(lines.iter().filter(|line| line.ends_with(shown)).count(), 1, "{shown}: {lines:?}");
    }
}

#[test]
fn unreadable_store_is_told() {
    let (mut server, alice) = restored();
    server.say(alice, "CHATHISTORY LATEST #den * 5");
    let (query, now) = (server.hub.poll_query().unwrap(), server.now());
    server.hub.handle_answer(query, Answer::Nothing, now);
    let refused = "FAIL CHATHISTORY MESSAGE_ERROR * #den :Messages could not be retrieved";
    assert_eq!(server.read_irc(alice), [refused]);
}

#[test]
fn conversation_is_shown_to_both_members_and_to_no_one_else() {
    let mut server = TestHub::new();
    let [alice, bob, dave] = ["alice", "bob", "dave"].map(|name| server.enter_with(name, ALL));
    let carol = server.enter("carol");
    server.say(alice, "PRIVMSG bob :one");
    server.say(bob, "NOTICE alice :two");
    server.say(alice, "PRIVMSG carol :other");
    server.say(carol, "@alice :answer");
    for (id, target) in [(alice, "bob"), (bob, "ALICE")] {
        assert_eq!(server.batch(id, &format!("CHATHISTORY LATEST {target} * 9"), target), ["one", "two"]);
    }
    let lines = server.answer(bob, "CHATHISTORY LATEST alice * 9");
    assert!(lines[1].contains(":alice!") && lines[1].contains(" PRIVMSG bob :one"), "{lines:?}");
    assert!(lines[2].contains(":bob!") && lines[2].contains(" NOTICE alice :two"), "{lines:?}");
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST carol * 9", "carol"), ["other", ":answer"]);
    assert_eq!(server.batch(dave, "CHATHISTORY LATEST alice * 9", "alice"), [""; 0]);
    // The next one with that name must not read it.
    server.say(bob, "QUIT");
    let bob = server.enter_with("bob", ALL);
    assert_eq!(server.batch(bob, "CHATHISTORY LATEST alice * 9", "alice"), [""; 0]);
}

#[test]
fn muted_member_reads_its_own_messages_in_a_conversation() {
    let mut server = TestHub::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.enter_with(name, ALL));
    server.say(ClientId::CONSOLE, "/mute bob");
    server.say(bob, "PRIVMSG alice :psst");
    assert_eq!(server.batch(bob, "CHATHISTORY LATEST alice * 9", "alice"), ["psst"]);
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST bob * 9", "bob"), [""; 0]);
}

#[test]
fn whispers_between_members_without_irc_are_not_remembered() {
    let mut server = TestHub::new();
    let [carol, erin] = ["carol", "erin"].map(|name| server.enter(name));
    server.say(carol, "@erin secret");
    server.say(erin, "@carol secret");
    let carol = server.hub.shared.members.find("carol").unwrap();
    let holder = server.hub.shared.members.holder(carol);
    assert!(server.hub.conversations.partners(holder).is_empty());
}

#[test]
fn targets_are_those_with_news_in_a_time_in_the_order_of_their_news() {
    let (mut server, alice, carol) = told();
    server.at += Duration::from_secs(1);
    server.say(carol, "@alice psst");
    let targets = |server: &mut TestHub, after: u32, before: u32, n: u32| {
        let time = |second: u32| format!("timestamp=2026-11-20T12:00:{second:02}.000Z");
        let lines = server.answer(alice, &format!("CHATHISTORY TARGETS {} {} {n}", time(after), time(before)));
        assert!(lines[0].ends_with(" draft/chathistory-targets"), "{lines:?}");
        let targets = lines[1..lines.len() - 1].iter().map(|line| line.split_once(" TARGETS ").unwrap().1.to_owned());
        targets.collect::<Vec<String>>()
    };
    let (den, conversation) = ("#den 2026-11-20T12:00:11.000Z", "carol 2026-11-20T12:00:12.000Z");
    assert_eq!(targets(&mut server, 1, 59, 9), [den, conversation]);
    assert_eq!(targets(&mut server, 59, 1, 1), [den]);
    assert_eq!(targets(&mut server, 11, 13, 9), [conversation]);
    assert_eq!(targets(&mut server, 5, 11, 9), [""; 0]);
}

#[test]
fn entering_client_is_shown_the_last_messages_if_it_can_tell_them_from_new_ones() {
    let (mut server, ..) = told();
    let count = |server: &mut TestHub, name: &str, caps: &str| {
        let id = server.enter_with(name, caps);
        let lines = server.answer(id, "JOIN #den");
        let end = lines.iter().position(|line| line.contains(" 366 ")).unwrap();
        lines[end + 1..].iter().filter(|line| line.contains(" PRIVMSG #den ")).count()
    };
    let all = Config::default().history.min(10);
    assert_eq!(count(&mut server, "bob", "batch server-time"), all);
    assert_eq!(count(&mut server, "dave", "server-time"), 0);
    assert_eq!(count(&mut server, "erin", "batch"), 0);
    assert_eq!(count(&mut server, "frank", "batch server-time draft/chathistory"), 0);
}

#[test]
fn conversations_are_the_same_after_a_handover() {
    let mut server = TestHub::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.enter_with(name, ALL));
    server.say(alice, "PRIVMSG bob :one");
    let holder = |name: &str| {
        let members = &server.hub.shared.members;
        members.holder(members.find(name).unwrap())
    };
    let (reader, other) = (holder("alice"), holder("bob"));
    let state = serde_json::to_value(server.hub.conversations.clone()).unwrap();
    let read: crate::chat::hub::store_queue::conversations::Conversations = serde_json::from_value(state).unwrap();
    let lines = read.lines(other, reader);
    assert_eq!((lines.len(), &*lines[0].text, lines[0].kind), (1, "one", MessageKind::Said));
    let _ = bob;
}

#[test]
fn lines_of_an_ignored_member_are_not_shown_in_a_conversation() {
    let mut server = TestHub::new();
    let (alice, bob) = (server.enter_with("alice", ALL), server.enter("bob"));
    server.say(bob, "@alice one");
    server.say(alice, "PRIVMSG bob :two");
    server.at += Duration::from_secs(5);
    server.say(bob, "@alice three");
    let targets = "CHATHISTORY TARGETS timestamp=2026-11-20T12:00:00.000Z timestamp=2026-11-20T13:00:00.000Z 9";
    let newest = |server: &mut TestHub| server.answer(alice, targets)[1].split_once(" TARGETS ").unwrap().1.to_owned();
    assert_eq!(newest(&mut server), "bob 2026-11-20T12:00:06.000Z");
    let members = &server.hub.shared.members;
    let [owner, author] = ["alice", "bob"].map(|name| members.find(name).unwrap());
    let author = members.author(author.slot);
    let ignored = Ignored { name: "bob".into(), author };
    server.hub.shared.members[owner.slot].ignored_mut().push(ignored);
    server.hub.sessions[alice].flags.insert(crate::chat::session::SessionFlags::IGNORES);
    assert_eq!(server.batch(alice, "CHATHISTORY LATEST bob * 9", "bob"), ["two"]);
    assert_eq!(newest(&mut server), "bob 2026-11-20T12:00:01.000Z");
}

#[test]
fn operator_has_the_same_source_in_the_history() {
    let (mut server, alice, _) = told();
    server.hub.attach_console();
    server.say(ClientId::CONSOLE, "#den hello");
    let source = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    let said = server.read(alice);
    let shown = server.answer(alice, "CHATHISTORY LATEST #den * 1");
    assert_eq!((source(&said[0]), source(&shown[1])), (Some(":server!chat@local.cloak".into()), source(&said[0])));
}
