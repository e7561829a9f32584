//! Plain data that the hub and the store exchange: what is stored, and what a server starts with.

use compact_str::CompactString;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::event::{Event, MessageKind};
use super::gaps::{Gap, Gaps};
use super::member::RoomRole;
use super::member::markers::Markers;
use super::policy::mask::MaskEntry;
use super::settings::RoomSettings;

/// Maximum stored whispers for one name.
pub const WHISPERS_PER_NAME: usize = 50;

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
        kind.event(id, at, name, text)
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
    /// When it was set, in seconds since 1970; 0 if it is not known.
    #[serde(default)]
    pub at: i64,
}

/// A name that is banned from a room; `until` is in Unix seconds, `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBanRecord {
    pub name: String,
    pub until: Option<i64>,
    /// The name of the account that is banned, if the member had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A role of an account in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRoleRecord {
    pub account: String,
    pub role: RoomRole,
}

/// What is stored of a room besides its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomRecord {
    pub settings: RoomSettings,
    pub topic: Option<TopicRecord>,
    pub bans: Vec<RoomBanRecord>,
    /// The roles of accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoomRoleRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<MaskEntry>,
    /// When it was changed last, in Unix seconds.
    pub changed: Option<i64>,
}

impl RoomRecord {
    /// Whether a room without messages stays because of it: it has a setting or a topic.
    pub fn keeps_room(&self) -> bool {
        self.settings != RoomSettings::default() || self.topic.is_some()
    }
}

/// A shadow mute of an account; `until` is in Unix seconds, `None` for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteRecord {
    pub until: Option<i64>,
}

/// What is stored of an account besides its name and its password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountData {
    /// When it was registered, in Unix seconds.
    pub since: i64,
    /// It is a moderator of the server.
    pub moderator: bool,
    /// The names of the rooms that it follows, in the order in which it followed them.
    pub followed: Vec<CompactString>,
    /// The names that it ignores.
    pub ignored: Vec<CompactString>,
    /// The text that whispers get back, while it is away.
    pub away: Option<Box<str>>,
    /// How far it has read: the name of a room and the id of a message, the one that was set last at the end.
    pub read: Vec<(CompactString, u64)>,
    /// How far it has read, as IRC clients have told.
    #[serde(skip_serializing_if = "Markers::is_empty")]
    pub markers: Markers,
    pub mute: Option<MuteRecord>,
    /// From where its owner registered it or logged in last.
    pub network: Option<IpNet>,
}

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    pub name: String,
    /// What is stored of the password: see [`PasswordJob`](super::password::PasswordJob).
    pub verifier: Box<str>,
    /// The keys of the password; `None` if it has not been given since there are keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scram: Option<Box<str>>,
    pub data: AccountData,
}

/// A ban of a network; `until` is in Unix seconds, `None` for no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRecord {
    pub network: IpNet,
    /// The member that was named in the command, if it was a name.
    pub name: Option<String>,
    pub until: Option<i64>,
}

/// The cluster that a store belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    pub name: String,
    /// As in [`InitialState`]. A store without messages takes them; any other one must have this run already.
    pub run: u64,
    pub cloak_key: [u64; 2],
}

/// The state of a cluster at a position of its log, from which a node goes on after a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// The name of the cluster.
    pub cluster: String,
    /// As in [`InitialState`].
    pub run: u64,
    /// The position in the log.
    pub position: u64,
    /// All ids below this one are used there.
    pub ids: u64,
    /// What the protocol among the nodes knows there, in JSON.
    pub checkpoint: String,
    /// The shared state there, in JSON: see [`Snapshot`](super::Snapshot).
    pub snapshot: String,
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
    /// A new account, or another state of the one with this name in any case.
    Account(Box<AccountRecord>),
    /// An account was removed. If there is none with this name, nothing happens.
    AccountGone {
        name: String,
    },
    /// All ids below this one are used, though nothing was stored.
    NextId(u64),
    /// Messages with these ids may be missing in the store, now and later.
    Gap(Gap),
    /// The store belongs to a cluster from now on.
    Cluster(Box<ClusterRecord>),
    /// The store belongs to no cluster any more: it is that of a single server. Its checkpoint is removed.
    NoCluster,
    /// All that the log of the cluster says up to this position is stored, this record being the last.
    Position(u64),
    /// The state after all records before this one, in place of an earlier one.
    Checkpoint(Box<CheckpointRecord>),
}

/// The stored state that a server starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialState {
    /// Greater than every id that was ever used.
    pub next_id: u64,
    /// Chosen once for each file; below 2^53, so that every JSON reader can represent it.
    pub run: u64,
    /// The secret key of the cloaks of addresses, chosen once for each file.
    pub cloak_key: [u64; 2],
    /// The rooms in the order of creation.
    pub rooms: Vec<InitialRoom>,
    /// The names of other rooms, and what is stored of them besides messages; such a room is read when a member joins it.
    pub stored: Vec<(String, RoomRecord)>,
    /// The bans that are still in force.
    pub bans: Vec<BanRecord>,
    /// The accounts, in the order of their folded names.
    pub accounts: Vec<AccountRecord>,
    /// The ids of which messages may be missing.
    pub gaps: Gaps,
    /// The cluster that the store belongs to.
    pub cluster: Option<InitialCluster>,
}

/// What a store has of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialCluster {
    pub name: String,
    /// What the log says up to this position is stored.
    pub position: u64,
    /// The newest state that is stored, at that position or before it.
    pub checkpoint: Option<CheckpointRecord>,
}

impl InitialState {
    /// Whether nothing was ever stored that members have said or set.
    pub fn is_empty(&self) -> bool {
        let InitialState { next_id, rooms, stored, bans, accounts, .. } = self;
        *next_id <= 1 && rooms.is_empty() && stored.is_empty() && bans.is_empty() && accounts.is_empty()
    }
}

/// A room that a server starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialRoom {
    pub name: String,
    pub record: RoomRecord,
    /// Its newest messages, oldest first.
    pub messages: Vec<Message>,
}
