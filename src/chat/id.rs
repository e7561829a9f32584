//! Identifiers of sessions, rooms and authors, and the time.

use std::num::NonZeroU32;
use std::time::Duration;

use time::OffsetDateTime;

/// The time, as whoever drives the hub sees it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since some fixed moment; never goes back.
    pub at: Duration,
    /// What the clock on the wall shows; may jump.
    pub local: OffsetDateTime,
}

impl Now {
    pub(super) fn micros(self) -> u64 {
        self.at.as_micros() as u64
    }
}

/// The number under which server and hub know a connection; reused when it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u32);

impl ClientId {
    /// The id of the connection in that slot.
    ///
    /// # Panics
    /// If `slot` does not fit 32 bits; no machine has so many file descriptors.
    pub fn new(slot: usize) -> Self {
        ClientId(u32::try_from(slot).expect("fewer than 2^32 connections"))
    }

    /// The slot again.
    pub fn slot(self) -> usize {
        self.0 as usize
    }
}

/// The number of one stay of one client; unlike its id not reused in 2^32 stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session(pub(super) NonZeroU32);

impl Session {
    /// The author of what is shown to everyone; no client has it.
    pub const NOBODY: Session = Session(NonZeroU32::MIN);
    /// The operator at the console.
    pub const OPERATOR: Session = Session(NonZeroU32::MIN.saturating_add(1));
    const FIRST: Session = Session(NonZeroU32::MIN.saturating_add(2));

    /// The one after this, which is neither of those above.
    pub fn next(self) -> Session {
        self.0.checked_add(1).map(Session).unwrap_or(Session::FIRST).max(Session::FIRST)
    }
}

/// The number of a room, reused when the room is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub(super) u32);

impl RoomId {
    /// The room that everybody enters first and that is never gone.
    pub const LOBBY: RoomId = RoomId(0);
}

/// The name of the room that everybody enters first.
pub const LOBBY: &str = "lobby";

/// Who speaks: the session, and the keyed hash of the folded name.
#[derive(Clone, Copy)]
pub(super) struct Author {
    pub session: Session,
    pub name: u64,
}

impl Author {
    pub const NOBODY: Author = Author { session: Session::NOBODY, name: 0 };
}

/// The session that made a room.
pub type RoomCreator = Option<(ClientId, Session)>;
