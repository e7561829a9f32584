//! Metadata: keys with values, which IRC clients read.

use serde::{Deserialize, Serialize};

use crate::chat::id::{MemberId, RoomId};

/// What has metadata: keys with values, which IRC clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataTarget {
    Member(MemberId),
    Room(RoomId),
}

/// What happens to metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataChange {
    Set {
        key: Box<str>,
        value: Box<str>,
    },
    Unset {
        key: Box<str>,
    },
    /// All keys are removed.
    Clear,
}

/// A change of the metadata of a member or of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMetadata {
    pub by: MemberId,
    pub target: MetadataTarget,
    pub change: MetadataChange,
}
