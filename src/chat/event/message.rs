//! The kinds of messages in rooms.

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use super::Event;

/// The kind of a message in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    Said,
    /// `/me`.
    Action,
    /// NOTICE of IRC: programs never answer it (RFC 2812, section 3.3.2).
    Notice,
}

impl MessageKind {
    /// The event of a message of this kind.
    #[inline]
    pub fn event<'a>(self, id: u64, at: OffsetDateTime, name: &'a str, text: &'a str) -> Event<'a> {
        match self {
            MessageKind::Said => Event::Said { id, at, name, text },
            MessageKind::Action => Event::Action { id, at, name, text },
            MessageKind::Notice => Event::Noticed { id, at, name, text },
        }
    }

    /// What stands between the name and the text on the screen.
    pub fn separator(self) -> &'static str {
        if self == MessageKind::Action { " " } else { ": " }
    }
}

/// A message as its event holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageView<'a> {
    pub kind: MessageKind,
    pub id: u64,
    pub at: OffsetDateTime,
    pub name: &'a str,
    pub text: &'a str,
}

impl<'a> Event<'a> {
    /// The message, if it is one of a room that has just been said.
    #[inline]
    pub fn message(&self) -> Option<MessageView<'a>> {
        let (kind, id, at, name, text) = match *self {
            Event::Said { id, at, name, text } => (MessageKind::Said, id, at, name, text),
            Event::Action { id, at, name, text } => (MessageKind::Action, id, at, name, text),
            Event::Noticed { id, at, name, text } => (MessageKind::Notice, id, at, name, text),
            _ => return None,
        };
        Some(MessageView { kind, id, at, name, text })
    }
}

/// Reads a kind, or whether the message is an action, which earlier versions wrote.
pub fn kind_or_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MessageKind, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        IsAction(bool),
        Kind(MessageKind),
    }

    Ok(match Stored::deserialize(deserializer)? {
        Stored::IsAction(true) => MessageKind::Action,
        Stored::IsAction(false) => MessageKind::Said,
        Stored::Kind(kind) => kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_read_as_written_and_as_earlier_versions_wrote_it() {
        let read = |json: &str| kind_or_flag(&mut serde_json::Deserializer::from_str(json)).ok();
        for kind in [MessageKind::Said, MessageKind::Action, MessageKind::Notice] {
            assert_eq!(read(&serde_json::to_string(&kind).unwrap()), Some(kind));
        }
        assert_eq!((read("true"), read("false")), (Some(MessageKind::Action), Some(MessageKind::Said)));
        assert_eq!(read("\"Other\""), None);
    }

    #[test]
    fn event_of_a_kind_is_a_message_of_that_kind() {
        for kind in [MessageKind::Said, MessageKind::Action, MessageKind::Notice] {
            let (id, at, name, text) = (7, OffsetDateTime::UNIX_EPOCH, "bob", "hi");
            let message = MessageView { kind, id, at, name, text };
            assert_eq!(kind.event(id, at, name, text).message(), Some(message));
        }
    }
}
