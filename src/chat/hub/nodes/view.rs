//! The nodes of the cluster, as people are shown them. What they have in common does not depend on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::event::{Event, NodeLine, Notice};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, Incarnation, MemberSlot};

/// A node that lives, as the caller of the hub knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    pub incarnation: Incarnation,
    pub name: Box<str>,
    /// Whether it is this process.
    pub is_this: bool,
    /// Whether it has the state and takes part.
    pub ready: bool,
    /// The position in the common log that it had applied when it was heard last.
    pub applied: Option<u64>,
    /// How long ago that was; `None` if it has not been heard yet.
    pub heard: Option<Duration>,
    /// The lowest and the highest version of the protocol that it speaks.
    pub versions: (u16, u16),
}

/// The nodes that live, and whether this one is in touch with the others.
#[derive(Default, Serialize, Deserialize)]
pub struct Nodes {
    list: Vec<NodeView>,
    /// The members here were told that the others are out of reach.
    lost_touch: bool,
}

impl Nodes {
    /// Whether there is no cluster.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.lost_touch
    }

    /// The number of nodes; 1 without a cluster.
    pub fn count(&self) -> usize {
        self.list.len().max(1)
    }

    /// Whether what members do waits, since the other nodes are out of reach.
    pub fn has_lost_touch(&self) -> bool {
        self.lost_touch
    }

    /// Notes whether the others are out of reach; returns whether that was otherwise before.
    pub fn note_lost_touch(&mut self, is_lost: bool) -> bool {
        std::mem::replace(&mut self.lost_touch, is_lost) != is_lost
    }

    /// The name of the node on which a member is, if it is not here and the name is known.
    pub fn elsewhere(&self, shared: &Shared, slot: MemberSlot) -> Option<&str> {
        if shared.node_joins.is_empty() || shared.members[slot].session_at(0).is_some() {
            return None;
        }
        shared.node_joins.nodes_of(slot).find_map(|node| self.name(node))
    }

    /// Those of some names whose members are not here, with the names of their nodes.
    pub fn names_elsewhere<'a>(&'a self, shared: &Shared, names: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        if shared.node_joins.is_empty() {
            return Vec::new();
        }
        let node = |&name: &&'a str| Some((name, self.elsewhere(shared, shared.members.find(name)?.slot)?));
        names.iter().filter_map(node).collect()
    }

    fn name(&self, incarnation: Incarnation) -> Option<&str> {
        self.list.iter().find(|node| node.incarnation == incarnation).map(|node| &*node.name)
    }
}

impl Hub {
    /// Tells the hub which nodes there are. The caller does so whenever that changes, and at least every few seconds, so that
    /// `/nodes` is true.
    pub fn set_nodes(&mut self, nodes: &[NodeView]) {
        self.nodes.list = nodes.to_vec();
    }

    /// The number of members that have sessions on this node; all members without a cluster.
    pub(in crate::chat::hub) fn members_here(&self) -> usize {
        match self.rejoining.node() {
            Some(node) => self.shared.node_joins.members_on(node),
            None => self.shared.members.len(),
        }
    }

    /// Answers `/nodes`.
    pub(in crate::chat::hub) fn show_nodes(&mut self, id: ClientId) {
        let nodes = &self.nodes.list;
        let furthest = nodes.iter().filter_map(|node| node.applied).max();
        let members = |node: &NodeView| self.shared.node_joins.members_on(node.incarnation);
        let notices: Vec<Notice> = nodes.iter().map(|node| Notice::Node(line(node, members(node), furthest))).collect();
        let none = [Notice::NoCluster];
        for &notice in if notices.is_empty() { &none[..] } else { &notices[..] } {
            self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
        }
    }
}

/// The line about a node in the answer to `/nodes`; `furthest` is the position of the furthest node.
fn line(node: &NodeView, members: usize, furthest: Option<u64>) -> NodeLine<'_> {
    let &NodeView { ref name, is_this, ready, applied, heard, .. } = node;
    let lag = furthest.zip(applied).map(|(furthest, applied)| furthest - applied);
    NodeLine { name, is_this, ready, members, applied, lag, heard }
}
