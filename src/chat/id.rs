//! Identifiers of sessions, rooms and authors, and the time.

use std::num::NonZeroU32;
use std::time::Duration;

use time::OffsetDateTime;

/// The time, as the caller of the hub reads it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time since a fixed moment; it never goes back.
    pub at: Duration,
    /// The date and time of the system clock; it may jump.
    pub local: OffsetDateTime,
}

impl Now {
    pub(super) fn micros(self) -> u64 {
        self.at.as_micros() as u64
    }
}

/// The number of a connection in server and hub; it is reused after the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u32);

impl ClientId {
    /// The operator's console, which has no connection.
    pub const CONSOLE: ClientId = ClientId(u32::MAX);

    /// The id of the connection in this slot.
    ///
    /// # Panics
    /// If `slot` does not fit in 32 bits; no machine has that many file descriptors.
    pub fn new(slot: usize) -> Self {
        ClientId(u32::try_from(slot).expect("fewer than 2^32 connections"))
    }

    /// The slot of this id.
    pub fn slot(self) -> usize {
        self.0 as usize
    }
}

/// The number of one session of one client; unlike [`ClientId`] it is not reused for 2^32 sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session(pub(super) NonZeroU32);

impl Session {
    /// The author of notices for everyone; no client has it.
    pub const NONE: Session = Session(NonZeroU32::MIN);
    /// The operator at the console.
    pub const OPERATOR: Session = Session(NonZeroU32::MIN.saturating_add(1));
    const FIRST: Session = Session(NonZeroU32::MIN.saturating_add(2));

    /// The session number after this one; never [`Session::NONE`] or [`Session::OPERATOR`].
    pub fn next(self) -> Session {
        self.0.checked_add(1).map(Session).unwrap_or(Session::FIRST).max(Session::FIRST)
    }
}

/// The number of a room; it is reused after the room is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub(super) u32);

impl RoomId {
    /// The room that every member enters first; it is never removed.
    pub const LOBBY: RoomId = RoomId(0);
}

/// The name of the room that every member enters first.
pub const LOBBY: &str = "lobby";

/// The author of a message: the session, and the keyed hash of the folded name.
#[derive(Clone, Copy)]
pub(super) struct Author {
    pub session: Session,
    pub name: u64,
}

impl Author {
    pub const NONE: Author = Author { session: Session::NONE, name: 0 };
}

/// The session that created a room.
pub type RoomCreator = Option<(ClientId, Session)>;
