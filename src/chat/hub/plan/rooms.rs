//! Finding rooms and making them: in memory, and in the file, from which they come back when they are joined.

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
use crate::chat::session::client::Stage;

/// Rooms that one session has made and that still exist.
pub const MAX_CREATED_ROOMS: usize = 16;

/// Rooms named where rooms are listed.
const MAX_LISTED: usize = 50;

/// A room that is in the file and not in memory.
pub struct Stored {
    pub name: Box<str>,
    pub creator: RoomCreator,
}

/// Rooms that are in the file and not in memory, by their folded names.
pub type StoredRooms = BTreeMap<Box<str>, Stored>;

impl Hub {
    /// Rooms in memory and in the file.
    pub(in crate::chat::hub) fn all_rooms(&self) -> usize {
        self.rooms.len() + self.store.as_ref().map_or(0, |store| store.stored.len())
    }

    /// The name of a room that is in the file and not in memory.
    pub(in crate::chat::hub) fn find_stored(&self, text: &str) -> Option<&str> {
        self.stored_room(&key_of(text)?)
    }

    /// Finds a room that is in the store and not in memory by its key.
    pub(in crate::chat::hub) fn stored_room(&self, key: &str) -> Option<&str> {
        self.store.as_ref()?.stored.get(key).map(|room| &*room.name)
    }

    /// Makes a room of a name that none has, in memory or in the file; `creator` is who wants to enter it.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub(in crate::chat::hub) fn make_room(
        &mut self,
        name: &Name,
        creator: ClientId,
    ) -> Result<RoomId, Refusal<'static>> {
        let most = self.config.max_stored_rooms;
        if self.store.is_some() && self.all_rooms() >= most {
            return Err(Refusal::TooManyStoredRooms { most });
        }
        if usize::from(self.clients[creator].created_rooms) >= MAX_CREATED_ROOMS {
            return Err(Refusal::TooManyMade { most: MAX_CREATED_ROOMS });
        }
        self.make_space()?;
        let room = self.rooms.add(name);
        let client = &mut self.clients[creator];
        client.created_rooms += 1;
        self.rooms[room].creator = Some((creator, client.session));
        Ok(room)
    }

    /// Has an empty room leave memory if there is no space for one more: the one that was used least recently. What was
    /// said there stays in the file if there is one, and is gone if there is none.
    fn make_space(&mut self) -> Result<(), Refusal<'static>> {
        if !self.rooms.is_full() {
            return Ok(());
        }
        // While the file fails, what was said in a room may be in memory alone.
        let may_leave = self.store.as_ref().is_none_or(|store| !store.fails);
        let room = self.rooms.give_way(may_leave).ok_or(Refusal::TooManyRooms { most: self.config.max_rooms })?;
        match &mut self.store {
            Some(store) if room.is_stored => {
                let Room { name, key, creator, .. } = room;
                store.stored.insert(key, Stored { name, creator });
            }
            _ => self.release_maker(room.creator),
        }
        Ok(())
    }

    /// A room no longer exists.
    pub(in crate::chat::hub) fn release_maker(&mut self, creator: RoomCreator) {
        let Some((id, session)) = creator else { return };
        if let Some(client) = self.clients.get_mut(id).filter(|client| client.session == session) {
            client.created_rooms -= 1;
        }
    }

    /// If the room where somebody wants to go when they are logged in is only in the file, asks for what was said there;
    /// they are logged in when that is answered. `nickname` is what they have typed.
    pub(in crate::chat::hub) fn query_stored_room(&mut self, id: ClientId, nickname: Option<&str>) -> bool {
        if self.resume_requests.is_empty() || self.config.mode == Mode::P2p {
            return false;
        }
        let wished = self.resume_requests.get(&id).and_then(|wish| key_of(wish.room.as_deref()?));
        let Some(key) = wished.filter(|key| self.rooms.find(key).is_none()) else { return false };
        let Some(room) = self.stored_room(&key).map(str::to_owned) else { return false };
        self.queue_query(id, Lookup::Room { room, nickname: nickname.map(str::to_owned) });
        true
    }

    /// What was said in a room has been read of the file, for somebody who goes there now.
    pub(in crate::chat::hub) fn open_queried_room(
        &mut self,
        id: ClientId,
        room: &str,
        nickname: Option<&str>,
        answer: Answer,
        now: Now,
    ) {
        let stage = self.clients[id].stage;
        if !matches!(stage, Stage::Here | Stage::Asked) {
            return;
        }
        let opened = match answer {
            Answer::Messages(messages) => self.restore_stored(room, &messages, id),
            _ => Err(Refusal::LookupFails),
        };
        match (stage, opened) {
            (Stage::Here, Ok(room)) if room == self.clients[id].room => {}
            (Stage::Here, Ok(room)) => self.change_room(id, room, now),
            (Stage::Here, Err(refusal)) => self.refuse(id, refusal),
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

    /// Brings a room back to memory, unless it has come back already.
    fn restore_stored(&mut self, room: &str, messages: &[Message], id: ClientId) -> Result<RoomId, Refusal<'static>> {
        let Ok(name) = Name::room(room) else { return Err(Refusal::BadRoomName) };
        if let Some(room) = self.rooms.find(&name.key) {
            return Ok(room);
        }
        if messages.is_empty() {
            // All of it was pruned.
            self.forget_stored(&name.key);
            return self.make_room(&name, id);
        }
        self.make_space()?;
        let stored = self.store.as_mut().and_then(|store| store.stored.remove(&name.key));
        let id = self.restore_room(&name, messages);
        self.rooms[id].creator = stored.and_then(|stored| stored.creator);
        Ok(id)
    }

    /// A room that is not in memory is gone from the file, too.
    fn forget_stored(&mut self, key: &str) {
        let Some(store) = &mut self.store else { return };
        if let Some(Stored { name, creator }) = store.stored.remove(key) {
            store.record(Record::RoomGone { name: name.into() });
            self.release_maker(creator);
        }
    }

    /// All that was said in these rooms has been pruned of the file: those that are not in memory are gone.
    pub fn rooms_are_pruned(&mut self, names: &[String]) {
        for name in names {
            let key = fold(name);
            if self.stored_room(&key).is_some() {
                info!("all that was said in room {name} was too old or too much; it is gone");
                self.forget_stored(&key);
            }
        }
    }

    /// Rooms as they are listed, the fullest first, and how many there are besides. Where there are more than can be named,
    /// of those without people the ones used last are.
    pub(in crate::chat::hub) fn listed_rooms(&self) -> (Vec<(Box<str>, usize)>, usize) {
        let lobby = &self.rooms[RoomId::LOBBY];
        let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty());
        let mut full: Vec<(usize, RoomId)> =
            self.rooms.occupied().chain(lobby).map(|(id, room)| (room.members.len(), id)).collect();
        if full.len() > MAX_LISTED {
            full.select_nth_unstable_by(MAX_LISTED - 1, |a, b| b.cmp(a));
            full.truncate(MAX_LISTED);
        }
        let full = full.into_iter().map(|(here, id)| (self.rooms[id].name.clone(), here));
        let empty = self.rooms.empty().map(|room| (room.name.clone(), 0));
        let stored = self.store.iter().flat_map(|store| store.stored.values());
        let stored = stored.map(|room| (room.name.clone(), 0));
        let mut listed: Vec<_> = full.chain(empty).chain(stored).take(MAX_LISTED).collect();
        listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let more = self.all_rooms() - listed.len();
        (listed, more)
    }
}
