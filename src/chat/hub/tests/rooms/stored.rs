//! Tests of rooms that are in the store and not in memory.

use crate::chat::config::{Config, Login};
use crate::chat::encoding::Encoding;
use crate::chat::hub::tests::store_queue::{StoreHub, message, start};
use crate::chat::id::ClientId;
use crate::chat::input::{Allowance, NewConnection, ResumeRequest};
use crate::chat::query::{Answer, Lookup, RoomUse};
use crate::chat::record::{InitialState, Record, RoomRecord};

/// A stored room without settings.
fn stored(name: &str) -> (String, RoomRecord) {
    (name.into(), RoomRecord::default())
}

#[test]
fn evicted_room_stays_in_the_store_and_is_loaded_by_join() {
    let mut fixture = StoreHub::new(Config { max_rooms: 2, ..Config::default() }, start());
    let (alice, _) = fixture.enter("alice");
    for line in ["/join quiet", "/leave", "/join loud", "hello", "/leave", "/join next"] {
        fixture.say(alice, line);
    }
    assert!(!fixture.hub.poll_records().iter().any(|record| matches!(record, Record::RoomGone { .. })));
    fixture.read(alice);
    fixture.say(alice, "/rooms");
    fixture.say(alice, "/who LOUD");
    assert_eq!(fixture.read(alice), ["* 3 rooms: next (1), lobby (0), loud (0)", "* 0 in loud."]);

    fixture.say(alice, "/join Loud");
    assert_eq!(fixture.hub.allowance(alice, fixture.now), Allowance::AfterReplies);
    let query = fixture.query();
    assert_eq!(query.lookup, Lookup::Room { room: "loud".into(), then: RoomUse::Join { key: None } });
    let hello = message(1, "loud", "alice", "hello", fixture.now.local);
    // The limit of rooms is reached while she is in the other room.
    fixture.hub.handle_answer(query, Answer::Messages(vec![hello.clone()]), fixture.now);
    assert_eq!(fixture.read(alice), ["! There are 2 rooms already, and no more can be made. /rooms lists them."]);
    fixture.say(alice, "/leave");
    fixture.read(alice);
    fixture.say(alice, "/join loud");
    fixture.answer(Answer::Messages(vec![hello]));
    let expected = [
        "* You are in loud. 1 here: you.",
        "* --- the last 1 message ---",
        "[12:00:00] alice: hello",
        "* --- you are up to date ---",
    ];
    assert_eq!(fixture.read(alice), expected);
    fixture.hub.audit().unwrap();
}

#[test]
fn unreadable_room_is_not_entered_and_pruned_room_is_created_again() {
    let stored = [stored("den"), stored("old")].into();
    let mut fixture = StoreHub::new(Config::default(), InitialState { stored, ..start() });
    let (alice, _) = fixture.enter("alice");
    fixture.say(alice, "/join den");
    fixture.answer(Answer::Nothing);
    assert_eq!(fixture.read(alice), ["! That cannot be looked up at present. Try again later."]);
    fixture.say(alice, "/join den");
    fixture.answer(Answer::Messages(Vec::new()));
    assert_eq!(fixture.read(alice), ["* You are in den. 1 here: you."]);
    assert_eq!(fixture.hub.poll_records(), [Record::RoomGone { name: "den".into() }]);
    fixture.hub.handle_pruned_rooms(&["old".into(), "den".into(), "lobby".into()]);
    assert_eq!(fixture.hub.poll_records(), [Record::RoomGone { name: "old".into() }]);
}

#[test]
fn stored_rooms_that_look_alike_stay_and_new_ones_are_refused() {
    // An older server has made rooms that look alike, and one with a name in two scripts.
    let names = ["garnes", "Games", "d\u{435}n", "1obby"];
    let stored = names.map(stored).into();
    let mut fixture = StoreHub::new(Config::default(), InitialState { stored, ..start() });
    let (alice, _) = fixture.enter("alice");
    for (name, other) in [("g\u{430}mes", "Games"), ("GARNE5", ""), ("den", "d\u{435}n"), ("IOBBY", "1obby")] {
        fixture.say(alice, &format!("/join {name}"));
        let expected = match other {
            "" => format!("* You are in {name}. 1 here: you."),
            other => format!("! The name {name} looks like that of the room {other}."),
        };
        assert_eq!(fixture.read(alice), [expected]);
    }
    for (name, id) in names.iter().zip(1..) {
        fixture.say(alice, &format!("/join {name}"));
        let hello = message(id, name, "alice", "hello", fixture.now.local);
        fixture.answer(Answer::Messages(vec![hello]));
        assert_eq!(fixture.read(alice)[0], format!("* You are in {name}. 1 here: you."));
        fixture.hub.audit().unwrap();
    }
    // Rooms in memory count as those in the store.
    fixture.say(alice, "/join den");
    assert_eq!(fixture.read(alice), ["! The name den looks like that of the room d\u{435}n."]);

    let mut fixture = StoreHub::new(Config { login: Login::Address, ..Config::default() }, start());
    let (alice, _) = fixture.enter("");
    for name in ["games", "garnes", "d\u{435}n", "l\u{43e}bby"] {
        fixture.say(alice, &format!("/join {name}"));
        assert_eq!(
            fixture.read(alice).last(),
            Some(&format!("* You are in {name}. 1 here: you.")),
            "names are not compared"
        );
    }
}

#[test]
fn room_limits_of_store_and_session_are_enforced() {
    let stored = [stored("den"), stored("old")].into();
    let mut fixture =
        StoreHub::new(Config { max_stored_rooms: 4, ..Config::default() }, InitialState { stored, ..start() });
    let (alice, _) = fixture.enter("alice");
    for (line, told) in [
        ("/join new", "* You are in new. 1 here: you."),
        ("/join newer", "! This server stores 4 rooms already, and no new one can be made. /rooms lists them."),
        ("/leave", "* You are in lobby. 1 here: you."),
        ("/join newer", "* You are in newer. 1 here: you."),
    ] {
        fixture.say(alice, line);
        assert_eq!(fixture.read(alice), [told], "{line}");
    }

    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    for n in 0..16 {
        fixture.say(alice, &format!("/join x{n}"));
        fixture.say(alice, ".");
    }
    fixture.read(alice);
    fixture.say(alice, "/join x16");
    let expected = "! You have made 16 rooms that still exist, and cannot make more. /rooms lists them.";
    assert_eq!(fixture.read(alice), [expected]);
    let (bob, _) = fixture.enter("bob");
    fixture.say(bob, "/join x16");
    assert_eq!(fixture.read(bob), ["* You are in x16. 1 here: you."]);
}

#[test]
fn resume_of_a_stored_room_logs_in_after_the_query_is_answered() {
    for (login, nickname) in [(Login::Nickname, Some("alice")), (Login::Address, None)] {
        for found in [true, false] {
            let stored = vec![stored("den")];
            let mut fixture =
                StoreHub::new(Config { login, ..Config::default() }, InitialState { next_id: 9, stored, ..start() });
            let wish = ResumeRequest { room: Some("DEN".into()), ..ResumeRequest::default() };
            let (id, addr) = (ClientId::new(0), ([127, 0, 0, 1], 1).into());
            fixture.hub.handle_connection(
                id,
                NewConnection { addr, encoding: Encoding::Plain, preface: &[], resume_request: wish },
                fixture.now,
            );
            nickname.into_iter().for_each(|name| fixture.say(id, name));
            fixture.read(id);
            let query = fixture.query();
            assert_eq!(
                query.lookup,
                Lookup::Room { room: "den".into(), then: RoomUse::LogIn { nickname: nickname.map(str::to_owned) } }
            );
            let said = message(3, "den", "bob", "hello", fixture.now.local);
            let answer = if found { Answer::Messages(vec![said]) } else { Answer::Nothing };
            fixture.hub.handle_answer(query, answer, fixture.now);
            let shown = fixture.read(id);
            let name = nickname.unwrap_or("127.0.0.1:1");
            match found {
                true => assert_eq!(shown[shown.len() - 2], "[12:00:00] bob: hello", "{shown:?}"),
                false => assert_eq!(shown[0], "! That cannot be looked up at present. Try again later."),
            }
            assert!(shown.iter().any(|line| line.starts_with(&format!("* You are {name}"))), "{shown:?}");
            assert!(!fixture.hub.has_queries());
            fixture.hub.audit().unwrap();
        }
    }
}
