//! The rooms in memory, by number and by name.

mod dirty;
pub mod shared;
pub mod stored;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::{Index, IndexMut};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::dirty::DirtyQueue;
use self::stored::{StoreUse, StoredRoom};
use crate::chat::config::Config;
use crate::chat::id::{Holder, LOBBY, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::member::table::MemberTable;
use crate::chat::policy::nick::look_index::LookIndex;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::room::Room;
use crate::chat::room::rules::RoomRules;
use crate::chat::room::segment_log::Retention;
use crate::util::tables::slots::Slots;

/// Empty rooms that are checked at most when one must leave memory.
const EVICTION_CANDIDATES: usize = 1024;

/// The limits on rooms.
#[derive(Clone, Copy)]
pub struct RoomLimits {
    /// Maximum rooms in memory, the lobby included.
    in_memory: usize,
    /// Maximum rooms in memory and in the store together.
    stored: usize,
    /// Maximum rooms that one member follows.
    pub follow: usize,
    /// Whether a new room is refused if its name can be mistaken for that of another room.
    refuses_lookalikes: bool,
}

impl RoomLimits {
    /// The limits of a server.
    pub fn of(config: &Config) -> Self {
        RoomLimits {
            in_memory: config.max_rooms,
            stored: config.max_stored_rooms,
            follow: config.max_follow,
            refuses_lookalikes: config.has_followed_rooms(),
        }
    }
}

/// The rooms in memory and the names of those in the store, the queue of dirty rooms, and the pending summaries.
///
/// Every operation takes at most logarithmic time in the number of rooms, except the removal of a room with a pending
/// summary.
pub struct Rooms {
    retention: Retention,
    limits: RoomLimits,
    slots: Slots<Room>,
    index: HashMap<Box<str>, RoomId>,
    /// Rooms with members.
    occupied: BTreeSet<RoomId>,
    /// Rooms without members, except the lobby, by the time at which they became empty.
    empty: BTreeMap<u64, RoomId>,
    /// Counts the times that a room became empty.
    emptied: u64,
    /// See [`Rooms::newest_forgotten`].
    forgotten: u64,
    dirty: DirtyQueue,
    /// Rooms with a pending summary of joins and leaves, and when the summary is due.
    summaries: VecDeque<(Duration, RoomId)>,
    store: StoreUse,
    /// Whether they are those of all nodes of a cluster: the store decides nothing about them.
    is_cluster: bool,
    /// Rooms that are in the store and not in memory, by their folded names.
    stored: BTreeMap<Box<str>, StoredRoom>,
    /// What the names of all these rooms look like.
    looks: LookIndex,
}

/// The state of [`Rooms`] as plain data.
#[derive(Serialize, Deserialize)]
pub struct RoomsState {
    slots: Slots<Room>,
    emptied: u64,
    #[serde(default)]
    forgotten: u64,
    dirty: DirtyQueue,
    summaries: VecDeque<(Duration, RoomId)>,
    store: StoreUse,
    stored: BTreeMap<Box<str>, StoredRoom>,
}

/// The same state, borrowed from rooms that may go on.
#[derive(Serialize)]
pub struct RoomsView<'a> {
    slots: &'a Slots<Room>,
    emptied: u64,
    forgotten: u64,
    dirty: &'a DirtyQueue,
    summaries: &'a VecDeque<(Duration, RoomId)>,
    store: &'a StoreUse,
    stored: &'a BTreeMap<Box<str>, StoredRoom>,
}

impl Rooms {
    /// Creates the rooms with only the lobby.
    pub fn new(retention: Retention, limits: RoomLimits) -> Self {
        let mut slots = Slots::default();
        slots.insert(Room::new(LOBBY, LOBBY, retention));
        let mut looks = LookIndex::default();
        looks.add(LOBBY, LOBBY);
        Rooms {
            retention,
            limits,
            slots,
            index: HashMap::from([(LOBBY.into(), RoomId::LOBBY)]),
            occupied: BTreeSet::new(),
            empty: BTreeMap::new(),
            emptied: 0,
            forgotten: 0,
            dirty: DirtyQueue::default(),
            summaries: VecDeque::new(),
            store: StoreUse::None,
            is_cluster: false,
            stored: BTreeMap::new(),
            looks,
        }
    }

    /// The limits on rooms.
    pub fn limits(&self) -> RoomLimits {
        self.limits
    }

    /// Sets other limits, also on the history of each room. Rooms above the maximum stay.
    pub fn set_limits(&mut self, retention: Retention, limits: RoomLimits) {
        (self.retention, self.limits) = (retention, limits);
        self.slots.iter_mut().for_each(|room| room.set_retention(retention));
    }

    /// All rooms in memory.
    pub fn numbers(&self) -> Vec<RoomId> {
        self.slots.iter().map(|(index, _)| RoomId::new(index)).collect()
    }

    /// Whether there are more rooms in memory than the maximum, which was greater before.
    pub fn is_over_limit(&self) -> bool {
        self.len() > self.limits.in_memory
    }

    /// The number of rooms in memory.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the maximum number of rooms in memory is reached.
    pub fn is_full(&self) -> bool {
        self.len() >= self.limits.in_memory
    }

    /// Finds a room by its folded name.
    pub fn find(&self, key: &str) -> Option<RoomId> {
        self.index.get(key).copied()
    }

    /// The room with this number, if there is one.
    pub fn get(&self, id: RoomId) -> Option<&Room> {
        self.slots.get(id.index())
    }

    /// The name of a room; an empty text if it is gone.
    pub fn name(&self, id: RoomId) -> &str {
        self.get(id).map_or("", |room| &room.name)
    }

    /// Finds a room by its name as typed; case, width and Unicode composition do not matter.
    pub fn find_typed(&self, text: &str) -> Option<RoomId> {
        self.find(&key_of(text)?)
    }

    /// Adds an empty room with a new name, even above the maximum. It counts as the most recently used.
    pub fn add(&mut self, name: &Name) -> RoomId {
        let mut room = Room::new(&name.shown, &name.key, self.retention);
        if self.is_cluster && self.store != StoreUse::None {
            // The store may have messages of an earlier room with this name.
            room.note_older();
        }
        let id = RoomId::new(self.slots.insert(room));
        self.index.insert(name.key.clone(), id);
        self.looks.add(&name.shown, &name.key);
        self.note_empty(id);
        id
    }

    /// The empty room that was used least recently and may leave memory, if there is one among the first ones.
    ///
    /// Without a store its settings and bans would be lost: a room that has some stays while one of its operators is on
    /// the server, so that no other member can make it anew. In a cluster it stays always.
    fn first_removable(&self, members: &MemberTable) -> Option<RoomId> {
        let is_needed = |room: &Room| {
            let mut operators = room.rules.roles().iter().filter(|(_, role)| *role == RoomRole::Operator);
            let is_here = |holder| matches!(holder, Holder::Member(id) if members.get(id).is_some());
            room.rules.limit_entry() && operators.any(|&(holder, _)| is_here(holder))
        };
        let may_go = |id: &RoomId| match self.store {
            _ if self.is_cluster => !self.is_lasting(*id),
            StoreUse::None => !is_needed(&self[*id]),
            StoreUse::Works => true,
            StoreUse::Fails => !self[*id].is_stored,
        };
        self.empty.values().take(EVICTION_CANDIDATES).copied().find(may_go)
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
    /// Removes and returns the room if it is empty now and has neither history nor settings; the lobby always stays.
    pub fn note_left(&mut self, id: RoomId) -> Option<Room> {
        if !self[id].members.is_empty() {
            return None;
        }
        self.occupied.remove(&id);
        self.note_empty(id);
        self.remove_unkept(id)
    }

    /// Removes and returns a room that is empty and has neither history nor settings; the lobby always stays.
    pub fn remove_unkept(&mut self, id: RoomId) -> Option<Room> {
        let room = self.get(id)?;
        let is_unkept = id != RoomId::LOBBY && room.members.is_empty() && !self.keeps(room);
        is_unkept.then(|| self.remove(id))
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

    /// Changes the rules of all rooms, also of those in the store alone; returns the folded names of the rooms for which
    /// `change` is true.
    pub fn change_rules(&mut self, mut change: impl FnMut(&mut RoomRules) -> bool) -> Vec<Box<str>> {
        let in_memory = self.slots.iter_mut().map(|room| (&room.key, &mut room.rules));
        let stored = self.stored.iter_mut().map(|(key, room)| (key, &mut room.rules));
        let mut changed = Vec::new();
        for (key, rules) in in_memory.chain(stored) {
            if change(rules) {
                changed.push(key.clone());
            }
        }
        changed
    }

    fn remove(&mut self, id: RoomId) -> Room {
        let room = self.slots.remove(id.index());
        self.forgotten = self.forgotten.max(room.history().newest());
        self.index.remove(&room.key);
        self.looks.remove(&room.name, &room.key);
        self.empty.remove(&room.emptied);
        self.dirty.note_removed(&room);
        if room.summary.is_some() {
            // Another room with this number could be due at the same time.
            self.summaries.retain(|&(_, summed)| summed != id);
        }
        crate::util::tables::shrink::map(&mut self.index);
        room
    }

    /// Rooms with members.
    pub fn occupied(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.occupied.iter().map(|&id| (id, &self[id]))
    }

    /// The number of rooms with members.
    pub fn occupied_count(&self) -> usize {
        self.occupied.len()
    }

    /// Rooms without members except the lobby, the most recently used first.
    pub fn empty(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.empty.values().rev().map(|&id| (id, &self[id]))
    }

    /// The log of the room has grown: its readers must be visited by the sweep.
    pub fn mark_dirty(&mut self, id: RoomId) {
        self.dirty.mark(id, &mut self.slots[id.index()]);
    }

    /// Whether any room is dirty.
    pub fn has_dirty(&self) -> bool {
        self.dirty.has_any()
    }

    /// The dirty room that is swept now.
    pub fn first_dirty(&mut self) -> Option<RoomId> {
        self.dirty.first(&self.slots)
    }

    /// All readers of the first dirty room have been visited.
    pub fn finish_first_dirty(&mut self) {
        self.dirty.finish_first(&mut self.slots);
    }

    /// Moves the first dirty room to the end, so that the next one has its turn.
    pub fn rotate_dirty(&mut self) {
        self.dirty.rotate();
    }

    /// Queues the summary of joins and leaves of a room.
    pub fn queue_summary(&mut self, id: RoomId, due: Duration) {
        self[id].summary_due = due;
        self.summaries.push_back((due, id));
    }

    /// When the next summary is due.
    pub fn next_summary(&self) -> Option<Duration> {
        self.summaries.front().map(|&(due, _)| due)
    }

    /// Takes the next room whose summary is due.
    pub fn pop_summary(&mut self, now: Duration) -> Option<RoomId> {
        while let Some(&(due, id)) = self.summaries.front().filter(|&&(due, _)| due <= now) {
            self.summaries.pop_front();
            // The room may have been removed, and its number reused.
            if self.slots.get(id.index()).is_some_and(|room| room.summary_due == due) {
                return Some(id);
            }
        }
        None
    }

    /// The state as plain data, to be written.
    pub fn state(&self) -> RoomsView<'_> {
        let Rooms { slots, emptied, forgotten, dirty, summaries, store, stored, .. } = self;
        RoomsView { slots, emptied: *emptied, forgotten: *forgotten, dirty, summaries, store, stored }
    }

    /// The state as plain data.
    pub fn into_state(self) -> RoomsState {
        let Rooms { slots, emptied, forgotten, dirty, summaries, store, stored, .. } = self;
        RoomsState { slots, emptied, forgotten, dirty, summaries, store, stored }
    }

    /// Takes a state back; the limits stay.
    pub fn restore(&mut self, state: RoomsState) {
        let RoomsState { slots, emptied, forgotten, dirty, summaries, store, stored } = state;
        self.index.clear();
        self.occupied.clear();
        self.empty.clear();
        self.looks = LookIndex::default();
        stored.iter().for_each(|(key, room)| self.looks.add(&room.name, key));
        for (index, room) in slots.iter() {
            let id = RoomId::new(index);
            self.index.insert(room.key.clone(), id);
            self.looks.add(&room.name, &room.key);
            if !room.members.is_empty() {
                self.occupied.insert(id);
            } else if id != RoomId::LOBBY {
                self.empty.insert(room.emptied, id);
            }
        }
        (self.slots, self.emptied, self.dirty, self.summaries) = (slots, emptied, dirty, summaries);
        (self.forgotten, self.store, self.stored) = (forgotten, store, stored);
    }
}

impl Index<RoomId> for Rooms {
    type Output = Room;

    fn index(&self, id: RoomId) -> &Room {
        self.slots.get(id.index()).expect("the number of a room that exists")
    }
}

impl IndexMut<RoomId> for Rooms {
    fn index_mut(&mut self, id: RoomId) -> &mut Room {
        self.slots.get_mut(id.index()).expect("the number of a room that exists")
    }
}

#[cfg(test)]
mod tests;
