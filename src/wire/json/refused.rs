//! Refusals as JSON.

use serde::Serialize;

use crate::chat::policy::nick::InvalidNick;
use crate::chat::{Lang, Refusal};

/// A refusal: its kind, its text, and the values in the text.
#[derive(Default, Serialize)]
pub struct Refused<'a> {
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

impl<'a> Refused<'a> {
    /// A refusal with its text in a language.
    pub fn new(lang: Lang, refusal: &Refusal<'a>) -> Self {
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
            Refusal::NotInRoom { room } | Refusal::NotMember { room } => {
                Refused { room: Some(room), ..base("not_in_room") }
            }
            Refusal::FollowsAlready { room } => Refused { room: Some(room), ..base("follows_already") },
            Refusal::NotFollowed { room } => Refused { room: Some(room), ..base("not_followed") },
            Refusal::TooManyFollowed { most } => Refused { most: Some(most), ..base("too_many_followed") },
            Refusal::TextTooLong { most } => Refused { most: Some(most), ..base("text_too_long") },
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
        Refused { text: lang.refusal(refusal).to_string(), ..refused }
    }
}
