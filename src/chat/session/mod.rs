//! One session: its state, its place in a room's log, its private lines, and its reader.

pub(super) mod outbox;
pub(super) mod reader;
pub(super) mod subscription;
pub(super) mod table;

use serde::{Deserialize, Serialize};

use self::outbox::Outbox;
use self::subscription::Subscription;
use super::encoding::Encoding;
use super::id::{MemberSlot, SessionId};

/// The stage of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionStage {
    /// It waits in the admission queue; the position that it was last told.
    Waiting(u32),
    /// It is admitted, and is asked for a nickname.
    LoggingIn,
    /// It belongs to a member, and reads the room of the member.
    Present(Subscription),
    /// It is the operator's console, which is shown all rooms.
    Console,
    /// It has left; only its outbox must still be written.
    Leaving,
}

/// The reason why a session will be disconnected in a later tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingDisconnect {
    /// A slow consumer: it is behind by more than the backlog; its unread bytes are already dropped.
    TooSlow,
    /// Its address is banned; it stays connected if the ban is lifted first.
    Banned,
}

/// What a session has proposed and what is not committed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted(u8);

impl Uncommitted {
    /// Uncommitted messages of one session at most.
    const MAX_MESSAGES: u8 = 32;
    /// The bit for a change that is not a message.
    const CHANGE: u8 = 0x80;

    /// Whether the next line and the end of input must wait for a commit.
    pub fn blocks(self) -> bool {
        self.0 >= Self::MAX_MESSAGES
    }

    /// Whether a change other than a message is not committed.
    pub fn has_change(self) -> bool {
        self.0 & Self::CHANGE != 0
    }

    /// Notes a proposal.
    pub fn add(&mut self, is_message: bool) {
        if is_message { self.0 += 1 } else { self.0 |= Self::CHANGE }
    }

    /// Notes that a proposal was committed or refused.
    pub fn remove(&mut self, is_message: bool) {
        if is_message { self.0 -= 1 } else { self.0 &= !Self::CHANGE }
    }
}

/// One connection in the hub; an idle session takes no other memory.
#[derive(Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    /// The member that it belongs to, while it is present.
    pub member: Option<MemberSlot>,
    pub stage: SessionStage,
    pub encoding: Encoding,
    /// It also reads its own messages (`/echo on`).
    pub echo: bool,
    /// Its member ignores other members.
    pub ignores: bool,
    /// It waits for the answer to a query.
    pub awaits_answer: bool,
    pub uncommitted: Uncommitted,
    /// It is in the queue of sessions to write to.
    pub queued: bool,
    /// It is counted in the per-IP limit.
    pub counted: bool,
    /// Its socket is full; nothing is written until the socket is writable.
    pub blocked: bool,
    /// Why it will be disconnected in one of the next ticks.
    pub pending_disconnect: Option<PendingDisconnect>,
    /// When it was asked for its nickname, or last sent something; in microseconds.
    pub active: u64,
    /// The state of its rate limit ([`crate::chat::RateLimit`]): when its allowance is full again, in microseconds.
    pub allowance: u64,
    pub outbox: Option<Box<Outbox>>,
}

impl Session {
    /// A new session.
    pub fn new(id: SessionId, encoding: Encoding, now: u64) -> Self {
        Session {
            id,
            member: None,
            stage: SessionStage::Waiting(0),
            encoding,
            // The web page shows a message when it comes back.
            echo: encoding == Encoding::WebSocket,
            ignores: false,
            awaits_answer: false,
            uncommitted: Uncommitted::default(),
            queued: false,
            counted: false,
            blocked: false,
            pending_disconnect: None,
            active: now,
            allowance: 0,
            outbox: None,
        }
    }

    /// Its place in the log of a room, if it reads one.
    pub fn subscription(&self) -> Option<&Subscription> {
        if let SessionStage::Present(subscription) = &self.stage { Some(subscription) } else { None }
    }

    /// As [`Session::subscription`], mutable.
    pub fn subscription_mut(&mut self) -> Option<&mut Subscription> {
        if let SessionStage::Present(subscription) = &mut self.stage { Some(subscription) } else { None }
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
