//! The part that a hub takes in a cluster: the hub and the protocol, turn by turn, without the engine and its socket.

use std::time::Duration;

use super::application::Members;
use super::replica::{Notice, Replica};
use super::weakness::Weakened;
#[cfg(test)]
use super::weakness::Weakness;
use crate::chat::change::Origin;
use crate::chat::{Hub, Now};

/// How often the protocol is asked what is due.
const TICK: Duration = Duration::from_millis(200);

/// The protocol of this node, and its connection with the hub.
pub struct Part {
    replica: Replica<Origin>,
    tick_at: Duration,
    weakened: Weakened,
}

impl Part {
    /// Takes part by this protocol, which has begun or was handed over. The log is not connected yet.
    pub fn new(mut replica: Replica<Origin>, now: Duration) -> Part {
        replica.handle_disconnected(now);
        Part { replica, tick_at: now, weakened: Weakened::default() }
    }

    /// Leaves a rule out.
    #[cfg(test)]
    pub fn weaken(&mut self, weakness: Option<Weakness>) {
        self.weakened.weakness = weakness;
        self.replica.weaken(weakness);
    }

    /// The protocol: what a successor goes on with.
    pub fn replica(&self) -> &Replica<Origin> {
        &self.replica
    }

    /// The protocol, for what the engine says and is to be told.
    pub fn replica_mut(&mut self) -> &mut Replica<Origin> {
        &mut self.replica
    }

    /// Applies entries of the log that were read, at most this number, and takes the changes of the hub for it. To be called in each
    /// turn, after input was read and before output is written. Returns whether more entries can be applied.
    pub fn turn(&mut self, hub: &mut Hub, now: Now, max_entries: usize) -> bool {
        let mut members = Members { weakened: self.weakened, ..Members::new(hub, now) };
        if self.tick_at <= now.at {
            self.tick_at = now.at + TICK;
            self.replica.handle_tick(&mut members, now.at);
        }
        let has_more = self.replica.process(&mut members, now.at, max_entries);
        if self.replica.is_behind() {
            members.hub.note_behind();
        }
        members.withdraw_logins(&mut self.replica);
        while let Some(proposal) = members.poll_proposal() {
            if let Err((proposal, why)) = self.replica.propose(proposal) {
                members.refuse(proposal, &why);
            }
        }
        has_more
    }

    /// Records the state for the store, if it is time. To be called in each turn, after [`Part::turn`].
    pub fn record_checkpoint_if_due(&self, hub: &mut Hub, now: Now) {
        if self.has_ticked(now.at) && self.replica.is_ready() && hub.wants_checkpoint(now.at) {
            self.record_checkpoint(hub, now);
        }
    }

    /// Records the state after what was applied until now, for the store.
    pub fn record_checkpoint(&self, hub: &mut Hub, now: Now) {
        if let Some(checkpoint) = self.replica.checkpoint() {
            Members::new(hub, now).record_checkpoint(&checkpoint);
        }
    }

    /// Takes the next notice of the protocol.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.replica.poll_notice()
    }

    /// Whether the protocol was asked what is due in this turn: then the figures may have changed.
    pub fn has_ticked(&self, now: Duration) -> bool {
        self.tick_at == now + TICK
    }

    /// When the protocol is asked again what is due.
    pub fn next_deadline(&self) -> Duration {
        self.tick_at
    }
}
