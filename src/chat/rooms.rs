//! All rooms, by number and by name.

use std::collections::{HashMap, VecDeque};
use std::ops::{Index, IndexMut};

use super::log::Keep;
use super::name::{Name, key_of};
use super::room::{Room, RoomId};

/// The name of the room that everybody enters first.
pub const LOBBY: &str = "lobby";

/// A room that is no more.
pub struct Gone {
    pub name: Box<str>,
    /// A file has what was said there.
    pub was_stored: bool,
}

/// The rooms and the queue of those in which somebody has something to read.
pub struct Rooms {
    keep: Keep,
    most: usize,
    /// People may read in several dialects.
    several: bool,
    slots: Vec<Option<Room>>,
    index: HashMap<Box<str>, RoomId>,
    dirty: VecDeque<RoomId>,
}

impl Rooms {
    /// The lobby alone.
    pub fn new(keep: Keep, most: usize) -> Self {
        let lobby = Room::new(LOBBY, LOBBY, keep, false);
        Rooms {
            keep,
            most,
            several: false,
            slots: vec![Some(lobby)],
            index: HashMap::from([(LOBBY.into(), RoomId::LOBBY)]),
            dirty: VecDeque::new(),
        }
    }

    /// From now on people may read in several dialects; to be called before anybody comes.
    pub fn expect_dialects(&mut self) {
        self.several = true;
        self.slots[0] = Some(Room::new(LOBBY, LOBBY, self.keep, true));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// The room of that folded name.
    pub fn find(&self, key: &str) -> Option<RoomId> {
        self.index.get(key).copied()
    }

    /// Finds a room by its name as typed, whatever its case, width or composition.
    pub fn find_typed(&self, text: &str) -> Option<RoomId> {
        self.find(&key_of(text)?)
    }

    /// The room of that name, made if need be; `None` if there are too many.
    ///
    /// Where there are, a room that is empty and has only its history gives way; it is returned too.
    pub fn open(&mut self, name: &Name) -> Option<(RoomId, Option<Gone>)> {
        if let Some(id) = self.find(&name.key) {
            return Some((id, None));
        }
        let mut gone = None;
        if self.len() >= self.most {
            let empty = self.iter().find(|(id, room)| *id != RoomId::LOBBY && room.members.is_empty())?.0;
            gone = self.remove(empty);
        }
        Some((self.add(name), gone))
    }

    /// Makes a room of a name that none has, however many there are.
    pub fn add(&mut self, name: &Name) -> RoomId {
        let free = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let id = RoomId(free as u32);
        self.slots[free] = Some(Room::new(&name.shown, &name.key, self.keep, self.several));
        self.index.insert(name.key.clone(), id);
        id
    }

    /// Gives up a room that nobody is in and that has no history.
    pub fn close_if_gone(&mut self, id: RoomId) {
        let gone = id != RoomId::LOBBY && self[id].members.is_empty() && !self[id].has_history();
        if gone {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: RoomId) -> Option<Gone> {
        let room = self.slots[id.0 as usize].take()?;
        self.index.remove(&room.key);
        self.dirty.retain(|&dirty| dirty != id);
        Some(Gone { name: room.name, was_stored: room.is_stored })
    }

    /// The room of that number, if there is one.
    pub fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// Every room with its number.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.slots.iter().enumerate().filter_map(|(slot, room)| Some((RoomId(slot as u32), room.as_ref()?)))
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

    /// The dirty room whose turn it is.
    pub fn first_dirty(&self) -> Option<RoomId> {
        self.dirty.front().copied()
    }

    /// Everybody in the first dirty room has been visited.
    pub fn first_is_clean(&mut self) {
        if let Some(id) = self.dirty.pop_front() {
            self[id].dirty = false;
        }
    }

    /// The next dirty room has its turn.
    pub fn rotate_dirty(&mut self) {
        if self.dirty.len() > 1 {
            self.dirty.rotate_left(1);
        }
    }
}

impl Index<RoomId> for Rooms {
    type Output = Room;

    fn index(&self, id: RoomId) -> &Room {
        self.slots[id.0 as usize].as_ref().expect("the number of a room that exists")
    }
}

impl IndexMut<RoomId> for Rooms {
    fn index_mut(&mut self, id: RoomId) -> &mut Room {
        self.slots[id.0 as usize].as_mut().expect("the number of a room that exists")
    }
}
