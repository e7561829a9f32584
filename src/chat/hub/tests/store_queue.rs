//! A hub whose history is kept in a file: what it tells of, what it asks, and what it makes of answers.

use std::io::IoSlice;
use std::time::Duration;

use time::macros::datetime;
use time::{OffsetDateTime, UtcOffset};

use crate::chat::Lang;
use crate::chat::change::{Kind, Message, Record, Start, Whisper};
use crate::chat::config::{Config, Login};
use crate::chat::event::Encoding;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::ResumeRequest;
use crate::chat::input::{Allowance, Arrival, Input};
use crate::chat::query::{Answer, Lookup, Query};
use crate::wire::plain::Plain;

const RUN: u64 = 0x1234;

/// A hub, and the time at which all happens.
struct House {
    hub: Hub,
    now: Now,
    people: usize,
}

fn message(id: u64, room: &str, name: &str, text: &str, at: OffsetDateTime) -> Message {
    Message { id, room: room.into(), at, kind: Kind::Said, name: name.into(), text: text.into() }
}

fn start() -> Start {
    Start { next_id: 1, run: RUN, rooms: Vec::new(), stored: Vec::new(), bans: Vec::new() }
}

impl House {
    fn new(config: Config, start: Start) -> House {
        let now = Now { at: Duration::from_secs(1), local: datetime!(2026-11-20 12:00:00 UTC) };
        let mut hub = Hub::new(Config { rate: 0, ..config }, Box::new(Plain { lang: Lang::En }));
        hub.restore(start, now);
        House { hub, now, people: 0 }
    }

    fn connect(&mut self) -> ClientId {
        let id = ClientId::new(self.people);
        self.people += 1;
        self.hub.connected(id, ([127, 0, 0, 1], 1).into(), self.now);
        id
    }

    /// Somebody who has entered; the lines that they were shown, from `You are …` on.
    fn enter(&mut self, name: &str) -> (ClientId, Vec<String>) {
        let id = self.connect();
        self.say(id, name);
        let shown = self.read(id).split_off(1);
        (id, shown)
    }

    fn say(&mut self, id: ClientId, line: &str) {
        self.hub.line(id, Input::Line(line), self.now);
    }

    /// Writes all that is owed to somebody.
    fn read(&mut self, id: ClientId) -> Vec<String> {
        let mut text = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 4];
            let lent = self.hub.gather(id, &mut slices);
            let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).collect();
            self.hub.advance(id, lent, bytes.len());
            text.extend(bytes);
            if lent.bytes == 0 {
                return String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
            }
        }
    }

    fn query(&mut self) -> Query {
        self.hub.poll_query().expect("a question")
    }

    fn answer(&mut self, answer: Answer) {
        let query = self.query();
        self.hub.answer(query, answer, self.now);
    }

    fn ban(&mut self, line: &str) {
        self.hub.operator_line(Input::Line(line), self.now);
    }
}

#[test]
fn what_is_said_is_told_with_its_number_and_its_room_once() {
    let mut house = House::new(Config::default(), Start { next_id: 7, ..start() });
    let (alice, _) = house.enter("alice");
    assert_eq!(house.hub.take_records(), [], "nobody has said anything");
    house.say(alice, "hello");
    house.say(alice, "/join Den");
    house.say(alice, "/me waves");
    house.say(alice, "@nobody hush");
    let at = house.now.local;
    let expected = [
        Record::Room { name: "lobby".into() },
        Record::Message(message(7, "lobby", "alice", "hello", at)),
        Record::Room { name: "Den".into() },
        Record::Message(Message { kind: Kind::Action, ..message(8, "Den", "alice", "waves", at) }),
    ];
    assert_eq!(house.hub.take_records(), expected);
    assert_eq!(house.hub.take_records(), []);
}

#[test]
fn without_a_file_nothing_is_told() {
    let now = Now { at: Duration::ZERO, local: OffsetDateTime::UNIX_EPOCH };
    let mut hub = Hub::new(Config::default(), Box::new(Plain { lang: Lang::En }));
    hub.connected(ClientId::new(0), ([127, 0, 0, 1], 1).into(), now);
    for line in ["alice", "hello", "/history", "/search hello", "@bob hi"] {
        hub.line(ClientId::new(0), Input::Line(line), now);
    }
    assert!(hub.take_records().is_empty() && hub.poll_query().is_none());
}

#[test]
fn a_room_that_gives_way_stays_in_the_file_and_comes_back_when_it_is_joined() {
    let mut house = House::new(Config { max_rooms: 2, ..Config::default() }, start());
    let (alice, _) = house.enter("alice");
    for line in ["/join quiet", "/leave", "/join loud", "hello", "/leave", "/join next"] {
        house.say(alice, line);
    }
    assert!(!house.hub.take_records().iter().any(|record| matches!(record, Record::RoomGone { .. })));
    house.read(alice);
    house.say(alice, "/rooms");
    house.say(alice, "/who LOUD");
    assert_eq!(house.read(alice), ["* 3 rooms: next (1), lobby (0), loud (0)", "* 0 in loud."]);

    house.say(alice, "/join Loud");
    assert_eq!(house.hub.allowance(alice, house.now), Allowance::AfterReplies);
    let query = house.query();
    assert_eq!(query.lookup, Lookup::Room { room: "loud".into(), nickname: None });
    let hello = message(1, "loud", "alice", "hello", house.now.local);
    // There is no space for it while she is in the other room.
    house.hub.answer(query, Answer::Messages(vec![hello.clone()]), house.now);
    assert_eq!(house.read(alice), ["! There are 2 rooms already, and no more can be made. /rooms lists them."]);
    house.say(alice, "/leave");
    house.read(alice);
    house.say(alice, "/join loud");
    house.answer(Answer::Messages(vec![hello]));
    let expected = [
        "* You are in loud. 1 here: you.",
        "* --- the last 1 message ---",
        "[12:00:00] alice: hello",
        "* --- you are up to date ---",
    ];
    assert_eq!(house.read(alice), expected);
    house.hub.audit().unwrap();
}

#[test]
fn a_room_that_cannot_be_read_is_not_entered_and_one_that_was_pruned_is_made_anew() {
    let stored = vec!["den".into(), "old".into()];
    let mut house = House::new(Config::default(), Start { stored, ..start() });
    let (alice, _) = house.enter("alice");
    house.say(alice, "/join den");
    house.answer(Answer::Nothing);
    assert_eq!(house.read(alice), ["! That cannot be looked up at present. Try again later."]);
    house.say(alice, "/join den");
    house.answer(Answer::Messages(Vec::new()));
    assert_eq!(house.read(alice), ["* You are in den. 1 here: you."]);
    assert_eq!(house.hub.take_records(), [Record::RoomGone { name: "den".into() }]);
    house.hub.rooms_are_pruned(&["old".into(), "den".into(), "lobby".into()]);
    assert_eq!(house.hub.take_records(), [Record::RoomGone { name: "old".into() }]);
}

#[test]
fn no_room_is_made_past_the_bounds_of_the_file_and_of_one_member() {
    let stored = vec!["den".into(), "old".into()];
    let mut house = House::new(Config { max_stored_rooms: 4, ..Config::default() }, Start { stored, ..start() });
    let (alice, _) = house.enter("alice");
    for (line, told) in [
        ("/join new", "* You are in new. 1 here: you."),
        ("/join newer", "! This server stores 4 rooms already, and no new one can be made. /rooms lists them."),
        ("/leave", "* You are in lobby. 1 here: you."),
        ("/join newer", "* You are in newer. 1 here: you."),
    ] {
        house.say(alice, line);
        assert_eq!(house.read(alice), [told], "{line}");
    }

    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    for n in 0..16 {
        house.say(alice, &format!("/join x{n}"));
        house.say(alice, ".");
    }
    house.read(alice);
    house.say(alice, "/join x16");
    let expected = "! You have made 16 rooms that still exist, and cannot make more. /rooms lists them.";
    assert_eq!(house.read(alice), [expected]);
    let (bob, _) = house.enter("bob");
    house.say(bob, "/join x16");
    assert_eq!(house.read(bob), ["* You are in x16. 1 here: you."]);
}

#[test]
fn what_one_who_is_muted_says_is_not_told_but_its_number_is() {
    let mut house = House::new(Config::default(), start());
    house.hub.attach_operator();
    let (alice, _) = house.enter("alice");
    house.ban("/mute alice");
    house.say(alice, "hello");
    assert_eq!(house.hub.take_records(), [Record::NextId(2)]);
}

#[test]
fn bans_are_told_until_when_on_the_clock_on_the_wall_and_come_back_for_the_rest() {
    let mut house = House::new(Config::default(), start());
    house.hub.attach_operator();
    for line in ["/ban 10.0.0.0/8 2", "/ban 10.9.9.9", "/unban 10.9.9.9", "/unban 10.9.9.9"] {
        house.ban(line);
    }
    let (network, host) = ("10.0.0.0/8".parse().unwrap(), "10.9.9.9/32".parse().unwrap());
    let until = house.now.local.unix_timestamp() + 120;
    let expected = [
        Record::Ban { network, until: Some(until) },
        Record::Ban { network: host, until: None },
        Record::Unban { network: host },
    ];
    assert_eq!(house.hub.take_records(), expected);

    let bans = vec![(network, Some(until - 60)), (host, Some(until - 120))];
    let mut house = House::new(Config::default(), Start { bans, ..start() });
    assert_eq!(house.hub.take_records(), [Record::Unban { network: host }], "that one is over");
    assert!(house.hub.bans.holds([10, 1, 1, 1].into(), house.now.at + Duration::from_secs(59)));
    assert!(!house.hub.bans.holds([10, 1, 1, 1].into(), house.now.at + Duration::from_secs(61)));
}

#[test]
fn what_was_said_before_is_shown_with_its_days_and_numbers_go_on() {
    let east = UtcOffset::from_hms(8, 0, 0).unwrap();
    let said = |id, name, text, at: OffsetDateTime| message(id, "Den", name, text, at.to_offset(east));
    let messages = vec![
        said(3, "bob", "one", datetime!(2026-11-18 15:59:59 UTC)),
        said(5, "bob", "two", datetime!(2026-11-18 16:00:00 UTC)),
    ];
    let rooms = vec![("lobby".into(), Vec::new()), ("empty".into(), Vec::new()), ("Den".into(), messages)];
    let mut house = House::new(Config::default(), Start { next_id: 6, rooms, ..start() });
    assert_eq!(house.hub.take_records(), [Record::RoomGone { name: "empty".into() }]);
    let (alice, shown) = house.enter("alice");
    assert_eq!(shown, ["* You are alice. 1 here: you. /help lists the commands."]);
    house.say(alice, "/join den");
    let expected = [
        "* You are in Den. 1 here: you.",
        "* --- the last 2 messages ---",
        "* Wednesday 18 November 2026",
        "[23:59:59] bob: one",
        "* Thursday 19 November 2026",
        "[00:00:00] bob: two",
        "* Friday 20 November 2026",
        "* --- you are up to date ---",
    ];
    assert_eq!(house.read(alice), expected);
    house.say(alice, "three");
    let at = house.now.local;
    assert_eq!(house.hub.take_records(), [Record::Message(message(6, "Den", "alice", "three", at))]);
    house.hub.audit().unwrap();
}

#[test]
fn nobody_is_listened_to_before_their_question_is_answered() {
    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    assert_eq!(house.hub.allowance(alice, house.now), Allowance::Now);
    house.say(alice, "/history before 9 3");
    assert_eq!(house.hub.allowance(alice, house.now), Allowance::AfterReplies);
    let query = house.query();
    assert_eq!(query.lookup, Lookup::History { room: "lobby".into(), before: Some(9), n: 3 });
    assert!(house.hub.is_awaiting(&query));
    let at = datetime!(2026-11-20 09:05:00 UTC);
    let found = (5..9).map(|id| message(id, "lobby", "bob", &format!("text {id}"), at)).collect();
    house.hub.answer(query, Answer::Messages(found), house.now);
    assert_eq!(house.hub.allowance(alice, house.now), Allowance::Now);
    let expected = [
        "* --- the last 3 messages before 9 ---",
        "[09:05:00] bob: text 6",
        "[09:05:00] bob: text 7",
        "[09:05:00] bob: text 8",
        "* --- for what was said before: /history before 6 ---",
    ];
    assert_eq!(house.read(alice), expected);
}

#[test]
fn an_answer_for_one_who_has_gone_is_for_nobody_else() {
    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    house.say(alice, "/search secret");
    let query = house.query();
    house.hub.lost(alice, house.now);
    house.hub.closed(alice, house.now);
    assert!(!house.hub.is_awaiting(&query));
    // The next one has the same slot.
    house.people = 0;
    let (bob, _) = house.enter("bob");
    let found = vec![message(1, "lobby", "alice", "secret", house.now.local)];
    house.hub.answer(query, Answer::Messages(found), house.now);
    assert_eq!(house.read(bob), [""; 0]);
}

#[test]
fn words_and_the_number_before_which_they_are_looked_for_are_told_apart() {
    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    for (line, words, before) in [
        ("/search  two  words ", "two  words", None),
        ("/search before 12 fish", "fish", Some(12)),
        ("/SEARCH Before 12 fish", "fish", Some(12)),
        ("/search before noon", "before noon", None),
        ("/search before 12", "before 12", None),
        ("/search before", "before", None),
    ] {
        house.say(alice, line);
        let query = house.query();
        let expected = Lookup::Search { room: "lobby".into(), words: words.into(), before, n: 20 };
        assert_eq!(query.lookup, expected, "{line}");
        house.hub.answer(query, Answer::Messages(Vec::new()), house.now);
        house.read(alice);
    }
}

#[test]
fn where_the_file_cannot_be_read_what_is_in_memory_is_shown_and_the_rest_refused() {
    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    house.say(alice, "hello");
    house.say(alice, "/history");
    house.answer(Answer::Nothing);
    let expected = ["* --- the last 1 message ---", "[12:00:00] alice: hello", "* --- you are up to date ---"];
    assert_eq!(house.read(alice), expected);
    for line in ["/history before 3", "/search hello"] {
        house.say(alice, line);
        house.answer(Answer::Nothing);
        assert_eq!(house.read(alice), ["! That cannot be looked up at present. Try again later."], "{line}");
    }
}

fn whisper(text: &str, at: OffsetDateTime) -> Whisper {
    Whisper { to: "bob".into(), from: "alice".into(), at, text: text.into() }
}

#[test]
fn whispers_are_read_when_they_have_been_sent_and_not_before() {
    let config = Config { offline_whispers: true, ..Config::default() };
    let mut house = House::new(config, start());
    let (alice, _) = house.enter("alice");
    house.answer(Answer::Whispers(Vec::new()));
    house.say(alice, "@bob hi");
    assert_eq!(house.hub.take_records(), [Record::Whisper(whisper("hi", house.now.local))]);

    let waiting = vec![whisper("hi", house.now.local), whisper("old", datetime!(2026-11-19 23:00:00 UTC))];
    // The first bob is lost before he has read them.
    for is_lost in [true, false] {
        let (bob, _) = house.enter("bob");
        let query = house.query();
        assert_eq!(query.lookup, Lookup::Whispers { to: "bob".into() });
        house.hub.answer(query, Answer::Whispers(waiting.clone()), house.now);
        house.hub.tick(house.now);
        assert!(!house.hub.has_finished_deliveries());
        if is_lost {
            house.hub.lost(bob, house.now);
        } else {
            let expected = [
                "* --- 2 whispers while nobody had your name ---",
                "[12:00:00] alice -> you: hi",
                "* Thursday 19 November 2026",
                "[23:00:00] alice -> you: old",
                "* Friday 20 November 2026",
                "* --- those were all whispers ---",
            ];
            assert_eq!(house.read(bob), expected);
            assert!(house.hub.has_finished_deliveries() && house.hub.has_work());
            // Whatever he says next, and whoever whispers to his name after him.
            house.say(bob, "q");
        }
        house.say(alice, "@bob later");
        let expected = [
            (!is_lost).then(|| Record::WhispersRead { to: "bob".into() }),
            Some(Record::Whisper(whisper("later", house.now.local))),
        ];
        assert_eq!(house.hub.take_records(), expected.into_iter().flatten().collect::<Vec<_>>());
        assert!(!house.hub.has_finished_deliveries());
    }
}

#[test]
fn one_who_has_read_what_never_got_to_the_file_is_not_taken_for_up_to_date() {
    let mut house = House::new(Config::default(), start());
    let (alice, _) = house.enter("alice");
    house.say(alice, "written");
    house.hub.store_failed("the disk is full");
    house.say(alice, "not written");
    let ids: Vec<u64> = house
        .hub
        .take_records()
        .iter()
        .filter_map(|record| if let Record::Message(message) = record { Some(message.id) } else { None })
        .collect();
    assert_eq!(ids, [1, 1_000_001]);
}

#[test]
fn one_who_comes_back_to_a_room_that_is_only_in_the_file_is_logged_in_when_it_has_been_read() {
    for (login, nickname) in [(Login::Nickname, Some("alice")), (Login::Address, None)] {
        for found in [true, false] {
            let stored = vec!["den".into()];
            let mut house = House::new(Config { login, ..Config::default() }, Start { next_id: 9, stored, ..start() });
            let wish = ResumeRequest { room: Some("DEN".into()), read: None };
            let (id, addr) = (ClientId::new(0), ([127, 0, 0, 1], 1).into());
            house.hub.arrived(id, Arrival { addr, encoding: Encoding::Plain, preface: &[], wish }, house.now);
            nickname.into_iter().for_each(|name| house.say(id, name));
            house.read(id);
            let query = house.query();
            assert_eq!(query.lookup, Lookup::Room { room: "den".into(), nickname: nickname.map(str::to_owned) });
            let said = message(3, "den", "bob", "hello", house.now.local);
            let answer = if found { Answer::Messages(vec![said]) } else { Answer::Nothing };
            house.hub.answer(query, answer, house.now);
            let shown = house.read(id);
            let name = nickname.unwrap_or("127.0.0.1:1");
            match found {
                true => assert_eq!(shown[2], "[12:00:00] bob: hello", "{shown:?}"),
                false => assert_eq!(shown[0], "! That cannot be looked up at present. Try again later."),
            }
            assert!(shown.iter().any(|line| line.starts_with(&format!("* You are {name}"))), "{shown:?}");
            assert!(!house.hub.has_queries());
            house.hub.audit().unwrap();
        }
    }
}
