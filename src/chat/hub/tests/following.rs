//! Tests of members that follow rooms: the order of lines, dates, slow consumers, the sweep, and resuming.

use std::io::IoSlice;
use std::time::Duration;

use compact_str::CompactString;
use time::macros::datetime;

use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::id::{ClientId, Now};
use crate::chat::input::{Close, Input, NewConnection, ResumeRequest};
use crate::chat::{Encoding, Lang};
use crate::util::test_support::Random;
use crate::wire::renderers;

/// A hub, and the time of all its inputs.
struct RoomsHub {
    hub: Hub,
    now: Now,
}

impl RoomsHub {
    fn new(config: Config) -> RoomsHub {
        let hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
        RoomsHub { hub, now: Now { at: Duration::from_secs(1), local: datetime!(2026-11-19 12:00:00 UTC) } }
    }

    /// Logs clients in, which have read everything then.
    fn enter<const N: usize>(&mut self, names: [&str; N]) -> [ClientId; N] {
        let base = self.hub.sessions.len();
        let ids = std::array::from_fn(|index| {
            let id = ClientId::new(base + index);
            self.hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), self.now);
            self.say(id, names[index]);
            id
        });
        ids.iter().for_each(|&id| drop(self.read(id)));
        ids
    }

    fn resume(&mut self, request: ResumeRequest, name: &str) -> ClientId {
        let id = ClientId::new(self.hub.sessions.len());
        let addr = ([127, 0, 0, 1], 1).into();
        let arrival = NewConnection { addr, encoding: Encoding::Plain, preface: &[], resume_request: request };
        self.hub.handle_connection(id, arrival, self.now);
        self.say(id, name);
        id
    }

    fn say(&mut self, id: ClientId, line: &str) {
        self.hub.handle_line(id, Input::Line(line), self.now);
    }

    fn says(&mut self, id: ClientId, lines: &[&str]) {
        lines.iter().for_each(|line| self.say(id, line));
    }

    /// Writes up to `most` bytes to a client and returns them.
    fn write(&mut self, id: ClientId, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 3];
        let lent = self.hub.gather(id, &mut slices);
        let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).take(most).collect();
        self.hub.handle_written(id, lent, bytes.len());
        bytes
    }

    /// The lines that a client has not read, without their times.
    fn read(&mut self, id: ClientId) -> Vec<String> {
        let mut text = Vec::new();
        loop {
            let bytes = self.write(id, usize::MAX);
            if bytes.is_empty() {
                break;
            }
            text.extend(bytes);
        }
        lines(&text)
    }

    fn pass(&mut self, time: Duration) {
        self.now = Now { at: self.now.at + time, local: self.now.local + time };
    }
}

/// The lines of a text, without the times of messages.
fn lines(text: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(text).expect("UTF-8");
    text.lines().map(|line| line.split_once("] ").map_or(line, |(_, rest)| rest).to_owned()).collect()
}

#[test]
fn lines_of_several_rooms_come_in_the_order_of_events() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let mut fixture = RoomsHub::new(Config::default());
        let [reader, bob, carol] = fixture.enter(["alice", "bob", "carol"]);
        for id in [bob, carol, reader] {
            fixture.says(id, &["/follow den", "/follow tea"]);
        }
        fixture.read(reader);
        let (mut expected, mut shown) = (Vec::new(), Vec::new());
        for step in 0..60 {
            let (author, name) = *random.pick(&[(bob, "bob"), (carol, "carol")]);
            match random.below(6) {
                0 => {
                    fixture.say(author, &format!("@alice {step}"));
                    expected.push(format!("{name} -> you: {step}"));
                }
                1 => {
                    fixture.say(author, &format!("lobby {step}"));
                    expected.push(format!("{name}: lobby {step}"));
                }
                2 => {
                    // One's own lines are skipped.
                    fixture.say(reader, &format!("#den mine {step}"));
                }
                _ => {
                    let room = *random.pick(&["den", "tea"]);
                    fixture.say(author, &format!("#{room} {step}"));
                    expected.push(format!("({room}) {name}: {step}"));
                }
            }
            if random.one_in(4) {
                let most = 1 + random.below(70);
                shown.extend(fixture.write(reader, most));
            }
        }
        loop {
            let most = 1 + random.below(200);
            let bytes = fixture.write(reader, most);
            if bytes.is_empty() {
                break;
            }
            shown.extend(bytes);
        }
        assert_eq!(lines(&shown), expected, "seed {seed}");
        fixture.hub.audit().unwrap();
    }
}

#[test]
fn date_is_shown_once_for_all_rooms() {
    let mut fixture = RoomsHub::new(Config::default());
    let [alice, bob] = fixture.enter(["alice", "bob"]);
    fixture.says(bob, &["/follow den", "#den yesterday"]);
    fixture.says(alice, &["/follow den", "/follow tea"]);
    fixture.says(bob, &["/follow tea"]);
    fixture.read(alice);
    fixture.pass(Duration::from_secs(86_400));
    fixture.says(bob, &["#den one", "two", "#tea three"]);
    assert_eq!(fixture.read(alice), ["* Friday 20 November 2026", "(den) bob: one", "bob: two", "(tea) bob: three"]);
    // A date that is written in part is finished, and not repeated.
    fixture.pass(Duration::from_secs(86_400));
    fixture.says(bob, &["#tea four", "#den five"]);
    let mut shown = fixture.write(alice, 9);
    assert_eq!(shown, b"* Saturda");
    fixture.say(bob, "six");
    while let bytes = fixture.write(alice, 7)
        && !bytes.is_empty()
    {
        shown.extend(bytes);
    }
    let expected = ["* Saturday 21 November 2026", "(tea) bob: four", "(den) bob: five", "bob: six"];
    assert_eq!(lines(&shown), expected);
    // The history has its own dates, and ends with today.
    fixture.pass(Duration::from_secs(86_400));
    fixture.say(alice, "/history #tea");
    let expected = [
        "* (tea) --- the last 2 messages ---",
        "* Friday 20 November 2026",
        "(tea) bob: three",
        "* Saturday 21 November 2026",
        "(tea) bob: four",
        "* Sunday 22 November 2026",
        "* (tea) --- you are up to date ---",
    ];
    assert_eq!(fixture.read(alice), expected);
    fixture.say(bob, "seven");
    assert_eq!(fixture.read(alice), ["bob: seven"]);
}

#[test]
fn history_that_is_being_sent_is_finished_after_the_room_was_left() {
    let mut fixture = RoomsHub::new(Config::default());
    let [alice, bob] = fixture.enter(["alice", "bob"]);
    fixture.says(bob, &["/follow den", "#den one", "#den two"]);
    fixture.say(alice, "/follow den");
    let mut shown = fixture.write(alice, 100);
    fixture.says(alice, &["/unfollow den", "/ping"]);
    fixture.says(bob, &["#den three", "four"]);
    shown.extend(fixture.write(alice, usize::MAX));
    shown.extend(fixture.write(alice, usize::MAX));
    let expected = [
        "* You follow den. 2 here: bob and you.",
        "* (den) --- the last 2 messages ---",
        "(den) bob: one",
        "(den) bob: two",
        "* (den) --- you are up to date ---",
        "* You no longer follow den.",
        "* pong",
        "bob: four",
    ];
    assert_eq!(lines(&shown), expected);
    fixture.hub.audit().unwrap();
}

#[test]
fn unread_bytes_of_all_rooms_together_make_a_slow_consumer() {
    let config = Config { backlog_bytes: 16 * 1024, history: 0, ..Config::default() };
    let mut fixture = RoomsHub::new(config);
    let [slow, bob] = fixture.enter(["alice", "bob"]);
    let text = "x".repeat(500);
    for room in 0..8 {
        [slow, bob].into_iter().for_each(|id| fixture.say(id, &format!("/follow r{room}")));
    }
    [slow, bob].into_iter().for_each(|id| drop(fixture.read(id)));
    fixture.hub.handle_blocked(slow);
    let mut said = 0;
    let closed = loop {
        fixture.say(bob, &format!("#r{} {text}", said % 8));
        said += 1;
        fixture.read(bob);
        fixture.hub.handle_tick(fixture.now);
        if let Some(closed) = fixture.hub.poll_close() {
            break closed;
        }
        assert!(said < 100, "no room alone has more than the backlog");
    };
    assert_eq!(closed, (slow, Close::AtOnce));
    assert!(said * 500 > 15 * 1024, "{said} lines only");
    assert!(fixture.read(bob).iter().any(|line| line == "* alice left: too slow to read (1 here)"));
    fixture.hub.audit().unwrap();
}

#[test]
fn sweep_is_fair_to_members_of_one_room() {
    let mut fixture = RoomsHub::new(Config { announce_limit: 0, ..Config::default() });
    let ids: [ClientId; 40] =
        fixture.enter(std::array::from_fn(|n| ["a", "b", "c", "d"][n % 4].repeat(1 + n / 4).leak() as &str));
    let (follower, speaker) = (ids[0], ids[1]);
    for room in 0..20 {
        [follower, speaker].into_iter().for_each(|id| fixture.say(id, &format!("/follow r{room}")));
    }
    ids.iter().for_each(|&id| drop(fixture.read(id)));
    while fixture.hub.poll_sweep(&mut 1000).is_some() {}
    // All rooms have news; the follower reads one byte in each of its turns.
    fixture.say(speaker, "lobby");
    (0..20).for_each(|room| fixture.say(speaker, &format!("#r{room} news")));
    let mut turns = [0; 40];
    for _ in 0..200 {
        let Some(id) = fixture.hub.poll_sweep(&mut 1000) else { break };
        turns[id.slot()] += 1;
        let most = if id == follower { 1 } else { usize::MAX };
        fixture.write(id, most);
    }
    // One turn for each room with news, and one for each other member.
    assert!(turns[0] <= 21, "the follower has {} turns", turns[0]);
    assert!(turns[2..].iter().all(|&turns| turns == 1), "{turns:?}");
}

#[test]
fn resume_follows_rooms_and_nonsense_is_told() {
    let mut fixture = RoomsHub::new(Config { max_follow: 3, ..Config::default() });
    let [bob] = fixture.enter(["bob"]);
    fixture.says(bob, &["/follow den", "#den one", "#den two", "/follow tea", "#tea three"]);
    let read = Some((0, 1));
    let names = |names: &[&str]| names.iter().copied().map(CompactString::from).collect();
    let follow = names(&["DEN", "den", "lobby", "tea"]);
    let alice = fixture.resume(ResumeRequest { follow, read, ..ResumeRequest::default() }, "alice");
    let expected = [
        "* Welcome to chinwag. Type a nickname and press Enter:",
        "* You are alice. 2 here: bob and you. /help lists the commands.",
        "* You follow den. 2 here: bob and you.",
        "* (den) --- the last 1 message ---",
        "(den) bob: two",
        "* (den) --- you are up to date ---",
        "* You follow tea. 2 here: bob and you.",
        "* (tea) --- the last 1 message ---",
        "(tea) bob: three",
        "* (tea) --- you are up to date ---",
    ];
    assert_eq!(fixture.read(alice), expected);
    // Too many rooms, and names that no room can have.
    let follow = (0..1000).map(|n| CompactString::from(if n < 5 { "a b".into() } else { format!("r{n}") })).collect();
    let carol = fixture.resume(ResumeRequest { follow, ..ResumeRequest::default() }, "carol");
    let told = fixture.read(carol);
    let refusals: Vec<&String> = told.iter().filter(|line| line.starts_with("! ")).collect();
    assert!(refusals[0].starts_with("! The name of a room is "), "{refusals:?}");
    assert_eq!(refusals[1..], ["! You can follow 3 rooms at most. /unfollow room ends one."]);
    assert_eq!(told.iter().filter(|line| line.starts_with("* You follow r")).count(), 3);
    fixture.hub.audit().unwrap();
}

#[test]
fn histories_of_resumed_rooms_fit_into_the_backlog_together() {
    let config = Config { backlog_bytes: 64 * 1024 * 4, ..Config::default() };
    let mut fixture = RoomsHub::new(config);
    let [bob] = fixture.enter(["bob"]);
    let text = "\"".repeat(1000);
    for room in 0..16 {
        fixture.say(bob, &format!("/follow r{room}"));
        (0..20).for_each(|_| fixture.say(bob, &format!("#r{room} {text}")));
        fixture.read(bob);
    }
    let follow = (0..16).map(|room| CompactString::from(format!("r{room}"))).collect();
    let alice = fixture.resume(ResumeRequest { follow, read: Some((0, 1)), ..ResumeRequest::default() }, "alice");
    // Its socket takes nothing.
    fixture.hub.handle_blocked(alice);
    fixture.hub.handle_tick(fixture.now);
    assert_eq!(fixture.hub.poll_close(), None);
    fixture.hub.handle_writable(alice);
    let shown = fixture.read(alice);
    assert_eq!(shown.iter().filter(|line| line.starts_with("* You follow r")).count(), 16);
    let partly = "* (r0) --- the last 3 messages ---";
    assert!(shown.iter().any(|line| line == partly), "a part of the history is shown: {shown:?}");
}

#[test]
fn muted_member_reaches_nobody_with_a_topic_or_an_away_text() {
    let mut fixture = RoomsHub::new(Config::default());
    fixture.hub.attach_console();
    let [alice, bob] = fixture.enter(["alice", "bob"]);
    fixture.say(ClientId::CONSOLE, "/mute alice");
    fixture.says(alice, &["/topic spam", "/away spam", "/nick allie"]);
    assert_eq!(
        fixture.read(alice),
        ["* alice set the topic: spam", "* You are away: spam", "* alice is now called allie"]
    );
    fixture.says(bob, &["/topic", "@allie hello", "/whois allie"]);
    let told = fixture.read(bob);
    assert_eq!(told[..2], ["* There is no topic.", "you -> allie: hello"]);
    assert!(told[2].starts_with("* allie: here since 2026-11-19 12:00; in lobby") && told.len() == 3, "{told:?}");
}

#[test]
fn followed_room_that_becomes_the_current_one_is_not_left() {
    let mut fixture = RoomsHub::new(Config::default());
    let [alice, bob] = fixture.enter(["alice", "bob"]);
    fixture.says(bob, &["/follow den", "#den one"]);
    fixture.says(alice, &["/follow den", "/follow tea"]);
    [alice, bob].into_iter().for_each(|id| drop(fixture.read(id)));
    fixture.says(alice, &["/join #den", "hello", "/who", "/leave"]);
    let expected = [
        "* You are in den. 2 here: bob and you.",
        "* --- the last 1 message ---",
        "bob: one",
        "* --- you are up to date ---",
        "* 2 here: bob and you.",
        "* You are in lobby. 2 here: bob and you.",
    ];
    assert_eq!(fixture.read(alice)[..6], expected);
    assert_eq!(
        fixture.read(bob),
        ["* alice left (1 here)", "(den) alice: hello", "* (den) alice left (1 here)", "* alice joined (2 here)"]
    );
    fixture.hub.audit().unwrap();
    fixture.hub.census().unwrap();
}

#[test]
fn json_line_switches_the_encoding_before_the_login() {
    let mut fixture = RoomsHub::new(Config { max_clients: 2, ..Config::default() });
    let [bob] = fixture.enter(["bob"]);
    fixture.says(bob, &["/follow den", "#den one"]);
    let ids = [1, 2].map(ClientId::new);
    for id in ids {
        fixture.hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), fixture.now);
        fixture.say(id, "/json follow=den run=0000000000000000 after=0");
    }
    let told = |lines: Vec<String>| {
        lines.iter().map(|line| line.split('"').nth(3).unwrap_or(line).to_owned()).collect::<Vec<_>>()
    };
    let [alice, waiting] = ids.map(|id| told(fixture.read(id)));
    assert_eq!(alice, ["* Welcome to chinwag. Type a nickname and press Enter:", "hello", "ask"]);
    assert_eq!(waiting, ["* The room is full. You are number 1 in line.", "hello", "waiting"]);
    fixture.say(ids[0], "alice");
    let shown = fixture.read(ids[0]);
    let said = shown.iter().find(|line| line.contains("said")).expect("a message");
    assert!(said.starts_with(r#"{"t":"said","room":"den","id":1,"#), "{said}");
    assert_eq!(told(shown), ["entered", "history", "live", "following", "history", "said", "live"]);
}

#[test]
fn date_is_not_repeated_after_the_last_followed_room_was_left() {
    let mut fixture = RoomsHub::new(Config::default());
    let [alice, bob] = fixture.enter(["alice", "bob"]);
    [alice, bob].into_iter().for_each(|id| fixture.say(id, "/follow den"));
    [alice, bob].into_iter().for_each(|id| drop(fixture.read(id)));
    fixture.pass(Duration::from_secs(86_400));
    fixture.say(bob, "#den one");
    fixture.say(alice, "/unfollow den");
    fixture.say(bob, "two");
    let expected = ["* Friday 20 November 2026", "(den) bob: one", "* You no longer follow den.", "bob: two"];
    assert_eq!(fixture.read(alice), expected);
}
