//! Simulated programs: the plain lines that equal the JSON that they receive.

mod act;

use serde_json::Value;
use time::OffsetDateTime;

use crate::chat::{Cause, Config, Event, Lang, Notice, People, Render, Role, RoomLabel};
use crate::wire::plain::Plain;

/// The reading side of a program.
pub struct Program {
    /// The revision of the protocol that it was written for. In revision 1 there is one room at a time.
    revision: u32,
    /// The name of the server, and the longest line that it takes.
    server: Box<str>,
    max_line: usize,
    /// Its current room.
    room: String,
}

/// One received object.
struct Object<'v>(&'v Value);

impl<'v> Object<'v> {
    fn text(&self, name: &str) -> &'v str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    fn number(&self, name: &str) -> usize {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no {name} in {}", self.0)) as usize
    }

    fn names(&self, list: &str) -> Vec<&'v str> {
        self.0[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn time(&self, name: &str) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.number(name) as i64).expect("a time")
    }
}

fn write(lines: &mut Vec<u8>, line: &str) {
    lines.extend_from_slice(line.as_bytes());
    lines.extend_from_slice(b"\r\n");
}

impl Program {
    pub fn new(revision: u32, config: &Config) -> Self {
        let Config { name: server, max_line, .. } = config;
        Program { revision, server: server.clone(), max_line: *max_line, room: String::new() }
    }

    /// Appends what a person would read instead of this JSON.
    pub fn show(&mut self, json: &[u8], lines: &mut Vec<u8>) {
        let value: Value = serde_json::from_slice(json).expect("JSON");
        let object = Object(&value);
        let kind = object.text("t");
        if kind == "entered" || kind == "room" {
            self.room = object.text("room").into();
        }
        match kind {
            "hello" => self.check_hello(&object),
            "refused" => write(lines, &format!("! {}", object.text("text"))),
            "ask_password" => write(lines, &format!("* {} is registered. Password:", object.text("name"))),
            "note" | "account" => write(lines, &format!("* {}", object.text("text"))),
            "motd" => {
                let text = value["text"].as_str().unwrap_or("There is no message of the day.");
                text.split('\n').for_each(|line| write(lines, &format!("* {line}")));
            }
            "help" => object.names("lines").iter().for_each(|line| write(lines, &format!("* {line}"))),
            "said" | "action" | "whisper" | "whispered" => self.show_message(&object, lines),
            "following" | "unfollowed" | "topic" | "away" | "quiet" | "whois" if self.revision == 1 => {}
            kind if act::KINDS.contains(&kind) && self.revision == 1 => {}
            kind if act::KINDS.contains(&kind) => {
                let label = if act::has_label(&value) { self.label_text(&object) } else { String::new() };
                write(lines, &format!("* {label}{}", act::words(&value)));
            }
            "following" | "unfollowed" | "topic" | "away" | "quiet" | "whois" | "rooms" | "history" => {
                self.show_new(&object, lines);
            }
            _ => self.show_notice(&object, lines),
        }
        if let ([_, ..], true) = (&*object.names("away"), self.revision > 1) {
            write(lines, &format!("* {}away: {}", self.label_text(&object), object.names("away").join(", ")));
        }
        if let ("entered" | "room" | "following", Some(topic), true) =
            (kind, value["topic"].as_str(), self.revision > 1)
        {
            write(lines, &format!("* {}the topic: {topic}", self.label_text(&object)));
        }
    }

    fn check_hello(&self, object: &Object) {
        let start = (object.number("rev"), object.text("name"), object.text("run"), object.number("max_line"));
        assert_eq!(start, (2, &*self.server, "0000000000000000", self.max_line), "{}", object.0);
    }

    /// The room of an event, as a person reads it.
    fn label<'v>(&self, object: &Object<'v>) -> RoomLabel<'v> {
        match self.revision {
            1 => RoomLabel::None,
            _ if object.text("room") == self.room => RoomLabel::Current(object.text("room")),
            _ => RoomLabel::Followed(object.text("room")),
        }
    }

    fn label_text(&self, object: &Object) -> String {
        match self.label(object) {
            RoomLabel::Followed(room) => format!("({room}) "),
            _ => String::new(),
        }
    }

    /// Shows a message, with its number before it if it has one.
    fn show_message(&self, object: &Object, lines: &mut Vec<u8>) {
        let (at, kind) = (object.time("at"), object.text("t"));
        let is_whisper = kind == "whisper" || kind == "whispered";
        let (id, label) = match is_whisper {
            true => (0, RoomLabel::None),
            false => (object.number("id") as u64, self.label(object)),
        };
        if !is_whisper {
            lines.extend(format!("{id} ").into_bytes());
        }
        let text = object.text("text");
        let event = match kind {
            "said" if object.0["notice"] == true => Event::Noticed { id, at, name: object.text("name"), text },
            "said" => Event::Said { id, at, name: object.text("name"), text },
            "action" => Event::Action { id, at, name: object.text("name"), text },
            "whisper" => Event::Whisper { at, from: object.text("from"), text },
            _ => Event::Whispered { at, to: object.text("to"), text },
        };
        Plain { lang: Lang::En }.render(&event, label, lines);
    }

    /// Shows what programs and persons read in different words, or what revision 1 does not have.
    fn show_new(&self, object: &Object, lines: &mut Vec<u8>) {
        let value = object.0;
        let line = match object.text("t") {
            "following" => {
                let (room, here, names) = (object.text("room"), object.number("here"), object.names("names"));
                let notice = Notice::Following {
                    room,
                    people: People { here, names: &names, away: &[], you: true },
                    topic: None,
                };
                return Plain { lang: Lang::En }.render(&Event::Notice(notice), RoomLabel::None, lines);
            }
            "unfollowed" => format!("You no longer follow {}.", object.text("room")),
            "history" => {
                let (count, gap) = (object.number("messages"), if value["gap"] == true { ", after a gap" } else { "" });
                let s = if count == 1 { "" } else { "s" };
                format!("{}--- the last {count} message{s}{gap} ---", self.label_text(object))
            }
            "topic" => {
                let label = self.label_text(object);
                match (value["name"].as_str(), value["text"].as_str()) {
                    (Some(name), text) => format!("{label}the topic of {name}: {}", text.unwrap_or("none")),
                    (None, None) => format!("{label}no topic"),
                    (None, Some(_)) => panic!("who has set {value}?"),
                }
            }
            "away" if value["room"].is_string() => {
                let (label, name) = (self.label_text(object), object.text("name"));
                match value["text"].as_str() {
                    Some(text) => format!("{label}{name} is away in this room: {text}"),
                    None => format!("{label}{name} is back in this room."),
                }
            }
            "away" => match value["text"].as_str() {
                Some(text) => format!("{} is away: {text}", object.text("name")),
                None => format!("{} is back.", object.text("name")),
            },
            "quiet" if value["on"] == true => "You no longer read who joins and leaves.".into(),
            "quiet" => "You read again who joins and leaves.".into(),
            "whois" => {
                let since = object.time("since");
                let rooms = object.names("rooms");
                let rooms = match rooms.as_slice() {
                    [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
                    [] => "no room that you see".into(),
                    rooms => rooms.concat(),
                };
                let role = value["role"].as_str().map(|role| format!("; {role}")).unwrap_or_default();
                let away = value["away"].as_str().map(|text| format!("; away: {text}")).unwrap_or_default();
                let (date, hour, minute) = (since.date(), since.hour(), since.minute());
                let account = if value["account"] == true { "; registered" } else { "" };
                let name = object.text("name");
                format!("{name}: here since {date} {hour:02}:{minute:02}; in {rooms}{account}{role}{away}")
            }
            _ => self.rooms(object),
        };
        write(lines, &format!("* {line}"));
    }

    /// The list of rooms, with their topics.
    fn rooms(&self, object: &Object) -> String {
        let rooms = object.0["rooms"].as_array().expect("a list");
        let describe = |room: &Value| {
            let topic = room[2].as_str().filter(|_| self.revision > 1).map(|topic| format!(", {topic}"));
            format!("{} ({}{})", room[0].as_str().expect("a name"), room[1], topic.unwrap_or_default())
        };
        assert_eq!(object.number("more"), 0, "all rooms fit into a list");
        let list: Vec<String> = rooms.iter().map(describe).collect();
        format!("{} room{}: {}", list.len(), if list.len() == 1 { "" } else { "s" }, list.join(", "))
    }

    /// Shows what has the same words for persons.
    fn show_notice(&self, object: &Object, lines: &mut Vec<u8>) {
        let (text, number, frame) = (|name| object.text(name), |name| object.number(name), object.0);
        let names = object.names("names");
        let people = |you| People { here: number("here"), names: &names, away: &[], you };
        let (cause, mut label) = (cause(frame), RoomLabel::None);
        if matches!(text("t"), "live" | "joined" | "left" | "renamed" | "summed") {
            label = self.label(object);
        }
        let notice = match text("t") {
            "waiting" => Notice::Waiting { number: number("number") as u32 },
            "ask" => Notice::Welcome { server: &self.server },
            "entered" => {
                let has_account = frame["account"] == true;
                assert!(frame["role"].is_null() || has_account, "a new member with a role: {frame}");
                let (name, room, role) = (text("name"), text("room"), Role::User);
                Notice::Entered { name, room, people: people(true), topic: None, role, account: false }
            }
            "room" => Notice::EnteredRoom { room: text("room"), people: people(true), topic: None },
            "live" => Notice::HistoryEnds,
            "joined" => Notice::Joined { name: text("name"), here: number("here") },
            "left" => Notice::Left { name: text("name"), cause: &cause, here: number("here") },
            "renamed" => Notice::Renamed { old: text("old"), new: text("new") },
            "summed" => {
                Notice::Summed { joined: number("joined") as u32, left: number("left") as u32, here: number("here") }
            }
            "people" if frame["you"] == true && (self.revision == 1 || text("room") == self.room) => {
                Notice::People { room: text("room"), people: people(true), nodes: &[] }
            }
            "people" => Notice::PeopleIn { room: text("room"), people: people(frame["you"] == true), nodes: &[] },
            "pong" => Notice::Pong { text: text("text") },
            "echo" => Notice::Echo { on: frame["on"] == true },
            "ignoring" => Notice::Ignoring { name: text("name") },
            "not_ignoring" => Notice::NoLongerIgnoring { name: text("name") },
            "ignored" => Notice::IgnoreList { names: &names },
            "goodbye" => Notice::Goodbye,
            "kicked" => Notice::Kicked { why: frame["why"].as_str(), by: frame["by"].as_str() },
            "ending" => Notice::ShuttingDown,
            _ => panic!("what is {frame}?"),
        };
        Plain { lang: Lang::En }.render(&Event::Notice(notice), label, lines);
    }
}

/// The cause of a leave.
fn cause(frame: &Value) -> Cause {
    match frame["cause"].as_str() {
        None | Some("moved") => Cause::Moved,
        Some("quit") => Cause::Quit(frame["reason"].as_str().map(Box::from)),
        Some("connection_lost") => Cause::ConnectionLost,
        Some("idle") => Cause::Idle,
        Some("too_slow") => Cause::TooSlow,
        Some("kicked") => Cause::Kicked(None),
        Some("banned") => Cause::Banned,
        Some("shut_down") => Cause::ShutDown,
        Some("other_protocol") => Cause::OtherProtocol,
        Some(other) => panic!("unknown cause {other}"),
    }
}

/// A program on the plain port: it reads lines until it asks for JSON.
pub struct LineProgram {
    program: Program,
    /// Received bytes that are no whole line yet.
    bytes: Vec<u8>,
    has_begun: bool,
}

impl LineProgram {
    pub fn new(program: Program) -> Self {
        LineProgram { program, bytes: Vec::new(), has_begun: false }
    }

    /// Returns what a plain client would have received instead of these bytes, as far as known.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<u8> {
        self.bytes.extend_from_slice(fresh);
        let mut lines = Vec::new();
        while let Some(length) = self.first_length() {
            let first: Vec<u8> = self.bytes.drain(..length).collect();
            match first[0] {
                b'{' => {
                    self.has_begun = true;
                    self.program.show(&first[..length - 2], &mut lines);
                }
                // The answer to a telnet option.
                255 => lines.extend(first),
                _ => {
                    assert!(!self.has_begun, "{:?} is no JSON", String::from_utf8_lossy(&first));
                    lines.extend(first);
                }
            }
        }
        lines
    }

    fn first_length(&self) -> Option<usize> {
        match self.bytes.first()? {
            255 => Some(3).filter(|&length| self.bytes.len() >= length),
            _ => self.bytes.windows(2).position(|two| two == b"\r\n").map(|end| end + 2),
        }
    }
}
