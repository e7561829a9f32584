//! What a hub offers to a cluster: the shared state for nodes that have missed changes, and the ends of nodes.

pub mod joins;
pub mod rejoining;
pub mod snapshot;

use super::Hub;
use crate::chat::cause::Cause;
use crate::chat::id::{Incarnation, Now};

impl Hub {
    /// A run of a node has ended: its sessions are members no longer. `time` is that of the end in the order of the changes. If it
    /// is that of this node (`is_own`), the sessions stay and wait for [`Hub::rejoin`].
    pub fn bury(&mut self, node: Incarnation, is_own: bool, time: Now) {
        if is_own {
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
}
