//! Rooms that are in the store and not in memory, and the limits on new rooms.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Rooms;
use crate::chat::account::table::AccountTable;
use crate::chat::change::Place;
use crate::chat::event::Refusal;
use crate::chat::id::{MemberId, Now, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::policy::nick::lookalike::is_mixed;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::record::RoomRecord;
use crate::chat::room::rules::RoomRules;
use crate::chat::room::{Room, RoomTopic};

/// The most rooms created by one member that still exist.
pub const MAX_CREATED_ROOMS: u32 = 16;

/// A room that is in the store and not in memory, without its messages.
#[derive(Serialize, Deserialize)]
pub struct StoredRoom {
    pub name: Box<str>,
    pub creator: Option<MemberId>,
    /// As in [`Room`].
    #[serde(default)]
    pub created: i64,
    pub topic: Option<Box<RoomTopic>>,
    pub rules: RoomRules,
    /// The id of the newest message that was posted since it left memory; 0 if there is none.
    #[serde(default)]
    pub newest_post: u64,
}

impl StoredRoom {
    /// A room as it was read from the store.
    pub fn of_record(name: &str, record: RoomRecord, accounts: &AccountTable, now: &Now) -> Self {
        let (topic, rules) = Room::of_record(record, accounts, now);
        StoredRoom { name: name.into(), creator: None, created: 0, topic, rules, newest_post: 0 }
    }

    /// Whether it is listed to its members only.
    pub fn is_secret(&self) -> bool {
        self.rules.settings.secret
    }

    /// Whether it has a setting or a topic.
    pub fn has_settings(&self) -> bool {
        self.topic.is_some() || self.rules.has_settings()
    }
}

/// What the rooms know about the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreUse {
    /// There is no store.
    #[default]
    None,
    Works,
    /// It cannot be written at present: the messages of a room may be in memory only.
    Fails,
}

/// A room that was opened for a member.
pub struct Opened {
    pub room: RoomId,
    /// It was created now.
    pub is_new: bool,
    /// The creator of a room that was removed to make space.
    pub released: Option<MemberId>,
}

impl Rooms {
    /// Whether the store cannot be written at present.
    pub fn store_fails(&self) -> bool {
        self.store == StoreUse::Fails
    }

    /// Sets what is known about the store.
    pub fn set_store(&mut self, store: StoreUse) {
        self.store = store;
    }

    /// Whether rooms leave memory for the store, and come back from it.
    fn use_store(&self) -> bool {
        self.store != StoreUse::None && !self.is_cluster
    }

    /// The number of rooms in memory and in the store.
    pub fn count_all(&self) -> usize {
        self.len() + self.stored.len()
    }

    /// Finds a room that is in the store and not in memory by its name as typed.
    pub fn find_stored_typed(&self, text: &str) -> Option<&StoredRoom> {
        self.find_stored(&key_of(text)?)
    }

    /// Finds a room that is in the store and not in memory by its folded name.
    pub fn find_stored(&self, key: &str) -> Option<&StoredRoom> {
        self.stored.get(key)
    }

    /// As [`Rooms::find_stored`], mutable.
    pub fn find_stored_mut(&mut self, key: &str) -> Option<&mut StoredRoom> {
        self.stored.get_mut(key)
    }

    /// Rooms that are in the store and not in memory.
    pub fn stored(&self) -> impl Iterator<Item = &StoredRoom> {
        self.stored.values()
    }

    /// Adds a room that is in the store and not in memory.
    pub fn add_stored(&mut self, key: Box<str>, room: StoredRoom) {
        self.looks.add(&room.name, &key);
        self.stored.insert(key, room);
    }

    /// Removes a room that is in the store and not in memory.
    pub fn remove_stored(&mut self, key: &str) -> Option<StoredRoom> {
        let room = self.stored.remove(key)?;
        self.looks.remove(&room.name, key);
        Some(room)
    }

    /// The place of a room by its name as typed, whether or not the room exists; `None` if no room can have that name.
    pub fn place(&self, text: &str) -> Option<Place<'static>> {
        let name = match (self.find_typed(text), Name::room(text)) {
            (Some(RoomId::LOBBY), _) => return Some(Place::Lobby),
            (_, Ok(name)) => name,
            (Some(room), Err(_)) => Name { shown: (&*self[room].name).into(), key: self[room].key.clone() },
            (None, Err(_)) => return None,
        };
        Some(Place::Named(Cow::Owned(name)))
    }

    /// The room of a place, if it is in memory.
    pub fn find_place(&self, place: &Place) -> Option<RoomId> {
        match place {
            Place::Lobby => Some(RoomId::LOBBY),
            Place::Named(name) => self.find(&name.key),
            Place::Nowhere => None,
        }
    }

    /// Whether a member that has created `created` rooms can enter a place.
    ///
    /// # Errors
    /// The name of a new room can be mistaken for another, or a limit of rooms is reached: per member, in memory, or in
    /// the store. Or the room must be read from the store first.
    pub fn check_open<'a>(&'a self, place: &'a Place, created: u32, members: &MemberTable) -> Result<(), Refusal<'a>> {
        let Place::Named(name) = place else { return Ok(()) };
        if self.find(&name.key).is_some() {
            return Ok(());
        }
        if self.find_stored(&name.key).is_some() {
            return Err(Refusal::LookupFails);
        }
        self.check_new_name(name)?;
        self.check_new(created, members)
    }

    /// Checks the name of a room that does not exist.
    fn check_new_name<'a>(&'a self, name: &'a Name) -> Result<(), Refusal<'a>> {
        let room = &*name.shown;
        if !self.limits.refuses_lookalikes {
            return Ok(());
        }
        let Some(key) = self.looks.find(room, None) else {
            return if is_mixed(room) { Err(Refusal::MixedRoomName { room }) } else { Ok(()) };
        };
        let in_memory = self.find(key).map(|other| &*self[other].name);
        let other = in_memory.or_else(|| self.find_stored(key).map(|stored| &*stored.name)).unwrap_or(key);
        Err(Refusal::RoomLooksLike { room, other })
    }

    fn check_new(&self, created: u32, members: &MemberTable) -> Result<(), Refusal<'static>> {
        let most = self.limits.stored;
        if self.use_store() && self.count_all() >= most {
            return Err(Refusal::TooManyStoredRooms { most });
        }
        if created >= MAX_CREATED_ROOMS {
            return Err(Refusal::TooManyCreated { most: MAX_CREATED_ROOMS as usize });
        }
        if self.is_full() && self.first_removable(members).is_none() {
            return Err(Refusal::TooManyRooms { most: self.limits.in_memory });
        }
        Ok(())
    }

    /// Opens a place for a member: finds its room, or creates it. [`Rooms::check_open`] must allow it.
    ///
    /// # Errors
    /// If no room can leave memory.
    pub fn open(&mut self, place: &Place, members: &MemberTable) -> Result<Opened, Refusal<'static>> {
        match (self.find_place(place), place) {
            (Some(room), _) => Ok(Opened { room, is_new: false, released: None }),
            (None, Place::Named(name)) => {
                let released = self.make_space(members)?;
                Ok(Opened { room: self.add(name), is_new: true, released })
            }
            (None, Place::Lobby | Place::Nowhere) => Err(Refusal::BadRoomName),
        }
    }

    /// Adds a room of the store to memory, whatever its creator has created since. A room may leave memory to make space.
    ///
    /// # Errors
    /// If no room can leave memory.
    pub fn load(&mut self, name: &Name, members: &MemberTable) -> Result<Opened, Refusal<'static>> {
        let released = self.make_space(members)?;
        let stored = self.remove_stored(&name.key);
        let room = self.add(name);
        if let Some(StoredRoom { creator, created, topic, rules, .. }) = stored {
            let loaded = &mut self[room];
            (loaded.creator, loaded.created, loaded.topic, loaded.rules) = (creator, created, topic, rules);
        }
        Ok(Opened { room, is_new: false, released })
    }

    /// Removes the least recently used empty room from memory if the maximum is reached. Returns the creator of a room
    /// that no longer exists.
    fn make_space(&mut self, members: &MemberTable) -> Result<Option<MemberId>, Refusal<'static>> {
        if !self.is_full() {
            return Ok(None);
        }
        self.remove_least_used(members).ok_or(Refusal::TooManyRooms { most: self.limits.in_memory })
    }

    /// Removes the least recently used empty room from memory; `None` if no room can leave memory.
    ///
    /// Its messages stay in the store; without a store they are lost. Returns the creator of a room that no longer
    /// exists.
    pub fn remove_least_used(&mut self, members: &MemberTable) -> Option<Option<MemberId>> {
        let room = self.first_removable(members)?;
        let Room { name, key, creator, created, is_stored, topic, rules, .. } = self.remove(room);
        if is_stored && self.use_store() {
            self.add_stored(key, StoredRoom { name, creator, created, topic, rules, newest_post: 0 });
            return Some(None);
        }
        Some(creator)
    }
}
