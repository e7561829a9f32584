//! Questions about stored messages, and their answers.

use super::change::{Message, Whisper};
use super::id::{ClientId, Session};

/// A question.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) asker: ClientId,
    pub(super) session: Session,
    /// What is to be looked up.
    pub lookup: Lookup,
}

impl Query {
    /// Who wants to know.
    pub fn asker(&self) -> ClientId {
        self.asker
    }
}

/// What is to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The last `n` messages of a room, or the last before one of them.
    History { room: String, before: Option<u64>, n: usize },
    /// The last `n` messages of a room, or the last before one of them, in which words are found.
    Search { room: String, words: String, before: Option<u64>, n: usize },
    /// What was whispered to a name while nobody had it.
    Whispers { to: String },
    /// As much of what was said in a room as is read at the start, for somebody who goes there; they are logged in first
    /// if `nickname` is what they have typed, or their address is their name.
    Room { room: String, nickname: Option<String> },
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The oldest first; one more than was asked for if there are as many.
    Messages(Vec<Message>),
    Whispers(Vec<Whisper>),
    /// The file cannot be read now.
    Nothing,
}
