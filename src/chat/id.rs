//! Identifiers of connections, sessions, members and rooms, and the time.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

/// The time, as the caller of the hub reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A date in two bytes: days since 1 January 2000. Earlier dates count as that day, dates after 2179 as the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DayNumber(u16);

impl DayNumber {
    /// The number of a date.
    pub fn of(date: Date) -> Self {
        const FIRST: i32 = 2_451_545;
        let days = (date.to_julian_day() - FIRST).clamp(0, i32::from(u16::MAX));
        DayNumber(days as u16)
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The date with this number.
    pub fn from_number(number: u16) -> Self {
        DayNumber(number)
    }
}

/// The number of a connection in server and hub; it is reused after the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(NonZeroU32);

impl ClientId {
    /// The operator's console, which has no connection.
    pub const CONSOLE: ClientId = ClientId(NonZeroU32::MAX);

    /// The id of the connection in this slot.
    ///
    /// # Panics
    /// If `slot` does not fit in 32 bits; no machine has that many file descriptors.
    pub fn new(slot: usize) -> Self {
        let number = u32::try_from(slot).ok().and_then(|slot| NonZeroU32::MIN.checked_add(slot));
        ClientId(number.expect("fewer than 2^32 connections"))
    }

    /// The slot of this id.
    pub fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The number of one session; unlike [`ClientId`] it is not reused for 2^32 sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(NonZeroU32);

impl SessionId {
    /// The first number.
    pub const FIRST: SessionId = SessionId(NonZeroU32::MIN);

    /// The number after this one.
    pub fn next(self) -> SessionId {
        self.0.checked_add(1).map_or(SessionId::FIRST, SessionId)
    }
}

/// The slot of a member in the member table; it is reused after the member has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberSlot(NonZeroU32);

impl MemberSlot {
    /// The slot with this index.
    ///
    /// # Panics
    /// If `index` does not fit in 32 bits.
    pub fn new(index: usize) -> Self {
        let number = u32::try_from(index).ok().and_then(|index| NonZeroU32::MIN.checked_add(index));
        MemberSlot(number.expect("fewer than 2^32 members"))
    }

    /// The index of this slot.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// One run of a node of a cluster; no other run of any node has its number.
///
/// The first one of a process is a random number, each further one is greater by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

impl Incarnation {
    /// The one after this one.
    pub fn next(self) -> Incarnation {
        Incarnation(self.0.wrapping_add(1))
    }
}

/// A member: its slot, and a serial number that no other member of that slot has for 2^32 joins.
///
/// Both follow from the committed joins and leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    pub slot: MemberSlot,
    pub serial: NonZeroU32,
}

impl MemberId {
    /// The operator at the console of this process.
    pub const OPERATOR: MemberId = MemberId { slot: MemberSlot(NonZeroU32::MAX), serial: NonZeroU32::MAX };
}

/// The number of an account in this process; no other account gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(NonZeroU32);

impl AccountId {
    const FIRST: AccountId = AccountId(NonZeroU32::MIN);
    /// The number of no account, in place of one that was removed.
    pub const REMOVED: AccountId = AccountId(NonZeroU32::MAX);

    /// The number after `last`, or the first one.
    ///
    /// # Panics
    /// After 2^32 - 1 accounts; they are limited to fewer, and each takes a password to be hashed.
    pub fn after(last: Option<AccountId>) -> AccountId {
        last.map_or(AccountId::FIRST, |last| AccountId(last.0.checked_add(1).expect("fewer than 2^32 accounts")))
    }
}

/// Who has a role, an invitation or a restriction: an account, or a member that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Holder {
    Member(MemberId),
    Account(AccountId),
}

/// The number of a room; it is reused after the room is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoomId(NonZeroU32);

impl RoomId {
    /// The room that every member enters first; it is never removed.
    pub const LOBBY: RoomId = RoomId(NonZeroU32::MIN);

    /// The room with this index.
    ///
    /// # Panics
    /// If `index` does not fit in 32 bits.
    pub fn new(index: usize) -> Self {
        let number = u32::try_from(index).ok().and_then(|index| NonZeroU32::MIN.checked_add(index));
        RoomId(number.expect("fewer than 2^32 rooms"))
    }

    /// The index of this room.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The name of the room that every member enters first.
pub const LOBBY: &str = "lobby";

/// The author of a line: the member, and the keyed hash of its folded name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// `None` for a notice of the server, and for a stored message.
    pub member: Option<MemberId>,
    pub name: u64,
}

impl Author {
    pub const NONE: Author = Author { member: None, name: 0 };
}
