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
    pub blocked_in: u32,
}
