//! The expected state after each entry: the rules once more, written plainly, over the whole log from its beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::chat::{Change, Line, Owner};
use crate::chat::Incarnation;

/// A hash of the state that nodes and oracle have in common: the names, and the incarnations that live.
pub fn summary<'a>(names: &BTreeMap<String, Owner>, live: impl Iterator<Item = &'a u64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    live.collect::<BTreeSet<_>>().hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Default)]
pub struct Oracle {
    last: BTreeMap<u64, u64>,
    /// Incarnations that live, with their nodes.
    live: BTreeMap<u64, String>,
    dead: BTreeSet<u64>,
    replaced: BTreeSet<u64>,
    answered: BTreeMap<u64, u64>,
    genesis: u64,
    names: BTreeMap<String, Owner>,
    pub lines: BTreeMap<u64, Line>,
    /// Where the state has begun anew.
    pub geneses: BTreeSet<u64>,
}

impl Oracle {
    pub fn summary(&self) -> u64 {
        summary(&self.names, self.live.keys())
    }

    pub fn take(&mut self, seq: u64, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let mut lines = text.lines();
        let Some(Ok(header)) = lines.next().map(serde_json::from_str::<Value>) else { return };
        let (Some(incarnation), Some(n)) = (header["incarnation"].as_u64(), header["n"].as_u64()) else { return };
        let control = &header["control"];
        let kind = control["kind"].as_str().unwrap_or("changes");
        let number = |name: &str| control[name].as_u64().unwrap_or(0);
        let node = control["node"].as_str().unwrap_or("").to_string();
        if kind == "genesis" {
            let hello = number("hello");
            let answered = self.answered.get(&incarnation).is_some_and(|&at| at > hello);
            let is_void = self.genesis > hello || answered || self.replaced.contains(&incarnation);
            self.genesis = seq;
            if !is_void {
                let (lines, mut geneses) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.geneses));
                geneses.insert(seq);
                *self = Oracle { lines, genesis: seq, geneses, ..Oracle::default() };
                self.last.insert(incarnation, n);
                self.live.insert(incarnation, node);
                return;
            }
        }
        let is_first = n == 1 && kind == "hello";
        let is_next = self.live.contains_key(&incarnation) && n == self.last[&incarnation] + 1;
        if self.dead.contains(&incarnation) || !(is_next || is_first && !self.live.contains_key(&incarnation)) {
            return;
        }
        self.last.insert(incarnation, n);
        match kind {
            "hello" => {
                let before: Vec<u64> = self.live.iter().filter(|(_, of)| **of == node).map(|(&old, _)| old).collect();
                before.into_iter().for_each(|old| {
                    self.replaced.insert(old);
                    self.bury(old);
                });
                self.live.insert(incarnation, node);
            }
            "snapshot" => _ = self.answered.insert(number("to"), seq),
            "gone" if self.last.get(&number("incarnation")) == Some(&number("last")) => {
                self.bury(number("incarnation"));
            }
            "leave" => self.bury(incarnation),
            "changes" => {
                let mut id = seq * 256;
                for line in lines {
                    let (ids, change) = line.split_once(' ').unwrap();
                    self.change(id, incarnation, serde_json::from_str(change).unwrap());
                    id += ids.trim_start_matches('!').parse::<u64>().unwrap();
                }
            }
            _ => {}
        }
    }

    fn bury(&mut self, incarnation: u64) {
        if self.live.remove(&incarnation).is_some() {
            self.dead.insert(incarnation);
            self.names.retain(|_, owner| owner.incarnation.0 != incarnation);
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
