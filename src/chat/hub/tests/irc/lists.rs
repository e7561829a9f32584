//! Tests of LIST and NAMES.

use std::time::Duration;

use super::super::store_queue::start;
use super::super::test_hub::TestHub;
use super::irc_den;
use crate::chat::config::Config;
use crate::chat::id::ClientId;
use crate::chat::record::{InitialState, RoomRecord, TopicRecord};
use crate::chat::settings::RoomSettings;

/// The answer to LIST in which these channels are.
fn listed(channels: &[&str]) -> Vec<String> {
    let channels = channels.iter().map(|channel| format!("322 {channel}"));
    let start = std::iter::once("321 dave Channel :Users  Name".to_owned());
    start.chain(channels).chain(["323 dave :End of /LIST".to_owned()]).collect()
}

#[test]
fn channels_are_listed_with_their_topics_and_the_largest_first() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.say(alice, "TOPIC #den :fish and more");
    server.say(bob, "JOIN #attic");
    assert_eq!(server.answer_irc(dave, "LIST"), listed(&["dave #den 3 :fish and more", "dave #attic 1 :"]));
    assert_eq!(server.answer_irc(dave, "LIST >1"), listed(&["dave #den 3 :fish and more"]));
    assert_eq!(server.answer_irc(dave, "LIST #nowhere,#ATTIC"), listed(&["dave #attic 1 :"]));
    server.say(bob, "MODE #attic +s");
    assert_eq!(server.answer_irc(dave, "LIST"), listed(&["dave #den 3 :fish and more"]));
    assert_eq!(server.answer_irc(bob, "LIST #attic")[1], "322 bob #attic 1 :");
    server.check_irc(dave, "LIST #den elsewhere", &["402 dave elsewhere :No such server"]);
}

#[test]
fn empty_rooms_with_a_topic_are_listed_and_others_if_they_are_asked_for() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(carol, "hello");
    server.say(carol, "/join attic");
    server.say(carol, "/leave");
    [alice, bob].into_iter().for_each(|id| server.say(id, "PART #den"));
    assert_eq!(server.answer_irc(dave, "LIST"), listed(&["dave #lobby 1 :"]));
    assert_eq!(server.answer_irc(dave, "LIST #den"), listed(&["dave #den 0 :"]));
    server.say(ClientId::CONSOLE, "/topic #den fish");
    assert_eq!(server.answer_irc(dave, "LIST"), listed(&["dave #lobby 1 :", "dave #den 0 :fish"]));
}

#[test]
fn long_list_is_cut_before_the_session_is_disconnected() {
    let mut server = TestHub::with(Config { backlog_bytes: 10_000, ..Config::default() });
    let (alice, dave) = (server.enter_irc("alice"), server.enter_irc("dave"));
    for number in 0..16 {
        server.say(alice, &format!("JOIN #room{number}"));
        server.say(alice, &format!("TOPIC #room{number} :{}", "x".repeat(390)));
        server.read(alice);
    }
    let answer = server.answer_irc(dave, "LIST");
    let count = answer.iter().filter(|line| line.starts_with("322 ")).count();
    assert!((5..16).contains(&count), "{count}");
    let notice = format!("NOTICE dave :{} more channels are not listed; LIST *word* lists fewer.", 16 - count);
    assert_eq!(answer[answer.len() - 2..], [notice, "323 dave :End of /LIST".to_owned()]);
    assert_eq!(server.answer_irc(dave, "LIST *15").len(), 3);
}

#[test]
fn names_of_several_channels_have_one_end() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.say(bob, "JOIN #attic");
    server.check_irc(
        dave,
        "NAMES #den,#nowhere,#attic",
        &[
            "353 dave = #den :@alice bob carol",
            "353 dave = #attic :@bob",
            "366 dave #den,#nowhere,#attic :End of /NAMES list",
        ],
    );
    server.check_irc(alice, "NAMES", &["366 alice * :End of /NAMES list"]);
}

#[test]
fn rooms_in_the_store_alone_are_listed_without_members() {
    let topic = TopicRecord { name: "alice".into(), text: "tea".into(), at: 1 };
    let den = RoomRecord { topic: Some(topic), ..RoomRecord::default() };
    let secret = RoomSettings { secret: true, ..RoomSettings::default() };
    let cellar = RoomRecord { settings: secret, ..RoomRecord::default() };
    let mut server = TestHub::new();
    let now = server.now();
    let stored = vec![("den".into(), den), ("cellar".into(), cellar)];
    server.hub.restore(InitialState { stored, ..start() }, now);
    let dave = server.enter_irc("dave");
    assert_eq!(server.answer_irc(dave, "LIST"), listed(&["dave #den 0 :tea"]));
    assert_eq!(server.answer_irc(dave, "LIST T>1"), listed(&["dave #den 0 :tea"]));
    assert_eq!(server.answer_irc(dave, "LIST C>0"), listed(&[]), "when it was created is not known");
}

#[test]
fn who_of_a_channel_and_names_from_outside_count_as_searches() {
    let (mut server, [alice, _, _, dave]) = irc_den();
    for search in ["WHO #den", "NAMES #den"] {
        let refused = format!("263 dave {} :Please wait a while and try again", &search[..search.len() - 5]);
        let is_refused = (0..40_000).any(|_| server.answer_irc(dave, search).contains(&refused));
        assert!(is_refused, "{search}");
        server.at += Duration::from_secs(2);
    }
    let names = server.answer_irc(alice, "NAMES #den");
    assert!((0..40_000).all(|_| server.answer_irc(alice, "NAMES #den") == names), "a member is shown them");
}
