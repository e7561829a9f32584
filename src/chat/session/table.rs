//! The sessions of this process, by connection.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};
use time::Date;

use super::irc::IrcSession;
use super::subscription::Subscription;
use super::{Session, SessionStage};
use crate::chat::change::Origin;
use crate::chat::encoding::Encoding;
use crate::chat::id::{ClientId, RoomId, SessionId};
use crate::chat::member::table::MemberTable;
use crate::util::tables::lists::Lists;
use crate::util::tables::shrink;
use crate::util::tables::slots::Slots;

/// A remote address in 8 bytes, since most addresses are IPv4.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum PeerAddr {
    V4([u8; 4], u16),
    /// An index in the table of IPv6 addresses.
    V6(u32),
}

#[derive(Serialize, Deserialize)]
struct Slot {
    peer: PeerAddr,
    session: Session,
}

/// The session of the operator's console.
#[derive(Serialize, Deserialize)]
struct Console {
    session: Session,
    /// The date of its newest line.
    day: Option<Date>,
}

/// All sessions.
#[derive(Serialize, Deserialize)]
pub struct SessionTable {
    slots: Vec<Option<Slot>>,
    /// The places of sessions in the rooms that their members follow.
    followed: Lists<Subscription>,
    v6: Slots<SocketAddrV6>,
    /// The deadlines set for each id: one bit for each kind. They stay set after their session is removed.
    deadlines: Vec<u8>,
    len: usize,
    last: SessionId,
    console: Option<Box<Console>>,
    /// What IRC sessions have besides, by slot; the last one is of a session.
    irc: Vec<Option<IrcSession>>,
    irc_count: usize,
}

impl Default for SessionTable {
    fn default() -> Self {
        SessionTable {
            slots: Vec::new(),
            followed: Lists::default(),
            v6: Slots::default(),
            deadlines: Vec::new(),
            len: 0,
            last: SessionId::FIRST,
            console: None,
            irc: Vec::new(),
            irc_count: 0,
        }
    }
}

impl SessionTable {
    /// The number of connections.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a session for a new connection; its id must be free.
    pub fn insert(&mut self, id: ClientId, addr: SocketAddr, encoding: Encoding, now: u64) {
        if self.slots.len() <= id.slot() {
            self.slots.resize_with(id.slot() + 1, || None);
        }
        if self.deadlines.len() <= id.slot() {
            self.deadlines.resize(id.slot() + 1, 0);
        }
        debug_assert!(self.slots[id.slot()].is_none(), "{id:?} is taken");
        self.last = self.last.next();
        let peer = match addr {
            SocketAddr::V4(addr) => PeerAddr::V4(addr.ip().octets(), addr.port()),
            SocketAddr::V6(addr) => PeerAddr::V6(self.v6.insert(addr) as u32),
        };
        if encoding.is_irc() {
            if self.irc.len() <= id.slot() {
                self.irc.resize_with(id.slot() + 1, || None);
            }
            self.irc[id.slot()] = Some(IrcSession::new());
            self.irc_count += 1;
        }
        self.slots[id.slot()] = Some(Slot { peer, session: Session::new(self.last, encoding, now) });
        self.len += 1;
    }

    /// A number that no session gets, for something else that waits for a commit.
    pub fn next_number(&mut self) -> SessionId {
        self.last = self.last.next();
        self.last
    }

    /// Removes the session of a closed connection; returns it with its address.
    pub fn remove(&mut self, id: ClientId) -> Option<(Session, SocketAddr)> {
        let addr = self.addr(id)?;
        let Slot { peer, session } = self.slots.get_mut(id.slot())?.take()?;
        if let PeerAddr::V6(index) = peer {
            self.v6.remove(index as usize);
        }
        if session.encoding.is_irc() {
            self.irc[id.slot()] = None;
            self.irc_count -= 1;
            shrink::sparse(&mut self.irc);
        }
        self.len -= 1;
        shrink::sparse(&mut self.slots);
        Some((session, addr))
    }

    /// The session of this connection, or of the console.
    pub fn get(&self, id: ClientId) -> Option<&Session> {
        match self.slots.get(id.slot()) {
            Some(slot) => slot.as_ref().map(|slot| &slot.session),
            None if id == ClientId::CONSOLE => self.console.as_ref().map(|console| &console.session),
            None => None,
        }
    }

    /// As [`SessionTable::get`], mutable.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Session> {
        match self.slots.get_mut(id.slot()) {
            Some(slot) => slot.as_mut().map(|slot| &mut slot.session),
            None if id == ClientId::CONSOLE => self.console.as_mut().map(|console| &mut console.session),
            None => None,
        }
    }

    /// The number of sessions of IRC.
    pub fn irc_count(&self) -> usize {
        self.irc_count
    }

    /// What a session has besides as one of IRC.
    pub fn irc(&self, id: ClientId) -> Option<&IrcSession> {
        self.irc.get(id.slot())?.as_ref()
    }

    /// As [`SessionTable::irc`], mutable.
    pub fn irc_mut(&mut self, id: ClientId) -> Option<&mut IrcSession> {
        self.irc.get_mut(id.slot())?.as_mut()
    }

    /// The name with which a session of IRC is addressed: its nickname, or the one that it wants; `*` before it has said one.
    pub fn nick<'a>(&'a self, members: &'a MemberTable, id: ClientId) -> &'a str {
        match self.get(id).and_then(|session| session.member) {
            Some(slot) => &members[slot].name,
            None => self.irc(id).and_then(IrcSession::wanted_nick).unwrap_or("*"),
        }
    }

    /// The places of a session in the logs of rooms: that in its current room first, with `true`.
    pub fn subscriptions<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = (bool, &'a Subscription)> {
        let followed = self.followed.iter(session.followed).map(|subscription| (false, subscription));
        session.current.iter().map(|subscription| (true, subscription)).chain(followed)
    }

    /// The place of a session in the log of a room, if it reads the room; `true` if it is its current room.
    #[inline]
    pub fn subscription<'a>(&'a self, session: &'a Session, room: RoomId) -> Option<(bool, &'a Subscription)> {
        match &session.current {
            Some(subscription) if subscription.room == room => Some((true, subscription)),
            _ => {
                let followed = self.followed.find(session.followed, |subscription| subscription.room == room);
                followed.map(|subscription| (false, subscription))
            }
        }
    }

    /// As [`SessionTable::subscription`], mutable.
    pub fn subscription_mut(&mut self, id: ClientId, room: RoomId) -> Option<(bool, &mut Subscription)> {
        let session = match self.slots.get_mut(id.slot()) {
            Some(slot) => slot.as_mut().map(|slot| &mut slot.session)?,
            None => return None,
        };
        match &mut session.current {
            Some(subscription) if subscription.room == room => Some((true, subscription)),
            _ => {
                let followed = self.followed.find_mut(session.followed, |subscription| subscription.room == room);
                followed.map(|subscription| (false, subscription))
            }
        }
    }

    /// The room at this index among those that a session reads; 0 is its current room.
    pub fn room_at(&self, id: ClientId, index: usize) -> Option<RoomId> {
        self.subscriptions(self.get(id)?).nth(index).map(|(_, subscription)| subscription.room)
    }

    /// Adds the place of a session in a room that its member follows.
    pub fn add_followed(&mut self, id: ClientId, subscription: Subscription) {
        let Some(Some(Slot { session, .. })) = self.slots.get_mut(id.slot()) else { return };
        self.followed.push(&mut session.followed, subscription);
    }

    /// Removes and returns the place of a session in a room; `true` if it is its current room.
    pub fn remove_subscription(&mut self, id: ClientId, room: RoomId) -> Option<(bool, Subscription)> {
        let Some(Some(Slot { session, .. })) = self.slots.get_mut(id.slot()) else { return None };
        if let Some(current) = session.current.take_if(|current| current.room == room) {
            if session.encoding.is_irc() {
                // Reading is fastest with the current one.
                session.current = self.followed.pop(&mut session.followed);
            }
            return Some((true, current));
        }
        let followed = self.followed.remove(&mut session.followed, |subscription| subscription.room == room);
        followed.map(|subscription| (false, subscription))
    }

    /// Who proposes or asks for this session.
    pub fn origin(&self, id: ClientId) -> Origin {
        Origin { client: id, session: self[id].id }
    }

    /// The session of an origin, if it is still connected.
    pub fn find(&mut self, origin: Origin) -> Option<&mut Session> {
        self.get_mut(origin.client).filter(|session| session.id == origin.session)
    }

    /// The remote address of a connection; the console has none.
    pub fn addr(&self, id: ClientId) -> Option<SocketAddr> {
        match self.slots.get(id.slot())?.as_ref()?.peer {
            PeerAddr::V4(ip, port) => Some(SocketAddrV4::new(ip.into(), port).into()),
            PeerAddr::V6(index) => Some(self.v6[index as usize].into()),
        }
    }

    /// The remote address without the port.
    ///
    /// # Panics
    /// If there is no such connection.
    pub fn ip(&self, id: ClientId) -> IpAddr {
        self.addr(id).expect("the id of a connection").ip()
    }

    /// Records whether a deadline of this kind is set for an id; returns whether it was set before.
    pub fn set_deadline(&mut self, id: ClientId, kind: u8, set: bool) -> bool {
        let bits = &mut self.deadlines[id.slot()];
        let was = *bits & (1 << kind) != 0;
        *bits = *bits & !(1 << kind) | u8::from(set) << kind;
        was
    }

    /// Forgets all deadlines.
    pub fn clear_deadlines(&mut self) {
        self.deadlines.fill(0);
    }

    /// All sessions of connections with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, &Session)> {
        self.slots.iter().enumerate().filter_map(|(slot, entry)| Some((ClientId::new(slot), &entry.as_ref()?.session)))
    }

    /// As [`SessionTable::iter`], mutable and without the ids.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().flatten().map(|slot| &mut slot.session)
    }

    /// Adds the session of the console.
    pub fn open_console(&mut self) {
        self.last = self.last.next();
        let mut session = Session::new(self.last, Encoding::Plain, 0);
        session.stage = SessionStage::Console;
        self.console = Some(Box::new(Console { session, day: None }));
    }

    /// Whether there is a console.
    pub fn has_console(&self) -> bool {
        self.console.is_some()
    }

    /// Sets the date of the console's newest line; returns whether it is another date than before.
    pub fn begin_console_day(&mut self, today: Date) -> bool {
        self.console.as_mut().and_then(|console| console.day.replace(today)).is_some_and(|day| day != today)
    }
}

impl Index<ClientId> for SessionTable {
    type Output = Session;

    fn index(&self, id: ClientId) -> &Session {
        self.get(id).expect("the id of a session")
    }
}

impl IndexMut<ClientId> for SessionTable {
    fn index_mut(&mut self, id: ClientId) -> &mut Session {
        self.get_mut(id).expect("the id of a session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl SessionTable {
        /// Bytes allocated for the tables.
        pub fn capacity_bytes(&self) -> usize {
            self.slots.capacity() * size_of::<Option<Slot>>()
                + self.deadlines.capacity()
                + self.followed.capacity_bytes()
        }
    }

    #[test]
    fn idle_session_is_small() {
        assert!(size_of::<Option<Slot>>() <= 96, "{} bytes", size_of::<Option<Slot>>());
    }

    #[test]
    fn address_is_returned_unchanged() {
        let mut table = SessionTable::default();
        for (slot, addr) in ["127.0.0.1:4567", "[::1]:80", "[fe80::1%3]:65535"].into_iter().enumerate() {
            let (id, addr): (_, SocketAddr) = (ClientId::new(slot), addr.parse().unwrap());
            table.insert(id, addr, Encoding::Plain, 0);
            assert_eq!(table.addr(id), Some(addr));
        }
        assert_eq!(table.remove(ClientId::new(1)).map(|(_, addr)| addr), "[::1]:80".parse().ok());
        assert_eq!((table.addr(ClientId::new(1)), table.len()), (None, 2));
    }
}
