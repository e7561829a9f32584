//! The nodes, as people are shown them.

use std::time::Duration;

use super::Node;
use crate::chat::NodeView;
use crate::cluster::replica::{NodeStatus, Status};

impl Node {
    /// The nodes that live, for people.
    pub(super) fn views(&self, now: Duration) -> Vec<NodeView> {
        let Status { incarnation: this, applied, nodes, .. } = self.part.replica().status(now);
        let view = |node: NodeStatus| {
            let is_this = node.incarnation == this;
            NodeView {
                incarnation: node.incarnation,
                name: node.name.into(),
                is_this,
                ready: node.ready,
                applied: if is_this { Some(applied) } else { node.applied },
                heard: if is_this { Some(Duration::ZERO) } else { node.heard },
                versions: (node.versions.lowest, node.versions.highest),
            }
        };
        nodes.into_iter().map(view).collect()
    }
}
