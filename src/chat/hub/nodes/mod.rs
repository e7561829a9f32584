//! What a hub offers to a cluster: the shared state for nodes that have missed changes, the ends of nodes, and what becomes of
//! proposals that are not applied.

pub mod joins;
pub mod rejoining;
pub mod snapshot;

use super::Hub;
use crate::chat::cause::Cause;
use crate::chat::change::{Change, Proposal};
use crate::chat::event::Refusal;
use crate::chat::id::{Incarnation, Now};

impl Hub {
    /// The number of the change that is committed next.
    pub fn next_change(&self) -> u64 {
        self.journal.seq() + 1
    }

    /// A run of a node has ended: its sessions are members no longer. `time` is that of the end in the order of the changes. If it
    /// is that of this node, the sessions stay and wait for [`Hub::rejoin`].
    pub fn bury(&mut self, node: Incarnation, time: Now) {
        if self.rejoining.node() == Some(node) {
            self.detach_sessions();
        }
        for (slot, joins) in self.shared.node_joins.take(node) {
            let member = self.shared.members.id(slot);
            let is_last = (0..joins).any(|_| self.shared.members[slot].count_leave());
            if is_last {
                self.remove_member(member, &Cause::ConnectionLost, time);
            }
        }
    }

    /// A proposal of a session will not be applied before its eyes: a login is repeated with [`Hub::rejoin`], and of all else the
    /// session is told if it is not applied at all. What ends with the sessions of a node, such as a leave, needs no answer.
    pub fn return_proposal(&mut self, proposal: Proposal, is_applied: bool) {
        let Proposal { origin: Some(origin), change } = proposal else { return };
        let Some(session) = self.sessions.find(origin) else { return };
        session.uncommitted.remove(change.is_message());
        let (id, is_free) = (origin.client, !session.uncommitted.blocks());
        match change {
            Change::Join(join) => self.claim_again(id, join.name, join.account),
            Change::Leave { .. } => {}
            _ if is_applied => {}
            _ => self.fanout().refuse(id, Refusal::CutOff),
        }
        if is_free {
            self.outbound.resume(id);
        }
    }
}
