//! Which node's sessions the members have: the node that ends takes them along.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Hub;
use crate::chat::cause::Cause;
use crate::chat::id::{Incarnation, MemberSlot, Now};

/// How often the members have joined by each run of a node. It is empty in a single process, whose members leave before it
/// ends.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeJoins(BTreeMap<Incarnation, BTreeMap<MemberSlot, u32>>);

impl NodeJoins {
    /// Whether no member has joined by a node of a cluster.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A session of that node has joined as a member.
    pub fn note_join(&mut self, node: Option<Incarnation>, slot: MemberSlot) {
        if let Some(node) = node {
            *self.0.entry(node).or_default().entry(slot).or_default() += 1;
        }
    }

    /// A session of that node has left.
    pub fn note_leave(&mut self, node: Option<Incarnation>, slot: MemberSlot) {
        let Some(node) = node else { return };
        let Some(joins) = self.0.get_mut(&node) else { return };
        if let Some(left) = joins.get_mut(&slot).filter(|joins| **joins > 1) {
            *left -= 1;
        } else {
            joins.remove(&slot);
        }
        if joins.is_empty() {
            self.0.remove(&node);
        }
    }

    /// A member has left the server, with all of its sessions.
    pub fn forget(&mut self, slot: MemberSlot) {
        self.0.retain(|_, joins| {
            joins.remove(&slot);
            !joins.is_empty()
        });
    }

    fn take(&mut self, node: Incarnation) -> BTreeMap<MemberSlot, u32> {
        self.0.remove(&node).unwrap_or_default()
    }
}

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
