//! Tests of OPER and of what operators have.

use super::TestHub;
use crate::chat::config::{Config, IrcOper};
use crate::chat::id::ClientId;
use crate::chat::password::ServerPassword;

/// A server on which `OPER root secret` makes operators; alice, with IRC, and bob, without.
fn server() -> (TestHub, [ClientId; 2]) {
    let oper = IrcOper { name: "root".into(), password: ServerPassword::new("secret") };
    let mut server = TestHub::with(Config { irc_opers: vec![oper], ..Config::default() });
    let (alice, bob) = (server.enter_irc("alice"), server.enter("bob"));
    server.read(ClientId::CONSOLE);
    (server, [alice, bob])
}

const OPERED: [&str; 2] = ["381 alice :You are now an IRC operator", ":alice MODE alice :+o"];

#[test]
fn oper_makes_a_member_an_operator_until_it_gives_that_up() {
    let (mut server, [alice, _]) = server();
    server.check_irc(alice, "OPER root secret", &OPERED);
    assert_eq!(server.read(ClientId::CONSOLE), ["* alice is an operator of the server (OPER)."]);
    server.check_irc(alice, "OPER root secret", &OPERED[..1]);
    server.check_irc(alice, "MODE alice", &["221 alice +o"]);
    // The roles of accounts are given anew; this one is of no account.
    let config = server.hub.config.clone();
    let now = server.now();
    server.hub.set_config(&config, now);
    server.check_irc(alice, "MODE alice", &["221 alice +o"]);
    server.check_irc(alice, "MODE alice -o", &[":alice MODE alice :-o"]);
    let denied = "481 alice :Permission Denied- You're not an IRC operator";
    for line in ["KILL bob :why", "WALLOPS :hello", "REHASH"] {
        server.check_irc(alice, line, &[denied]);
    }
    assert_eq!(server.hub.poll_reload(), None);
}

#[test]
fn wrong_passwords_of_operators_are_limited() {
    let (mut server, [alice, _]) = server();
    for line in ["OPER root wrong", "OPER Root secret", "OPER root", "OPER x y", "OPER root :"] {
        let answer = server.answer_irc(alice, line);
        assert!(answer.len() == 1 && (answer[0].starts_with("464 ") || answer[0].starts_with("461 ")), "{answer:?}");
    }
    server.say(alice, "OPER root wrong");
    server.check_irc(alice, "OPER root secret", &["464 alice :Too many wrong passwords; wait a minute"]);
    server.at += std::time::Duration::from_secs(61);
    server.check_irc(alice, "OPER root secret", &OPERED);
    let mut other = TestHub::new();
    let alice = other.enter_irc("alice");
    other.check_irc(alice, "OPER root secret", &["491 alice :No O-lines for your host"]);
}

#[test]
fn killed_member_leaves_the_server_and_reads_why() {
    let (mut server, [alice, bob]) = server();
    let carol = server.enter_irc("carol");
    server.say(alice, "OPER root secret");
    server.say(carol, "JOIN #lobby");
    server.read(bob);
    server.check_irc(alice, "KILL nobody :x", &["401 alice nobody :No such nick/channel"]);
    server.check_irc(alice, "KILL carol :spam", &[]);
    let lines = server.read_irc(carol);
    assert_eq!(lines[lines.len() - 2..], [":alice KILL carol :spam", "ERROR :Closing link: killed by alice: spam"]);
    assert_eq!(server.read(bob), ["* carol left: kicked (1 here)"]);
    server.check_irc(alice, "KILL bob", &[]);
    assert_eq!(server.read(bob), ["* You were kicked by alice."]);
}

#[test]
fn wallops_reaches_operators_and_moderators_alone() {
    let (mut server, [alice, bob]) = server();
    let (carol, dave) = (server.enter_irc("carol"), server.enter_irc("dave"));
    server.say(alice, "OPER root secret");
    server.say(dave, "OPER root secret");
    server.say(ClientId::CONSOLE, "/mod bob");
    [bob, carol, dave, ClientId::CONSOLE].into_iter().for_each(|id| drop(server.read(id)));
    server.check_irc(alice, "WALLOPS :hello all", &[":alice WALLOPS :hello all"]);
    assert_eq!(server.read_irc(dave), [":alice WALLOPS :hello all"]);
    assert_eq!(server.read(bob), ["[12:00:01] alice -> you: hello all"]);
    assert_eq!(server.read(ClientId::CONSOLE), ["[12:00:01] alice -> you: hello all"]);
    assert_eq!(server.read_irc(carol).len(), 0);
}

#[test]
fn rehash_asks_for_the_settings_to_be_read_again() {
    let (mut server, [alice, _]) = server();
    server.say(alice, "OPER root secret");
    server.check_irc(alice, "REHASH", &["382 alice chinwag :Rehashing"]);
    assert_eq!(server.hub.poll_reload(), Some(alice));
}

#[test]
fn operators_moderate_channels_in_which_they_are_not() {
    let (mut server, [alice, bob]) = server();
    server.say(bob, "/join den");
    server.say(alice, "OPER root secret");
    server.check_irc(alice, "MODE #den +m", &[":alice MODE #den +m"]);
    server.read(bob);
    server.say(alice, "KICK #den bob :out");
    assert_eq!(server.read(bob)[0], "* You were kicked from den by alice: out");
}

#[test]
fn acts_of_the_console_are_shown_to_irc() {
    let (mut server, [alice, bob, ..]) = super::irc_den();
    for (line, shown) in [
        ("/room #den moderated", "MODE #den +m"),
        ("/op #den bob", "MODE #den +o bob"),
        ("/ban #den x*!*@*", "MODE #den +b x*!*@*"),
        ("/topic #den fish", "TOPIC #den :fish"),
        ("/kick #den bob out", "KICK #den bob :out"),
    ] {
        server.say(ClientId::CONSOLE, line);
        for id in [alice, bob] {
            let read = server.read_irc(id);
            assert!(read.len() == 1 && read[0].ends_with(shown), "{line}: {read:?}");
        }
    }
    server.say(ClientId::CONSOLE, "/invite #den bob");
    let read = server.read_irc(bob);
    assert!(read.len() == 1 && read[0].ends_with("INVITE bob #den"), "{read:?}");
}
