//! Plain data that the hub and the store exchange: what is stored, and what a server starts with.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::event::Event;
use super::settings::RoomSettings;

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

/// A topic: the name of the member that has set it, at that time, and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicRecord {
    pub name: String,
    pub text: String,
}

/// A name that is banned from a room; `until` is in Unix seconds, `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBanRecord {
    pub name: String,
    pub until: Option<i64>,
}

/// What is stored of a room besides its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomRecord {
    pub settings: RoomSettings,
    pub topic: Option<TopicRecord>,
    pub bans: Vec<RoomBanRecord>,
    /// When it was changed last, in Unix seconds.
    pub changed: Option<i64>,
}

impl RoomRecord {
    /// Whether a room without messages stays because of it: it has a setting or a topic.
    pub fn keeps_room(&self) -> bool {
        self.settings != RoomSettings::default() || self.topic.is_some()
    }
}

/// A ban of a network; `until` is in Unix seconds, `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRecord {
    pub network: IpNet,
    /// The member that was named in the command, if it was a name.
    pub name: Option<String>,
    pub until: Option<i64>,
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
    /// What is stored of a room besides its messages has changed; creates the room if there is none.
    Settings {
        room: String,
        record: Box<RoomRecord>,
    },
    /// These messages of a room were deleted by a moderator or their author. Messages that do not exist are no error.
    Delete {
        room: String,
        ids: Vec<u64>,
    },
    /// A ban, in place of an earlier one of the same network.
    Ban(BanRecord),
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
    /// The rooms in the order of creation.
    pub rooms: Vec<InitialRoom>,
    /// The names of other rooms, and what is stored of them besides messages; such a room is read when a member joins it.
    pub stored: Vec<(String, RoomRecord)>,
    /// The bans that are still in force.
    pub bans: Vec<BanRecord>,
}

/// A room that a server starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialRoom {
    pub name: String,
    pub record: RoomRecord,
    /// Its newest messages, oldest first.
    pub messages: Vec<Message>,
}
