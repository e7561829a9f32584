//! Queries about stored messages, and their answers.

use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;

use super::change::Origin;
use super::id::ClientId;
use super::member::Ignored;
use super::record::{Message, Whisper};
use super::span::Span;

/// A query of one session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Query {
    /// The session that waits for the answer.
    pub origin: Origin,
    pub lookup: Lookup,
    /// The members that the asker ignores, whose messages are left out. It may have left when the answer comes.
    #[serde(default)]
    pub ignored: Vec<Ignored>,
}

impl Query {
    /// The session that waits for the answer.
    pub fn asker(&self) -> ClientId {
        self.origin.client
    }
}

/// What a query looks up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lookup {
    /// About `n` messages of a room.
    History {
        room: String,
        /// Earlier versions wrote `before`.
        #[serde(alias = "before")]
        range: HistoryRange,
        n: usize,
    },
    /// About `n` messages of a room between two points, for an IRC session.
    Span { room: String, span: Span, n: usize },
    /// The last `n` messages of a room that contain `words`, or the last `n` of them before the message `before`.
    Search { room: String, words: String, before: Option<u64>, n: usize },
    /// The messages of a room that a member wants to delete.
    Delete { room: String, which: DeleteChoice },
    /// The whispers that were stored for a name.
    Whispers { to: String },
    /// The newest messages of a room that the session wants to read, as many as the server reads at its start.
    Room { room: String, then: RoomUse },
}

/// Which messages of a room are looked up. A message with the given id need not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Earlier versions wrote `null` and a number.
#[serde(untagged)]
pub enum HistoryRange {
    /// The newest messages.
    Latest,
    /// The newest messages before this id.
    Before(u64),
    /// The oldest messages after this id.
    After { after: u64 },
    /// Half of the messages up to this id, half after it.
    Around { around: u64 },
    /// The oldest messages of this day and of the days after it, by the local time of each message.
    On { on: Date },
}

impl HistoryRange {
    /// The messages that are shown before and after the point in the history that the range names, if `n` are wanted.
    pub fn counts(self, n: usize) -> (usize, usize) {
        match self {
            HistoryRange::Latest | HistoryRange::Before(_) => (n, 0),
            HistoryRange::After { .. } | HistoryRange::On { .. } => (0, n),
            HistoryRange::Around { .. } => (n - n / 2, n / 2),
        }
    }

    /// Parses a day, such as `2026-11-20`.
    pub fn parse_day(text: &str) -> Option<Date> {
        Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
    }
}

/// Which messages a member wants to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteChoice {
    /// The message with this id.
    Id(u64),
    /// The last `n` messages whose author had this name, in any case.
    Of { name: String, n: usize },
}

/// What follows when a room was read from the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomUse {
    /// The session is logged in: with the typed nickname, or under its address.
    LogIn { nickname: Option<String> },
    /// Its member enters the room; it may have given a key.
    Join { key: Option<Box<str>> },
    /// Its member has typed this line about the room, which is processed again.
    Command { line: Box<str> },
    /// Its member follows the room; it may have given a key.
    Follow { key: Option<Box<str>> },
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Oldest first. For a search one more than requested, if the store has that many.
    Messages(Vec<Message>),
    /// The messages before and after the point that the range of a history names, or at which the search in a span begins, both
    /// oldest first. On each side one more than [`HistoryRange::counts`] or [`Span::counts`], if there are that many.
    History {
        before: Vec<Message>,
        after: Vec<Message>,
    },
    Whispers(Vec<Whisper>),
    /// The store cannot be read at present.
    Nothing,
}

#[cfg(test)]
mod tests {
    use time::Month;

    use super::*;
    use crate::util::test_json::through_json;

    #[test]
    fn range_is_the_same_after_a_handover_and_that_of_earlier_versions_is_read() {
        let day = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        assert_eq!(HistoryRange::parse_day("2026-11-20"), Some(day));
        for range in [
            HistoryRange::Latest,
            HistoryRange::Before(9),
            HistoryRange::After { after: 9 },
            HistoryRange::Around { around: 9 },
            HistoryRange::On { on: day },
        ] {
            assert_eq!(through_json(&range), range);
        }
        for (before, range) in [("null", HistoryRange::Latest), ("9", HistoryRange::Before(9))] {
            let old = format!(r#"{{"History":{{"room":"den","before":{before},"n":5}}}}"#);
            let lookup: Lookup = serde_json::from_str(&old).unwrap();
            assert_eq!(lookup, Lookup::History { room: "den".into(), range, n: 5 });
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["", "2026-11-31", "2026-02-29", "2026-1-1", "20.11.2026", "2026-11-20 ", "today"] {
            assert_eq!(HistoryRange::parse_day(text), None, "{text}");
        }
    }
}
