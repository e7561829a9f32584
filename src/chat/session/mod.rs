//! One session: its state, its places in the logs of rooms, its private lines, and its reader.

pub(super) mod irc;
pub(super) mod monitors;
pub(super) mod open_commands;
pub(super) mod outbox;
pub(super) mod reader;
pub(super) mod subscription;
pub(super) mod table;

use serde::{Deserialize, Serialize};
use time::Date;

use self::outbox::Outbox;
use self::reader::Shown;
use self::subscription::Subscription;
use super::encoding::Encoding;
use super::id::{DayNumber, MemberSlot, SessionId};
use super::room::segment_log::Cursor;
use crate::util::is_default;
use crate::util::tables::lists::List;

/// The stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionStage {
    /// It waits in the admission queue.
    Waiting,
    /// It is admitted, and is asked for a nickname.
    LoggingIn,
    /// It belongs to a member, and reads the rooms of the member.
    Present,
    /// It is the operator's console, which is shown all rooms.
    Console,
    /// It has left; only its outbox must still be written.
    Leaving,
}

bitflags::bitflags! {
    /// The yes-or-no state of a session.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct SessionFlags: u16 {
        /// It also reads its own messages (`/echo on`).
        const ECHO = 1 << 0;
        /// Its member ignores other members.
        const IGNORES = 1 << 1;
        /// It does not read who joins and leaves (`/quiet on`); the console: who connects.
        const QUIET = 1 << 2;
        /// It waits for the answer to a query.
        const AWAITS_ANSWER = 1 << 3;
        /// It is in the queue of sessions to write to.
        const QUEUED = 1 << 4;
        /// It is counted in the per-IP limit.
        const COUNTED = 1 << 5;
        /// Its socket is full; nothing is written until the socket is writable.
        const BLOCKED = 1 << 6;
        /// It is in the queue of blocked sessions that read several rooms.
        const WATCHED = 1 << 7;
        /// It has sent a telnet command.
        const TELNET = 1 << 8;
        /// Its terminal was told not to show what is typed.
        const TYPES_HIDDEN = 1 << 9;
        /// The optional lines of IRC that it does not read, one bit for each.
        const SKIPS = 0b11_1111 << 10;
    }
}

impl SessionFlags {
    /// Where the bits of [`SessionFlags::SKIPS`] begin.
    const SKIPS_SHIFT: u32 = 10;
}

/// The reason why a session will be disconnected in a later tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingDisconnect {
    /// A slow consumer: it is behind by more than the backlog; its unread bytes are already dropped.
    TooSlow,
    /// Its address is banned; it stays connected if the ban is lifted first.
    Banned,
}

/// What a session has proposed and what is not committed yet: messages in the lower bits, other changes above them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted(u16);

impl Uncommitted {
    /// Uncommitted messages of one session at most, before its next line; one line can have more targets.
    const MAX_MESSAGES: u16 = 32;
    /// One change that is not a message. A line of IRC can ask for several, fewer than there are bytes in it.
    const CHANGE: u16 = 0x80;

    /// Whether the next line and the end of input must wait for a commit.
    pub fn blocks(self) -> bool {
        self.0 >= Self::MAX_MESSAGES
    }

    /// Whether a change other than a message is not committed.
    pub fn has_change(self) -> bool {
        self.0 >= Self::CHANGE
    }

    /// Notes a proposal.
    pub fn add(&mut self, is_message: bool) {
        self.0 += if is_message { 1 } else { Self::CHANGE }
    }

    /// Notes that a proposal was committed or refused.
    pub fn remove(&mut self, is_message: bool) {
        self.0 -= if is_message { 1 } else { Self::CHANGE }
    }
}

/// One connection in the hub; an idle session takes no other memory.
#[derive(Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    /// The member that it belongs to, while it is present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberSlot>,
    /// Its place in the current room of its member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Subscription>,
    /// In the log of its current room, entries that begin before this point are history, of which only messages are read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub history_end: Cursor,
    /// Its places in the rooms that its member follows, in the table of sessions.
    #[serde(default, skip_serializing_if = "is_default")]
    followed: List,
    pub stage: SessionStage,
    pub encoding: Encoding,
    pub flags: SessionFlags,
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncommitted: Uncommitted,
    /// Why it will be disconnected in one of the next ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_disconnect: Option<PendingDisconnect>,
    /// What it was shown last of what several rooms show alike, while it reads several: the number of a date, or in IRC that of
    /// a change ([`Shown`]). Earlier versions called it `day`.
    #[serde(alias = "day", default, skip_serializing_if = "is_default")]
    shown: u32,
    /// When it was asked for its nickname, or last sent something; in microseconds.
    pub active: u64,
    /// The state of its rate limit ([`crate::chat::RateLimit`]): when its allowance is full again, in microseconds.
    pub allowance: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox: Option<Box<Outbox>>,
}

impl Session {
    /// A new session.
    pub fn new(id: SessionId, encoding: Encoding, now: u64) -> Self {
        let mut session = Session {
            id,
            member: None,
            current: None,
            history_end: Cursor::default(),
            followed: List::default(),
            stage: SessionStage::Waiting,
            encoding,
            flags: SessionFlags::empty(),
            uncommitted: Uncommitted::default(),
            pending_disconnect: None,
            shown: 0,
            active: now,
            allowance: 0,
            outbox: None,
        };
        session.set_encoding(encoding);
        session
    }

    /// Sets the encoding. Programs read their own messages, so that they know what has arrived.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        self.flags.set(SessionFlags::ECHO, encoding.is_json());
    }

    /// Notes what it was shown of what several rooms show alike.
    pub fn note_shown(&mut self, shown: Shown) {
        self.shown = match shown {
            Shown::Day(day) => day.number().into(),
            Shown::Change(change) => change,
        };
    }

    /// Notes that the last date that it was shown is this one. IRC shows no dates.
    pub fn note_day(&mut self, date: Date) {
        if !self.encoding.is_irc() {
            self.note_shown(Shown::Day(DayNumber::of(date)));
        }
    }

    /// What it was shown last of what several rooms show alike.
    pub fn shown(&self) -> Shown {
        match self.encoding.is_irc() {
            true => Shown::Change(self.shown),
            false => Shown::Day(DayNumber::from_number(self.shown as u16)),
        }
    }

    /// IRC: the lines that it does not read because it lacks their capability, one bit for each
    /// [`Optional`](super::encoding::Optional).
    #[inline]
    pub fn skips(&self) -> u8 {
        (self.flags.bits() >> SessionFlags::SKIPS_SHIFT) as u8
    }

    /// IRC: sets the lines that it does not read.
    pub fn set_skips(&mut self, skips: u8) {
        let bits = self.flags.bits() & !SessionFlags::SKIPS.bits();
        self.flags = SessionFlags::from_bits_retain(bits | u16::from(skips) << SessionFlags::SKIPS_SHIFT);
    }

    /// Whether it follows rooms besides its current one.
    #[inline]
    pub fn follows(&self) -> bool {
        !self.followed.is_empty()
    }

    /// Whether one of these flags is set.
    #[inline]
    pub fn has(&self, flags: SessionFlags) -> bool {
        self.flags.intersects(flags)
    }

    /// Whether its socket is full.
    #[inline]
    pub fn is_blocked(&self) -> bool {
        self.has(SessionFlags::BLOCKED)
    }

    /// Bytes in its outbox.
    pub fn private_bytes(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// Whether it has left the chat.
    pub fn is_leaving(&self) -> bool {
        self.stage == SessionStage::Leaving
    }
}
