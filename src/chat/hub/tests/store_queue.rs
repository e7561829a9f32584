//! Tests of a hub with a store: its records, its queries, and how it uses the answers.

use std::io::IoSlice;
use std::time::Duration;

use time::macros::datetime;
use time::{OffsetDateTime, UtcOffset};

use crate::chat::Lang;
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::event::MessageKind;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::{Allowance, Input};
use crate::chat::query::{Answer, HistoryRange, Lookup, Query};
use crate::chat::record::{BanRecord, InitialRoom, InitialState, Message, Record, Whisper};
use crate::wire::renderers;

const RUN: u64 = 0x1234;

/// A hub with a store, and the time of all its inputs.
pub(super) struct StoreHub {
    pub hub: Hub,
    pub now: Now,
    pub people: usize,
}

pub(super) fn message(id: u64, room: &str, name: &str, text: &str, at: OffsetDateTime) -> Message {
    Message { id, room: room.into(), at, kind: MessageKind::Said, name: name.into(), text: text.into() }
}

pub(crate) fn start() -> InitialState {
    InitialState { next_id: 1, run: RUN, ..InitialState::default() }
}

impl StoreHub {
    pub(super) fn new(config: Config, start: InitialState) -> StoreHub {
        let now = Now { at: Duration::from_secs(1), local: datetime!(2026-11-20 12:00:00 UTC) };
        let mut hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
        hub.restore(start, now);
        StoreHub { hub, now, people: 0 }
    }

    pub(super) fn connect(&mut self) -> ClientId {
        let id = ClientId::new(self.people);
        self.people += 1;
        self.hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), self.now);
        id
    }

    /// Logs a client in; returns the lines that it was shown, from `You are …` on.
    pub(super) fn enter(&mut self, name: &str) -> (ClientId, Vec<String>) {
        let id = self.connect();
        self.say(id, name);
        let shown = self.read(id).split_off(1);
        (id, shown)
    }

    pub(super) fn say(&mut self, id: ClientId, line: &str) {
        self.hub.handle_line(id, Input::Line(line), self.now);
    }

    /// Writes all data for a client; returns its lines.
    pub(super) fn read(&mut self, id: ClientId) -> Vec<String> {
        let mut text = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 4];
            let lent = self.hub.gather(id, &mut slices);
            let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).collect();
            self.hub.handle_written(id, lent, bytes.len());
            text.extend(bytes);
            if lent.bytes == 0 {
                return String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
            }
        }
    }

    pub(super) fn query(&mut self) -> Query {
        self.hub.poll_query().expect("a query")
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        let query = self.query();
        self.hub.handle_answer(query, answer, self.now);
    }

    pub(super) fn ban(&mut self, line: &str) {
        self.hub.handle_line(ClientId::CONSOLE, Input::Line(line), self.now);
    }
}

#[test]
fn messages_are_recorded_once_with_id_and_room() {
    let mut fixture = StoreHub::new(Config::default(), InitialState { next_id: 7, ..start() });
    let (alice, _) = fixture.enter("alice");
    assert_eq!(fixture.hub.poll_records(), [], "no message yet");
    fixture.say(alice, "hello");
    fixture.say(alice, "/join Den");
    fixture.say(alice, "/me waves");
    fixture.say(alice, "@nobody hush");
    let at = fixture.now.local;
    let expected = [
        Record::Room { name: "lobby".into() },
        Record::Message(message(7, "lobby", "alice", "hello", at)),
        Record::Room { name: "Den".into() },
        Record::Message(Message { kind: MessageKind::Action, ..message(8, "Den", "alice", "waves", at) }),
    ];
    assert_eq!(fixture.hub.poll_records(), expected);
    assert_eq!(fixture.hub.poll_records(), []);
}

#[test]
fn nothing_is_recorded_without_a_store() {
    let now = Now { at: Duration::ZERO, local: OffsetDateTime::UNIX_EPOCH };
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    hub.handle_plain_connection(ClientId::new(0), ([127, 0, 0, 1], 1).into(), now);
    for line in ["alice", "hello", "/history", "/search hello", "@bob hi"] {
        hub.handle_line(ClientId::new(0), Input::Line(line), now);
    }
    assert!(hub.poll_records().is_empty() && hub.poll_query().is_none());
}

#[test]
fn muted_message_records_only_its_id() {
    let mut fixture = StoreHub::new(Config::default(), start());
    fixture.hub.attach_console();
    let (alice, _) = fixture.enter("alice");
    fixture.ban("/mute alice");
    fixture.say(alice, "hello");
    assert_eq!(fixture.hub.poll_records(), [Record::NextId(2)]);
}

#[test]
fn bans_are_recorded_with_wall_clock_end_and_restored_for_the_remaining_time() {
    let mut fixture = StoreHub::new(Config::default(), start());
    fixture.hub.attach_console();
    for line in ["/ban 10.0.0.0/8 2", "/ban 10.9.9.9", "/unban 10.9.9.9", "/unban 10.9.9.9"] {
        fixture.ban(line);
    }
    let (network, host) = ("10.0.0.0/8".parse().unwrap(), "10.9.9.9/32".parse().unwrap());
    let until = fixture.now.local.unix_timestamp() + 120;
    let expected = [
        Record::Ban(BanRecord { network, name: None, until: Some(until) }),
        Record::Ban(BanRecord { network: host, name: None, until: None }),
        Record::Unban { network: host },
    ];
    assert_eq!(fixture.hub.poll_records(), expected);

    let ban = |network, until| BanRecord { network, name: None, until: Some(until) };
    let bans = vec![ban(network, until - 60), ban(host, until - 120)];
    let mut fixture = StoreHub::new(Config::default(), InitialState { bans, ..start() });
    assert_eq!(fixture.hub.poll_records(), [Record::Unban { network: host }], "that one is over");
    assert!(fixture.hub.shared.bans.holds([10, 1, 1, 1].into(), fixture.now.at + Duration::from_secs(59)));
    assert!(!fixture.hub.shared.bans.holds([10, 1, 1, 1].into(), fixture.now.at + Duration::from_secs(61)));
}

#[test]
fn restored_history_shows_dates_and_ids_continue() {
    let east = UtcOffset::from_hms(8, 0, 0).unwrap();
    let said = |id, name, text, at: OffsetDateTime| message(id, "Den", name, text, at.to_offset(east));
    let messages = vec![
        said(3, "bob", "one", datetime!(2026-11-18 15:59:59 UTC)),
        said(5, "bob", "two", datetime!(2026-11-18 16:00:00 UTC)),
    ];
    let rooms = [("lobby", Vec::new()), ("empty", Vec::new()), ("Den", messages)];
    let rooms = rooms.map(|(name, messages)| InitialRoom { name: name.into(), messages, ..InitialRoom::default() });
    let rooms = Vec::from(rooms);
    let mut fixture = StoreHub::new(Config::default(), InitialState { next_id: 6, rooms, ..start() });
    assert_eq!(fixture.hub.poll_records(), [Record::RoomGone { name: "empty".into() }]);
    let (alice, shown) = fixture.enter("alice");
    assert_eq!(shown, ["* You are alice. 1 here: you. /help lists the commands."]);
    fixture.say(alice, "/join den");
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
    assert_eq!(fixture.read(alice), expected);
    fixture.say(alice, "three");
    let at = fixture.now.local;
    assert_eq!(fixture.hub.poll_records(), [Record::Message(message(6, "Den", "alice", "three", at))]);
    fixture.hub.audit().unwrap();
}

#[test]
fn next_line_waits_until_the_query_is_answered() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    assert_eq!(fixture.hub.allowance(alice, fixture.now), Allowance::Now);
    fixture.say(alice, "/history before 9 3");
    assert_eq!(fixture.hub.allowance(alice, fixture.now), Allowance::AfterReplies);
    let query = fixture.query();
    assert_eq!(query.lookup, Lookup::History { room: "lobby".into(), range: HistoryRange::Before(9), n: 3 });
    assert!(fixture.hub.is_awaiting(&query));
    let at = datetime!(2026-11-20 09:05:00 UTC);
    let found = (5..9).map(|id| message(id, "lobby", "bob", &format!("text {id}"), at)).collect();
    fixture.hub.handle_answer(query, Answer::History { before: found, after: Vec::new() }, fixture.now);
    assert_eq!(fixture.hub.allowance(alice, fixture.now), Allowance::Now);
    let expected = [
        "* --- the last 3 messages before 9 ---",
        "[09:05:00] bob: text 6",
        "[09:05:00] bob: text 7",
        "[09:05:00] bob: text 8",
        "* --- for what was said before: /history before 6 ---",
    ];
    assert_eq!(fixture.read(alice), expected);
}

#[test]
fn page_around_a_message_is_limited_on_both_sides() {
    let config = Config { backlog_bytes: 2 * 4 * 1000, ..Config::default() };
    let mut fixture = StoreHub::new(config, start());
    let (alice, _) = fixture.enter("alice");
    let found = |ids: std::ops::Range<u64>, length: usize| -> Vec<_> {
        ids.map(|id| message(id, "lobby", "bob", &"x".repeat(length), fixture.now.local)).collect()
    };
    let (few, long, longest) = (found(7..9, 1), found(1..9, 800), found(3..5, 9000));
    let mut page = |before: &[_], after: &[_]| {
        fixture.say(alice, "/history around 8 4");
        fixture.answer(Answer::History { before: before.to_vec(), after: after.to_vec() });
        let mut lines = fixture.read(alice);
        (lines.len() - 2, lines.pop().expect("an end"))
    };
    let ends = |text: &str| format!("* --- {text} ---");
    assert_eq!(page(&few, &[]), (2, ends("nothing was said here before that")));
    assert_eq!(page(&[], &few), (2, ends("nothing was said here before that")));
    // Two messages of 800 bytes fit into a half.
    let both = "for what was said before: /history before 7; for what was said after: /history after 2";
    assert_eq!(page(&long, &long), (4, ends(both)));
    // A message that does not fit is shown alone.
    let both = "for what was said before: /history before 4; for what was said after: /history after 3";
    assert_eq!(page(&longest, &longest), (2, ends(both)));
}

#[test]
fn answer_for_a_closed_connection_is_dropped() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    fixture.say(alice, "/search secret");
    let query = fixture.query();
    fixture.hub.handle_connection_lost(alice, fixture.now);
    fixture.hub.handle_closed(alice, fixture.now);
    assert!(!fixture.hub.is_awaiting(&query));
    // The next client has the same slot.
    fixture.people = 0;
    let (bob, _) = fixture.enter("bob");
    let found = vec![message(1, "lobby", "alice", "secret", fixture.now.local)];
    fixture.hub.handle_answer(query, Answer::Messages(found), fixture.now);
    assert_eq!(fixture.read(bob), [""; 0]);
}

#[test]
fn search_parses_words_and_message_id() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    for (line, words, before) in [
        ("/search  two  words ", "two  words", None),
        ("/search before 12 fish", "fish", Some(12)),
        ("/SEARCH Before 12 fish", "fish", Some(12)),
        ("/search before noon", "before noon", None),
        ("/search before 12", "before 12", None),
        ("/search before", "before", None),
    ] {
        fixture.say(alice, line);
        let query = fixture.query();
        let expected = Lookup::Search { room: "lobby".into(), words: words.into(), before, n: 20 };
        assert_eq!(query.lookup, expected, "{line}");
        fixture.hub.handle_answer(query, Answer::Messages(Vec::new()), fixture.now);
        fixture.read(alice);
    }
}

#[test]
fn failed_query_shows_messages_in_memory_or_is_refused() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    fixture.say(alice, "hello");
    fixture.say(alice, "/history");
    fixture.answer(Answer::Nothing);
    let expected = ["* --- the last 1 message ---", "[12:00:00] alice: hello", "* --- you are up to date ---"];
    assert_eq!(fixture.read(alice), expected);
    for line in ["/history before 3", "/search hello"] {
        fixture.say(alice, line);
        fixture.answer(Answer::Nothing);
        assert_eq!(fixture.read(alice), ["! That cannot be looked up at present. Try again later."], "{line}");
    }
}

fn whisper(text: &str, at: OffsetDateTime) -> Whisper {
    Whisper { to: "bob".into(), from: "alice".into(), at, text: text.into() }
}

#[test]
fn whispers_are_recorded_as_read_only_after_they_are_sent() {
    let config = Config { offline_whispers: OfflineWhispers::All, ..Config::default() };
    let mut fixture = StoreHub::new(config, start());
    let (alice, _) = fixture.enter("alice");
    fixture.answer(Answer::Whispers(Vec::new()));
    fixture.say(alice, "@bob hi");
    assert_eq!(fixture.hub.poll_records(), [Record::Whisper(whisper("hi", fixture.now.local))]);

    let waiting = vec![whisper("hi", fixture.now.local), whisper("old", datetime!(2026-11-19 23:00:00 UTC))];
    // The first bob loses his connection before he has read them.
    for is_lost in [true, false] {
        let (bob, _) = fixture.enter("bob");
        let query = fixture.query();
        assert_eq!(query.lookup, Lookup::Whispers { to: "bob".into() });
        fixture.hub.handle_answer(query, Answer::Whispers(waiting.clone()), fixture.now);
        fixture.hub.handle_tick(fixture.now);
        assert!(!fixture.hub.has_finished_deliveries());
        if is_lost {
            fixture.hub.handle_connection_lost(bob, fixture.now);
        } else {
            let expected = [
                "* --- 2 whispers stored for your name ---",
                "[12:00:00] alice -> you: hi",
                "* Thursday 19 November 2026",
                "[23:00:00] alice -> you: old",
                "* Friday 20 November 2026",
                "* --- end of the stored whispers ---",
            ];
            assert_eq!(fixture.read(bob), expected);
            assert!(fixture.hub.has_finished_deliveries() && fixture.hub.has_work());
            // A later line of his, or a later whisper to his name, does not change what is recorded.
            fixture.say(bob, "q");
        }
        fixture.say(alice, "@bob later");
        let expected = [
            (!is_lost).then(|| Record::WhispersRead { to: "bob".into() }),
            Some(Record::Whisper(whisper("later", fixture.now.local))),
        ];
        assert_eq!(fixture.hub.poll_records(), expected.into_iter().flatten().collect::<Vec<_>>());
        assert!(!fixture.hub.has_finished_deliveries());
    }
}

#[test]
fn store_failure_skips_message_ids() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    fixture.say(alice, "written");
    fixture.hub.handle_store_failure("the disk is full");
    fixture.say(alice, "not written");
    let ids: Vec<u64> = fixture
        .hub
        .poll_records()
        .iter()
        .filter_map(|record| if let Record::Message(message) = record { Some(message.id) } else { None })
        .collect();
    assert_eq!(ids, [1, 1_000_001]);
}

#[test]
fn answer_after_the_end_of_input_leaves_out_ignored_members() {
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    fixture.enter("bob");
    fixture.say(alice, "/ignore bob");
    fixture.say(alice, "/history");
    fixture.hub.handle_end_of_input(alice, fixture.now);
    fixture.read(alice);
    let at = fixture.now.local;
    let found = vec![message(1, "lobby", "bob", "hidden", at), message(2, "lobby", "carol", "shown", at)];
    fixture.answer(Answer::History { before: found, after: Vec::new() });
    let page = fixture.read(alice);
    assert!(page.contains(&"[12:00:00] carol: shown".to_owned()), "{page:?}");
    assert!(!page.iter().any(|line| line.contains("bob")), "{page:?}");
}
