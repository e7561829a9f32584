//! Tests of PRIVMSG, NOTICE and TAGMSG.

use std::time::Duration;

use super::{TestHub, irc_den};
use crate::chat::Input;
use crate::chat::id::ClientId;

/// Lines that a session owes to the limit on its rate.
fn owed(server: &TestHub, id: ClientId) -> u64 {
    server.hub.sessions[id].allowance.saturating_sub(server.now().micros()) / 100_000
}

#[test]
fn notice_is_never_answered() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(alice, "MODE #den +m");
    server.say(carol, "/away lunch");
    server.read(bob);
    let many = (0..30).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    let long = "x".repeat(480);
    let refused = [
        ("NOTICE", "411 "),
        ("NOTICE bob", "412 "),
        ("NOTICE #den", "412 "),
        ("NOTICE nobody :x", "401 "),
        ("NOTICE #nowhere :x", "403 "),
        ("NOTICE #den :x", "404 "),
        ("NOTICE @#den :x", "404 "),
        ("NOTICE carol :x", "301 "),
        (&*format!("NOTICE {many} :x"), "407 "),
        (&*format!("NOTICE alice :{long}"), "417 "),
    ];
    for (line, answer) in refused {
        server.check_irc(bob, line, &[]);
        let message = line.replace("NOTICE", "PRIVMSG");
        assert!(server.answer_irc(bob, &message)[0].starts_with(answer), "{message}");
    }
    server.check_irc(dave, "NOTICE #den :x", &[]);
    server.check_irc(dave, "NOTICE #den :\u{1}PING 1\u{1}", &[]);
}

#[test]
fn line_that_is_no_line_is_refused_unless_it_is_a_notice() {
    let (mut server, [alice, ..]) = irc_den();
    let now = server.now();
    for (command, answers) in [(Some("notice"), 0), (Some("PRIVMSG"), 1), (None, 1)] {
        for input in [Input::TooLong { command }, Input::NotUtf8 { command }] {
            server.hub.handle_line(alice, input, now);
            assert_eq!(server.read_irc(alice).len(), answers, "{input:?}");
        }
    }
    server.hub.handle_line(alice, Input::SeveralLines, now);
    let text = "A message of a WebSocket has one line; this one was not processed";
    assert_eq!(server.read_irc(alice), [format!("FAIL * SEVERAL_LINES :{text}")]);
}

#[test]
fn action_without_text_is_no_message() {
    let (mut server, [alice, bob, ..]) = irc_den();
    for target in ["#den", "bob"] {
        for action in ["\u{1}ACTION\u{1}", "\u{1}ACTION \u{1}", "\u{1}ACTION"] {
            server.check_irc(alice, &format!("PRIVMSG {target} :{action}"), &["412 alice :No text to send"]);
        }
    }
    assert!(server.read(bob).is_empty());
}

#[test]
fn each_target_gets_a_message_once_and_counts_for_the_rate() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.hub.config.rate = 10;
    server.say(alice, "PRIVMSG #den,#DEN,dave,,Dave,#den :hi");
    assert_eq!(server.read_irc(bob), [":alice PRIVMSG #den :hi"]);
    assert_eq!(server.read_irc(dave), [":alice PRIVMSG dave :hi"]);
    assert_eq!(owed(&server, alice), 2);
    server.say(dave, "JOIN #a,#b,#a,#A,#c");
    assert_eq!(owed(&server, dave), 3);
    assert_eq!(server.read_irc(dave).iter().filter(|line| line.contains(" JOIN ")).count(), 3);
    server.at += Duration::from_secs(1);
    let many = (0..20).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    server.say(bob, &format!("NOTICE {many} :hi"));
    assert_eq!(owed(&server, bob), 20);
}

#[test]
fn message_for_a_role_reaches_its_members_in_all_encodings() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    let erin = server.enter_irc("erin");
    server.say(erin, "JOIN #den");
    server.say(dave, "JOIN #den");
    server.say(alice, "MODE #den +ov carol dave");
    [alice, bob, carol, dave, erin].into_iter().for_each(|id| drop(server.read(id)));
    server.check_irc(bob, "PRIVMSG @#den :help", &[]);
    assert_eq!(server.read_irc(alice), [":bob PRIVMSG @#den :help"]);
    assert_eq!(server.read(carol), ["[12:00:01] bob -> you: (@#den) help"]);
    assert!(server.read(dave).is_empty() && server.read(erin).is_empty());
    server.say(carol, "/r what is it?");
    assert_eq!(server.read_irc(bob), [":carol PRIVMSG bob :what is it?"]);
    server.say(bob, "NOTICE +#den :all of you");
    assert_eq!(server.read_irc(dave), [":bob NOTICE +#den :all of you"]);
    assert!(server.read(erin).is_empty());
}

#[test]
fn message_for_a_role_does_not_reach_those_who_ignore_its_author() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.say(alice, "MODE #den +o carol");
    server.say(carol, "/ignore bob");
    [alice, carol].into_iter().for_each(|id| drop(server.read(id)));
    server.say(bob, "PRIVMSG @#den :help");
    assert!(server.read(carol).is_empty());
    assert_eq!(server.read_irc(alice), [":bob PRIVMSG @#den :help"]);
}

#[test]
fn slow_mode_counts_messages_for_a_role() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.say(alice, "MODE #den +o carol");
    server.say(carol, "/room slow 10");
    [alice, bob].into_iter().for_each(|id| drop(server.read(id)));
    server.check_irc(bob, "PRIVMSG @#den :one", &[]);
    for target in ["@#den", "#den"] {
        let answer = server.answer_irc(bob, &format!("PRIVMSG {target} :two"));
        assert!(answer[0].starts_with("404 bob #den :"), "{answer:?}");
    }
    assert_eq!(server.read_irc(alice), [":bob PRIVMSG @#den :one"]);
}
