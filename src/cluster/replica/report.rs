//! What the protocol reports: notices for members and operators, and its state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::{NodeName, Versions};
use super::{Knowledge, Replica};
use crate::chat::Incarnation;

/// Something that people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The node has lost touch with the others, since this time of the caller's clock.
    LostTouch { since: Duration },
    /// It is in touch again.
    Connected,
    /// This node has not read the entries after one position until another, and never will; `after` is `None` if it has
    /// read none before.
    Gap { after: Option<u64>, until: u64 },
    /// The engine has an older state or another log: what this node has read until this position need not be in it.
    EngineRestored { read: u64 },
    /// The node has left as planned.
    Left,
    /// The node takes part no longer; its members are to be told, and the process to end.
    Stopped(Stop),
}

/// Why a node takes part no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// Other nodes use a later version.
    MustUnderstand { seq: u64 },
    /// The state of the others cannot be read: the text of the application.
    CannotRestore(String),
    /// Another process has the name of this node.
    Rival,
}

/// A node in the state for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    pub name: String,
    pub incarnation: Incarnation,
    pub versions: Versions,
    /// Whether it has the state and takes part, by what it has said last.
    pub ready: bool,
    /// The position that it had applied when it was heard the last time.
    pub applied: Option<u64>,
    /// How long ago that was.
    pub heard: Option<Duration>,
}

/// The state for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the node has the state and takes part.
    pub ready: bool,
    pub incarnation: Incarnation,
    /// The position of the newest entry that was processed.
    pub applied: u64,
    /// Entries that others have applied and this node has not.
    pub lag: u64,
    pub in_flight: usize,
    /// Changes that wait to be sent, and their bytes.
    pub waiting: usize,
    pub waiting_bytes: usize,
    /// Things in the log that are no entries.
    pub foreign: u64,
    /// Entries that did not count.
    pub skipped: u64,
    pub lost_touch_since: Option<Duration>,
    /// The version that is spoken.
    pub version: u16,
    /// The oldest first.
    pub nodes: Vec<NodeStatus>,
}

/// What was read and not applied.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct SkipCounts {
    pub foreign: u64,
    pub skipped: u64,
    /// Whether the log says that there are changes that this version does not know.
    pub told_of_unknown: bool,
    /// Whether the log says that the engine has another clock.
    #[serde(default)]
    pub told_of_clock: bool,
}

impl<O: Clone> Replica<O> {
    /// The position of the newest entry that was processed; 0 before the first one.
    pub fn applied(&self) -> u64 {
        self.reading.processed().map_or(0, |mark| mark.seq)
    }

    /// The name of a node that lives.
    pub fn name_of(&self, incarnation: Incarnation) -> Option<&NodeName> {
        let member = self.membership.live().iter().find(|member| member.incarnation == incarnation)?;
        Some(&member.node)
    }

    /// Whether members know that the node is out of touch with the others.
    pub fn has_lost_touch(&self) -> bool {
        self.touch.lost_since().is_some()
    }

    /// Whether it takes part, and no other node takes part for longer.
    pub fn is_oldest(&self) -> bool {
        let oldest = self.membership.live().first().map(|member| member.incarnation);
        self.is_ready() && oldest == Some(self.incarnation)
    }

    /// Whether other nodes have, or have had, a newer state than this one. After an older log has taken the place of the one that
    /// was read, it is not so until a Genesis of another node is read.
    pub fn is_behind(&self) -> bool {
        self.knowledge != Knowledge::State && (self.shown.is_some() || self.is_founded_elsewhere)
    }

    /// Sets whether this node must not begin the state anew, since it does not know yet what outlives the nodes.
    pub fn hold_genesis(&mut self, holds: bool) {
        self.holds_genesis = holds;
    }

    /// Since when an answer of the engine is missing; `None` if all has come back so far.
    pub fn unanswered_since(&self) -> Option<Duration> {
        self.touch.unanswered_since(self.pending_since())
    }

    /// The state for operators.
    pub fn status(&self, now: Duration) -> Status {
        let nodes = self.membership.live().iter().map(|member| {
            let newest = self.peers.newest(member.incarnation);
            NodeStatus {
                name: member.node.as_str().to_string(),
                incarnation: member.incarnation,
                versions: member.versions,
                ready: match member.incarnation == self.incarnation {
                    true => self.is_ready(),
                    false => self.peers.is_ready(member.incarnation),
                },
                applied: newest.map(|(heartbeat, _)| heartbeat.applied),
                heard: newest.map(|(_, at)| now.saturating_sub(at)),
            }
        });
        Status {
            ready: self.is_ready(),
            incarnation: self.incarnation,
            applied: self.applied(),
            lag: self.peers.furthest(&self.membership).saturating_sub(self.applied()).max(self.reading.len() as u64),
            in_flight: self.outbox.in_flight(),
            waiting: self.outbox.waiting(),
            waiting_bytes: self.outbox.waiting_bytes(),
            foreign: self.counts.foreign,
            skipped: self.counts.skipped,
            lost_touch_since: self.touch.lost_since(),
            version: self.version(),
            nodes: nodes.collect(),
        }
    }
}
