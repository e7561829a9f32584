//! What the hub knows of one connection, kept small: an idle client is this and nothing else.

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

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In the waiting line; the number that it was last told.
    Waiting(u32),
    /// It has a seat and is asked for a nickname.
    Asked,
    /// It has a nickname and is in a room.
    Here,
    /// It has left; only its outbox is still to be written.
    Leaving,
}

/// Whom a client does not want to read.
#[derive(Default)]
pub struct IgnoreList {
    /// The name, the keyed hash of its folded form as in the log's index, and who had it when it was ignored.
    pub people: Vec<(CompactString, u64, Session)>,
}

impl IgnoreList {
    /// Whether lines of that author, under that name, are skipped.
    pub fn skips(&self, author: Session, name: u64) -> bool {
        self.people.iter().any(|&(_, hash, session)| session == author || hash == name)
    }
}

/// A [`SocketAddr`] in half the space, since most are of IPv4.
enum Peer {
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl From<SocketAddr> for Peer {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(addr) => Peer::V4(addr),
            SocketAddr::V6(addr) => Peer::V6(Box::new(addr)),
        }
    }
}

/// One connection.
pub struct Client {
    peer: Peer,
    pub session: Session,
    pub stage: Stage,
    /// How it reads.
    pub encoding: Encoding,
    /// It reads its own messages too (`/echo on`).
    pub echo: bool,
    /// It waits for something that is looked up.
    pub awaits_answer: bool,
    /// It stands in the hub's queue of those to be written to.
    pub queued: bool,
    /// It counts among the connections from its address.
    pub counted: bool,
    /// Its socket is full; it is left alone until it is writable.
    pub blocked: bool,
    /// It will be disconnected in one of the next ticks.
    pub pending_disconnect: Option<PendingDisconnect>,
    /// Empty until it is here. Few are so long that they do not fit in place.
    pub name: CompactString,
    /// Keyed hash of the folded name, as in the logs' indices.
    pub name_hash: u64,
    pub room: RoomId,
    /// Rooms that it has made and that still exist.
    pub created_rooms: u8,
    /// Its index among the room's members.
    pub place: u32,
    pub cursor: Cursor,
    /// Before this point there may be something to skip: the notices of the history, its own lines.
    pub filtered_to: Cursor,
    /// The stamp of its entering the room: of what is older it is shown messages only.
    pub entered: u64,
    /// The segment in which it was last noted as stuck.
    pub blocked_in: u32,
    /// Microseconds: when it was asked for its nickname, or was last heard of.
    pub active: u64,
    /// Microseconds: when its allowance of lines is full again.
    pub allowance: u64,
    pub outbox: Option<Box<Outbox>>,
    pub ignored: Option<Box<IgnoreList>>,
    /// Who whispered to it last.
    pub whisperer: Option<(ClientId, Session)>,
}

impl Client {
    /// A connection that has just been accepted.
    pub fn new(addr: SocketAddr, encoding: Encoding, session: Session, now: u64) -> Self {
        Client {
            peer: addr.into(),
            session,
            stage: Stage::Waiting(0),
            encoding,
            // A page wants to know what has arrived.
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

    /// Where it comes from.
    pub fn addr(&self) -> SocketAddr {
        match &self.peer {
            Peer::V4(addr) => SocketAddr::V4(*addr),
            Peer::V6(addr) => SocketAddr::V6(**addr),
        }
    }

    /// Where it comes from, without the port.
    pub fn ip(&self) -> IpAddr {
        self.addr().ip()
    }

    /// Bytes that are owed to it alone.
    pub fn private_bytes(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// Whether a message of the log is hidden from it; one's own never is.
    pub fn skips_message(&self, entry: &Entry) -> bool {
        entry.author != self.session && self.ignores(entry.author, entry.name)
    }

    /// Whether lines of that author, under that name, are hidden from it.
    pub fn ignores(&self, author: Session, name: u64) -> bool {
        self.ignored.as_ref().is_some_and(|ignored| ignored.skips(author, name))
    }
}

/// All connections by id.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Client>>,
    /// Which deadlines are set for each id: one bit a kind.
    deadlines: Vec<u8>,
    len: usize,
}

impl Clients {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds one; its id must be free.
    pub fn insert(&mut self, id: ClientId, client: Client) {
        if self.slots.len() <= id.slot() {
            self.slots.resize_with(id.slot() + 1, || None);
        }
        // They outlive those for whom they were set, and take a byte each.
        if self.deadlines.len() <= id.slot() {
            self.deadlines.resize(id.slot() + 1, 0);
        }
        debug_assert!(self.slots[id.slot()].is_none(), "{id:?} is taken");
        self.slots[id.slot()] = Some(client);
        self.len += 1;
    }

    /// Takes one out.
    pub fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.slots.get_mut(id.slot())?.take()?;
        self.len -= 1;
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        shrink::vec(&mut self.slots);
        Some(client)
    }

    /// The client of that id, if it is still there.
    pub fn get(&self, id: ClientId) -> Option<&Client> {
        self.slots.get(id.slot())?.as_ref()
    }

    /// The client of that id, if it is still there.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.slots.get_mut(id.slot())?.as_mut()
    }

    /// Notes whether a deadline of a kind is set for an id; returns whether one was.
    pub fn set_deadline(&mut self, id: ClientId, kind: u8, set: bool) -> bool {
        let bits = &mut self.deadlines[id.slot()];
        let was = *bits & (1 << kind) != 0;
        *bits = *bits & !(1 << kind) | u8::from(set) << kind;
        was
    }

    /// Every client with its id.
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

/// Those who have something to be written and were not found by a sweep.
#[derive(Default)]
pub struct Queue(VecDeque<ClientId>);

impl Queue {
    /// Adds a client, once.
    pub fn push(&mut self, id: ClientId, client: &mut Client) {
        if !client.queued {
            client.queued = true;
            self.0.push_back(id);
        }
    }

    /// The next one that is still connected and can be written to.
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

    /// Whether nobody is queued.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
impl Clients {
    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Client>>() + self.deadlines.capacity()
    }
}

#[cfg(test)]
impl Queue {
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_client_is_small() {
        assert!(size_of::<Option<Client>>() <= 144, "{} bytes", size_of::<Option<Client>>());
    }

    #[test]
    fn an_address_comes_out_as_it_went_in() {
        for addr in ["127.0.0.1:4567", "[::1]:80", "[fe80::1%3]:65535"] {
            let addr: SocketAddr = addr.parse().unwrap();
            assert_eq!(Client::new(addr, Encoding::Plain, Session::NOBODY, 0).addr(), addr);
        }
    }
}
