//! All rooms that are in memory, by number and by name.

use crate::chat::id::LOBBY;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::{Index, IndexMut};

use slab::Slab;

use crate::chat::id::RoomId;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::room::Room;
use crate::chat::room::segment_log::Retention;

/// Empty rooms among which one is looked for that may leave memory.
const CANDIDATES: usize = 64;

/// The rooms and the queue of those in which somebody has something to read. Nothing here takes longer where there
/// are more rooms, but for a logarithm.
pub struct Rooms {
    keep: Retention,
    most: usize,
    /// People may read in several dialects.
    several: bool,
    slots: Slab<Room>,
    index: HashMap<Box<str>, RoomId>,
    /// Those with members.
    occupied: BTreeSet<RoomId>,
    /// Those without, but for the lobby, by when they became empty.
    empty: BTreeMap<u64, RoomId>,
    /// Grows with each room that becomes empty.
    emptied: u64,
    /// May hold numbers of rooms that are gone or clean by now; `stale` of them.
    dirty: VecDeque<RoomId>,
    stale: usize,
}

impl Rooms {
    /// The lobby alone.
    pub fn new(keep: Retention, most: usize) -> Self {
        let mut slots = Slab::new();
        slots.insert(Room::new(LOBBY, LOBBY, keep, false));
        Rooms {
            keep,
            most,
            several: false,
            slots,
            index: HashMap::from([(LOBBY.into(), RoomId::LOBBY)]),
            occupied: BTreeSet::new(),
            empty: BTreeMap::new(),
            emptied: 0,
            dirty: VecDeque::new(),
            stale: 0,
        }
    }

    /// From now on people may read in several dialects; to be called before anybody comes.
    pub fn enable_encodings(&mut self) {
        self.several = true;
        self[RoomId::LOBBY] = Room::new(LOBBY, LOBBY, self.keep, true);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether one more would be too many.
    pub fn is_full(&self) -> bool {
        self.len() >= self.most
    }

    /// The room of that folded name.
    pub fn find(&self, key: &str) -> Option<RoomId> {
        self.index.get(key).copied()
    }

    /// Finds a room by its name as typed, whatever its case, width or composition.
    pub fn find_typed(&self, text: &str) -> Option<RoomId> {
        self.find(&key_of(text)?)
    }

    /// Makes a room of a name that none has, however many there are. It is empty, and used last.
    pub fn add(&mut self, name: &Name) -> RoomId {
        let id = RoomId(self.slots.insert(Room::new(&name.shown, &name.key, self.keep, self.several)) as u32);
        self.index.insert(name.key.clone(), id);
        self.note_empty(id);
        id
    }

    /// Takes the empty room out that was used least recently; one that is stored only if `stored` may leave memory.
    pub fn give_way(&mut self, stored: bool) -> Option<Room> {
        let may_go = |id: &RoomId| stored || !self[*id].is_stored;
        let id = self.empty.values().take(CANDIDATES).copied().find(may_go)?;
        Some(self.remove(id))
    }

    /// The newest member of a room is its first one, or others were there.
    pub fn note_entered(&mut self, id: RoomId) {
        if self[id].members.len() == 1 {
            let emptied = std::mem::take(&mut self[id].emptied);
            self.empty.remove(&emptied);
            self.occupied.insert(id);
        }
    }

    /// A member has left a room; it is returned if that was the last one and it has no history, as it is gone then.
    pub fn note_left(&mut self, id: RoomId) -> Option<Room> {
        if !self[id].members.is_empty() {
            return None;
        }
        self.occupied.remove(&id);
        self.note_empty(id);
        (id != RoomId::LOBBY && !self[id].has_history()).then(|| self.remove(id))
    }

    /// Of the empty rooms that one is used last from now on.
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

    /// The room of that number, if there is one.
    pub fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.slots.get_mut(id.0 as usize)
    }

    /// Those with members.
    pub fn occupied(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.occupied.iter().map(|&id| (id, &self[id]))
    }

    /// Those without members but for the lobby, the one that was used last first.
    pub fn empty(&self) -> impl Iterator<Item = &Room> {
        self.empty.values().rev().map(|&id| &self[id])
    }

    /// The members of that room are to be visited, since its log has grown.
    pub fn mark_dirty(&mut self, id: RoomId) {
        let room = &mut self[id];
        room.restart_sweep();
        if !room.dirty && !room.members.is_empty() {
            room.dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// Whether there is a dirty room.
    pub fn has_dirty(&self) -> bool {
        self.dirty.len() > self.stale
    }

    /// The dirty room whose turn it is.
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

    /// Everybody in the first dirty room has been visited.
    pub fn finish_first_dirty(&mut self) {
        if let Some(id) = self.dirty.pop_front() {
            self[id].dirty = false;
        }
        crate::util::shrink::queue(&mut self.dirty);
    }

    /// The next dirty room has its turn.
    pub fn rotate_dirty(&mut self) {
        if self.dirty.len() > 1 {
            self.dirty.rotate_left(1);
        }
    }
}

#[cfg(test)]
impl Rooms {
    /// Every room with its number.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.slots.iter().map(|(slot, room)| (RoomId(slot as u32), room))
    }

    /// Whether the indices agree with the rooms.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self) -> Result<(), String> {
        let occupied = self.iter().filter(|(_, room)| !room.members.is_empty()).map(|(id, _)| id);
        let dirty = self.iter().filter(|(_, room)| room.dirty).count();
        let is_empty = |(id, room): &(RoomId, &Room)| *id != RoomId::LOBBY && room.members.is_empty();
        let indexed = |(id, room): (RoomId, &Room)| self.empty.get(&room.emptied) == Some(&id);
        match () {
            () if !occupied.eq(self.occupied.iter().copied()) => Err("the occupied rooms are not those noted".into()),
            () if !self.iter().filter(is_empty).all(indexed) => Err("an empty room is not noted".into()),
            () if self.iter().filter(is_empty).count() != self.empty.len() => Err("a room is noted as empty".into()),
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
