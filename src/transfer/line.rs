//! Converts a message to a line of JSON and back, with checks.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chat::command::is_blank;
use crate::chat::policy::nick::Name;
use crate::chat::{OPERATOR, show_addr};
use crate::store::{Message, MessageKind};
use crate::util::clock;
use crate::wire::sanitize::clean;

/// Ids are below this one: 2^53, up to which JSON numbers are exact, minus the ids reserved for new messages.
const ID_END: u64 = (1 << 53) - (1 << 40);
/// Maximum bytes of a text: the highest --max-line.
const MAX_TEXT: usize = 1 << 20;

/// The JSON object of a message, with its members in this order.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonMessage {
    id: u64,
    room: String,
    /// RFC 3339.
    at: String,
    kind: JsonKind,
    name: String,
    text: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum JsonKind {
    Said,
    Action,
    Notice,
}

impl JsonMessage {
    /// Fails for a year that RFC 3339 cannot express.
    pub fn of(message: &Message) -> Result<Self, time::error::Format> {
        let Message { id, ref room, at, kind, ref name, ref text } = *message;
        let kind = match kind {
            MessageKind::Said => JsonKind::Said,
            MessageKind::Action => JsonKind::Action,
            MessageKind::Notice => JsonKind::Notice,
        };
        Ok(JsonMessage {
            id,
            room: room.clone(),
            at: at.format(&Rfc3339)?,
            kind,
            name: name.clone(),
            text: text.clone(),
        })
    }

    /// The message, or the reason why no server can have stored it.
    pub fn message(self) -> Result<Message, String> {
        let JsonMessage { id, room, at, kind, name, text } = self;
        if !(1..ID_END).contains(&id) {
            return Err(format!("its id {id} is not from 1 to {}", ID_END - 1));
        }
        let at = OffsetDateTime::parse(&at, &Rfc3339).ok().filter(|&at| is_time(at)).ok_or_else(|| {
            format!(
                "\"at\" is not a time from 1970 to 9999 in whole seconds, such as 2026-11-20T11:58:02+01:00: {:?}",
                clean(&at)
            )
        })?;
        if !is_room(&room) {
            return Err(format!("{:?} is not a valid room name", clean(&room)));
        }
        if !is_name(&name) {
            return Err(format!("{:?} is not a valid name", clean(&name)));
        }
        if is_blank(&text) {
            return Err("its text is blank".into());
        }
        // The text must be one line without control sequences.
        if text.len() > MAX_TEXT || clean(&text) != text.as_str() {
            return Err("its text is too long or holds control characters".into());
        }
        let kind = match kind {
            JsonKind::Said => MessageKind::Said,
            JsonKind::Action => MessageKind::Action,
            JsonKind::Notice => MessageKind::Notice,
        };
        Ok(Message { id, room, at, kind, name, text })
    }
}

/// Whether a server's clock can show this time.
fn is_time(at: OffsetDateTime) -> bool {
    let (first, last) = clock::RANGE;
    at.nanosecond() == 0 && (first..=last).contains(&at.unix_timestamp())
}

/// Whether it is a valid room name in the server's own spelling.
fn is_room(name: &str) -> bool {
    Name::room(name).is_ok_and(|room| room.shown == name)
}

/// Whether a server can have stored messages under this name: a nickname, its own name, an address, or the name of a poster.
fn is_name(name: &str) -> bool {
    name == OPERATOR
        || is_address(name)
        || Name::is_poster(name)
        || Name::stored(name).is_ok_and(|nickname| nickname.shown == name)
}

/// Whether it is a name given with `--login address`: `IP:PORT` or `unix:NUMBER`, with `#2` and so on if that was taken.
fn is_address(name: &str) -> bool {
    let (addr, number) = name.split_once('#').map_or((name, None), |(addr, number)| (addr, Some(number)));
    let is_number = |number: &str| number.parse::<u64>().is_ok_and(|n| n >= 2 && n.to_string() == number);
    let parsed: Option<SocketAddr> = match addr.strip_prefix("unix:") {
        Some(number) => number.parse().ok().map(|number: u16| (Ipv4Addr::UNSPECIFIED, number).into()),
        None => addr.parse().ok(),
    };
    parsed.is_some_and(|parsed| show_addr(parsed).to_string() == addr) && number.is_none_or(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_any_kind_is_the_same_after_export_and_import() {
        for kind in [MessageKind::Said, MessageKind::Action, MessageKind::Notice] {
            let (room, name, text) = ("den".to_owned(), "bob".to_owned(), "hi".to_owned());
            let message = Message { id: 7, room, at: OffsetDateTime::UNIX_EPOCH, kind, name, text };
            let json = serde_json::to_string(&JsonMessage::of(&message).unwrap()).unwrap();
            assert_eq!(serde_json::from_str::<JsonMessage>(&json).unwrap().message(), Ok(message), "{json}");
        }
    }

    #[test]
    fn only_names_that_a_server_gives_are_valid() {
        for name in [
            "alice",
            "张三",
            "a.b-c_1",
            "аlice",
            "y0u",
            "server",
            "10.1.2.3:4567",
            "10.1.2.3:4567#2",
            "[::1]:80",
            "[::1]:80#12",
            "unix:7",
            "unix:65535#2",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "*",
            "bob->you:",
            "bob:",
            "you",
            "Server",
            "admin",
            "a b",
            " a",
            "e\u{301}",
            "10.1.2.3",
            "10.1.2.3:04567",
            "10.1.2.3:4567#1",
            "10.1.2.3:4567#02",
            "10.1.2.3:4567#",
            "10.1.2.3:70000",
            "[0::1]:80",
            "::1:80",
            "alice#2",
            "server#2",
            "1:2",
            "0.0.0.0:7",
            "unix:07",
            "unix:70000",
            "unix:",
            "\u{3164}",
            "aaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn only_times_that_a_clock_shows_are_valid() {
        for (at, is_one) in [
            ("1970-01-01T00:00:00Z", true),
            ("1969-12-31T23:00:00-01:00", true),
            ("9999-12-30T00:00:00Z", true),
            ("9999-12-30T14:00:00+14:00", true),
            ("1969-12-31T23:59:59Z", false),
            ("0000-01-01T00:00:00+00:01", false),
            ("9999-12-30T00:00:01Z", false),
            ("9999-12-31T23:59:59-00:01", false),
            ("9999-12-31T23:59:59-23:59", false),
            ("2026-11-20T11:58:02.5Z", false),
        ] {
            assert_eq!(is_time(OffsetDateTime::parse(at, &Rfc3339).unwrap()), is_one, "{at}");
        }
    }
}
