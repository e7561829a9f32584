//! What is kept.

use ipnet::IpNet;
use time::{OffsetDateTime, UtcOffset};

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
    /// The bans that hold still.
    pub bans: Vec<(IpNet, Option<i64>)>,
}

/// A time as it is stored: Unix seconds, and minutes of offset from UTC.
pub(super) fn parts(at: OffsetDateTime) -> (i64, i64) {
    (at.unix_timestamp(), i64::from(at.offset().whole_minutes()))
}

/// A time from what is stored, if it can be one.
pub(super) fn moment(seconds: i64, minutes: i64) -> Option<OffsetDateTime> {
    let offset = UtcOffset::from_whole_seconds(i32::try_from(minutes.checked_mul(60)?).ok()?).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.checked_to_offset(offset)
}

impl Kind {
    pub(super) fn number(self) -> i64 {
        match self {
            Kind::Said => 0,
            Kind::Action => 1,
        }
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Kind::Said),
            1 => Some(Kind::Action),
            _ => None,
        }
    }
}
