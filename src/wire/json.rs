//! The dialect of the web page: each event is one JSON object in a text frame of its own.
//!
//! The member `t` tells the kind of an object, and `Frame` lists them all.

use std::fmt::Display;

use serde::Serialize;
use time::OffsetDateTime;

use super::frame;
use crate::chat::policy::nick::InvalidNick;
use crate::chat::{Cause, Event, Lang, Notice, People, Refusal, Render};

/// Renders events as JSON.
pub struct Json {
    /// The language of those words of the server's that stand in it.
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

/// What is sent. Times are in seconds since 1970, UTC.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Frame<'a> {
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
    /// `older` only at the end of what was asked for.
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

/// A refusal: which, in words, and what stands in the words.
#[derive(Default, Serialize)]
struct Refused<'a> {
    what: &'static str,
    /// The prompt for a nickname is given again.
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
    /// What is sent of an event; `None` where that is nothing.
    fn frame<'a>(&self, event: &'a Event<'a>) -> Option<Frame<'a>> {
        let seconds = |at: OffsetDateTime| at.unix_timestamp();
        Some(match *event {
            Event::Notice(ref notice) => return self.notice(notice),
            Event::Refusal(ref refusal) => Frame::Refused(self.refused(refusal)),
            Event::Said { id, at, name, text } => Frame::Said { id, at: seconds(at), name, text },
            Event::Action { id, at, name, text } => Frame::Action { id, at: seconds(at), name, text },
            Event::Whisper { at, from, text } => Frame::Whisper { at: seconds(at), from, text },
            Event::Whispered { at, to, text } => Frame::Whispered { at: seconds(at), to, text },
            Event::Found { id, at, name, text, action } => Frame::Found { id, at: seconds(at), name, text, action },
            Event::Help { .. } => Frame::Help { lines: self.lang.help() },
        })
    }

    fn notice<'a>(&self, notice: &'a Notice<'a>) -> Option<Frame<'a>> {
        Some(match *notice {
            Notice::Hello { run, max_line } => Frame::Hello {
                run: run_text(run),
                version: env!("CARGO_PKG_VERSION"),
                lang: self.lang.code(),
                max_line,
            },
            Notice::Welcome => Frame::Ask,
            // The page makes these of what it knows.
            Notice::NameSet | Notice::Day(_) => return None,
            Notice::Entered { name, room, people: People { here, names, .. } } => {
                Frame::Entered { name, room, here, names }
            }
            Notice::EnteredPeer { name } => Frame::Entered { name, room: "lobby", here: 2, names: &["server"] },
            Notice::EnteredRoom { room, people: People { here, names, .. } } => Frame::Room { room, here, names },
            Notice::HistoryBegins { messages, gap, before } => Frame::History { messages, gap, before },
            Notice::HistoryEnds => Frame::Live { older: None },
            Notice::PageEnds { older } => Frame::Live { older: Some(older) },
            Notice::FoundBegins { words, messages } => Frame::Search { words, messages },
            Notice::FoundEnds { words, older } => Frame::SearchEnds { words, older },
            Notice::Joined { name, here } => Frame::Joined { name, here },
            Notice::Left { name, cause, here } => {
                let (cause, reason) = cause_and_reason(cause);
                Frame::Left { name, here, cause, reason }
            }
            Notice::Renamed { old, new } => Frame::Renamed { old, new },
            Notice::Summed { joined, left, here } => Frame::Summed { joined, left, here },
            Notice::Waiting { number } => Frame::Waiting { number },
            Notice::Pong { text } => Frame::Pong { text },
            Notice::People { room, people: People { here, names, you } }
            | Notice::PeopleIn { room, people: People { here, names, you } } => {
                Frame::People { room, here, names, you }
            }
            Notice::Rooms { rooms, more } => Frame::Rooms { rooms, more },
            Notice::Echo { on } => Frame::Echo { on },
            Notice::Ignoring { name } => Frame::Ignoring { name },
            Notice::NoLongerIgnoring { name } => Frame::NotIgnoring { name },
            Notice::IgnoreList { names } => Frame::Ignored { names },
            Notice::Goodbye => Frame::Goodbye,
            Notice::Kicked { why } => Frame::Kicked { why },
            Notice::ShuttingDown => Frame::Ending,
            ref other => Frame::Note { text: words(self.lang.notice(other))? },
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
            Refusal::NobodyCalled { name } => Refused { name: Some(name), ..base("nobody_called") },
            Refusal::Yourself => base("yourself"),
            Refusal::NobodyWhispered => base("nobody_whispered"),
            Refusal::WhispererLeft => base("whisperer_left"),
            Refusal::Usage(usage) => Refused { usage: Some(usage), ..base("usage") },
            Refusal::NoCommand { word } => Refused { word: Some(word), ..base("no_command") },
            Refusal::BadRoomName => base("bad_room_name"),
            Refusal::NoRoom { room } => Refused { room: Some(room), ..base("no_room") },
            Refusal::TooManyRooms { most } => Refused { most: Some(most), ..base("too_many_rooms") },
            Refusal::TooManyStoredRooms { most } => Refused { most: Some(most), ..base("too_many_stored_rooms") },
            Refusal::TooManyMade { most } => Refused { most: Some(most), ..base("too_many_made") },
            Refusal::InThatRoom { room } => Refused { room: Some(room), ..base("in_that_room") },
            Refusal::NotIgnored { name } => Refused { name: Some(name), ..base("not_ignored") },
            Refusal::TooManyIgnored { most } => Refused { most: Some(most), ..base("too_many_ignored") },
            Refusal::HistoryRange { most } => Refused { most: Some(most), ..base("history_range") },
            Refusal::NoStore => base("no_store"),
            Refusal::LookupFails => base("lookup_fails"),
            // For the operator alone, whose console is plain.
            Refusal::NotBanned { .. }
            | Refusal::NotMuted { .. }
            | Refusal::NoPage { .. }
            | Refusal::ConsoleDoesNotQuit => base("operator"),
        };
        Refused { text: self.lang.refusal(refusal).to_string(), ..refused }
    }
}

/// How the number of a run is written; [`read_run`] reads it.
fn run_text(run: u64) -> String {
    format!("{run:016x}")
}

/// The number of a run, as it was written.
pub fn read_run(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok().filter(|&run| run_text(run) == text)
}

/// Words, if the language has any.
fn words(words: impl Display) -> Option<String> {
    Some(words.to_string()).filter(|text| !text.is_empty())
}

/// One who closed the page has left by their own wish.
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
    fn what_is_said_has_its_number_and_time() {
        let at = OffsetDateTime::from_unix_timestamp(1_763_640_000).unwrap();
        let said = Event::Said { id: 17, at, name: "bob", text: "a \"b\" \\ <c>\u{7f}" };
        assert_eq!(
            rendered(said),
            r#"{"t":"said","id":17,"at":1763640000,"name":"bob","text":"a \"b\" \\ <c>"#.to_owned() + "\u{7f}\"}"
        );
    }

    #[test]
    fn a_refusal_tells_what_and_in_words() {
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
    fn kinds_are_told_apart_and_what_a_page_does_not_need_is_not_sent() {
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
    fn the_number_of_a_run_is_read_as_it_was_written() {
        for run in [0, 1, u64::MAX] {
            assert_eq!(read_run(&run_text(run)), Some(run));
        }
        for text in ["", "1", "+000000000000001", "00000000000000000", "g000000000000000"] {
            assert_eq!(read_run(text), None, "{text:?}");
        }
    }
}
