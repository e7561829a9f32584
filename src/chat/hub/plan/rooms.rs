//! Finding and creating rooms: in memory, and in the store, from which a room is loaded when a client joins it.

use crate::chat::id::RoomCreator;
use std::collections::BTreeMap;

use log::info;

use crate::chat::change::{Message, Record};
use crate::chat::config::{Login, Mode};
use crate::chat::event::Refusal;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::policy::nick::{Name, fold, key_of};
use crate::chat::query::{Answer, Lookup};
use crate::chat::room::Room;
use crate::chat::session::client::SessionStage;

/// The most rooms created by one session that still exist.
pub const MAX_CREATED_ROOMS: usize = 16;

/// The most rooms that `/rooms` names.
const MAX_LISTED_ROOMS: usize = 50;

/// A room that is in the store and not in memory.
pub struct StoredRoom {
    pub name: Box<str>,
    pub creator: RoomCreator,
}

/// Rooms that are in the store and not in memory, by their folded names.
pub type StoredRooms = BTreeMap<Box<str>, StoredRoom>;

impl Hub {
    /// The number of rooms in memory and in the store.
    pub(in crate::chat::hub) fn room_count(&self) -> usize {
        self.rooms.len() + self.store.as_ref().map_or(0, |store| store.stored.len())
    }

    /// Finds a room that is in the store and not in memory by its name as typed; returns its name.
    pub(in crate::chat::hub) fn find_stored_typed(&self, text: &str) -> Option<&str> {
        self.find_stored(&key_of(text)?)
    }

    /// Finds a room that is in the store and not in memory by its folded name; returns its name.
    pub(in crate::chat::hub) fn find_stored(&self, key: &str) -> Option<&str> {
        self.store.as_ref()?.stored.get(key).map(|room| &*room.name)
    }

    /// Creates a room with a new name; `creator` is the client that wants to enter it.
    ///
    /// # Errors
    /// A limit of rooms is reached: per session, in memory, or in the store.
    pub(in crate::chat::hub) fn make_room(
        &mut self,
        name: &Name,
        creator: ClientId,
    ) -> Result<RoomId, Refusal<'static>> {
        let most = self.config.max_stored_rooms;
        if self.store.is_some() && self.room_count() >= most {
            return Err(Refusal::TooManyStoredRooms { most });
        }
        if usize::from(self.clients[creator].created_rooms) >= MAX_CREATED_ROOMS {
            return Err(Refusal::TooManyCreated { most: MAX_CREATED_ROOMS });
        }
        self.make_space()?;
        let room = self.rooms.add(name);
        let client = &mut self.clients[creator];
        client.created_rooms += 1;
        self.rooms[room].creator = Some((creator, client.session));
        Ok(room)
    }

    /// Removes the least recently used empty room from memory if the maximum is reached.
    ///
    /// Its messages stay in the store; without a store they are lost.
    fn make_space(&mut self) -> Result<(), Refusal<'static>> {
        if !self.rooms.is_full() {
            return Ok(());
        }
        // While the store fails, the messages of a room may be in memory only.
        let may_leave = self.store.as_ref().is_none_or(|store| !store.fails);
        let room = self.rooms.evict_empty(may_leave).ok_or(Refusal::TooManyRooms { most: self.config.max_rooms })?;
        match &mut self.store {
            Some(store) if room.is_stored => {
                let Room { name, key, creator, .. } = room;
                store.stored.insert(key, StoredRoom { name, creator });
            }
            _ => self.release_creator(room.creator),
        }
        Ok(())
    }

    /// A room no longer exists: lets its creator create one more.
    pub(in crate::chat::hub) fn release_creator(&mut self, creator: RoomCreator) {
        let Some((id, session)) = creator else { return };
        if let Some(client) = self.clients.get_mut(id).filter(|client| client.session == session) {
            client.created_rooms -= 1;
        }
    }

    /// Queries the messages of the room that a client wants to resume, if that room is only in the store.
    ///
    /// The client is logged in when the answer comes; `nickname` is what it has typed. Returns whether there is a
    /// query.
    pub(in crate::chat::hub) fn query_stored_room(&mut self, id: ClientId, nickname: Option<&str>) -> bool {
        if self.resume_requests.is_empty() || self.config.mode == Mode::P2p {
            return false;
        }
        let requested = self.resume_requests.get(&id).and_then(|request| key_of(request.room.as_deref()?));
        let Some(key) = requested.filter(|key| self.rooms.find(key).is_none()) else { return false };
        let Some(room) = self.find_stored(&key).map(str::to_owned) else { return false };
        self.queue_query(id, Lookup::Room { room, nickname: nickname.map(str::to_owned) });
        true
    }

    /// Handles the answer to the query for a stored room: loads the room, and moves or logs the client in.
    pub(in crate::chat::hub) fn open_queried_room(
        &mut self,
        id: ClientId,
        room: &str,
        nickname: Option<&str>,
        answer: Answer,
        now: Now,
    ) {
        let stage = self.clients[id].stage;
        if !matches!(stage, SessionStage::InRoom | SessionStage::LoggingIn) {
            return;
        }
        let opened = match answer {
            Answer::Messages(messages) => self.restore_stored(room, &messages, id),
            _ => Err(Refusal::LookupFails),
        };
        match (stage, opened) {
            (SessionStage::InRoom, Ok(room)) if room == self.clients[id].room => {}
            (SessionStage::InRoom, Ok(room)) => self.change_room(id, room, now),
            (SessionStage::InRoom, Err(refusal)) => self.refuse(id, refusal),
            (_, opened) => {
                if let Err(refusal) = opened {
                    self.refuse(id, refusal);
                    self.resume_requests.remove(&id);
                }
                match nickname {
                    Some(nickname) if self.config.login == Login::Nickname => self.process_nickname(id, nickname, now),
                    _ => self.log_in_by_address(id, now),
                }
            }
        }
    }

    /// Loads a stored room into memory, unless it is there already.
    fn restore_stored(&mut self, room: &str, messages: &[Message], id: ClientId) -> Result<RoomId, Refusal<'static>> {
        let Ok(name) = Name::room(room) else { return Err(Refusal::BadRoomName) };
        if let Some(room) = self.rooms.find(&name.key) {
            return Ok(room);
        }
        if messages.is_empty() {
            // All its messages were pruned.
            self.forget_stored(&name.key);
            return self.make_room(&name, id);
        }
        self.make_space()?;
        let stored = self.store.as_mut().and_then(|store| store.stored.remove(&name.key));
        let id = self.restore_room(&name, messages);
        self.rooms[id].creator = stored.and_then(|stored| stored.creator);
        Ok(id)
    }

    /// Removes a room that is in the store and not in memory.
    fn forget_stored(&mut self, key: &str) {
        let Some(store) = &mut self.store else { return };
        if let Some(StoredRoom { name, creator }) = store.stored.remove(key) {
            store.record(Record::RoomGone { name: name.into() });
            self.release_creator(creator);
        }
    }

    /// All messages of these rooms were pruned from the store: removes the rooms that are not in memory.
    pub fn handle_pruned_rooms(&mut self, names: &[String]) {
        for name in names {
            let key = fold(name);
            if self.find_stored(&key).is_some() {
                info!("room {name} is removed: all its messages were pruned");
                self.forget_stored(&key);
            }
        }
    }

    /// The rooms for `/rooms`, those with the most members first, and the number of rooms left out.
    ///
    /// If not all can be named, the most recently used of the empty rooms are.
    pub(in crate::chat::hub) fn listed_rooms(&self) -> (Vec<(Box<str>, usize)>, usize) {
        let lobby = &self.rooms[RoomId::LOBBY];
        let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty());
        let mut full: Vec<(usize, RoomId)> =
            self.rooms.occupied().chain(lobby).map(|(id, room)| (room.members.len(), id)).collect();
        if full.len() > MAX_LISTED_ROOMS {
            full.select_nth_unstable_by(MAX_LISTED_ROOMS - 1, |a, b| b.cmp(a));
            full.truncate(MAX_LISTED_ROOMS);
        }
        let full = full.into_iter().map(|(here, id)| (self.rooms[id].name.clone(), here));
        let empty = self.rooms.empty().map(|room| (room.name.clone(), 0));
        let stored = self.store.iter().flat_map(|store| store.stored.values());
        let stored = stored.map(|room| (room.name.clone(), 0));
        let mut listed: Vec<_> = full.chain(empty).chain(stored).take(MAX_LISTED_ROOMS).collect();
        listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let more = self.room_count() - listed.len();
        (listed, more)
    }
}
