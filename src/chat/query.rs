//! Queries about stored messages, and their answers.

use super::change::{Message, Whisper};
use super::id::{ClientId, Session};

/// A query of one session.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) asker: ClientId,
    pub(super) session: Session,
    pub lookup: Lookup,
}

impl Query {
    /// The client that waits for the answer.
    pub fn asker(&self) -> ClientId {
        self.asker
    }
}

/// What a query looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The last `n` messages of a room, or the last `n` before the message `before`.
    History { room: String, before: Option<u64>, n: usize },
    /// As [`Lookup::History`], but only messages that contain `words`.
    Search { room: String, words: String, before: Option<u64>, n: usize },
    /// The whispers that were stored for a name.
    Whispers { to: String },
    /// The newest messages of a room that the client wants to enter, as many as the server reads at its start.
    ///
    /// A client that is not logged in is logged in first: with the typed `nickname`, or under its address.
    Room { room: String, nickname: Option<String> },
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Oldest first; one more than requested if the store has that many.
    Messages(Vec<Message>),
    Whispers(Vec<Whisper>),
    /// The store cannot be read at present.
    Nothing,
}
