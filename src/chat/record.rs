//! Plain data that the hub and the store exchange: what is stored, and what a server starts with.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::event::Event;

/// Maximum stored whispers for one name.
pub const WHISPERS_PER_NAME: usize = 50;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    Said,
    Action,
}

/// A message of a room's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Unique in the store; below 2^63.
    pub id: u64,
    pub room: String,
    /// Stored to the second, with the offset from UTC to the minute.
    pub at: OffsetDateTime,
    pub kind: MessageKind,
    pub name: String,
    pub text: String,
}

impl Message {
    /// The message as it is shown in a room.
    pub fn event(&self) -> Event<'_> {
        let Message { id, at, kind, ref name, ref text, .. } = *self;
        match kind {
            MessageKind::Said => Event::Said { id, at, name, text },
            MessageKind::Action => Event::Action { id, at, name, text },
        }
    }
}

/// A whisper to a name that no member had at the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whisper {
    pub to: String,
    pub from: String,
    /// Stored to the second, with the offset from UTC to the minute.
    pub at: OffsetDateTime,
    pub text: String,
}

/// One change to store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A new message; creates its room if there is none. The id is at least the next id, or the message is a repetition.
    Message(Message),
    /// A room was created.
    Room {
        name: String,
    },
    /// A room and its history were removed.
    RoomGone {
        name: String,
    },
    /// A ban, in place of an earlier one of the same network; `until` is in Unix seconds, `None` for no end.
    Ban {
        network: IpNet,
        until: Option<i64>,
    },
    Unban {
        network: IpNet,
    },
    /// A whisper to store until a member takes its name.
    Whisper(Whisper),
    /// All whispers stored for this name, in any case, have been delivered.
    WhispersRead {
        to: String,
    },
    /// All ids below this one are used, though nothing was stored.
    NextId(u64),
}

/// The stored state that a server starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialState {
    /// Greater than every id that was ever used.
    pub next_id: u64,
    /// Chosen once for each file; below 2^53, so that every JSON reader can represent it.
    pub run: u64,
    /// The rooms in the order of creation, each with its newest messages, oldest first.
    pub rooms: Vec<(String, Vec<Message>)>,
    /// The names of other rooms with messages; such a room is read when a member joins it.
    pub stored: Vec<String>,
    /// The bans that are still in force.
    pub bans: Vec<(IpNet, Option<i64>)>,
}
