//! The rooms in memory, by number and by name.

use crate::chat::id::LOBBY;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::{Index, IndexMut};

use slab::Slab;

use crate::chat::id::RoomId;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::room::Room;
use crate::chat::room::segment_log::Retention;

/// Empty rooms that are checked at most when one must leave memory.
const EVICTION_CANDIDATES: usize = 64;

/// The rooms in memory, and the queue of dirty rooms, whose members may have unread lines.
///
/// Every operation takes at most logarithmic time in the number of rooms.
pub struct Rooms {
    retention: Retention,
    max_rooms: usize,
    /// Clients may use several encodings.
    several_encodings: bool,
    slots: Slab<Room>,
    index: HashMap<Box<str>, RoomId>,
    /// Rooms with members.
    occupied: BTreeSet<RoomId>,
    /// Rooms without members, except the lobby, by the time at which they became empty.
    empty: BTreeMap<u64, RoomId>,
    /// Counts the times that a room became empty.
    emptied: u64,
    /// Numbers of dirty rooms. `stale` of them are removed or clean by now.
    dirty: VecDeque<RoomId>,
    stale: usize,
}

impl Rooms {
    /// Creates the rooms with only the lobby.
    pub fn new(retention: Retention, max_rooms: usize) -> Self {
        let mut slots = Slab::new();
        slots.insert(Room::new(LOBBY, LOBBY, retention, false));
        Rooms {
            retention,
            max_rooms,
            several_encodings: false,
            slots,
            index: HashMap::from([(LOBBY.into(), RoomId::LOBBY)]),
            occupied: BTreeSet::new(),
            empty: BTreeMap::new(),
            emptied: 0,
            dirty: VecDeque::new(),
            stale: 0,
        }
    }

    /// Allows several encodings. Must be called before the first connection.
    pub fn enable_encodings(&mut self) {
        self.several_encodings = true;
        self[RoomId::LOBBY] = Room::new(LOBBY, LOBBY, self.retention, true);
    }

    /// The number of rooms in memory.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the maximum number of rooms in memory is reached.
    pub fn is_full(&self) -> bool {
        self.len() >= self.max_rooms
    }

    /// Finds a room by its folded name.
    pub fn find(&self, key: &str) -> Option<RoomId> {
        self.index.get(key).copied()
    }

    /// Finds a room by its name as typed; case, width and Unicode composition do not matter.
    pub fn find_typed(&self, text: &str) -> Option<RoomId> {
        self.find(&key_of(text)?)
    }

    /// Adds an empty room with a new name, even above the maximum. It counts as the most recently used.
    pub fn add(&mut self, name: &Name) -> RoomId {
        let id =
            RoomId(self.slots.insert(Room::new(&name.shown, &name.key, self.retention, self.several_encodings)) as u32);
        self.index.insert(name.key.clone(), id);
        self.note_empty(id);
        id
    }

    /// Removes the empty room that was used least recently. Stored rooms are considered only if `stored` is true.
    pub fn evict_empty(&mut self, stored: bool) -> Option<Room> {
        let may_go = |id: &RoomId| stored || !self[*id].is_stored;
        let id = self.empty.values().take(EVICTION_CANDIDATES).copied().find(may_go)?;
        Some(self.remove(id))
    }

    /// Notes that a member has entered a room; must be called after it was added.
    pub fn note_entered(&mut self, id: RoomId) {
        if self[id].members.len() == 1 {
            let emptied = std::mem::take(&mut self[id].emptied);
            self.empty.remove(&emptied);
            self.occupied.insert(id);
        }
    }

    /// Notes that a member has left a room.
    ///
    /// Removes and returns the room if it is empty now and has no history; the lobby always stays.
    pub fn note_left(&mut self, id: RoomId) -> Option<Room> {
        if !self[id].members.is_empty() {
            return None;
        }
        self.occupied.remove(&id);
        self.note_empty(id);
        (id != RoomId::LOBBY && !self[id].has_history()).then(|| self.remove(id))
    }

    /// Makes the room the most recently used of the empty ones. The lobby is not counted among them.
    pub fn note_empty(&mut self, id: RoomId) {
        if id != RoomId::LOBBY {
            let before = self[id].emptied;
            self.empty.remove(&before);
            self.emptied += 1;
            self[id].emptied = self.emptied;
            self.empty.insert(self.emptied, id);
        }
    }

    fn remove(&mut self, id: RoomId) -> Room {
        let room = self.slots.remove(id.0 as usize);
        self.index.remove(&room.key);
        self.empty.remove(&room.emptied);
        self.stale += usize::from(room.dirty);
        crate::util::shrink::slab(&mut self.slots);
        crate::util::shrink::map(&mut self.index);
        room
    }

    /// The room with that number, if it exists.
    pub fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.slots.get_mut(id.0 as usize)
    }

    /// Rooms with members.
    pub fn occupied(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.occupied.iter().map(|&id| (id, &self[id]))
    }

    /// Rooms without members except the lobby, the most recently used first.
    pub fn empty(&self) -> impl Iterator<Item = &Room> {
        self.empty.values().rev().map(|&id| &self[id])
    }

    /// The log of the room has grown: its members must be visited by the sweep.
    pub fn mark_dirty(&mut self, id: RoomId) {
        let room = &mut self[id];
        room.restart_sweep();
        if !room.dirty && !room.members.is_empty() {
            room.dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// Whether any room is dirty.
    pub fn has_dirty(&self) -> bool {
        self.dirty.len() > self.stale
    }

    /// The dirty room that is swept now.
    pub fn first_dirty(&mut self) -> Option<RoomId> {
        loop {
            let id = *self.dirty.front()?;
            if self.slots.get(id.0 as usize).is_some_and(|room| room.dirty) {
                return Some(id);
            }
            self.dirty.pop_front();
            self.stale -= 1;
        }
    }

    /// All members of the first dirty room have been visited.
    pub fn finish_first_dirty(&mut self) {
        if let Some(id) = self.dirty.pop_front() {
            self[id].dirty = false;
        }
        crate::util::shrink::queue(&mut self.dirty);
    }

    /// Moves the first dirty room to the end, so that the next one has its turn.
    pub fn rotate_dirty(&mut self) {
        if self.dirty.len() > 1 {
            self.dirty.rotate_left(1);
        }
    }
}

#[cfg(test)]
impl Rooms {
    /// All rooms with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.slots.iter().map(|(slot, room)| (RoomId(slot as u32), room))
    }

    /// Checks the indices against the rooms.
    ///
    /// # Errors
    /// Returns the first difference.
    pub fn audit(&self) -> Result<(), String> {
        let occupied = self.iter().filter(|(_, room)| !room.members.is_empty()).map(|(id, _)| id);
        let dirty = self.iter().filter(|(_, room)| room.dirty).count();
        let is_empty = |(id, room): &(RoomId, &Room)| *id != RoomId::LOBBY && room.members.is_empty();
        let indexed = |(id, room): (RoomId, &Room)| self.empty.get(&room.emptied) == Some(&id);
        match () {
            () if !occupied.eq(self.occupied.iter().copied()) => Err("the index of occupied rooms is wrong".into()),
            () if !self.iter().filter(is_empty).all(indexed) => Err("an empty room is not in the index".into()),
            () if self.iter().filter(is_empty).count() != self.empty.len() => {
                Err("the index of empty rooms has too many entries".into())
            }
            () if self.dirty.len() != dirty + self.stale => {
                Err(format!("{dirty} rooms are dirty, {} are queued and {} stale", self.dirty.len(), self.stale))
            }
            () => Ok(()),
        }
    }
}

impl Index<RoomId> for Rooms {
    type Output = Room;

    fn index(&self, id: RoomId) -> &Room {
        self.slots.get(id.0 as usize).expect("the number of a room that exists")
    }
}

impl IndexMut<RoomId> for Rooms {
    fn index_mut(&mut self, id: RoomId) -> &mut Room {
        self.slots.get_mut(id.0 as usize).expect("the number of a room that exists")
    }
}
