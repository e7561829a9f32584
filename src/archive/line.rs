//! A message as a line of JSON.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chat::name::Name;
use crate::store::{Kind, Message};
use crate::wire::hygiene::clean;

/// Bytes of a name; an address with its port is shorter, too.
const MAX_NAME: usize = 256;
/// Bytes of a text: more than any server takes in a line.
const MAX_TEXT: usize = 1 << 20;

/// One object; its members stand in this order.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    id: u64,
    room: String,
    /// RFC 3339.
    at: String,
    kind: Word,
    name: String,
    text: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Said,
    Action,
}

impl Line {
    /// Fails with a year that RFC 3339 does not have.
    pub fn of(message: &Message) -> Result<Self, time::error::Format> {
        let Message { id, ref room, at, kind, ref name, ref text } = *message;
        let kind = match kind {
            Kind::Said => Word::Said,
            Kind::Action => Word::Action,
        };
        Ok(Line { id, room: room.clone(), at: at.format(&Rfc3339)?, kind, name: name.clone(), text: text.clone() })
    }

    /// The message, if a server could have stored it; else what is wrong with it.
    pub fn message(self) -> Result<Message, String> {
        let Line { id, room, at, kind, name, text } = self;
        let at = OffsetDateTime::parse(&at, &Rfc3339)
            .map_err(|_| format!("\"at\" is no time such as 2026-11-20T11:58:02+01:00: {:?}", clean(&at)))?;
        if Name::room(&room).map(|name| name.shown != room.as_str()) != Ok(false) {
            return Err(format!("{:?} cannot be the name of a room", clean(&room)));
        }
        // In what is shown nothing may end a line or be a control sequence.
        if name.is_empty() || name.len() > MAX_NAME || clean(&name) != name.as_str() || name.contains(' ') {
            return Err(format!("{:?} cannot be a name", clean(&name)));
        }
        if text.len() > MAX_TEXT || clean(&text) != text.as_str() {
            return Err("its text is too long or holds control characters".into());
        }
        let kind = match kind {
            Word::Said => Kind::Said,
            Word::Action => Kind::Action,
        };
        Ok(Message { id, room, at, kind, name, text })
    }
}
