//! The JSON encoding of the web page: each event is one JSON object in its own text frame.
//!
//! The member `t` is the kind of the object; `JsonEvent` lists all kinds.

use std::fmt::Display;

use serde::Serialize;
use time::OffsetDateTime;

use super::frame;
use crate::chat::policy::nick::InvalidNick;
use crate::chat::{Cause, Event, Lang, Notice, People, Refusal, Render};

/// Renders events as JSON.
pub struct Json {
    /// The language of the server's texts.
    pub lang: Lang,
}

impl Render for Json {
    fn render(&self, event: &Event, out: &mut Vec<u8>) {
        if let Some(frame) = self.frame(event) {
            frame::text_frame(out, |out| {
                // Writing to a vector cannot fail, and every key is a string.
                let _ = serde_json::to_writer(out, &frame);
            });
        }
    }
}

/// One JSON object. Times are in seconds since 1970, UTC.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum JsonEvent<'a> {
    Hello {
        run: String,
        version: &'static str,
        lang: &'static str,
        max_line: usize,
    },
    Waiting {
        number: u32,
    },
    Ask,
    Refused(Refused<'a>),
    Entered {
        name: &'a str,
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
    },
    Room {
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
    },
    History {
        messages: usize,
        gap: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
    },
    /// `older` only at the end of requested history.
    Live {
        #[serde(skip_serializing_if = "Option::is_none")]
        older: Option<Option<u64>>,
    },
    Search {
        words: &'a str,
        messages: usize,
    },
    Found {
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
        action: bool,
    },
    SearchEnds {
        words: &'a str,
        older: Option<u64>,
    },
    Said {
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
    },
    Action {
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
    },
    Whisper {
        at: i64,
        from: &'a str,
        text: &'a str,
    },
    Whispered {
        at: i64,
        to: &'a str,
        text: &'a str,
    },
    Joined {
        name: &'a str,
        here: usize,
    },
    Left {
        name: &'a str,
        here: usize,
        cause: &'static str,
        reason: Option<&'a str>,
    },
    Renamed {
        old: &'a str,
        new: &'a str,
    },
    Summed {
        joined: u32,
        left: u32,
        here: usize,
    },
    People {
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
        you: bool,
    },
    Rooms {
        rooms: &'a [(&'a str, usize)],
        more: usize,
    },
    Pong {
        text: &'a str,
    },
    Echo {
        on: bool,
    },
    Ignoring {
        name: &'a str,
    },
    NotIgnoring {
        name: &'a str,
    },
    Ignored {
        names: &'a [&'a str],
    },
    Help {
        lines: &'static [&'static str],
    },
    Note {
        text: String,
    },
    Kicked {
        why: Option<&'a str>,
    },
    Goodbye,
    Ending,
}

/// A refusal: its kind, its text, and the values in the text.
#[derive(Default, Serialize)]
struct Refused<'a> {
    what: &'static str,
    /// Whether the text repeats the nickname prompt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
}

impl Json {
    /// The object for an event; `None` if nothing is sent.
    fn frame<'a>(&self, event: &'a Event<'a>) -> Option<JsonEvent<'a>> {
        let seconds = |at: OffsetDateTime| at.unix_timestamp();
        Some(match *event {
            Event::Notice(ref notice) => return self.notice(notice),
            Event::Refusal(ref refusal) => JsonEvent::Refused(self.refused(refusal)),
            Event::Said { id, at, name, text } => JsonEvent::Said { id, at: seconds(at), name, text },
            Event::Action { id, at, name, text } => JsonEvent::Action { id, at: seconds(at), name, text },
            Event::Whisper { at, from, text } => JsonEvent::Whisper { at: seconds(at), from, text },
            Event::Whispered { at, to, text } => JsonEvent::Whispered { at: seconds(at), to, text },
            Event::Found { id, at, name, text, action } => JsonEvent::Found { id, at: seconds(at), name, text, action },
            Event::Help { .. } => JsonEvent::Help { lines: self.lang.help() },
        })
    }

    fn notice<'a>(&self, notice: &'a Notice<'a>) -> Option<JsonEvent<'a>> {
        Some(match *notice {
            Notice::Hello { run, max_line } => JsonEvent::Hello {
                run: run_text(run),
                version: env!("CARGO_PKG_VERSION"),
                lang: self.lang.code(),
                max_line,
            },
            Notice::Welcome => JsonEvent::Ask,
            // The page derives these itself.
            Notice::NameSet | Notice::Day(_) => return None,
            Notice::Entered { name, room, people: People { here, names, .. } } => {
                JsonEvent::Entered { name, room, here, names }
            }
            Notice::EnteredPeer { name } => JsonEvent::Entered { name, room: "lobby", here: 2, names: &["server"] },
            Notice::EnteredRoom { room, people: People { here, names, .. } } => JsonEvent::Room { room, here, names },
            Notice::HistoryBegins { messages, gap, before } => JsonEvent::History { messages, gap, before },
            Notice::HistoryEnds => JsonEvent::Live { older: None },
            Notice::PageEnds { older } => JsonEvent::Live { older: Some(older) },
            Notice::FoundBegins { words, messages } => JsonEvent::Search { words, messages },
            Notice::FoundEnds { words, older } => JsonEvent::SearchEnds { words, older },
            Notice::Joined { name, here } => JsonEvent::Joined { name, here },
            Notice::Left { name, cause, here } => {
                let (cause, reason) = cause_and_reason(cause);
                JsonEvent::Left { name, here, cause, reason }
            }
            Notice::Renamed { old, new } => JsonEvent::Renamed { old, new },
            Notice::Summed { joined, left, here } => JsonEvent::Summed { joined, left, here },
            Notice::Waiting { number } => JsonEvent::Waiting { number },
            Notice::Pong { text } => JsonEvent::Pong { text },
            Notice::People { room, people: People { here, names, you } }
            | Notice::PeopleIn { room, people: People { here, names, you } } => {
                JsonEvent::People { room, here, names, you }
            }
            Notice::Rooms { rooms, more } => JsonEvent::Rooms { rooms, more },
            Notice::Echo { on } => JsonEvent::Echo { on },
            Notice::Ignoring { name } => JsonEvent::Ignoring { name },
            Notice::NoLongerIgnoring { name } => JsonEvent::NotIgnoring { name },
            Notice::IgnoreList { names } => JsonEvent::Ignored { names },
            Notice::Goodbye => JsonEvent::Goodbye,
            Notice::Kicked { why } => JsonEvent::Kicked { why },
            Notice::ShuttingDown => JsonEvent::Ending,
            ref other => JsonEvent::Note { text: words(self.lang.notice(other))? },
        })
    }

    fn refused<'a>(&self, refusal: &Refusal<'a>) -> Refused<'a> {
        let base = |what| Refused { what, ..Refused::default() };
        let refused = match *refusal {
            Refusal::Taken { name, asked } => Refused { name: Some(name), asked, ..base("taken") },
            Refusal::BadName { why, name, asked } => {
                let why = match why {
                    InvalidNick::Shape => "shape",
                    InvalidNick::Reserved => "reserved",
                };
                Refused { name: Some(name), why: Some(why), asked, ..base("bad_name") }
            }
            Refusal::AlreadyCalled { name } => Refused { name: Some(name), ..base("already_called") },
            Refusal::NamesAreAddresses => base("names_are_addresses"),
            Refusal::LoginTimeout { seconds } => Refused { seconds: Some(seconds), ..base("login_timeout") },
            Refusal::StillWaiting => base("still_waiting"),
            Refusal::OtherProtocol => base("other_protocol"),
            Refusal::Full => base("full"),
            Refusal::Busy => base("busy"),
            Refusal::TooManyFromAddress { most } => Refused { most: Some(most), ..base("too_many_from_address") },
            Refusal::Banned => base("banned"),
            Refusal::Idle { seconds } => Refused { seconds: Some(seconds), ..base("idle") },
            Refusal::TooLong { most } => Refused { most: Some(most), ..base("too_long") },
            Refusal::NotUtf8 => base("not_utf8"),
            Refusal::NoSuchMember { name } => Refused { name: Some(name), ..base("nobody_called") },
            Refusal::Yourself => base("yourself"),
            Refusal::NoWhisperYet => base("nobody_whispered"),
            Refusal::WhispererLeft => base("whisperer_left"),
            Refusal::Usage(usage) => Refused { usage: Some(usage), ..base("usage") },
            Refusal::NoCommand { word } => Refused { word: Some(word), ..base("no_command") },
            Refusal::BadRoomName => base("bad_room_name"),
            Refusal::NoRoom { room } => Refused { room: Some(room), ..base("no_room") },
            Refusal::TooManyRooms { most } => Refused { most: Some(most), ..base("too_many_rooms") },
            Refusal::TooManyStoredRooms { most } => Refused { most: Some(most), ..base("too_many_stored_rooms") },
            Refusal::TooManyCreated { most } => Refused { most: Some(most), ..base("too_many_made") },
            Refusal::InThatRoom { room } => Refused { room: Some(room), ..base("in_that_room") },
            Refusal::NotIgnored { name } => Refused { name: Some(name), ..base("not_ignored") },
            Refusal::TooManyIgnored { most } => Refused { most: Some(most), ..base("too_many_ignored") },
            Refusal::HistoryRange { most } => Refused { most: Some(most), ..base("history_range") },
            Refusal::NoStore => base("no_store"),
            Refusal::LookupFails => base("lookup_fails"),
            // Only for the operator, whose console is plain.
            Refusal::NotBanned { .. }
            | Refusal::NotMuted { .. }
            | Refusal::NoPage { .. }
            | Refusal::ConsoleDoesNotQuit => base("operator"),
        };
        Refused { text: self.lang.refusal(refusal).to_string(), ..refused }
    }
}

/// Writes the number of a run; [`read_run`] parses it.
fn run_text(run: u64) -> String {
    format!("{run:016x}")
}

/// Parses the number of a run as `run_text` writes it; `None` if it is invalid.
pub fn read_run(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok().filter(|&run| run_text(run) == text)
}

/// The text; `None` if it is empty.
fn words(words: impl Display) -> Option<String> {
    Some(words.to_string()).filter(|text| !text.is_empty())
}

/// The name and reason of a cause; closing the page counts as `quit`.
fn cause_and_reason(cause: &Cause) -> (&'static str, Option<&str>) {
    match cause {
        Cause::Quit(reason) => ("quit", reason.as_deref()),
        Cause::EndOfInput => ("quit", None),
        other => (Cause::NAMES[other.number()], None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(event: Event) -> String {
        let mut out = Vec::new();
        Json { lang: Lang::En }.render(&event, &mut out);
        String::from_utf8(out.split_off(if out.get(1) == Some(&126) { 4 } else { 2.min(out.len()) })).unwrap()
    }

    #[test]
    fn message_has_id_and_time() {
        let at = OffsetDateTime::from_unix_timestamp(1_763_640_000).unwrap();
        let said = Event::Said { id: 17, at, name: "bob", text: "a \"b\" \\ <c>\u{7f}" };
        assert_eq!(
            rendered(said),
            r#"{"t":"said","id":17,"at":1763640000,"name":"bob","text":"a \"b\" \\ <c>"#.to_owned() + "\u{7f}\"}"
        );
    }

    #[test]
    fn refusal_has_kind_and_text() {
        assert_eq!(
            rendered(Event::Refusal(Refusal::Taken { name: "alice", asked: true })),
            r#"{"t":"refused","what":"taken","asked":true,"text":"The nickname alice is taken. Try another:","name":"alice"}"#
        );
        assert_eq!(
            rendered(Event::Refusal(Refusal::Yourself)),
            r#"{"t":"refused","what":"yourself","text":"That is you."}"#
        );
    }

    #[test]
    fn notices_have_kinds_and_those_the_page_does_not_need_are_not_sent() {
        assert_eq!(rendered(Event::Notice(Notice::Welcome)), r#"{"t":"ask"}"#);
        assert_eq!(rendered(Event::Notice(Notice::NameSet)), "");
        let people = People { here: 2, names: &["bob"], you: true };
        assert_eq!(
            rendered(Event::Notice(Notice::People { room: "den", people })),
            r#"{"t":"people","room":"den","here":2,"names":["bob"],"you":true}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::Rooms { rooms: &[("lobby", 3)], more: 0 })),
            r#"{"t":"rooms","rooms":[["lobby",3]],"more":0}"#
        );
        let cause = Cause::Quit(Some("lunch".into()));
        assert_eq!(
            rendered(Event::Notice(Notice::Left { name: "bob", cause: &cause, here: 2 })),
            r#"{"t":"left","name":"bob","here":2,"cause":"quit","reason":"lunch"}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::NoHistory)),
            r#"{"t":"note","text":"Nothing has been said here yet."}"#
        );
    }

    #[test]
    fn run_number_parses_only_as_written() {
        for run in [0, 1, u64::MAX] {
            assert_eq!(read_run(&run_text(run)), Some(run));
        }
        for text in ["", "1", "+000000000000001", "00000000000000000", "g000000000000000"] {
            assert_eq!(read_run(text), None, "{text:?}");
        }
    }
}
