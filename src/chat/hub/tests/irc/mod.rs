//! Tests of members with IRC clients.

mod history;
mod labels;
mod line_lengths;
mod lists;
mod markers;
mod members;
mod messages;
mod metadata;
mod model;
mod moderation;
mod modes;
mod monitor;
mod multiline;
mod operators;
mod redact;

use std::time::Duration;

use super::test_hub::TestHub;
use crate::chat::id::ClientId;

impl TestHub {
    /// What an IRC session reads, with nicknames alone as sources, and without the name of the server.
    fn read_irc(&mut self, id: ClientId) -> Vec<String> {
        self.read(id).iter().map(|line| short(line)).collect()
    }

    /// As [`TestHub::answer`], for an IRC session.
    fn answer_irc(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.read(id);
        self.say(id, line);
        self.read_irc(id)
    }

    /// Checks what an IRC session reads of before and after it has typed a line.
    fn check_unread(&mut self, id: ClientId, line: &str, read: &[&str]) {
        self.say(id, line);
        assert_eq!(self.read_irc(id), read, "{line}");
    }

    fn check_irc(&mut self, id: ClientId, line: &str, answer: &[&str]) {
        assert_eq!(self.answer_irc(id, line), answer, "{line}");
    }
}

fn short(line: &str) -> String {
    let Some((source, rest)) = line.split_once(' ').filter(|(source, _)| source.starts_with(':')) else {
        return line.into();
    };
    match source.split_once('!') {
        Some((nick, _)) => format!("{nick} {rest}"),
        None => rest.into(),
    }
}

/// Alice, with IRC, has made den, where bob is too, with IRC, and carol, without; dave, with IRC, is outside.
fn irc_den() -> (TestHub, [ClientId; 4]) {
    let mut server = TestHub::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.enter_irc(name));
    let carol = server.enter("carol");
    let dave = server.enter_irc("dave");
    server.say(alice, "JOIN #den");
    server.say(bob, "JOIN #den");
    server.say(carol, "/join den");
    let all = [alice, bob, carol, dave];
    all.into_iter().for_each(|id| drop(server.read(id)));
    (server, all)
}

#[test]
fn lines_before_an_optional_one_of_its_author_are_read() {
    let (mut server, [alice, bob, ..]) = irc_den();
    for (line, answer) in [("AWAY :lunch", "306 "), ("INVITE dave #den", "341 ")] {
        server.say(bob, "PRIVMSG #den :hello");
        server.say(alice, line);
        let read = server.read_irc(alice);
        assert!(read.len() == 2 && read[0] == ":bob PRIVMSG #den :hello" && read[1].starts_with(answer), "{read:?}");
    }
}

#[test]
fn each_irc_session_is_told_of_the_shutdown_once() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(alice, "JOIN #tea");
    server.read(alice);
    let now = server.now();
    server.hub.handle_shutdown(now);
    for (id, name) in [(alice, "alice"), (bob, "bob"), (dave, "dave")] {
        assert_eq!(server.read(id), [format!(":chinwag NOTICE {name} :The server is shutting down.")]);
    }
    assert_eq!(server.read(carol), ["* The server is shutting down."]);
}

#[test]
fn message_for_an_irc_member_begins_no_day_in_its_rooms() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(carol, "hello");
    server.at += Duration::from_secs(24 * 3600);
    server.say(dave, "PRIVMSG alice :psst");
    assert_eq!(server.read_irc(alice), [":carol PRIVMSG #den :hello", ":dave PRIVMSG alice :psst"]);
    assert_eq!(server.read(carol), [""; 0]);
    server.say(bob, "PRIVMSG #den :good morning");
    assert_eq!(server.read(carol), ["* Saturday 21 November 2026", "[12:00:01] bob: good morning"]);
}

#[test]
fn capability_is_about_lines_after_its_acknowledgement_alone() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.check_irc(alice, "CAP REQ :message-tags", &["CAP alice ACK :message-tags"]);
    server.say(bob, "AWAY :lunch");
    server.check_unread(alice, "CAP REQ :away-notify", &["CAP alice ACK :away-notify"]);
    server.say(bob, "AWAY");
    server.check_unread(alice, "CAP REQ :-away-notify", &[":bob AWAY", "CAP alice ACK :-away-notify"]);
}
