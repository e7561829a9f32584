//! Tests of MONITOR.

use super::{TestHub, irc_den};
use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::{Close, Lang};
use crate::wire::renderers;

fn full_name(server: &TestHub, name: &str) -> String {
    let members = &server.hub.shared.members;
    members.full_name(members.find(name).expect("a member").slot).into()
}

#[test]
fn members_of_all_encodings_are_told_to_come_and_go() {
    let (mut server, [alice, ..]) = irc_den();
    let bob = format!("730 alice :{}", full_name(&server, "bob"));
    server.check_irc(alice, "MONITOR + BOB,erin,frank", &[&bob, "731 alice :erin,frank"]);
    let erin = server.enter("erin");
    let online = full_name(&server, "erin");
    assert_eq!(server.read_irc(alice), [format!("730 alice :{online}")]);
    server.say(erin, "/nick Erin");
    assert_eq!(server.read_irc(alice), Vec::<String>::new());
    server.say(erin, "/nick frank");
    let online = full_name(&server, "frank");
    assert_eq!(server.read_irc(alice), ["731 alice :Erin".to_owned(), format!("730 alice :{online}")]);
    server.say(erin, "/quit");
    assert_eq!(server.read_irc(alice), ["731 alice :frank"]);
    server.check_irc(alice, "MONITOR S", &[&bob, "731 alice :erin,frank"]);
    server.check_irc(alice, "MONITOR L", &["732 alice :BOB,erin,frank", "733 alice :End of MONITOR list"]);
    server.check_irc(alice, "MONITOR - ERIN,x", &[]);
    server.enter("erin");
    assert_eq!(server.read_irc(alice), Vec::<String>::new());
    server.check_irc(alice, "MONITOR C", &[]);
    server.check_irc(alice, "MONITOR L", &["733 alice :End of MONITOR list"]);
    assert!(server.hub.monitors.is_empty());
}

#[test]
fn only_names_are_monitored_and_not_too_many() {
    let (mut server, [alice, ..]) = irc_den();
    server.check_irc(
        alice,
        "MONITOR + *!a@b,server",
        &["432 alice *!a@b :Erroneous nickname", "432 alice server :Erroneous nickname"],
    );
    for number in 0..100 {
        server.say(alice, &format!("MONITOR + name{number}"));
    }
    server.check_irc(
        alice,
        "MONITOR + NAME7,more,others",
        &["731 alice :NAME7", "734 alice 100 more,others :Monitor list is full"],
    );
    server.check_irc(alice, "MONITOR ?", &["461 alice MONITOR :Not enough parameters"]);
}

#[test]
fn away_is_told_to_watchers_that_do_not_read_it_in_a_room() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    for id in [alice, bob, dave] {
        server.say(id, "CAP REQ :extended-monitor away-notify");
        server.say(id, "MONITOR + carol");
        server.read(id);
    }
    server.say(bob, "CAP REQ :-away-notify");
    server.say(bob, "PART #den");
    [alice, bob].into_iter().for_each(|id| drop(server.read(id)));
    let away = |server: &mut TestHub| [alice, bob, dave].map(|id| server.read_irc(id));
    server.say(carol, "/away lunch");
    let line = vec![":carol AWAY :lunch".to_owned()];
    assert_eq!(away(&mut server), [line.clone(), vec![], line]);
    server.say(carol, "/away");
    let line = vec![":carol AWAY".to_owned()];
    assert_eq!(away(&mut server), [line.clone(), vec![], line]);
    server.say(ClientId::CONSOLE, "/mute carol");
    server.say(carol, "/away again");
    assert_eq!(away(&mut server), [const { Vec::<String>::new() }; 3]);
}

#[test]
fn lists_end_with_their_sessions() {
    let (mut server, [alice, ..]) = irc_den();
    server.say(alice, "MONITOR + erin");
    let now = server.now();
    server.hub.end_session(alice, crate::chat::cause::Cause::ConnectionLost, Close::AtOnce, now);
    assert!(server.hub.monitors.is_empty());
    server.enter("erin");
}

#[test]
fn lists_and_past_names_are_handed_over() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.say(alice, "MONITOR + carol,erin");
    server.say(bob, "NICK Robert");
    server.hub.set_invisible(bob, true);
    server.read(alice);
    let lusers = server.answer_irc(alice, "LUSERS");
    let old = std::mem::replace(&mut server.hub, Hub::new(Config::default(), renderers(Lang::En)));
    let state = serde_json::from_str(&serde_json::to_string(&old.into_state()).unwrap()).unwrap();
    server.hub = Hub::from_state(state, Config { rate: 0, ..Config::default() }, renderers(Lang::En));
    assert_eq!(server.answer_irc(alice, "LUSERS"), lusers);
    server.say(carol, "/quit");
    let read = server.read_irc(alice);
    assert!(read.contains(&"731 alice :carol".to_owned()), "{read:?}");
    assert_eq!(server.answer_irc(alice, "WHOWAS bob").len(), 3);
}
