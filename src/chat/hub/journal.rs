//! The journal: puts public changes in order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::chat::change::{Change, LogPlace, Origin, Proposal};
use crate::chat::id::Incarnation;

/// Who puts the changes in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Sequencer {
    /// This process: a proposal is committed in the same call.
    Local,
    /// The caller of the hub: proposals are handed out and come back when they are committed.
    External,
    /// The log of a cluster, by way of the caller: other nodes apply the same changes.
    Cluster,
}

/// The order of the public changes, and the ids of messages, which follow from it.
#[derive(Serialize, Deserialize)]
pub struct Journal {
    sequencer: Sequencer,
    /// The number of the newest committed change.
    seq: u64,
    /// The id of the newest message of all rooms.
    last_message_id: u64,
    /// Proposals that have not been handed out.
    proposals: VecDeque<Proposal>,
    /// Sessions that have ended after their logins were handed out, and before these were committed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<Origin>,
    /// The place of the newest committed change in the log of a cluster.
    #[serde(skip)]
    place: Option<LogPlace>,
}

impl Default for Journal {
    fn default() -> Self {
        Journal {
            sequencer: Sequencer::Local,
            seq: 0,
            last_message_id: 0,
            proposals: VecDeque::new(),
            withdrawn: Vec::new(),
            place: None,
        }
    }
}

impl Journal {
    /// What is the same on all nodes.
    pub fn shared(&self) -> Journal {
        Journal { seq: self.seq, last_message_id: self.last_message_id, ..Journal::default() }
    }

    /// Goes on after the changes of another node.
    pub fn restore(&mut self, shared: &Journal) {
        (self.seq, self.last_message_id) = (shared.seq, shared.last_message_id);
    }

    /// The number of the newest committed change.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Hands proposals out from now on.
    pub fn use_external_sequencer(&mut self) {
        self.sequencer = Sequencer::External;
    }

    /// Hands proposals out from now on, and other nodes apply the same changes.
    pub fn use_cluster(&mut self) {
        self.sequencer = Sequencer::Cluster;
    }

    /// Whether other nodes apply the same changes.
    pub fn is_shared(&self) -> bool {
        self.sequencer == Sequencer::Cluster
    }

    /// Whether a proposal is committed in the same call.
    pub fn is_local(&self) -> bool {
        self.sequencer == Sequencer::Local
    }

    /// Commits a change of the local sequencer; `false`, and nothing is done, if the sequencer is external.
    pub fn commit_local(&mut self) -> bool {
        let is_local = self.is_local();
        self.seq += u64::from(is_local);
        is_local
    }

    /// Queues a proposal for the external sequencer.
    pub fn push_proposal(&mut self, origin: Option<Origin>, change: Change<'_>) {
        self.proposals.push_back(Proposal { origin, change: change.into_owned() });
    }

    /// Takes the next proposal for the external sequencer.
    pub fn pop_proposal(&mut self) -> Option<Proposal> {
        self.proposals.pop_front()
    }

    /// A session has ended whose login is not committed: the login is dropped, or the external sequencer is asked to drop it.
    pub fn withdraw_join(&mut self, origin: Origin) {
        let is_its =
            |proposal: &Proposal| proposal.origin == Some(origin) && matches!(proposal.change, Change::Join(_));
        match self.proposals.iter().rposition(is_its) {
            Some(index) => _ = self.proposals.remove(index),
            None => self.withdrawn.push(origin),
        }
    }

    /// Takes the sessions that have ended since the last call, and whose logins were handed out.
    pub fn take_withdrawn(&mut self) -> Vec<Origin> {
        std::mem::take(&mut self.withdrawn)
    }

    /// Whether a proposal waits to be handed out.
    pub fn has_proposals(&self) -> bool {
        !self.proposals.is_empty()
    }

    /// Notes a change that the external sequencer has committed.
    ///
    /// # Panics
    /// If it is not the one after the newest.
    pub fn note_committed(&mut self, seq: u64, place: Option<LogPlace>) {
        assert_eq!(seq, self.seq + 1, "changes are committed in order, each once");
        self.seq = seq;
        self.place = place;
        // A change can have several messages, and so reach into the ids of the next ones.
        let before = place.map_or(0, |place| place.first_id.saturating_sub(1));
        self.last_message_id = self.last_message_id.max(before);
    }

    /// The node that has proposed the change that is applied; `None` without a cluster.
    pub fn node(&self) -> Option<Incarnation> {
        self.place.map(|place| place.node)
    }

    /// The first id of the change that is applied, which no other one has; `None` without a cluster.
    pub fn first_id(&self) -> Option<u64> {
        self.place.map(|place| place.first_id)
    }

    /// The id of the newest message; 0 before the first one.
    pub fn last_message_id(&self) -> u64 {
        self.last_message_id
    }

    /// Sets the id of the newest message.
    pub fn set_last_message_id(&mut self, id: u64) {
        self.last_message_id = id;
    }

    /// The id of a new message.
    pub fn next_message_id(&mut self) -> u64 {
        self.last_message_id += 1;
        self.last_message_id
    }
}
