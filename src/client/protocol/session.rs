//! Tracks what the events of a chinwag server say about our session: name, rooms, members, roles.

mod stage;
#[cfg(test)]
pub(in crate::client) mod tests;

use std::collections::HashMap;

use compact_str::CompactString;
use time::OffsetDateTime;

pub use self::stage::{CloseReason, LoginStage, PasswordOf};
use super::event::{Name, RoomEntry, RoomSettingsList, ServerEvent};
use crate::chat::policy::nick::fold;
use crate::chat::{DEFAULT_NAME, LOBBY, Lang, RoomRole};
use crate::client::name_cache::NameCache;
use crate::client::ui::mention::MentionFinder;
use crate::util::clock::{self, LocalZone};

/// The most rooms that are followed: a server allows fewer.
const MAX_FOLLOWED: usize = 100;

/// The most roles that are remembered, in all rooms together.
const MAX_ROLES: usize = 2000;

/// Our own name: as the server spells it, folded, and as a word to find in messages.
#[derive(Debug)]
struct OwnName {
    shown: CompactString,
    key: String,
    mention: MentionFinder,
}

/// A room that we are in.
#[derive(Debug)]
pub struct OwnRoom {
    pub name: CompactString,
    /// The number of members, ourselves included.
    pub members: Option<usize>,
}

/// The state of the session: [`Session::update`] gets every event.
#[derive(Debug)]
pub struct Session {
    stage: LoginStage,
    is_chinwag: bool,
    lang: Lang,
    server_name: CompactString,
    name: Option<OwnName>,
    /// The current room first, then the followed ones.
    rooms: Vec<OwnRoom>,
    people: NameCache,
    known_rooms: NameCache,
    /// The roles that members have been given, by folded room and name.
    roles: HashMap<(String, String), RoomRole>,
    close_reason: Option<CloseReason>,
    /// Whether joins and leaves are hidden from us.
    is_quiet: bool,
    is_moderator: bool,
    zone: LocalZone,
}

impl Default for Session {
    fn default() -> Self {
        let mut known_rooms = NameCache::default();
        known_rooms.record_listed(LOBBY, false);
        Session {
            stage: LoginStage::Unknown,
            is_chinwag: false,
            lang: Lang::En,
            server_name: DEFAULT_NAME.into(),
            name: None,
            rooms: vec![OwnRoom { name: LOBBY.into(), members: None }],
            people: NameCache::default(),
            known_rooms,
            roles: HashMap::new(),
            close_reason: None,
            is_quiet: false,
            is_moderator: false,
            zone: LocalZone::default(),
        }
    }
}

impl Session {
    /// How far the login has come.
    pub fn stage(&self) -> LoginStage {
        self.stage
    }

    /// Whether the server is a chinwag server that speaks JSON; true for ever once it was.
    pub fn is_chinwag(&self) -> bool {
        self.is_chinwag
    }

    /// The language of the server's sentences.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// What the server calls itself.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Returns our name as the server spells it; it is kept when the connection drops.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.shown)
    }

    /// The current room, in which what we type is said.
    pub fn room(&self) -> &str {
        &self.rooms[0].name
    }

    /// The current room, then the followed ones in the order in which they were followed.
    pub fn rooms(&self) -> &[OwnRoom] {
        &self.rooms
    }

    /// Whether a room is the current one.
    pub fn is_current(&self, room: &str) -> bool {
        is_same(&self.rooms[0].name, room)
    }

    /// Whether we are in a room, or follow it.
    pub fn is_in(&self, room: &str) -> bool {
        self.rooms.iter().any(|own| own.name == room) || self.rooms.iter().any(|own| is_same(&own.name, room))
    }

    /// Returns the names of other users: those in our rooms first, and the most recently active first in each group.
    pub fn names(&self) -> Vec<&str> {
        self.people.list()
    }

    /// Returns the known rooms, the most recently active first.
    pub fn known_rooms(&self) -> Vec<&str> {
        self.known_rooms.list()
    }

    /// Returns the server's reason for closing the connection, if it gave one.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// Whether joins and leaves are hidden from us.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether we moderate the whole server.
    pub fn is_moderator(&self) -> bool {
        self.is_moderator
    }

    /// Whether a text contains our name as a word.
    pub fn mentions(&self, text: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.mention.is_in(text))
    }

    pub fn is_own_name(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.shown == name || own.key == fold(name))
    }

    /// Returns our own name, folded.
    pub fn own_key(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.key)
    }

    /// The role that a member was given in a room; operator if none is known, as most roles are.
    pub fn role_in(&self, room: &str, name: &str) -> RoomRole {
        self.roles.get(&(fold(room), fold(name))).copied().unwrap_or(RoomRole::Operator)
    }

    /// The local time of a time in Unix seconds.
    pub fn to_local(&self, at: i64) -> OffsetDateTime {
        self.zone.to_local(clock::from_unix(at))
    }

    /// Forgets the state of the old connection; the rooms are kept, to be entered again.
    pub fn reconnected(&mut self) {
        self.expect_rooms();
        (self.close_reason, self.is_quiet) = (None, false);
    }

    /// The rooms are entered again, perhaps on the same connection.
    pub fn expect_rooms(&mut self) {
        self.stage = LoginStage::Unknown;
        self.rooms.iter_mut().for_each(|room| room.members = None);
        self.people.record_all_left();
        self.roles.clear();
        self.is_moderator = false;
    }

    /// Gives up the rooms that could not be entered again after a reconnect: nothing is known of them.
    pub fn give_up_rooms(&mut self) {
        let mut is_current = true;
        self.rooms.retain(|room| std::mem::take(&mut is_current) || room.members.is_some());
    }

    /// Updates the state with an event that was read.
    pub fn update(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::Hello { name, lang, .. } => {
                self.is_chinwag = true;
                self.server_name = name.as_ref().into();
                self.lang = if &**lang == "zh" { Lang::Zh } else { Lang::En };
            }
            ServerEvent::Ask => self.stage = LoginStage::Asked,
            ServerEvent::AskPassword { name } => self.ask_password(name.is_some()),
            ServerEvent::Waiting { number } => self.stage = LoginStage::Queued(*number),
            ServerEvent::Entered { name, entry, role } => {
                // The session belongs to another member now, whose followed rooms come next.
                if self.stage == LoginStage::LoggedIn {
                    self.rooms.truncate(1);
                }
                self.stage = LoginStage::LoggedIn;
                self.is_moderator = role.is_some();
                self.set_own_name(name);
                self.enter(entry);
            }
            ServerEvent::Room(entry) => self.enter(entry),
            ServerEvent::Following(entry) => self.follow(entry),
            ServerEvent::Unfollowed { room } | ServerEvent::Removed { room, .. } => self.leave(room),
            ServerEvent::Said(message) | ServerEvent::Action(message) => self.record_active(&message.name, false),
            ServerEvent::Whisper { from: name, .. } | ServerEvent::Whispered { to: name, .. } => {
                self.record_active(name, false)
            }
            ServerEvent::Refused(refused) => self.refused(&refused.what, refused.asked, refused.name.as_deref()),
            ServerEvent::Quiet { on } => self.is_quiet = *on,
            ServerEvent::Role { room: None, name, role, .. } if self.is_own_name(name) => {
                self.is_moderator = role.is_some()
            }
            ServerEvent::Kicked { .. } => self.close_reason = Some(CloseReason::Kicked),
            ServerEvent::Goodbye => self.close_reason = Some(CloseReason::Goodbye),
            ServerEvent::Ending => self.close_reason = Some(CloseReason::ShuttingDown),
            _ => self.update_members(event),
        }
    }

    /// Updates what is known of members and rooms.
    fn update_members(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::Joined { room, name, here } => {
                self.set_members(room.as_deref(), *here);
                self.record_active(name, true);
            }
            ServerEvent::Left { room, name, here, .. } => {
                self.set_members(room.as_deref(), *here);
                if !self.is_own_name(name) {
                    self.people.record_left(name);
                }
            }
            ServerEvent::Summed { room, here, .. } => self.set_members(room.as_deref(), *here),
            ServerEvent::Renamed { old, new, .. } if self.is_own_name(old) => self.set_own_name(new),
            ServerEvent::Renamed { old, new, .. } => {
                self.people.remove(old);
                self.record_active(new, true);
            }
            ServerEvent::People { room, here, names, .. } => {
                self.known_rooms.record_active(room, false);
                let is_ours = self.rooms.iter().any(|own| is_same(&own.name, room));
                self.record_listed(names, is_ours);
                self.set_members(Some(room), *here);
            }
            ServerEvent::Rooms { rooms, .. } => {
                // The largest room comes first in the list, and should be offered first.
                rooms.iter().rev().for_each(|(room, ..)| self.known_rooms.record_listed(room, false));
            }
            ServerEvent::Role { room: Some(room), name, role, .. } => self.set_role(room, name, role.as_deref()),
            ServerEvent::Settings(RoomSettingsList { room, operators, voices, .. }) => {
                operators.iter().for_each(|name| self.set_role(room, name, Some("op")));
                voices.iter().for_each(|name| self.set_role(room, name, Some("voice")));
            }
            _ => {}
        }
    }

    /// A password is asked for. A chinwag server asks for its own first or after the queue, and for that of an account after the
    /// nickname; anything else could be meant to catch a password.
    fn ask_password(&mut self, is_of_account: bool) {
        match (is_of_account, self.stage) {
            (false, LoginStage::Unknown | LoginStage::Queued(_)) => {
                self.stage = LoginStage::PasswordDue(PasswordOf::Server)
            }
            (true, LoginStage::Asked) => self.stage = LoginStage::PasswordDue(PasswordOf::Account),
            _ => {}
        }
    }

    fn refused(&mut self, what: &str, is_asked: bool, name: Option<&str>) {
        self.close_reason = match what {
            "login_timeout" => Some(CloseReason::LoginTimeout),
            "idle" => Some(CloseReason::Idle),
            "full" => Some(CloseReason::Full),
            "busy" => Some(CloseReason::Busy),
            "banned" => Some(CloseReason::Banned),
            "too_many_from_address" => Some(CloseReason::TooManyFromAddress),
            "other_protocol" => Some(CloseReason::OtherProtocol),
            "wrong_password" if !is_asked && self.stage == LoginStage::PasswordDue(PasswordOf::Server) => {
                Some(CloseReason::WrongPassword)
            }
            _ => self.close_reason,
        };
        if what == "nobody_called"
            && let Some(name) = name
        {
            self.people.remove(name);
        }
    }

    /// Enters a room: it is the current one, and no longer a followed one.
    fn enter(&mut self, entry: &RoomEntry) {
        self.leave(&entry.room);
        self.people.record_all_left();
        self.rooms[0] = self.record_entry(entry);
    }

    fn follow(&mut self, entry: &RoomEntry) {
        let room = self.record_entry(entry);
        match self.rooms.iter().position(|own| is_same(&own.name, &room.name)) {
            Some(at) => self.rooms[at] = room,
            None if self.rooms.len() <= MAX_FOLLOWED => self.rooms.push(room),
            None => {}
        }
    }

    /// Ends following a room. What follows says which room is the current one.
    fn leave(&mut self, room: &str) {
        if let Some(at) = self.rooms.iter().skip(1).position(|own| is_same(&own.name, room)) {
            self.rooms.remove(at + 1);
        }
    }

    fn record_entry(&mut self, entry: &RoomEntry) -> OwnRoom {
        self.known_rooms.record_active(&entry.room, false);
        self.record_listed(&entry.names, true);
        OwnRoom { name: entry.room.as_ref().into(), members: Some(entry.here) }
    }

    fn set_members(&mut self, room: Option<&str>, here: usize) {
        let own = match room {
            Some(room) => self.rooms.iter_mut().find(|own| is_same(&own.name, room)),
            None => self.rooms.first_mut(),
        };
        own.into_iter().for_each(|own| own.members = Some(here));
    }

    fn set_role(&mut self, room: &str, name: &str, role: Option<&str>) {
        let key = (fold(room), fold(name));
        match role {
            Some(_) if self.roles.len() >= MAX_ROLES => {}
            Some("op") => drop(self.roles.insert(key, RoomRole::Operator)),
            Some("voice") => drop(self.roles.insert(key, RoomRole::Voice)),
            _ => drop(self.roles.remove(&key)),
        }
    }

    fn set_own_name(&mut self, name: &str) {
        self.name = Some(OwnName { shown: name.into(), key: fold(name), mention: MentionFinder::new(name) });
        self.people.remove(name);
    }

    fn record_listed(&mut self, names: &[Name], here: bool) {
        for name in names {
            if !self.is_own_name(name) {
                self.people.record_listed(name, here);
            }
        }
    }

    fn record_active(&mut self, name: &str, here: bool) {
        if !self.is_own_name(name) {
            self.people.record_active(name, here);
        }
    }
}

/// Whether two names are the same in any spelling.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || fold(one) == fold(other)
}
