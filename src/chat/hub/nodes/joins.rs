//! Which node's sessions the members have.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::chat::id::{Incarnation, MemberSlot};
use crate::chat::policy::cidr::Network;

/// What a run of a node has of one member.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Joins {
    /// The sessions that have joined and not left.
    count: u32,
    /// From where they have come, until the last one has left. The addresses themselves are known on that node alone.
    networks: BTreeSet<Network>,
}

/// The sessions of the members by each run of a node. It is empty in a single process, whose members leave before it ends.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeJoins(BTreeMap<Incarnation, BTreeMap<MemberSlot, Joins>>);

impl NodeJoins {
    /// The members of all nodes, each with the number of its sessions on one of them.
    pub fn iter(&self) -> impl Iterator<Item = (MemberSlot, u32)> {
        self.0.values().flatten().map(|(&slot, joins)| (slot, joins.count))
    }

    /// Whether no member has joined by a node of a cluster.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A session of that node has joined as a member, from this network.
    pub fn note_join(&mut self, node: Option<Incarnation>, slot: MemberSlot, network: Network) {
        if let Some(node) = node {
            let joins = self.0.entry(node).or_default().entry(slot).or_default();
            joins.count += 1;
            joins.networks.insert(network);
        }
    }

    /// A session of that node has left.
    pub fn note_leave(&mut self, node: Option<Incarnation>, slot: MemberSlot) {
        let Some(node) = node else { return };
        let Some(joins) = self.0.get_mut(&node) else { return };
        if let Some(left) = joins.get_mut(&slot).filter(|joins| joins.count > 1) {
            left.count -= 1;
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

    /// Takes the members of a node, which has ended, each with the number of its sessions there.
    pub fn take(&mut self, node: Incarnation) -> BTreeMap<MemberSlot, u32> {
        let joins = self.0.remove(&node).unwrap_or_default();
        joins.into_iter().map(|(slot, joins)| (slot, joins.count)).collect()
    }

    /// The nodes on which a member has sessions.
    pub fn nodes_of(&self, slot: MemberSlot) -> impl Iterator<Item = Incarnation> {
        self.0.iter().filter(move |(_, joins)| joins.contains_key(&slot)).map(|(&node, _)| node)
    }

    /// The number of members that have sessions on a node.
    pub fn members_on(&self, node: Incarnation) -> usize {
        self.0.get(&node).map_or(0, BTreeMap::len)
    }

    /// From where the sessions of a member have come.
    pub fn networks_of(&self, slot: MemberSlot) -> impl Iterator<Item = Network> {
        self.0.values().filter_map(move |joins| joins.get(&slot)).flat_map(|joins| joins.networks.iter().copied())
    }

    /// The number of other members that have come from one of these networks.
    pub fn others_from(&self, networks: &BTreeSet<Network>, slot: MemberSlot) -> usize {
        let others = self.0.values().flatten().filter(|&(&other, _)| other != slot);
        let found = others.filter(|(_, joins)| !joins.networks.is_disjoint(networks));
        found.map(|(other, _)| other).collect::<BTreeSet<_>>().len()
    }
}
