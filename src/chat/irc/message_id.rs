//! The ids of messages as IRC shows them (`msgid`): <https://ircv3.net/specs/extensions/message-ids>.

use std::fmt;

/// The id of a message. It has the number of the run of the server, since the next run gives the others again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageId {
    /// Of a message of a room.
    Room { run: u64, id: u64 },
    /// Of a message that is not for a whole room.
    Private { run: u64, id: u64 },
}

impl MessageId {
    /// Parses an id as [`MessageId`] is displayed.
    pub fn parse(text: &str) -> Option<MessageId> {
        let (run, number) = text.split_once('-')?;
        let run = u64::from_str_radix(run, 16).ok()?;
        Some(match number.strip_prefix('p') {
            Some(id) => MessageId::Private { run, id: u64::from_str_radix(id, 16).ok()? },
            None => MessageId::Room { run, id: number.parse().ok()? },
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            MessageId::Room { run, id } => write!(f, "{run:x}-{id}"),
            MessageId::Private { run, id } => write!(f, "{run:x}-p{id:x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_read_as_it_is_shown() {
        for id in [MessageId::Room { run: 0xab, id: 12 }, MessageId::Private { run: u64::MAX, id: u64::MAX }] {
            assert_eq!(MessageId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(MessageId::Private { run: 255, id: 255 }.to_string(), "ff-pff");
        for text in ["", "7", "-", "x-7", "7-", "7-x", "7-p", "7-7-7", "7-99999999999999999999"] {
            assert_eq!(MessageId::parse(text), None, "{text}");
        }
    }
}
