//! Which node's sessions the members have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chat::id::{Incarnation, MemberSlot};

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

    /// Takes the joins of a node, which has ended.
    pub fn take(&mut self, node: Incarnation) -> BTreeMap<MemberSlot, u32> {
        self.0.remove(&node).unwrap_or_default()
    }
}
