//! The state of one connection in the hub; an idle client takes no other memory.

use crate::chat::id::{ClientId, Session};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::{Index, IndexMut};

use compact_str::CompactString;

use super::outbox::Outbox;
use crate::chat::event::Encoding;
use crate::chat::event::PendingDisconnect;
use crate::chat::id::RoomId;
use crate::chat::room::segment_log::{Cursor, Entry};
use crate::util::shrink;

/// The stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStage {
    /// It waits in the admission queue; the position that it was last told.
    Waiting(u32),
    /// It is admitted, and is asked for a nickname.
    LoggingIn,
    /// It has a nickname and is in a room.
    InRoom,
    /// It has left; only its outbox must still be written.
    Leaving,
}

/// The members that a client ignores.
#[derive(Default)]
pub struct IgnoreList {
    /// The name, the keyed hash of its folded form (as in log entries), and the session that had the name at the time.
    pub people: Vec<(CompactString, u64, Session)>,
}

impl IgnoreList {
    /// Whether lines of this author with this name are skipped.
    pub fn skips(&self, author: Session, name: u64) -> bool {
        self.people.iter().any(|&(_, hash, session)| session == author || hash == name)
    }
}

/// A [`SocketAddr`] in half the space, since most addresses are IPv4.
enum PeerAddr {
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl From<SocketAddr> for PeerAddr {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(addr) => PeerAddr::V4(addr),
            SocketAddr::V6(addr) => PeerAddr::V6(Box::new(addr)),
        }
    }
}

/// One connection in the hub.
pub struct Client {
    peer: PeerAddr,
    pub session: Session,
    pub stage: SessionStage,
    pub encoding: Encoding,
    /// It also reads its own messages (`/echo on`).
    pub echo: bool,
    /// It waits for the answer to a query.
    pub awaits_answer: bool,
    /// It is in the hub's [`WriteQueue`].
    pub queued: bool,
    /// It is counted in the per-IP limit.
    pub counted: bool,
    /// Its socket is full; nothing is written until the socket is writable.
    pub blocked: bool,
    /// Why it will be disconnected in one of the next ticks.
    pub pending_disconnect: Option<PendingDisconnect>,
    /// Empty until it is in a room. Few names are too long to be stored inline.
    pub name: CompactString,
    /// Keyed hash of the folded name, as in log entries.
    pub name_hash: u64,
    pub room: RoomId,
    /// Existing rooms that it created.
    pub created_rooms: u8,
    /// Its index among the room's members.
    pub place: u32,
    pub cursor: Cursor,
    /// Before this point there may be entries to skip: notices in the history, its own lines.
    pub filtered_to: Cursor,
    /// The stamp at which it entered the room: of older entries it reads only messages.
    pub entered: u64,
    /// The segment in which it was last marked as blocked.
    pub blocked_in: u32,
    /// When it was asked for its nickname, or last sent something; in microseconds.
    pub active: u64,
    /// The state of its rate limit ([`crate::chat::RateLimit`]): when its allowance is full again, in microseconds.
    pub allowance: u64,
    pub outbox: Option<Box<Outbox>>,
    pub ignored: Option<Box<IgnoreList>>,
    /// The client that whispered to it last.
    pub whisperer: Option<(ClientId, Session)>,
}

impl Client {
    /// A newly accepted connection.
    pub fn new(addr: SocketAddr, encoding: Encoding, session: Session, now: u64) -> Self {
        Client {
            peer: addr.into(),
            session,
            stage: SessionStage::Waiting(0),
            encoding,
            // The web page shows a message when it comes back.
            echo: encoding == Encoding::WebSocket,
            awaits_answer: false,
            queued: false,
            counted: false,
            blocked: false,
            pending_disconnect: None,
            name: CompactString::default(),
            name_hash: 0,
            room: RoomId::LOBBY,
            created_rooms: 0,
            place: 0,
            cursor: Cursor::default(),
            filtered_to: Cursor::default(),
            entered: 0,
            blocked_in: u32::MAX,
            active: now,
            allowance: 0,
            outbox: None,
            ignored: None,
            whisperer: None,
        }
    }

    /// The remote address.
    pub fn addr(&self) -> SocketAddr {
        match &self.peer {
            PeerAddr::V4(addr) => SocketAddr::V4(*addr),
            PeerAddr::V6(addr) => SocketAddr::V6(**addr),
        }
    }

    /// The remote address without the port.
    pub fn ip(&self) -> IpAddr {
        self.addr().ip()
    }

    /// Bytes in its outbox.
    pub fn private_bytes(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// Whether a message of the log is hidden from it; its own messages never are.
    pub fn skips_message(&self, entry: &Entry) -> bool {
        entry.author != self.session && self.ignores(entry.author, entry.name)
    }

    /// Whether it ignores lines of this author with this name.
    pub fn ignores(&self, author: Session, name: u64) -> bool {
        self.ignored.as_ref().is_some_and(|ignored| ignored.skips(author, name))
    }
}

/// All connections by id.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Client>>,
    /// The deadlines set for each id: one bit for each kind.
    deadlines: Vec<u8>,
    len: usize,
}

impl Clients {
    /// The number of connections.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a client; its id must be free.
    pub fn insert(&mut self, id: ClientId, client: Client) {
        if self.slots.len() <= id.slot() {
            self.slots.resize_with(id.slot() + 1, || None);
        }
        // Deadlines stay set after their client is removed; they take one byte each.
        if self.deadlines.len() <= id.slot() {
            self.deadlines.resize(id.slot() + 1, 0);
        }
        debug_assert!(self.slots[id.slot()].is_none(), "{id:?} is taken");
        self.slots[id.slot()] = Some(client);
        self.len += 1;
    }

    /// Removes a client.
    pub fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.slots.get_mut(id.slot())?.take()?;
        self.len -= 1;
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        shrink::vec(&mut self.slots);
        Some(client)
    }

    /// The client with this id, if it is connected.
    pub fn get(&self, id: ClientId) -> Option<&Client> {
        self.slots.get(id.slot())?.as_ref()
    }

    /// As [`Clients::get`], mutable.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.slots.get_mut(id.slot())?.as_mut()
    }

    /// Records whether a deadline of this kind is set for an id; returns whether it was set before.
    pub fn set_deadline(&mut self, id: ClientId, kind: u8, set: bool) -> bool {
        let bits = &mut self.deadlines[id.slot()];
        let was = *bits & (1 << kind) != 0;
        *bits = *bits & !(1 << kind) | u8::from(set) << kind;
        was
    }

    /// All clients with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        self.slots.iter().enumerate().filter_map(|(slot, client)| Some((ClientId::new(slot), client.as_ref()?)))
    }
}

impl Index<ClientId> for Clients {
    type Output = Client;

    fn index(&self, id: ClientId) -> &Client {
        self.get(id).expect("the id of a connected client")
    }
}

impl IndexMut<ClientId> for Clients {
    fn index_mut(&mut self, id: ClientId) -> &mut Client {
        self.get_mut(id).expect("the id of a connected client")
    }
}

/// Clients with output that no sweep will find.
#[derive(Default)]
pub struct WriteQueue(VecDeque<ClientId>);

impl WriteQueue {
    /// Adds a client, once.
    pub fn push(&mut self, id: ClientId, client: &mut Client) {
        if !client.queued {
            client.queued = true;
            self.0.push_back(id);
        }
    }

    /// Takes the next client that is connected and not blocked.
    pub fn pop(&mut self, clients: &mut Clients) -> Option<ClientId> {
        while let Some(id) = self.0.pop_front() {
            if let Some(client) = clients.get_mut(id).filter(|client| client.queued) {
                client.queued = false;
                if !client.blocked {
                    return Some(id);
                }
            }
        }
        shrink::queue(&mut self.0);
        None
    }

    /// Whether no client is queued.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
impl Clients {
    /// Bytes allocated for the tables.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Client>>() + self.deadlines.capacity()
    }
}

#[cfg(test)]
impl WriteQueue {
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_client_is_small() {
        assert!(size_of::<Option<Client>>() <= 144, "{} bytes", size_of::<Option<Client>>());
    }

    #[test]
    fn address_is_returned_unchanged() {
        for addr in ["127.0.0.1:4567", "[::1]:80", "[fe80::1%3]:65535"] {
            let addr: SocketAddr = addr.parse().unwrap();
            assert_eq!(Client::new(addr, Encoding::Plain, Session::NONE, 0).addr(), addr);
        }
    }
}
