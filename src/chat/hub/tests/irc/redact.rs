//! Tests of REDACT.

use super::irc_den;
use crate::chat::hub::tests::store_queue::start;
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::query::{Answer, DeleteChoice, Lookup};
use crate::chat::record::Record;

const CAPS: &str = "message-tags draft/message-redaction";

/// As [`irc_den`]; alice and bob are shown what is deleted.
fn den() -> (TestHub, [ClientId; 4]) {
    let (mut server, all) = irc_den();
    for id in &all[..2] {
        server.say(*id, &format!("CAP REQ :{CAPS}"));
        server.read(*id);
    }
    (server, all)
}

#[test]
fn deletion_is_shown_to_those_with_the_capability_and_to_people_as_usual() {
    let (mut server, [alice, bob, carol, dave]) = den();
    server.say(dave, "JOIN #den");
    server.say(carol, "oops");
    [bob, carol, dave].into_iter().for_each(|id| drop(server.read(id)));
    let line = ":alice REDACT #den 0-1 :spam here";
    server.check_irc(alice, "REDACT #den 0-1 :spam here", &[line]);
    assert_eq!((server.read_irc(bob), server.read(dave)), (vec![line.to_owned()], vec![]));
    let usual = server.read(carol);
    assert!(usual.len() == 1 && usual[0].starts_with("* "), "{usual:?}");
    server.check_irc(
        bob,
        "REDACT #den 0-1",
        &["FAIL REDACT UNKNOWN_MSGID #den 0-1 :There is no such message, or it is no longer known"],
    );
}

#[test]
fn deletion_from_elsewhere_is_shown_on_irc() {
    let (mut server, [alice, bob, carol, _]) = den();
    server.say(carol, "one");
    server.say(carol, "two");
    [alice, bob].into_iter().for_each(|id| drop(server.read(id)));
    server.say(carol, "/delete @carol 2");
    let lines = [":carol REDACT #den 0-1", ":carol REDACT #den 0-2"];
    assert_eq!(
        (server.read_irc(alice), server.read_irc(bob)),
        (lines.map(String::from).into(), lines.map(String::from).into())
    );
}

#[test]
fn only_operators_of_a_room_delete_messages_of_others() {
    let (mut server, [alice, bob, _, dave]) = den();
    server.say(alice, "PRIVMSG #den :mine");
    server.say(bob, "PRIVMSG #den :his");
    server.check_irc(
        bob,
        "REDACT #den 0-1",
        &["FAIL REDACT REDACT_FORBIDDEN #den 0-1 :You may not delete this message"],
    );
    server.check_irc(bob, "REDACT #den 0-2", &[":bob REDACT #den 0-2"]);
    for msgid in ["x", "1-1", "0-p1", "0-99"] {
        let refused =
            format!("FAIL REDACT UNKNOWN_MSGID #den {msgid} :There is no such message, or it is no longer known");
        server.check_irc(alice, &format!("REDACT #den {msgid}"), &[&refused]);
    }
    for target in ["#nowhere", "nobody"] {
        let refused = format!("FAIL REDACT INVALID_TARGET {target} :You cannot delete messages there");
        server.check_irc(dave, &format!("REDACT {target} 0-1"), &[&refused]);
    }
    server.check_irc(dave, "REDACT #den", &["461 dave REDACT :Not enough parameters"]);
}

#[test]
fn muted_member_believes_that_its_message_was_deleted() {
    let (mut server, [alice, bob, ..]) = den();
    server.say(ClientId::CONSOLE, "/mute bob");
    server.say(bob, "PRIVMSG #den :muted");
    server.read(alice);
    server.check_irc(bob, "REDACT #den 0-1", &[":bob REDACT #den 0-1"]);
    assert_eq!(server.read(alice), [""; 0]);
}

#[test]
fn older_message_is_looked_up_in_the_store() {
    let mut server = TestHub::new();
    let now = server.now();
    server.hub.restore(start(), now);
    let alice = server.enter_with("alice", CAPS);
    while let Some(query) = server.hub.poll_query() {
        server.hub.handle_answer(query, Answer::Nothing, now);
    }
    server.say(alice, "JOIN #den");
    server.hub.poll_records();
    server.check_irc(alice, "REDACT #den 1234-7", &[]);
    let query = server.hub.poll_query().unwrap();
    assert_eq!(query.lookup, Lookup::Delete { room: "den".into(), which: DeleteChoice::Id(7) });
    server.hub.handle_answer(query, Answer::Messages(vec![]), now);
    let refused = "FAIL REDACT UNKNOWN_MSGID #den 1234-7 :There is no such message, or it is no longer known";
    assert_eq!(server.read_irc(alice), [refused]);
    server.say(alice, "REDACT #den 1234-7");
    let query = server.hub.poll_query().unwrap();
    let old = crate::chat::hub::tests::store_queue::message(7, "den", "carol", "old", now.local);
    server.hub.handle_answer(query, Answer::Messages(vec![old]), now);
    assert_eq!(server.read_irc(alice), [":alice REDACT #den 1234-7"]);
    assert_eq!(server.hub.poll_records(), [Record::Delete { room: "den".into(), ids: vec![7] }]);
}

#[test]
fn whisper_is_deleted_by_its_author_alone() {
    let (mut server, [alice, bob, _, dave]) = den();
    server.say(bob, "PRIVMSG alice :psst");
    let line = server.read(alice).remove(0);
    let msgid = line.strip_prefix("@msgid=").and_then(|rest| rest.split([' ', ';']).next()).expect("an id").to_owned();
    let unknown = |target: &str| {
        format!("FAIL REDACT UNKNOWN_MSGID {target} {msgid} :There is no such message, or it is no longer known")
    };
    server.check_irc(
        alice,
        &format!("REDACT bob {msgid}"),
        &[&format!("FAIL REDACT REDACT_FORBIDDEN bob {msgid} :You may not delete this message")],
    );
    server.check_irc(dave, &format!("REDACT bob {msgid}"), &[&unknown("bob")]);
    let shown = format!(":bob REDACT alice {msgid} :wrong one");
    server.check_irc(bob, &format!("REDACT alice {msgid} :wrong one"), &[&shown]);
    assert_eq!(server.read_irc(alice), [shown]);
    server.check_irc(bob, &format!("REDACT alice {msgid}"), &[&unknown("alice")]);
}
