//! Queries about stored messages, and their answers.

use serde::{Deserialize, Serialize};

use super::change::Origin;
use super::id::ClientId;
use super::member::Ignored;
use super::record::{Message, Whisper};

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
    /// The last `n` messages of a room, or the last `n` before the message `before`.
    History { room: String, before: Option<u64>, n: usize },
    /// As [`Lookup::History`], but only messages that contain `words`.
    Search { room: String, words: String, before: Option<u64>, n: usize },
    /// The messages of a room that a member wants to delete.
    Delete { room: String, which: DeleteChoice },
    /// The whispers that were stored for a name.
    Whispers { to: String },
    /// The newest messages of a room that the session wants to read, as many as the server reads at its start.
    Room { room: String, then: RoomUse },
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
    /// Oldest first. For a history or a search one more than requested, if the store has that many.
    Messages(Vec<Message>),
    Whispers(Vec<Whisper>),
    /// The store cannot be read at present.
    Nothing,
}
