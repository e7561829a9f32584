//! One node of a world: the protocol, the chat, the connection with the engine, and a store that outlives it.

use std::collections::BTreeMap;

use super::super::{Checkpoint, Knowledge, Node, NodeName, Notice, Replica, Start, Versions};
use super::chat::{Chat, Line, Owner};
use super::clock;
use super::engine::{Engine, Faults};
use super::link::Link;
use crate::chat::Incarnation;
use crate::cluster::weakness::Weakness;
use crate::util::test_support::Random;

/// What a node finds after a crash.
#[derive(Default)]
pub struct Store {
    pub lines: Vec<(u64, Line)>,
    /// Positions after which, and until which, entries are missing.
    pub gaps: Vec<(u64, u64)>,
    checkpoint: Option<Checkpoint>,
    /// What was known of the state, and where, when the checkpoint was written.
    state: Option<(u64, Knowledge)>,
    /// The names at the checkpoint, if they were known.
    names: Option<BTreeMap<String, Owner>>,
}

/// What a process that begins anew knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Nothing,
    History,
    State,
}

pub struct SimulatedNode {
    name: NodeName,
    pub replica: Replica<u64>,
    pub chat: Chat,
    pub store: Store,
    pub link: Link,
    pub paused_until: usize,
    /// The step in which the process begins; `None` if it runs.
    pub begins_at: Option<usize>,
    pub leaves: bool,
    pub notices: Vec<Notice>,
}

impl SimulatedNode {
    pub fn new(index: usize, random: &mut Random, weakness: Option<Weakness>, padding: usize) -> SimulatedNode {
        let name = NodeName::try_from(format!("node-{index}")).unwrap();
        let mut node = SimulatedNode {
            replica: replica(&name, random.next(), Start::Fresh, weakness),
            name,
            chat: Chat { padding, ..Chat::default() },
            store: Store::default(),
            link: Link::default(),
            paused_until: 0,
            begins_at: None,
            leaves: false,
            notices: Vec::new(),
        };
        node.begin(Memory::Nothing, random, weakness);
        node
    }

    /// Begins a process.
    pub fn begin(&mut self, memory: Memory, random: &mut Random, weakness: Option<Weakness>) {
        let told = std::mem::take(&mut self.chat.told);
        self.chat = Chat { told, padding: self.chat.padding, ..Chat::default() };
        let checkpoint = self.store.checkpoint.as_ref().filter(|_| memory != Memory::Nothing);
        let start = match checkpoint {
            None => {
                self.store = Store::default();
                Start::Fresh
            }
            Some(checkpoint) => {
                let json = serde_json::to_string(checkpoint).unwrap();
                let checkpoint = serde_json::from_str(&json).unwrap();
                let names = self.store.names.clone().filter(|_| memory == Memory::State);
                let has_state = names.is_some();
                self.chat.names = names.unwrap_or_default();
                Start::Stored { checkpoint, has_state }
            }
        };
        self.replica = replica(&self.name, random.next(), start, weakness);
        (self.begins_at, self.leaves, self.paused_until) = (None, false, 0);
        self.link.forget_log();
    }

    /// The process is replaced by a successor that goes on as the same incarnation.
    pub fn hand_over(&mut self) {
        let json = serde_json::to_string(&self.replica).unwrap();
        let weakened = self.replica.weakened;
        self.replica = serde_json::from_str(&json).unwrap();
        self.replica.weakened = weakened;
        self.link.forget_log();
    }

    pub fn runs(&self, step: usize) -> bool {
        self.begins_at.is_none() && self.paused_until <= step
    }

    pub fn drop_connection(&mut self, engine: &mut Engine, step: usize, random: &mut Random) {
        self.link.drop(&mut self.replica, engine, clock(step), random);
    }

    /// Gives the engine what the node has for it.
    pub fn send(&mut self, engine: &mut Engine, step: usize, faults: Faults, random: &mut Random) {
        for proposal in std::mem::take(&mut self.chat.proposals) {
            if let Err((proposal, _)) = self.replica.propose(proposal) {
                self.chat.refuse(&proposal);
            }
        }
        self.link.send(&mut self.replica, engine, step, clock(step), faults, random);
    }

    /// Writes what was shown, and where that is in the log.
    pub fn write_store(&mut self) {
        while let Some(notice) = self.replica.poll_notice() {
            match notice {
                Notice::Gap { after, until } => self.store.gaps.push((after.unwrap_or(0), until)),
                Notice::EngineRestored { .. } => self.store = Store::default(),
                _ => {}
            }
            self.notices.push(notice);
        }
        self.store.lines.append(&mut self.chat.shown);
        let state = (self.applied(), self.replica.knowledge);
        if self.store.state == Some(state) {
            return;
        }
        self.store.state = Some(state);
        if let Some(checkpoint) = self.replica.checkpoint() {
            self.store.names = checkpoint.has_state.then(|| self.chat.names.clone());
            self.store.checkpoint = Some(checkpoint);
        }
    }

    /// Whether the node has seen that its log is the one that the engine has now.
    pub fn knows_log(&self, engine: &Engine) -> bool {
        self.link.knows_log(&self.replica, engine)
    }

    pub fn applied(&self) -> u64 {
        self.replica.reading.processed().map_or(0, |mark| mark.seq)
    }

    pub fn incarnation(&self) -> Incarnation {
        self.replica.incarnation
    }
}

fn replica(name: &NodeName, random: u64, start: Start, weakness: Option<Weakness>) -> Replica<u64> {
    let versions = Versions { lowest: 1, highest: 1 };
    let mut replica = Replica::new(Node { name: name.clone(), versions }, random, start);
    replica.weakened.weakness = weakness;
    replica
}
