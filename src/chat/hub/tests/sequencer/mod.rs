//! Tests of a hub whose changes are committed by another sequencer, some time after they were proposed.

mod checkpoints;
mod founding;
mod irc;
mod kept;
mod members;
mod nodes;
mod shared_state;

use std::collections::VecDeque;
use std::time::Duration;

use time::macros::datetime;

use crate::chat::change::{Change, Committed, Proposal};
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::event::MessageKind;
use crate::chat::hub::Hub;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest};
use crate::chat::{Allowance, Input, Lang, Now};
use crate::wire::renderers;

fn now() -> Now {
    Now { at: Duration::from_secs(1), local: datetime!(2026-11-20 12:00:00 UTC) }
}

/// A hub, and the changes that it has proposed.
struct SequencedHub {
    hub: Hub,
    proposals: VecDeque<Proposal>,
    seq: u64,
}

impl SequencedHub {
    fn new() -> SequencedHub {
        let mut hub = Hub::new(Config { rate: 0, ..Config::default() }, renderers(Lang::En));
        hub.use_external_sequencer();
        hub.attach_console();
        SequencedHub { hub, proposals: VecDeque::new(), seq: 0 }
    }

    fn say(&mut self, id: ClientId, line: &str) {
        self.hub.handle_line(id, Input::Line(line), now());
        self.take_proposals();
    }

    fn take_proposals(&mut self) {
        self.proposals.extend(std::iter::from_fn(|| self.hub.poll_proposal()));
    }

    /// Commits the first `n` changes that are proposed.
    fn commit(&mut self, n: usize) {
        for Proposal { origin, change } in self.proposals.drain(..n) {
            self.seq += 1;
            self.hub.handle_committed(&Committed { seq: self.seq, time: now(), origin, place: None, change }, &now());
        }
        self.proposals.extend(std::iter::from_fn(|| self.hub.poll_proposal()));
    }

    fn connect(&mut self, slot: usize, name: &str) -> ClientId {
        let id = ClientId::new(slot);
        self.hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
        self.say(id, name);
        id
    }

    /// A member that has read everything.
    fn enter(&mut self, slot: usize, name: &str) -> ClientId {
        let id = self.connect(slot, name);
        self.commit(self.proposals.len());
        self.read(id);
        id
    }

    /// A connection with an IRC client.
    fn connect_irc(&mut self, slot: usize) -> ClientId {
        let id = ClientId::new(slot);
        let (addr, encoding) = (([127, 0, 0, 1], 1).into(), Encoding::Irc(IrcShape::empty()));
        let resume_request = ResumeRequest::default();
        self.hub.handle_connection(id, NewConnection { addr, encoding, preface: &[], resume_request }, now());
        id
    }

    /// A member with IRC that is in den and has read everything.
    fn enter_irc(&mut self, slot: usize, name: &str) -> ClientId {
        let id = self.connect_irc(slot);
        for line in [&*format!("NICK {name}"), "USER a 0 * :Alice", "JOIN #den"] {
            self.say(id, line);
            self.commit(self.proposals.len());
        }
        self.read(id);
        id
    }

    /// Writes all data for a session; returns its lines.
    fn read(&mut self, id: ClientId) -> Vec<String> {
        read_lines(&mut self.hub, id)
    }

    fn allowance(&self, id: ClientId) -> Allowance {
        self.hub.allowance(id, now())
    }
}

#[test]
fn next_line_waits_until_the_change_of_room_is_committed() {
    let mut server = SequencedHub::new();
    let (alice, bob) = (server.enter(0, "alice"), server.enter(1, "bob"));
    server.read(alice);
    while server.hub.poll_resume().is_some() {}
    server.say(alice, "/join den");
    assert_eq!((server.allowance(alice), server.allowance(bob)), (Allowance::AfterCommit, Allowance::Now));
    assert_eq!(server.read(alice), [""; 0]);
    server.commit(1);
    assert_eq!((server.hub.poll_resume(), server.hub.poll_resume()), (Some(alice), None));
    assert_eq!(server.allowance(alice), Allowance::Now);
    assert_eq!(server.read(alice), ["* You are in den. 1 here: you."]);
    assert_eq!(server.read(bob), ["* alice left (1 here)"]);
}

#[test]
fn next_line_waits_until_all_changes_of_the_last_one_are_committed() {
    let mut server = SequencedHub::new();
    let alice = server.enter_irc(0, "alice");
    server.say(alice, "JOIN #nook,#tea,#attic");
    for _ in 0..3 {
        assert_eq!(server.allowance(alice), Allowance::AfterCommit);
        server.commit(1);
    }
    assert_eq!(server.allowance(alice), Allowance::Now);
    server.read(alice);
    server.say(alice, "PRIVMSG #attic :hello");
    assert_eq!((server.proposals.len(), server.read(alice).len()), (1, 0));
}

#[test]
fn first_committed_claim_of_a_name_wins_and_the_other_session_is_asked_again() {
    let mut server = SequencedHub::new();
    let (first, second) = (server.connect(0, "alice"), server.connect(1, "ALICE"));
    server.commit(2);
    assert_eq!(server.read(first)[1], "* You are alice. 1 here: you. /help lists the commands.");
    assert_eq!(server.read(second)[1..], ["! The nickname ALICE is taken. Try another:"]);
    server.say(second, "bob");
    server.commit(1);
    assert_eq!(server.read(first), ["* bob joined (2 here)"]);
    server.hub.audit().unwrap();
}

#[test]
fn at_most_32_messages_of_one_session_are_uncommitted() {
    let mut server = SequencedHub::new();
    let alice = server.enter(0, "alice");
    while server.hub.poll_resume().is_some() {}
    let said = (0..100).take_while(|n| {
        let may = server.allowance(alice) == Allowance::Now;
        if may {
            server.say(alice, &format!("message {n}"));
        }
        may
    });
    assert_eq!(said.count(), 32);
    assert_eq!(server.allowance(alice), Allowance::AfterCommit);
    server.commit(1);
    assert_eq!((server.hub.poll_resume(), server.allowance(alice)), (Some(alice), Allowance::Now));
}

#[test]
fn message_of_a_member_that_was_kicked_before_its_commit_is_not_said() {
    let mut server = SequencedHub::new();
    let (alice, bob) = (server.enter(0, "alice"), server.enter(1, "bob"));
    server.read(alice);
    server.say(ClientId::CONSOLE, "/kick alice rude");
    server.say(alice, "not said");
    server.commit(2);
    assert_eq!(server.read(bob), ["* alice left: kicked (1 here)"]);
    assert_eq!(server.read(alice), ["* You were kicked by the operator: rude"]);
    assert_eq!(server.hub.stats().messages, 0);
    server.hub.audit().unwrap();
}

#[test]
fn member_whose_session_ended_before_its_join_was_committed_leaves_again() {
    let mut server = SequencedHub::new();
    let bob = server.enter(0, "bob");
    let alice = server.connect(1, "alice");
    server.hub.handle_connection_lost(alice, now());
    while server.hub.poll_close().is_some() {}
    server.hub.handle_closed(alice, now());
    // The number of the connection is used again.
    let carol = server.connect(1, "carol");
    server.commit(1);
    assert_eq!(server.read(bob), ["* alice joined (2 here)"]);
    assert_eq!(server.hub.census().unwrap().ghosts, 1);
    server.commit(2);
    assert_eq!(server.read(bob), ["* carol joined (3 here)", "* alice left: connection lost (2 here)"]);
    assert!(server.read(carol).iter().any(|line| line.starts_with("* You are carol. 3 here: ")));
    server.hub.audit().unwrap();
}

#[test]
fn member_that_was_kicked_cannot_act_in_a_room() {
    let mut server = SequencedHub::new();
    let (alice, bob) = (server.enter(0, "alice"), server.enter(1, "bob"));
    [alice, bob].into_iter().for_each(|id| server.say(id, "/join den"));
    server.commit(2);
    server.say(ClientId::CONSOLE, "/kick alice");
    server.say(alice, "/kick bob");
    server.read(bob);
    server.commit(2);
    assert_eq!(server.read(bob), ["* alice left: kicked (1 here)"], "bob stays in the room");
}

#[test]
fn message_in_a_room_from_which_its_author_was_kicked_is_refused() {
    let mut server = SequencedHub::new();
    let (alice, bob) = (server.enter(0, "alice"), server.enter(1, "bob"));
    [alice, bob].into_iter().for_each(|id| server.say(id, "/join den"));
    server.commit(2);
    server.say(alice, "/kick bob");
    server.say(bob, "hello");
    server.read(bob);
    server.commit(2);
    let refusal = "! You are not in den. /follow den first; ##den says it as text.";
    assert_eq!(server.read(bob).last().map(String::as_str), Some(refusal));
}

#[test]
fn committed_notice_is_shown_as_speech_and_marked_for_programs() {
    let mut server = SequencedHub::new();
    let (alice, bob) = (server.enter(0, "alice"), server.enter(1, "bob"));
    let program = server.connect(2, "/json");
    server.say(program, "robot");
    server.commit(1);
    [bob, program].into_iter().for_each(|id| drop(server.read(id)));
    server.say(alice, "hello");
    let Some(Proposal { change: Change::Say { kind, tags, .. }, .. }) = server.proposals.front_mut() else {
        panic!("a message is proposed");
    };
    assert_eq!((*kind, tags.as_deref()), (MessageKind::Said, None));
    (*kind, *tags) = (MessageKind::Notice, Some("+x=1".into()));
    server.commit(1);
    assert_eq!(server.read(bob), ["[12:00:00] alice: hello"]);
    let [line] = &server.read(program)[..] else { panic!("one event") };
    assert!(line.ends_with(r#""name":"alice","text":"hello","notice":true}"#), "{line}");
    // The history keeps the kind.
    server.say(program, "/history 1");
    let history = server.read(program);
    assert!(history.contains(line), "{history:?}");
}
