//! What is to be kept in a file, and what comes back from it: plain data.

use ipnet::IpNet;
use time::OffsetDateTime;

/// Whispers that are kept for one name.
pub const WHISPERS_PER_NAME: usize = 50;

/// How a message was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Said,
    Action,
}

/// A message of a room's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Unique in the file; below 2^63.
    pub id: u64,
    pub room: String,
    /// Kept to the second, and its offset from UTC to the minute.
    pub at: OffsetDateTime,
    pub kind: Kind,
    pub name: String,
    pub text: String,
}

/// What was whispered to one who was not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whisper {
    pub to: String,
    pub from: String,
    /// Kept to the second, and its offset from UTC to the minute.
    pub at: OffsetDateTime,
    pub text: String,
}

/// One change of what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Its room is made if need be. Its id is at least the next one, or it is the same message once more.
    Message(Message),
    /// A room that has been made.
    Room {
        name: String,
    },
    /// A room that is no more, history and all.
    RoomGone {
        name: String,
    },
    /// In place of an earlier one of that network; until that time in Unix seconds, or for ever.
    Ban {
        network: IpNet,
        until: Option<i64>,
    },
    Unban {
        network: IpNet,
    },
    /// Kept for one who is not here.
    Whisper(Whisper),
    /// All that was kept for that name, in whatever case, has been handed over.
    WhispersRead {
        to: String,
    },
    /// Ids below this one have been given, though nothing was stored.
    NextId(u64),
}

/// What a server starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Greater than every id that was ever given.
    pub next_id: u64,
    /// Made once for each file; below 2^53, so that every reader of JSON has it right.
    pub run: u64,
    /// The rooms in the order in which they were made, each with the newest of its messages, the oldest of these first.
    pub rooms: Vec<(String, Vec<Message>)>,
    /// The names of other rooms in which something was said; they are read when somebody joins them.
    pub stored: Vec<String>,
    /// The bans that hold still.
    pub bans: Vec<(IpNet, Option<i64>)>,
}
