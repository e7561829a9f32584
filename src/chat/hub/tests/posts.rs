//! Tests of messages that programs post.

use super::store_queue::{StoreHub, message, start};
use super::test_hub::{TestHub, den};
use crate::chat::change::{Change, Committed, Proposal};
use crate::chat::config::{Config, Mode};
use crate::chat::hub::{PostRefusal, Posted};
use crate::chat::id::ClientId;
use crate::chat::policy::nick::Name;
use crate::chat::query::Answer;
use crate::chat::record::{InitialState, Record, RoomRecord};

/// The number of a connection that is no session.
const PROGRAM: usize = 1000;

fn name(text: &str) -> Name {
    Name::poster(text).unwrap()
}

impl TestHub {
    /// Posts lines as `ci[bot]`; returns the id of the first one.
    fn post(&mut self, room: &str, lines: &[&str]) -> Result<u64, PostRefusal> {
        let (now, lines) = (self.now(), lines.iter().map(|&line| line.into()).collect::<Vec<Box<str>>>());
        let count = lines.len();
        let origin = self.hub.handle_post(ClientId::new(PROGRAM), room, name("ci"), lines, &now)?;
        let posted = self.hub.poll_posted().expect("a local commit");
        assert_eq!((posted.origin, posted.lines, self.hub.poll_posted()), (origin, count, None));
        self.hub.audit().unwrap();
        posted.result
    }
}

#[test]
fn message_is_shown_to_all_who_read_the_room_and_has_an_id() {
    let (mut server, [alice, bob, carol]) = den();
    server.say(bob, "/follow lobby");
    for id in [alice, bob, carol, ClientId::CONSOLE] {
        server.read(id);
    }
    assert_eq!(server.post("DEN", &["build failed", "see the log"]), Ok(1));
    assert_eq!(server.post("lobby", &["hello"]), Ok(3));
    let lines = ["[12:00:01] ci[bot]: build failed", "[12:00:01] ci[bot]: see the log"];
    assert_eq!(server.read(alice), lines);
    assert_eq!(server.read(bob), [lines[0], lines[1], "[12:00:01] (lobby) ci[bot]: hello"]);
    assert_eq!(server.read(carol), ["[12:00:01] ci[bot]: hello"]);
    let console = server.read(ClientId::CONSOLE);
    assert_eq!(console[..2], lines.map(|line| line.replace("] ci", "] (den) ci")));
    let dave = server.connect("dave", 9);
    assert!(server.read(dave).contains(&"[12:00:01] ci[bot]: hello".to_owned()), "it is in the history");
}

#[test]
fn irc_is_shown_that_a_program_has_posted_also_later() {
    let mut server = TestHub::new();
    let alice = server.enter_with("alice", "message-tags server-time batch draft/chathistory");
    server.say(alice, "JOIN #den");
    server.read(alice);
    assert_eq!(server.post("den", &["build failed"]), Ok(1));
    let line = |tags: &str| {
        format!(
            "@{tags}time=2026-11-20T12:00:01.000Z;msgid=0-1;bot :ci[bot]!bot@local.cloak PRIVMSG #den :build failed"
        )
    };
    assert_eq!(server.read(alice), [line("")]);
    let history = server.answer(alice, "CHATHISTORY LATEST #den * 5");
    assert!(history[1].starts_with("@batch=") && history[1].ends_with(&line("")[1..]), "{history:?}");
    server.at += std::time::Duration::from_secs(1);
    assert!(server.answer(alice, "PRIVMSG ci[bot] :hi")[0].contains(" 401 "), "it is no member");
    assert!(server.answer(alice, "NICK ci[bot]")[0].contains(" 432 "));
}

#[test]
fn poster_is_no_member_and_is_ignored_by_its_name() {
    let (mut server, [alice, bob, _]) = den();
    server.check(alice, "@ci[bot] hi", "! Nobody here is called ci[bot].");
    server.check(alice, "/kick ci[bot]", "! Nobody here is called ci[bot].");
    server.check(alice, "/ignore nobody", "! Nobody here is called nobody.");
    server.check(bob, "/ignore CI[bot]", "* You no longer read CI[bot]. /unignore CI[bot] ends that.");
    server.check(bob, "/ignore", "* You ignore CI[bot].");
    server.post("den", &["one"]).unwrap();
    assert_eq!((server.read(alice).len(), server.read(bob)), (1, vec![]));
    server.check(bob, "/unignore ci[bot]", "* You read CI[bot] again.");
    server.post("den", &["two"]).unwrap();
    assert_eq!(server.read(bob), ["[12:00:01] ci[bot]: two"]);
}

#[test]
fn operator_of_a_room_deletes_what_was_posted_and_members_cannot() {
    let (mut server, [alice, bob, _]) = den();
    for text in ["one", "two", "three"] {
        server.post("den", &[text]).unwrap();
    }
    server.check(bob, "/delete 3", "! Message 3 is not yours.");
    server.check(bob, "/delete last", "! You have said nothing in den that can be deleted.");
    server.check(alice, "/delete @CI[bot] 2", "* 2 messages of ci[bot] were deleted by alice.");
    server.check(alice, "/delete 1", "* A message of ci[bot] was deleted by alice.");
    server.check(alice, "/history 5", "* Nothing has been said here yet.");
}

#[test]
fn rules_of_a_room_do_not_keep_posters_from_speaking() {
    let (mut server, [alice, bob, _]) = den();
    for setting in ["moderated", "invite-only", "slow 30", "key fish", "secret"] {
        server.say(alice, &format!("/room {setting}"));
    }
    server.read(bob);
    server.post("den", &["one"]).unwrap();
    server.post("den", &["two"]).unwrap();
    assert_eq!(server.read(bob), ["[12:00:01] ci[bot]: one", "[12:00:01] ci[bot]: two"]);
}

#[test]
fn rooms_that_do_not_exist_are_not_made() {
    let (mut server, [alice, bob, _]) = den();
    for room in ["tea", "", "two words", "#den", &"x".repeat(5000)] {
        assert_eq!(server.post(room, &["hi"]), Err(PostRefusal::NoRoom), "{room}");
    }
    // An empty room stays as long as it has a history.
    server.post("den", &["hi"]).unwrap();
    [alice, bob].into_iter().for_each(|id| server.say(id, "/leave"));
    assert_eq!(server.post("den", &["hi"]), Ok(2));
    server.say(ClientId::CONSOLE, "/shutdown");
    assert_eq!(server.post("den", &["hi"]), Err(PostRefusal::Ending));
    let mut server = TestHub::with(Config { mode: Mode::P2p, ..Config::default() });
    assert_eq!(server.post("lobby", &["hi"]), Err(PostRefusal::NoRooms));
}

#[test]
fn room_that_is_gone_when_the_message_is_committed_refuses_it() {
    let mut server = TestHub::new();
    server.hub.use_external_sequencer();
    let commit = |server: &mut TestHub, seq: u64, Proposal { origin, change }: Proposal| {
        let time = server.now();
        server.hub.handle_committed(&Committed { seq, time, origin, place: None, change }, &time);
    };
    let now = server.now();
    let alice = server.connect("alice", 1);
    let mut seq = 0;
    for line in ["", "/join den"] {
        server.say(alice, line);
        let proposal = server.hub.poll_proposal().expect("a proposal");
        seq += 1;
        commit(&mut server, seq, proposal);
    }
    let lines = || vec!["hi".into(), "there".into()];
    let posted = [(); 2].map(|()| server.hub.handle_post(ClientId::new(PROGRAM), "den", name("ci"), lines(), &now));
    let [first, second] = posted.map(Result::unwrap);
    assert_eq!(server.hub.poll_posted(), None, "it is not committed");
    let [one, two] = [(); 2].map(|()| server.hub.poll_proposal().expect("a proposal"));
    commit(&mut server, seq + 1, one);
    assert_eq!(server.hub.poll_posted(), Some(Posted { origin: first, result: Ok(1), lines: 2 }));
    // The room goes with its last message and its last member.
    server.say(ClientId::CONSOLE, "/delete #den @ci[bot] 2");
    server.say(alice, "/leave");
    for step in 2..4 {
        let proposal = server.hub.poll_proposal().expect("a proposal");
        commit(&mut server, seq + step, proposal);
    }
    assert!(matches!(two.change, Change::Post(_)));
    commit(&mut server, seq + 4, two);
    let result = Err(PostRefusal::NoRoom);
    assert_eq!(server.hub.poll_posted(), Some(Posted { origin: second, result, lines: 2 }));
}

#[test]
fn message_for_a_room_in_the_store_alone_is_stored_and_found_by_the_next_member() {
    let stored = vec![("Den".to_owned(), RoomRecord::default())];
    let mut fixture = StoreHub::new(Config::default(), InitialState { next_id: 7, stored, ..start() });
    let (alice, _) = fixture.enter("alice");
    let post = |fixture: &mut StoreHub, text: &str| {
        let now = fixture.now;
        fixture.hub.handle_post(ClientId::new(PROGRAM), "den", name("ci"), vec![text.into()], &now).unwrap();
        fixture.hub.poll_posted().and_then(|posted| posted.result.ok())
    };
    assert_eq!(post(&mut fixture, "one"), Some(7));
    let [one, two] = [(7, "one"), (8, "two")].map(|(id, text)| message(id, "Den", "ci[bot]", text, fixture.now.local));
    assert_eq!(fixture.hub.poll_records(), [Record::Message(one.clone())]);
    // One is posted while the room is read from the store.
    fixture.say(alice, "/join den");
    assert_eq!(post(&mut fixture, "two"), Some(8));
    fixture.answer(Answer::Messages(vec![one.clone()]));
    assert_eq!(fixture.read(alice), ["! That cannot be looked up at present. Try again later."]);
    fixture.say(alice, "/join den");
    fixture.answer(Answer::Messages(vec![one, two]));
    let shown = fixture.read(alice);
    assert!(shown.contains(&"[12:00:00] ci[bot]: two".to_owned()), "{shown:?}");
    assert_eq!(post(&mut fixture, "three"), Some(9));
    assert_eq!(fixture.read(alice), ["[12:00:00] ci[bot]: three"]);
    let later = message(9, "Den", "ci[bot]", "three", fixture.now.local);
    assert_eq!(
        fixture.hub.poll_records(),
        [Record::Message(message(8, "Den", "ci[bot]", "two", fixture.now.local)), Record::Message(later)]
    );
}
