//! Deadlines of the login and of idle members.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::id::ClientId;
use crate::chat::session::table::SessionTable;
use crate::util::tables::shrink;
use crate::util::tables::timer_wheel::Wheel;

/// Deadlines that one tick checks at most. Most of them are only moved to a later time.
pub const DEADLINES_PER_TICK: usize = 1024;

/// Which timeout a deadline belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadlineKind {
    Login,
    Idle,
}

/// A deadline of a connection id.
///
/// Each id has at most one deadline of each kind. It stays in the timer wheel when the session ends and then serves
/// the next session with that id, so reconnecting does not add entries.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Deadline {
    pub id: ClientId,
    pub kind: DeadlineKind,
}

/// The deadlines of all sessions.
#[derive(Default, Serialize, Deserialize)]
pub struct Deadlines {
    wheel: Wheel<Deadline>,
    /// Deadlines that have passed and are not checked yet.
    expired: VecDeque<Deadline>,
}

impl Deadlines {
    /// Sets the deadline of the login.
    pub fn set_login(&mut self, sessions: &mut SessionTable, id: ClientId, at: Duration) {
        self.set(sessions, Deadline { id, kind: DeadlineKind::Login }, at);
    }

    /// Sets the deadline of an idle member.
    pub fn set_idle(&mut self, sessions: &mut SessionTable, id: ClientId, at: Duration) {
        self.set(sessions, Deadline { id, kind: DeadlineKind::Idle }, at);
    }

    /// Sets a deadline, unless one of its kind is set for its id.
    pub fn set(&mut self, sessions: &mut SessionTable, deadline: Deadline, at: Duration) {
        if !sessions.set_deadline(deadline.id, deadline.kind as u8, true) {
            self.wheel.set(at, deadline);
        }
    }

    /// Removes all deadlines.
    pub fn clear(&mut self, sessions: &mut SessionTable) {
        self.wheel.clear();
        self.expired.clear();
        sessions.clear_deadlines();
    }

    /// Moves the deadlines that have passed to those to check.
    pub fn expire(&mut self, now: Duration) {
        self.expired.extend(self.wheel.expire(now));
        shrink::queue(&mut self.expired);
    }

    /// Takes the next deadline that has passed.
    pub fn pop_expired(&mut self, sessions: &mut SessionTable) -> Option<Deadline> {
        let deadline = self.expired.pop_front()?;
        sessions.set_deadline(deadline.id, deadline.kind as u8, false);
        Some(deadline)
    }

    /// Whether deadlines have passed that are not checked yet.
    pub fn has_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The time of the next deadline.
    pub fn next(&self) -> Option<Duration> {
        self.wheel.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Deadlines {
        /// Deadlines that are set or not checked yet.
        pub fn pending(&self) -> usize {
            self.wheel.pending() + self.expired.len()
        }

        /// Bytes allocated for the expired deadlines.
        pub fn capacity_bytes(&self) -> usize {
            self.expired.capacity() * size_of::<Deadline>()
        }
    }
}
