//! Checks changes of the metadata of members and of rooms.

use super::existing;
use super::permissions::Act;
use crate::chat::change::{MetadataChange, MetadataTarget, SetMetadata};
use crate::chat::event::Refusal;
use crate::chat::hub::Shared;
use crate::chat::irc::metadata::{MAX_KEYS, Metadata};

/// Checks a change of metadata: a member changes its own, and who may change the settings of a room that of the room.
pub fn check_metadata<'a>(shared: &'a Shared, set: &SetMetadata) -> Result<(), Refusal<'a>> {
    let by = shared.members.person(set.by).ok_or(Refusal::NoSuchMember { name: "" })?;
    let metadata = match set.target {
        MetadataTarget::Member(member) if member == set.by => by.metadata(),
        MetadataTarget::Member(member) if shared.members.get(member).is_none() => {
            return Err(Refusal::NoSuchMember { name: "" });
        }
        MetadataTarget::Member(_) => return Err(Refusal::NotAllowed { room: None }),
        MetadataTarget::Room(room) => {
            existing(shared, room)?;
            shared.permit(set.by, Act::ChangeSettings, Some(room))?;
            &shared.rooms[room].metadata
        }
    };
    match &set.change {
        MetadataChange::Set { key, .. } if is_full_for(metadata, key) => Err(Refusal::TooManyKeys { most: MAX_KEYS }),
        _ => Ok(()),
    }
}

/// Whether there is no room for one more key, which this would be.
fn is_full_for(metadata: &Metadata, key: &str) -> bool {
    metadata.len() >= MAX_KEYS && metadata.get(key).is_none()
}
