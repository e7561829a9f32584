//! The expected state after each entry: the rules once more, and the names and lines that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::chat::{Change, Line, Owner};
use super::rules::{Effect, Rules};
use crate::chat::Incarnation;

/// A hash of the state that nodes and oracle have in common: the names, and the incarnations that live.
pub fn summary<'a>(names: &BTreeMap<String, Owner>, live: impl Iterator<Item = &'a u64>) -> u64 {
    let mut hasher = crc32fast::Hasher::new();
    names.hash(&mut hasher);
    live.collect::<BTreeSet<_>>().hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Default)]
pub struct Oracle {
    rules: Rules,
    names: BTreeMap<String, Owner>,
    pub lines: BTreeMap<u64, Line>,
    /// Where the state has begun anew.
    pub geneses: BTreeSet<u64>,
}

impl Oracle {
    pub fn summary(&self) -> u64 {
        summary(&self.names, self.rules.live.keys())
    }

    pub fn take(&mut self, seq: u64, time: Duration, bytes: &[u8]) {
        for effect in self.rules.take(seq, time, bytes) {
            match effect {
                Effect::Founded(_) => {
                    self.geneses.insert(seq);
                    self.names.clear();
                }
                Effect::Buried(old, _) => self.names.retain(|_, owner| owner.incarnation.0 != old),
                Effect::Changed { incarnation, id, change } => {
                    self.change(id, incarnation, serde_json::from_str(change).unwrap());
                }
            }
        }
    }

    fn change(&mut self, id: u64, incarnation: u64, change: Change) {
        let owner = |session| Owner { incarnation: Incarnation(incarnation), session };
        match change {
            Change::Claim { session, name } => _ = self.names.entry(name).or_insert(owner(session)),
            Change::Leave { session } => self.names.retain(|_, other| *other != owner(session)),
            Change::Say { session, name, text } if self.names.get(&name) == Some(&owner(session)) => {
                self.lines.insert(id, Line { session, name, text });
            }
            Change::Say { .. } => {}
        }
    }
}
