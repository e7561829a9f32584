//! Disconnects of many sessions: each tick disconnects a limited number, so that the other sessions do not wait.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::chat::id::ClientId;
use crate::chat::session::PendingDisconnect;
use crate::chat::session::table::SessionTable;
use crate::util::tables::shrink;

/// Sessions that are disconnected in one tick, and as many between two ticks.
///
/// One disconnect costs a notice to the room, some log lines and a `close`: 0.1 to 0.35 ms.
pub const DISCONNECTS_PER_TICK: usize = 32;

/// Sessions that will be disconnected, and how many more may be.
#[derive(Serialize, Deserialize)]
pub struct Disconnects {
    /// Ids of closed connections are allowed.
    pending: VecDeque<ClientId>,
    /// Number of sessions disconnected since the start.
    done: u64,
    per_tick: usize,
    /// The value of `done` at which no more sessions are disconnected before the next tick.
    limit: u64,
}

impl Default for Disconnects {
    fn default() -> Self {
        let per_tick = DISCONNECTS_PER_TICK;
        Disconnects { pending: VecDeque::new(), done: 0, per_tick, limit: per_tick as u64 }
    }
}

impl Disconnects {
    /// Sets how many sessions one tick disconnects, at least 1.
    pub fn set_per_tick(&mut self, per_tick: usize) {
        self.per_tick = per_tick.max(1);
        self.begin_interval();
    }

    /// Lets as many sessions be disconnected before the next tick as in a tick.
    pub fn begin_interval(&mut self) {
        self.limit = self.end_of_tick();
    }

    /// The value of [`Disconnects::done`] at which a tick that begins now ends.
    pub fn end_of_tick(&self) -> u64 {
        self.done + self.per_tick as u64
    }

    /// The number of sessions disconnected since the start.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Counts a disconnected session.
    pub fn count(&mut self) {
        self.done += 1;
    }

    /// Whether one more session may be disconnected before the next tick.
    pub fn is_allowed(&self) -> bool {
        self.done < self.limit
    }

    /// Whether sessions wait to be disconnected.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Marks a session to be disconnected in one of the next ticks. Its lines are not processed until then.
    pub fn schedule(&mut self, sessions: &mut SessionTable, id: ClientId, why: PendingDisconnect) {
        if sessions[id].pending_disconnect.replace(why).is_none() {
            self.pending.push_back(id);
        }
    }

    /// Takes the next marked session.
    pub fn pop(&mut self) -> Option<ClientId> {
        let id = self.pending.pop_front();
        shrink::queue(&mut self.pending);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Disconnects {
        /// Bytes allocated for the queue.
        pub fn capacity_bytes(&self) -> usize {
            self.pending.capacity() * size_of::<ClientId>()
        }
    }
}
