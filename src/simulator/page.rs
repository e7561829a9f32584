//! Simulated pages: the frames that a browser sends, and the plain lines that equal the frames it receives.

use serde_json::Value;
use time::OffsetDateTime;

use super::oracle::Typed;
use crate::chat::{Cause, Event, Lang, Notice, People, Render};
use crate::util::test_support::Random;
use crate::wire::plain::Plain;

/// A browser's request for a WebSocket.
pub const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The reading side of a page.
#[derive(Default)]
pub struct SimulatedPage {
    /// Received bytes that are no whole frame yet.
    bytes: Vec<u8>,
    is_upgraded: bool,
    /// The upgrade was refused: its request did not come in time.
    is_refused: bool,
    /// The last frame has come.
    is_closed: bool,
    /// The end of a history without messages is still to come; plain clients are sent none of it.
    is_empty_history: bool,
}

impl SimulatedPage {
    /// Returns what a plain client would have received instead of these bytes, as far as known.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<u8> {
        self.bytes.extend_from_slice(fresh);
        let mut lines = Vec::new();
        if !self.is_upgraded && !self.is_refused {
            let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return lines };
            self.is_upgraded = self.bytes.starts_with(b"HTTP/1.1 101 ");
            self.is_refused = !self.is_upgraded;
            assert!(self.is_upgraded || self.bytes.starts_with(b"HTTP/1.1 408 "), "an answer of what kind?");
            self.bytes.drain(..end + 4);
        }
        while !self.is_refused
            && let Some((first, payload, length)) = frame(&self.bytes)
        {
            assert!(!self.is_closed, "a frame behind the last one");
            match first {
                0x81 => self.show(&serde_json::from_slice(payload).expect("JSON"), &mut lines),
                0x88 => self.is_closed = true,
                0x8a => {}
                first => panic!("a frame that begins with {first:#x}"),
            }
            self.bytes.drain(..length);
        }
        lines
    }

    fn show(&mut self, frame: &Value, lines: &mut Vec<u8>) {
        let has_nothing = match frame["t"].as_str() {
            Some("history") => {
                self.is_empty_history = frame["messages"] == 0;
                self.is_empty_history
            }
            Some("live") => std::mem::take(&mut self.is_empty_history),
            _ => false,
        };
        if !has_nothing {
            show(frame, lines);
        }
    }
}

/// The first whole frame: its first byte, its payload, its length in all.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (start, length) = match *bytes {
        [_, length @ 0..=125, ..] => (2, usize::from(length)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    Some((bytes[0], bytes.get(start..start + length)?, start + length))
}

/// Appends the plain encoding of the same event.
fn show(frame: &Value, lines: &mut Vec<u8>) {
    let text = |name: &str| frame[name].as_str().unwrap_or_else(|| panic!("no {name} in {frame}"));
    let number = |name: &str| frame[name].as_u64().unwrap_or_else(|| panic!("no {name} in {frame}")) as usize;
    let at = || OffsetDateTime::from_unix_timestamp(number("at") as i64).expect("a time");
    let names: Vec<&str> = frame["names"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    let people = |you| People { here: number("here"), names: &names, you };
    let mut sentences = |mark: &str, words: &[&str]| {
        words.iter().for_each(|words| lines.extend(format!("{mark}{words}\r\n").into_bytes()));
    };
    let rooms: Vec<(&str, usize)> = frame["rooms"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|room| Some((room[0].as_str()?, room[1].as_u64()? as usize)))
        .collect();
    let cause;
    let notice = match text("t") {
        "hello" => return,
        "refused" => return sentences("! ", &[text("text")]),
        "note" => return sentences("* ", &[text("text")]),
        "help" => {
            let help: Vec<&str> = frame["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            return sentences("* ", &help);
        }
        "said" | "action" | "whisper" | "whispered" => {
            let id = frame["id"].as_u64().unwrap_or_default();
            let event = match text("t") {
                "said" => Event::Said { id, at: at(), name: text("name"), text: text("text") },
                "action" => Event::Action { id, at: at(), name: text("name"), text: text("text") },
                "whisper" => Event::Whisper { at: at(), from: text("from"), text: text("text") },
                _ => Event::Whispered { at: at(), to: text("to"), text: text("text") },
            };
            return Plain { lang: Lang::En }.render(&event, lines);
        }
        "waiting" => Notice::Waiting { number: number("number") as u32 },
        "ask" => Notice::Welcome,
        "entered" => Notice::Entered { name: text("name"), room: text("room"), people: people(true) },
        "room" => Notice::EnteredRoom { room: text("room"), people: people(true) },
        "history" => Notice::HistoryBegins { messages: number("messages"), gap: false, before: None },
        "live" => Notice::HistoryEnds,
        "joined" => Notice::Joined { name: text("name"), here: number("here") },
        "left" => {
            cause = match text("cause") {
                "quit" => Cause::Quit(frame["reason"].as_str().map(Box::from)),
                "moved" => Cause::Moved,
                "connection_lost" => Cause::ConnectionLost,
                "idle" => Cause::Idle,
                "too_slow" => Cause::TooSlow,
                "kicked" => Cause::Kicked(None),
                "banned" => Cause::Banned,
                "shut_down" => Cause::ShutDown,
                "other_protocol" => Cause::OtherProtocol,
                other => panic!("unknown cause {other}"),
            };
            Notice::Left { name: text("name"), cause: &cause, here: number("here") }
        }
        "renamed" => Notice::Renamed { old: text("old"), new: text("new") },
        "summed" => {
            Notice::Summed { joined: number("joined") as u32, left: number("left") as u32, here: number("here") }
        }
        "people" if frame["you"] == true => Notice::People { room: text("room"), people: people(true) },
        "people" => Notice::PeopleIn { room: text("room"), people: people(false) },
        "rooms" => Notice::Rooms { rooms: &rooms, more: number("more") },
        "pong" => Notice::Pong { text: text("text") },
        "echo" => Notice::Echo { on: frame["on"] == true },
        "ignoring" => Notice::Ignoring { name: text("name") },
        "not_ignoring" => Notice::NoLongerIgnoring { name: text("name") },
        "ignored" => Notice::IgnoreList { names: &names },
        "goodbye" => Notice::Goodbye,
        "kicked" => Notice::Kicked { why: frame["why"].as_str() },
        "ending" => Notice::ShuttingDown,
        _ => panic!("what is {frame}?"),
    };
    Plain { lang: Lang::En }.render(&Event::Notice(notice), lines);
}

/// A frame as a browser sends it.
fn masked(random: &mut Random, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = (random.next() as u32).to_ne_bytes();
    let mut bytes = match payload.len() {
        length @ 0..126 => vec![first, 0x80 | length as u8],
        length => [&[first, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
    };
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The bytes that a browser sends for a line, and how the server should understand them.
pub fn bytes(random: &mut Random, line: String, max_line: usize) -> (Vec<u8>, Vec<Typed>) {
    let mut text = line.clone();
    let mut typed = Typed::Line(line);
    match random.below(40) {
        0 => {
            text = "x".repeat(max_line + 1 + random.below(2 * max_line));
            typed = Typed::TooLong;
        }
        1..=5 if text.len() + 5 <= max_line => {
            let noise = *random.pick(&["\u{7}", "\u{1b}[31m", "\u{202e}"]);
            let end = text.char_indices().map(|(at, _)| at).nth(random.below(5)).unwrap_or(text.len());
            text.insert_str(end, noise);
        }
        _ => {}
    }
    // In fragments of any size, with pings and pongs between them.
    let (mut bytes, mut rest, mut opcode) = (Vec::new(), text.as_bytes(), 1);
    loop {
        let step = if random.one_in(3) { random.below(rest.len() + 1) } else { rest.len() };
        let (piece, later) = rest.split_at(step);
        let is_last = later.is_empty() && !random.one_in(10);
        bytes.extend(masked(random, if is_last { 0x80 } else { 0 } | opcode, piece));
        if is_last {
            return (bytes, vec![typed]);
        }
        (rest, opcode) = (later, 0);
        if random.one_in(4) {
            let first = *random.pick(&[0x89, 0x8a]);
            bytes.extend(masked(random, first, b"still there?"));
        }
    }
}

/// The last bytes of a browser: a closing handshake, nothing, or a violation of the RFC.
pub fn end(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => Vec::new(),
        1 => {
            let bad: [(u8, &[u8]); 4] = [(0x83, b""), (0x81, b"\xff"), (0x82, b"x"), (0xc1, b"x")];
            let (first, payload) = *random.pick(&bad);
            masked(random, first, payload)
        }
        2 => masked(random, 0x88, &[]),
        _ => masked(random, 0x88, &1001_u16.to_be_bytes()),
    }
}
