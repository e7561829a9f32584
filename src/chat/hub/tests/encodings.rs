//! Tests of both encodings: their readers get the same events, in writes of any size.

use std::io::IoSlice;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::{Input, NewConnection};
use crate::chat::{Encoding, Lang, Login, ResumeRequest};
use crate::util::test_support::Random;
use crate::wire::renderers;

const ENCODINGS: [Encoding; 3] = [Encoding::Plain, Encoding::JsonFrame, Encoding::JsonLine];

/// A hub with all encodings, and the bytes sent to each client.
struct MixedHub {
    hub: Hub,
    sent: Vec<Vec<u8>>,
    encodings: Vec<Encoding>,
    at: Duration,
}

impl MixedHub {
    fn new(config: Config) -> MixedHub {
        let hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
        MixedHub { hub, sent: Vec::new(), encodings: Vec::new(), at: Duration::from_secs(1) }
    }

    fn now(&self) -> Now {
        let start = OffsetDateTime::from_unix_timestamp(1_763_640_000).unwrap();
        Now { at: self.at, local: start + self.at }
    }

    fn enter(&mut self, encoding: Encoding, name: &str) -> usize {
        let who = self.sent.len();
        let addr = ([127, 0, 0, 1], 1).into();
        let arrival = NewConnection { addr, encoding, preface: &[], resume_request: ResumeRequest::default() };
        self.hub.handle_connection(ClientId::new(who), arrival, self.now());
        self.sent.push(Vec::new());
        self.encodings.push(encoding);
        self.line(who, name);
        who
    }

    /// Connects a session, which types nothing.
    fn connect(&mut self, who: usize, encoding: Encoding, resume_request: ResumeRequest) {
        let arrival = NewConnection { addr: ([127, 0, 0, 1], 1).into(), encoding, preface: &[], resume_request };
        self.hub.handle_connection(ClientId::new(who), arrival, self.now());
        self.sent.resize(self.sent.len().max(who + 1), Vec::new());
        self.encodings.resize(self.sent.len(), encoding);
    }

    /// Everything that was sent to a client since the last call.
    fn text(&mut self, who: usize) -> String {
        while self.write(who, usize::MAX) {}
        String::from_utf8(std::mem::take(&mut self.sent[who])).unwrap()
    }

    fn line(&mut self, who: usize, line: &str) {
        self.hub.handle_line(ClientId::new(who), Input::Line(line), self.now());
    }

    /// Writes up to `most` bytes to a client; returns whether there were any.
    fn write(&mut self, who: usize, most: usize) -> bool {
        let id = ClientId::new(who);
        let mut slices = [IoSlice::new(&[]); 3];
        let lent = self.hub.gather(id, &mut slices);
        let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).take(most).collect();
        self.hub.handle_written(id, lent, bytes.len());
        self.sent[who].extend(&bytes);
        !bytes.is_empty()
    }

    /// Everything that a client has read, in a form that is the same for both encodings.
    fn read(&mut self, who: usize) -> Vec<String> {
        while self.write(who, usize::MAX) {}
        let sent = std::mem::take(&mut self.sent[who]);
        match self.encodings[who] {
            Encoding::Plain => String::from_utf8(sent).unwrap().lines().filter_map(of_line).collect(),
            Encoding::JsonFrame => frames(&sent).iter().filter_map(of_frame).collect(),
            Encoding::Irc(_) => panic!("no session of IRC is made here"),
            Encoding::JsonLine => {
                let text = String::from_utf8(sent).unwrap();
                text.lines().filter_map(|line| of_frame(&serde_json::from_str(line).unwrap())).collect()
            }
        }
    }
}

/// Parses the JSON objects in the frames of the server.
fn frames(mut bytes: &[u8]) -> Vec<Value> {
    let mut frames = Vec::new();
    while let [0x81, length, rest @ ..] = bytes {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            length => (usize::from(*length), rest),
        };
        let (payload, rest) = rest.split_at(length);
        frames.push(serde_json::from_slice(payload).unwrap());
        bytes = rest;
    }
    assert_eq!(bytes, b"", "no frame");
    frames
}

fn of_frame(frame: &Value) -> Option<String> {
    let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
    Some(match frame["t"].as_str().unwrap() {
        "said" => format!("{}: {}", text("name"), text("text")),
        "action" => format!("* {} {}", text("name"), text("text")),
        "whisper" => format!("{} -> you: {}", text("from"), text("text")),
        "joined" => format!("{} joined ({} here)", text("name"), frame["here"]),
        "left" => format!("{} left ({} here)", text("name"), frame["here"]),
        "renamed" => format!("{} is now called {}", text("old"), text("new")),
        "summed" => format!("{} joined, {} left ({} here)", frame["joined"], frame["left"], frame["here"]),
        _ => return None,
    })
}

fn of_line(line: &str) -> Option<String> {
    let is_event = |words: &&str| {
        [" joined", " left", " is now called "].iter().any(|word| words.contains(word)) && !words.contains("You")
    };
    match line.split_at(2) {
        ("* ", words) => Some(words).filter(is_event).map(str::to_owned),
        ("! ", _) => None,
        _ => line.split_once("] ").map(|(_, said)| said.to_owned()),
    }
}

#[test]
fn both_encodings_show_the_same_events_in_the_same_order() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let announce_limit = *random.pick(&[3, 200]);
        let mut fixture = MixedHub::new(Config { announce_limit, history: 5, ..Config::default() });
        let watchers = [fixture.enter(Encoding::Plain, "plain"), fixture.enter(Encoding::JsonFrame, "web")];
        let people: Vec<usize> = (0..6).map(|n| fixture.enter(*random.pick(&ENCODINGS), &format!("p{n}"))).collect();
        let mut later = Vec::new();
        watchers.into_iter().for_each(|who| drop(fixture.read(who)));
        let mut read: [Vec<String>; 2] = Default::default();
        for step in 0..200 {
            let who = *random.pick(&people);
            let text = "x".repeat(random.below(300));
            match random.below(16) {
                0 => fixture.line(who, &format!("/me {step}")),
                1 => fixture.line(who, &format!("/nick n{step}")),
                2 => fixture.line(who, ["/join den", "/leave"][random.below(2)]),
                3 => [0, 1].iter().for_each(|n| fixture.line(who, &format!("@{} {step}", ["plain", "web"][*n]))),
                4 => fixture.line(who, ["/echo on", "/echo off", "/who", "/history 3"][random.below(4)]),
                5 => {
                    fixture.at += Duration::from_secs(random.below(40_000) as u64);
                    fixture.hub.handle_tick(fixture.now());
                }
                6 if later.len() < 8 => {
                    let names = [format!("c{step}"), format!("d{step}")];
                    let [plain, web] =
                        [fixture.enter(Encoding::Plain, &names[0]), fixture.enter(Encoding::JsonFrame, &names[1])];
                    later.push(plain);
                    // The first client also reads that the second one joins.
                    let [plain, web] = [plain, web].map(|who| fixture.read(who));
                    let history = |read: Vec<String>| {
                        read.into_iter().filter(|line| !line.contains("joined")).collect::<Vec<_>>()
                    };
                    assert_eq!(history(plain), history(web), "seed {seed}, step {step}");
                }
                _ => fixture.line(who, &format!("{step} {text}")),
            }
            for who in watchers {
                let most = 1 + random.below(400);
                fixture.write(who, most);
            }
            fixture.hub.audit().unwrap_or_else(|what| panic!("seed {seed}, step {step}: {what}"));
            if random.one_in(20) {
                for (read, who) in read.iter_mut().zip(watchers) {
                    read.extend(fixture.read(who));
                }
            }
        }
        for (read, who) in read.iter_mut().zip(watchers) {
            read.extend(fixture.read(who));
        }
        assert!(read[0].len() > 60, "seed {seed}: {} lines", read[0].len());
        assert_eq!(read[0], read[1], "seed {seed}");
    }
}

#[test]
fn log_without_readers_is_freed_and_rebuilt_for_the_next_reader() {
    let mut fixture = MixedHub::new(Config::default());
    let web = fixture.enter(Encoding::JsonFrame, "web");
    let plain = fixture.enter(Encoding::Plain, "plain");
    fixture.line(web, "one");
    fixture.at += Duration::from_secs(24 * 60 * 60);
    fixture.line(plain, "two");
    fixture.hub.handle_end_of_input(ClientId::new(plain), fixture.now());
    fixture.hub.audit().unwrap();
    fixture.line(web, "three");
    let later = fixture.enter(Encoding::Plain, "later");
    while fixture.write(later, usize::MAX) {}
    let shown = String::from_utf8(std::mem::take(&mut fixture.sent[later])).unwrap();
    let lines: Vec<&str> = shown.lines().skip(2).collect();
    let expected = [
        "* --- the last 3 messages ---",
        "* Thursday 20 November 2025",
        "[12:00:01] web: one",
        "* Friday 21 November 2025",
        "[12:00:01] plain: two",
        "[12:00:01] web: three",
        "* --- you are up to date ---",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn server_with_addresses_as_names_knows_neither_json_lines_nor_followed_rooms() {
    let config = Config { login: Login::Address, max_clients: 1, ..Config::default() };
    let mut fixture = MixedHub::new(config);
    let request = |follow: &str| ResumeRequest { follow: vec![follow.into()], ..ResumeRequest::default() };
    fixture.connect(0, Encoding::JsonFrame, request("x!"));
    while fixture.write(0, usize::MAX) {}
    let kinds: Vec<Value> = frames(&fixture.sent[0]).into_iter().map(|mut frame| frame["t"].take()).collect();
    assert_eq!(kinds, ["hello", "entered", "history", "live"]);
    fixture.connect(1, Encoding::Plain, ResumeRequest::default());
    fixture.text(1);
    fixture.line(1, "/json");
    assert_eq!(fixture.text(1), "! You are still waiting; this was not said.\r\n");
}

#[test]
fn json_line_is_answered_with_the_position_of_its_own_session() {
    let mut fixture = MixedHub::new(Config { max_clients: 1, ..Config::default() });
    for who in 0..3 {
        fixture.connect(who, Encoding::Plain, ResumeRequest::default());
    }
    let (first, now) = (ClientId::new(1), fixture.now());
    fixture.hub.handle_connection_lost(first, now);
    while fixture.hub.poll_close().is_some() {}
    fixture.hub.handle_closed(first, now);
    fixture.connect(1, Encoding::Plain, ResumeRequest::default());
    assert_eq!(fixture.text(1), "* The room is full. You are number 2 in line.\r\n");
    fixture.line(1, "/json");
    let answer = fixture.text(1);
    assert!(answer.ends_with("{\"t\":\"waiting\",\"number\":2}\r\n"), "{answer}");
}

#[test]
fn history_comes_after_the_date_of_unread_lines() {
    let mut fixture = MixedHub::new(Config::default());
    let [bob, alice] = ["bob", "alice"].map(|name| fixture.enter(Encoding::Plain, name));
    fixture.line(alice, "/follow den");
    fixture.text(alice);
    fixture.at += Duration::from_secs(24 * 60 * 60);
    fixture.line(bob, "hi");
    fixture.line(alice, "/history");
    let shown = fixture.text(alice);
    let expected = [
        "* Friday 21 November 2025",
        "[12:00:01] bob: hi",
        "* --- the last 1 message ---",
        "[12:00:01] bob: hi",
        "* --- you are up to date ---",
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn program_with_two_rooms_passes_dates_that_it_is_not_sent() {
    let mut fixture = MixedHub::new(Config::default());
    let bob = fixture.enter(Encoding::Plain, "bob");
    fixture.enter(Encoding::Plain, "carol");
    let web = fixture.enter(Encoding::JsonFrame, "web");
    [bob, web].iter().for_each(|&who| fixture.line(who, "/follow den"));
    fixture.read(web);
    fixture.line(bob, "one");
    fixture.at += Duration::from_secs(24 * 60 * 60);
    // The date of the lobby comes before the lines of den, and its next line after them.
    fixture.line(bob, "@carol psst");
    fixture.line(bob, "#den two");
    fixture.line(bob, "three");
    assert_eq!(fixture.read(web), ["bob: one", "bob: two", "bob: three"]);
}

#[test]
fn programs_in_common_rooms_are_shown_who_is_away() {
    let mut server = MixedHub::new(Config::default());
    let people = [Encoding::JsonLine, Encoding::Plain, Encoding::JsonLine, Encoding::JsonLine]
        .into_iter()
        .zip(["alice", "bob", "carol", "dave"])
        .map(|(encoding, name)| server.enter(encoding, name))
        .collect::<Vec<_>>();
    let [alice, bob, carol, dave] = people[..] else { unreachable!() };
    server.line(alice, "/follow den");
    server.line(carol, "/join den");
    let mut after = |who: usize, line: &str| {
        (0..4).for_each(|who| drop(server.text(who)));
        server.line(who, line);
        [alice, bob, carol, dave].map(|reader| server.text(reader))
    };
    let away = |room: &str, text: &str| {
        let room = if room.is_empty() { String::new() } else { format!(r#""room":"{room}","#) };
        format!("{{\"t\":\"away\",{room}\"name\":\"alice\",\"text\":{text}}}\r\n")
    };
    let all = |text: &str| {
        let [lobby, den] = ["lobby", "den"].map(|room| away(room, text));
        [away("", text) + &lobby + &den, String::new(), den, lobby]
    };
    assert_eq!(after(alice, "/away lunch"), all("\"lunch\""));
    assert_eq!(after(alice, "/away"), all("null"));
    after(alice, "/away lunch");
    for (reader, line) in [(carol, "/who"), (dave, "/who den"), (dave, "/follow den")] {
        let shown = after(reader, line);
        assert!(
            shown[reader].contains(r#","names":["alice"#) && shown[reader].contains(r#","away":["alice"],"#),
            "{shown:?}"
        );
    }
    after(dave, "/unfollow den");
    assert!(!after(alice, "/who")[alice].contains("away"), "of no other member");
    // Who is away and enters another room is away there.
    after(carol, "/leave");
    let shown = after(alice, "/join tea");
    assert!(shown[0].ends_with(&away("tea", "\"lunch\"")), "{shown:?}");
    assert!(shown[1..].iter().all(|text| !text.contains("away")), "{shown:?}");
    after(carol, "/join tea");
    // No other member reads what a muted one writes.
    server.hub.attach_console();
    server.hub.handle_line(ClientId::CONSOLE, Input::Line("/mute alice"), server.now());
    let mut after = |who: usize, line: &str| {
        (0..4).for_each(|who| drop(server.text(who)));
        server.line(who, line);
        [alice, bob, carol, dave].map(|reader| server.text(reader))
    };
    let own = away("", "\"spam\"") + &away("tea", "\"spam\"") + &away("den", "\"spam\"");
    assert_eq!(after(alice, "/away spam"), [own, String::new(), String::new(), String::new()]);
}
