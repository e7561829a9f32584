//! Which entries count and what they do, once more and written plainly, over the whole log from its beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::super::Burial;

/// What an entry does.
pub enum Effect<'a> {
    /// The state begins anew, with this incarnation alone.
    Founded(u64),
    /// The people of an incarnation leave.
    Buried(u64, Burial),
    /// A change of an incarnation, with its first id.
    Changed { incarnation: u64, id: u64, change: &'a str },
}

#[derive(Debug, Default)]
pub struct Rules {
    last: BTreeMap<u64, u64>,
    /// Incarnations that live, with their nodes.
    pub live: BTreeMap<u64, String>,
    dead: BTreeSet<u64>,
    replaced: BTreeSet<u64>,
    answered: BTreeMap<u64, u64>,
    genesis: u64,
    /// The time of the newest entry that counts.
    pub time: Duration,
    /// The same by the engine's clock.
    engine: Duration,
}

impl Rules {
    /// Takes the next entry.
    pub fn take<'a>(&mut self, seq: u64, time: Duration, bytes: &'a [u8]) -> Vec<Effect<'a>> {
        let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
        let mut lines = text.lines();
        let Some(Ok(header)) = lines.next().map(serde_json::from_str::<Value>) else { return Vec::new() };
        let (Some(incarnation), Some(n)) = (header["incarnation"].as_u64(), header["n"].as_u64()) else {
            return Vec::new();
        };
        let control = &header["control"];
        let kind = control["kind"].as_str().unwrap_or("changes");
        let number = |name: &str| control[name].as_u64().unwrap_or(0);
        let node = control["node"].as_str().unwrap_or("").to_string();
        if kind == "genesis" {
            let hello = number("hello");
            let answered = self.answered.get(&incarnation).is_some_and(|&at| at > hello);
            // At the same position: the Hello was in a log that the engine has forgotten.
            let is_void = self.genesis >= hello || answered || self.replaced.contains(&incarnation);
            self.genesis = seq;
            if !is_void {
                let time = self.time.max(time);
                *self = Rules { genesis: seq, time, engine: time, ..Rules::default() };
                self.last.insert(incarnation, n);
                self.live.insert(incarnation, node);
                return vec![Effect::Founded(incarnation)];
            }
        }
        let is_first = n == 1 && kind == "hello";
        let is_next = self.live.contains_key(&incarnation) && n == self.last[&incarnation] + 1;
        if self.dead.contains(&incarnation) || !(is_next || is_first && !self.live.contains_key(&incarnation)) {
            return Vec::new();
        }
        self.last.insert(incarnation, n);
        // After the clock of the engine has gone back, half of what it goes on; ten minutes count at most.
        let slow = self.time + time.saturating_sub(self.engine).min(Duration::from_secs(600)) / 2;
        self.time = if time < self.time { slow } else { time };
        self.engine = time;
        match kind {
            "hello" => {
                let before: Vec<u64> = self.live.iter().filter(|(_, of)| **of == node).map(|(&old, _)| old).collect();
                self.replaced.extend(&before);
                let effects = before.into_iter().flat_map(|old| self.bury(old, Burial::Replaced)).collect();
                self.live.insert(incarnation, node);
                effects
            }
            "snapshot" => {
                self.answered.insert(number("to"), seq);
                Vec::new()
            }
            "gone" if self.last.get(&number("incarnation")) == Some(&number("last")) => {
                self.bury(number("incarnation"), Burial::Gone).into_iter().collect()
            }
            "leave" => self.bury(incarnation, Burial::Left).into_iter().collect(),
            "changes" => changes(seq, incarnation, lines),
            _ => Vec::new(),
        }
    }

    /// The state has begun anew at this time.
    pub fn begin_at(&mut self, time: Duration) {
        (self.time, self.engine) = (time, time);
    }

    fn bury(&mut self, incarnation: u64, burial: Burial) -> Option<Effect<'static>> {
        self.live.remove(&incarnation)?;
        self.dead.insert(incarnation);
        Some(Effect::Buried(incarnation, burial))
    }
}

fn changes<'a>(seq: u64, incarnation: u64, lines: std::str::Lines<'a>) -> Vec<Effect<'a>> {
    let mut id = seq * 256;
    let mut effects = Vec::new();
    for line in lines {
        let (ids, change) = line.split_once(' ').unwrap();
        effects.push(Effect::Changed { incarnation, id, change });
        id += ids.trim_start_matches('!').parse::<u64>().unwrap();
    }
    effects
}
