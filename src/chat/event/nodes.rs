//! What operators are shown of a cluster.

use std::time::Duration;

/// A node in the answer to `/nodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLine<'a> {
    pub name: &'a str,
    /// Whether it is the reader's.
    pub is_this: bool,
    /// Whether it has the state and takes part.
    pub ready: bool,
    /// The number of members that have sessions there.
    pub members: usize,
    /// The position in the common log that it has applied.
    pub applied: Option<u64>,
    /// How many positions it is behind the furthest node.
    pub lag: Option<u64>,
    /// How long ago it was heard.
    pub heard: Option<Duration>,
}

/// Something that is wrong with the cluster, or with this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeTrouble<'a> {
    /// What was said between two positions of the log was never read here. `after`: `None` if nothing before was read either.
    Gap { after: Option<u64>, until: u64 },
    /// The engine has an older state, or another log, than this node has read until the position `read`.
    EngineRestored { read: u64 },
    /// The node stops, since it does not know the change at this position, which it would have to.
    MustUnderstand { position: u64 },
    /// The node stops, since it cannot read the state of the others.
    CannotRestore { why: &'a str },
    /// The node stops, since another process has its name.
    Rival { name: &'a str },
    /// The node has left the cluster as planned.
    Left,
}
