//! The place of a session in the log of a room.

use serde::{Deserialize, Serialize};

use crate::chat::id::RoomId;
use crate::chat::room::segment_log::Cursor;

/// One session reads one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub room: RoomId,
    /// Its index among the readers of the room.
    pub place: u32,
    pub cursor: Cursor,
    /// Before this point there may be entries to skip: notices in the history, its own lines.
    pub filtered_to: Cursor,
    /// The segment in which it was last marked as blocked.
    #[serde(default = "never_blocked", skip_serializing_if = "is_never_blocked")]
    pub blocked_in: u32,
}

impl Subscription {
    /// In place of a segment: it was not marked as blocked.
    pub const NEVER_BLOCKED: u32 = u32::MAX;
}

fn never_blocked() -> u32 {
    Subscription::NEVER_BLOCKED
}

fn is_never_blocked(segment: &u32) -> bool {
    *segment == never_blocked()
}
