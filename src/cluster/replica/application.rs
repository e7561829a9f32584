//! What the nodes replicate: the application, as the protocol sees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::MAX_IDS;
use crate::chat::Incarnation;

/// Where a change stands in the log. Except for the origin it is the same at each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<O> {
    /// The position of its entry.
    pub seq: u64,
    /// The first of its ids in the entry, below 256.
    pub index: usize,
    /// The time of the engine since 1970; never lower than that of the change before, also when the engine's clock goes back.
    pub time: Duration,
    /// The run of the node that proposed it.
    pub incarnation: Incarnation,
    /// What waits for it, if this node has proposed it.
    pub origin: Option<O>,
}

impl<O> Place<O> {
    /// The id of the message that this change makes, or of the first one: below 2^53 for 2^45 entries.
    pub fn id(&self) -> u64 {
        self.seq * MAX_IDS as u64 + self.index as u64
    }
}

/// Whether the application knows a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Understood {
    /// It was applied, or refused as each node refuses it.
    Yes,
    /// It is of a later version.
    No,
}

/// Why the members of an incarnation are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burial {
    /// A new incarnation of the same node has begun.
    Replaced,
    /// The other nodes have not heard it for some time.
    Gone,
    /// The node has ended as planned.
    Left,
}

/// What has happened to a proposal whose change was not applied before its incarnation ended, or that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the log and counts, but this node has not seen its effect.
    Applied,
    /// It does not count and never will. The same change can be proposed again.
    Never,
    /// The log that could tell does not exist any more.
    Unknown,
    /// It was not sent, since the node is cut off from the others. Its author must be told.
    Refused,
}

/// A change that waits for its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal<O> {
    /// What waits for the change: it comes back with it.
    pub origin: Option<O>,
    /// Text without an end of line, at most [`super::MAX_CHANGE`] bytes, in the version [`super::Replica::version`].
    pub change: String,
    /// How many messages it makes at most, each with an id of its own: 1 to 256.
    pub ids: usize,
    /// A node that does not know the change must stop.
    pub must_understand: bool,
    /// It waits however long the node is cut off: the end of a session, for example.
    pub lasting: bool,
}

/// The state that the nodes have in common, and the sessions of this node: the hub, and a smaller chat in tests.
///
/// What its methods do to the common state must follow from their arguments alone, origins aside.
pub trait Application {
    /// What waits for a change at this node.
    type Origin: Clone;

    /// Learns the time of the newest entry that counts.
    fn note_time(&mut self, _time: Duration) {}

    /// Applies a change, or refuses it as each node does.
    fn apply(&mut self, change: &str, place: Place<Self::Origin>) -> Understood;

    /// Notes a change that was committed while the node was away: for the history. The state then is not known, and so
    /// not whether the change was refused.
    fn bridge(&mut self, change: &str, place: Place<Self::Origin>);

    /// Removes the members of an incarnation. If it is this node's, its sessions stay and claim their names again when
    /// [`Application::begin`] is called.
    fn bury(&mut self, incarnation: Incarnation, burial: Burial, place: Place<Self::Origin>);

    /// The common state, as nodes that speak this version can read it.
    fn snapshot(&self, version: u16) -> String;

    /// Replaces the common state. `continues`: the other one follows from that which this node has had last.
    ///
    /// # Errors
    /// If it cannot be read; then the node stops and shows this text.
    fn restore(&mut self, snapshot: &str, continues: bool) -> Result<(), String>;

    /// Empties the common state, which no node has any more. What outlives a full stop is taken from where it is kept.
    /// `lacks_entries`: some before this place were not given to the application, and no other node has applied them either.
    fn found(&mut self, place: Place<Self::Origin>, lacks_entries: bool);

    /// Learns what has happened to a proposal that will not be applied before the eyes of this node.
    fn return_proposal(&mut self, proposal: Proposal<Self::Origin>, fate: Fate);

    /// Claims the names of this node's sessions for this incarnation.
    fn begin(&mut self, incarnation: Incarnation);
}
