//! Checks of a snapshot: it comes from the log, where more than our nodes may write.

use std::collections::BTreeSet;

use super::Snapshot;
use crate::chat::hub::rooms::shared::SharedRooms;
use crate::chat::id::{LOBBY, RoomId};
use crate::chat::member::table::MemberTableState;

/// The last second of a time, since 1970: the end of the year 9998. In each time zone that is a date.
const LAST_SECOND: i64 = 253_370_764_799;
/// Ids of messages and numbers of changes are lower.
const MAX_NUMBER: u64 = 1 << 53;
/// How many sessions a member can have on a node; more are nonsense.
const MAX_SESSIONS: u32 = 1 << 20;

fn is_time(unix: i64) -> bool {
    (0..=LAST_SECOND).contains(&unix)
}

fn is_number(number: u64) -> bool {
    number < MAX_NUMBER
}

impl Snapshot {
    /// Checks that the parts fit together, so that each change can be applied to them.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        self.find_fault().map_err(|fault| {
            format!(
                "the state that another node has given is damaged: {fault}. Start this node again. If that does not help, see that \
                 only the nodes may write to the log, and stop all nodes and start them again"
            )
        })
    }

    fn find_fault(&self) -> Result<(), String> {
        let Snapshot { accounts, members, rooms, node_joins, journal, .. } = self;
        members.check()?;
        accounts.check(is_time, |id| members.get(id).is_some())?;
        check_rooms(rooms)?;
        check_memberships(members, rooms)?;
        let has_account = |account| accounts.get(account).is_some();
        if let Some((_, member, _)) = members.members().find(|(_, member, _)| !member.account().is_none_or(has_account))
        {
            return Err(format!("the account of {:?} is not there", member.name));
        }
        if node_joins.iter().any(|(slot, count)| !members.has(slot) || !(1..=MAX_SESSIONS).contains(&count)) {
            return Err("a node has sessions of a member that is not there".into());
        }
        if !is_number(journal.seq()) || !is_number(journal.last_message_id()) {
            return Err("the number of the last change or message is too large".into());
        }
        Ok(())
    }
}

fn check_rooms(rooms: &SharedRooms) -> Result<(), String> {
    if rooms.get(RoomId::LOBBY).is_none_or(|lobby| *lobby.key != *LOBBY) || !is_number(rooms.emptied()) {
        return Err("the lobby is missing".into());
    }
    let (mut keys, mut emptied) = (BTreeSet::new(), BTreeSet::new());
    for (id, room) in rooms.iter() {
        room.check(is_number, is_time)?;
        let is_emptied = id == RoomId::LOBBY || !room.members.is_empty() || emptied.insert(room.emptied);
        if room.key.is_empty() || !keys.insert(&room.key) || !is_emptied || room.emptied > rooms.emptied() {
            return Err(format!("the room {:?} is wrong, or is there twice", room.name));
        }
    }
    Ok(())
}

/// Checks that the rooms and the members agree: each membership of a member names its place in the list of the room, and the
/// lists have no other entries.
fn check_memberships(members: &MemberTableState, rooms: &SharedRooms) -> Result<(), String> {
    let mut known = 0;
    for (slot, member, memberships) in members.members() {
        let mut own = BTreeSet::new();
        for membership in &memberships {
            let place = rooms.get(membership.room).and_then(|room| room.members.get(membership.place as usize));
            if place != Some(&slot) || !own.insert(membership.room) {
                return Err(format!("{:?} is not where it should be in a room", member.name));
            }
        }
        known += memberships.len();
    }
    match known == rooms.iter().map(|(_, room)| room.members.len()).sum::<usize>() {
        true => Ok(()),
        false => Err("a room lists a member that is not in it".into()),
    }
}
