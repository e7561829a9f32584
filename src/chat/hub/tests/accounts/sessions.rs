//! Several sessions of one account.

use super::{AccountHub, WELCOME};
use crate::chat::config::Config;
use crate::chat::id::ClientId;

#[test]
fn sessions_of_an_account_are_one_member() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, first) = (hub.enter("bob"), hub.register("alice"));
    hub.say(first, "/join den");
    hub.say(bob, "/join den");
    hub.server.read(bob);
    let second = hub.server.connect("alice", 9);
    [first, second].into_iter().for_each(|id| drop(hub.server.read(id)));
    let greeting =
        ["* You are alice. 2 here: bob and you. /help lists the commands.", "* You are in den. 2 here: bob and you."];
    assert_eq!(hub.answer(second, "fish"), greeting);
    assert_eq!(hub.server.read(bob), [""; 0], "alice is here already");
    hub.say(first, "hello");
    let hello = "[12:00:01] alice: hello";
    assert_eq!((hub.server.read(first), hub.server.read(second)), (vec![], vec![hello.to_owned()]));
    assert_eq!(hub.server.read(bob), [hello]);
    hub.say(bob, "@alice psst");
    for session in [first, second] {
        assert_eq!(hub.server.read(session), ["[12:00:01] bob -> you: psst"]);
    }
    hub.say(second, "/nick alicia");
    for reader in [first, second, bob] {
        hub.server.read(reader);
    }
    hub.leave(first);
    assert_eq!(hub.server.read(bob), [""; 0], "one session stays");
    hub.leave(second);
    assert_eq!(hub.server.read(bob), ["* alicia left (1 here)"]);
}

#[test]
fn slow_session_reads_the_lines_of_the_other_one_in_order() {
    let mut hub = AccountHub::new(Config::default());
    let first = hub.register("alice");
    let second = hub.log_in("alice");
    hub.server.read(first);
    for number in 0..6 {
        // Neither has read anything yet.
        hub.say(if number % 2 == 0 { first } else { second }, &number.to_string());
    }
    let lines = |numbers: [u32; 3]| numbers.map(|number| format!("[12:00:01] alice: {number}"));
    assert_eq!(hub.server.read(first), lines([1, 3, 5]));
    assert_eq!(hub.server.read(second), lines([0, 2, 4]));
}

#[test]
fn own_line_at_the_beginning_of_a_segment_is_not_read() {
    let mut hub = AccountHub::new(Config { backlog_bytes: 4096, rate: 0, ..Config::default() });
    let first = hub.register("alice");
    let second = hub.log_in("alice");
    for number in 0..40 {
        // A segment has 1024 bytes.
        let line = format!("{number} {}", "x".repeat(100));
        assert_eq!(hub.answer(first, &line), [""; 0]);
        assert_eq!(hub.server.read(second).len(), 1, "line {number}");
    }
}

#[test]
fn second_session_is_not_shown_ignored_messages() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, first) = (hub.enter("bob"), hub.register("alice"));
    hub.say(bob, "ignored");
    hub.say(first, "/ignore bob");
    let second = hub.enter("alice");
    assert_eq!(hub.answer(second, "fish"), ["* You are alice. 2 here: bob and you. /help lists the commands."]);
}

#[test]
fn own_ghost_is_no_obstacle() {
    let mut hub = AccountHub::new(Config::default());
    let ghost = hub.register("alice");
    let back = hub.log_in("alice");
    hub.check(back, "/who", "* 1 here: you.");
    hub.server.hub.handle_connection_lost(ghost, hub.server.now());
    hub.settle();
    hub.check(back, "/ping", "* pong");
}

#[test]
fn kick_and_mute_act_on_all_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let (first, bob) = (hub.register("alice"), hub.enter("bob"));
    let second = hub.log_in("alice");
    hub.say(ClientId::CONSOLE, "/mute alice");
    hub.server.read(bob);
    hub.say(second, "not heard");
    assert_eq!(hub.server.read(bob), [""; 0]);
    hub.say(ClientId::CONSOLE, "/kick alice");
    assert_eq!(hub.server.read(bob), ["* alice left: kicked (1 here)"]);
    for session in [first, second] {
        assert_eq!(hub.server.read(session).last().unwrap(), "* You were kicked by the operator.");
    }
    let back = hub.log_in("alice");
    hub.server.read(bob);
    hub.say(back, "still not heard");
    assert_eq!(hub.server.read(bob), [""; 0], "the mute follows the account, though the address is another");
    assert!(hub.account("alice").data.mute.is_some());
    let mut hub = AccountHub::restored(Config::default(), hub.initial());
    let (bob, alice) = (hub.enter("bob"), hub.log_in("alice"));
    hub.server.read(bob);
    hub.say(alice, "not after a restart either");
    assert_eq!(hub.server.read(bob), [""; 0]);
    hub.say(ClientId::CONSOLE, "/unmute alice");
    hub.say(alice, "heard");
    assert_eq!(hub.server.read(bob).len(), 1);
    assert!(hub.account("alice").data.mute.is_none());
}

#[test]
fn nick_joins_the_member_of_the_account_that_is_here_already() {
    let mut hub = AccountHub::new(Config::default());
    let ghost = hub.register("alice");
    hub.say(ghost, "/join den");
    let (bob, guest) = (hub.enter("bob"), hub.enter("alice_"));
    hub.server.read(bob);
    let answer = hub.answer(guest, "/nick alice fish");
    assert_eq!(answer, ["* You are alice. 1 here: you. /help lists the commands.", "* You are in den. 1 here: you."]);
    assert_eq!(hub.server.read(bob), ["* alice_ left (1 here)"]);
    hub.server.read(ghost);
    hub.say(guest, "in den");
    assert_eq!(hub.server.read(ghost), ["[12:00:01] alice: in den"]);
}

#[test]
fn operator_is_told_once_of_a_new_moderator() {
    let mut hub = AccountHub::new(Config::default());
    hub.enter("bob");
    hub.check(ClientId::CONSOLE, "/mod bob", "* bob is now a moderator.");
}

#[test]
fn whisper_reaches_the_account_under_another_nickname() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.say(alice, "/nick al");
    hub.server.read(alice);
    hub.say(bob, "@alice psst");
    assert_eq!(hub.server.read(alice), ["[12:00:01] bob -> you: psst"]);
}

#[test]
fn operator_removes_an_account_with_several_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, _) = (hub.register("alice"), hub.log_in("alice"));
    hub.server.read(ClientId::CONSOLE);
    let removed = ["* alice left: kicked (0 here)", "* alice is no longer registered."];
    assert_eq!(hub.answer(ClientId::CONSOLE, "/unregister alice"), removed);
    assert_eq!(hub.server.read(alice).last().unwrap(), "* You were kicked by the operator.");
}

#[test]
fn an_account_has_a_limited_number_of_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    for _ in 1..20 {
        hub.log_in("alice");
    }
    let refused = ["! The account has 20 other connections at present. Close them first.", WELCOME];
    let last = hub.enter("alice");
    assert_eq!(hub.answer(last, "fish"), refused);
    hub.leave(alice);
    hub.say(last, "alice");
    hub.server.read(last);
    assert!(hub.answer(last, "fish")[0].starts_with("* You are alice."));
}

#[test]
fn muted_account_reads_its_lines_in_its_other_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let first = hub.register("alice");
    let second = hub.log_in("alice");
    hub.say(ClientId::CONSOLE, "/mute alice");
    hub.server.read(second);
    hub.say(first, "hello");
    assert_eq!(hub.server.read(second), ["[12:00:01] alice: hello"]);
}

#[test]
fn unban_lifts_the_bans_of_all_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let _alice = hub.register("alice");
    let second = hub.server.connect("alice", 99);
    hub.say(second, "fish");
    hub.server.read(ClientId::CONSOLE);
    hub.say(ClientId::CONSOLE, "/ban alice");
    assert_eq!(hub.answer(ClientId::CONSOLE, "/bans").len(), 2);
    hub.say(ClientId::CONSOLE, "/unban alice");
    hub.check(ClientId::CONSOLE, "/bans", "* Nobody is banned.");
}
