//! The rooms of a cluster, which are the same on all nodes; which of them stay without members.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use time::UtcOffset;

use super::dirty::DirtyQueue;
use super::stored::{StoreUse, StoredRoom};
use super::{Rooms, RoomsState};
use crate::chat::account::table::AccountTable;
use crate::chat::id::{Now, RoomId};
use crate::chat::policy::nick::Name;
use crate::chat::room::Room;
use crate::util::tables::slots::Slots;

/// The rooms in memory without what belongs to one node.
#[derive(Serialize, Deserialize)]
pub struct SharedRooms {
    slots: Slots<Room>,
    emptied: u64,
    #[serde(default)]
    forgotten: u64,
}

impl Rooms {
    /// From now on these are the rooms of all nodes of a cluster. Those of the store that have a topic, settings, bans, masks or a
    /// role of an account are added to memory without their messages, even above the maximum; the others are not known any more.
    /// `last_message` is the id of the newest message of all rooms.
    pub fn use_cluster(&mut self, last_message: u64) {
        self.is_cluster = true;
        let stored = std::mem::take(&mut self.stored);
        if !stored.is_empty() {
            self.forgotten = last_message;
        }
        for (key, stored) in stored {
            self.looks.remove(&stored.name, &key);
            let StoredRoom { name, created, topic, rules, .. } = stored;
            let id = self.add(&Name { shown: (&*name).into(), key });
            let room = &mut self[id];
            (room.created, room.topic, room.rules, room.is_stored) = (created, topic, rules, true);
            room.note_missed(last_message);
            if !self.is_lasting(id) {
                self.remove(id);
            }
        }
        if self.is_over_limit() {
            let (rooms, most) = (self.len(), self.limits.in_memory);
            log::warn!(
                "{rooms} rooms are there, more than --max-rooms {most}: in a cluster those with settings or roles never \
                 leave memory. Give all nodes a greater --max-rooms, or nobody may be able to make another room"
            );
        }
    }

    /// Whether a room has what must not be lost: a topic, settings, bans, masks, or a role of an account.
    pub fn is_lasting(&self, id: RoomId) -> bool {
        self[id].has_lasting_rules() || self[id].rules.has_account_roles()
    }

    /// Whether a room stays when it is empty: it has messages, here or in the store, or settings. In a cluster bans and masks count
    /// as well, and the roles of accounts if there was a message.
    pub fn keeps(&self, room: &Room) -> bool {
        match self.is_cluster {
            true => room.is_kept_by_nodes(),
            false => room.is_stored || !room.history().is_empty() || room.has_settings(),
        }
    }

    /// The newest message that may have been in a room which is not in memory any more; 0 if there was none. A room that is made again
    /// lacks such messages.
    pub fn newest_forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Notes that messages up to this id may be missing in all rooms, also in those that are made later.
    pub fn note_missed(&mut self, id: u64) {
        self.slots.iter_mut().for_each(|room| room.note_missed(id));
        self.forgotten = self.forgotten.max(id);
    }

    /// The rooms in memory as they are on all nodes.
    pub fn shared(&self) -> SharedRooms {
        let shared = |room: &Room| {
            let mut shared = room.shared();
            shared.is_stored &= !self.is_cluster;
            shared
        };
        SharedRooms { slots: self.slots.map(shared), emptied: self.emptied, forgotten: self.forgotten }
    }

    /// Takes the rooms of another node in place of those in memory; `offset` is that of the time here.
    pub fn restore_shared(&mut self, shared: SharedRooms, offset: UtcOffset) {
        let SharedRooms { mut slots, emptied, forgotten } = shared;
        let has_store = self.store != StoreUse::None;
        slots.iter_mut().for_each(|room| room.adopt(offset, has_store));
        let (store, stored) = (self.store, std::mem::take(&mut self.stored));
        let (dirty, summaries) = (DirtyQueue::default(), VecDeque::new());
        self.restore(RoomsState { slots, emptied, forgotten, dirty, summaries, store, stored });
    }
}

impl SharedRooms {
    /// The room with this number, if there is one.
    pub fn get(&self, id: RoomId) -> Option<&Room> {
        self.slots.get(id.index())
    }

    /// All rooms.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.slots.iter().map(|(index, room)| (RoomId::new(index), room))
    }

    /// How often a room has become empty.
    pub fn emptied(&self) -> u64 {
        self.emptied
    }

    /// Forgets the members. Of the rooms those stay that have messages, or what must not be lost; those whose last message is oldest
    /// leave memory first.
    pub fn forget_members(&mut self, accounts: &AccountTable, now: &Now) {
        let mut emptied: Vec<(Option<u64>, usize)> = Vec::new();
        let indexes: Vec<usize> = self.slots.iter().map(|(index, _)| index).collect();
        for index in indexes {
            let room = &mut self.slots[index];
            room.forget_members(accounts, now);
            let newest = room.history().authors().next().map(|(id, _)| id);
            if RoomId::new(index) == RoomId::LOBBY {
                continue;
            }
            match room.is_kept_by_nodes() {
                true => emptied.push((newest, index)),
                false => drop(self.slots.remove(index)),
            }
        }
        emptied.sort_unstable();
        for (_, index) in emptied {
            self.emptied += 1;
            self.slots[index].emptied = self.emptied;
        }
    }
}
