//! Seeded worlds: two to four nodes with the real protocol, a small chat, and a simulated engine.
//!
//! In the first part of a world nodes crash, pause, leave, are handed over and are accused wrongly; the engine is away,
//! stalls, loses and doubles entries, forgets its beginning, and in some worlds goes back to an older state. Then all
//! is calm, and `checks` compares what people have seen and were told with what the `oracle` makes of the log.
//!
//! `CHINWAG_SEED=123 cargo test --lib cluster::replica::world -- --nocapture` replays a seed and prints its log;
//! `CHINWAG_SEEDS=100000` runs that number of seeds.

mod access;
pub mod chat;
mod checks;
pub mod engine;
mod faults;
pub mod link;
mod node;
mod oracle;
pub mod rules;
mod runs;
pub mod shares;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use self::engine::{Engine, Faults};
use self::node::SimulatedNode;
use self::oracle::summary;
use super::outbox::WINDOW;
use super::{Knowledge, MAX_WAITING, Notice};
use crate::cluster::weakness::Weakness;
use crate::util::test_support::Random;

/// Steps of 100 ms in which things go wrong, and steps after them.
const WILD: usize = 600;
const CALM: usize = 600;
/// Proposals of three people in a minute, and what a node says on its own.
const MAX_ITEMS: usize = 500;

/// The clock of all nodes at a step.
fn clock(step: usize) -> Duration {
    Duration::from_millis(1_000_000 + step as u64 * 100)
}

/// How often rare things have happened, by their names.
pub type Counts = BTreeMap<&'static str, usize>;

struct World {
    random: Random,
    step: usize,
    wild: usize,
    faults: Faults,
    /// Nothing goes wrong but the engine.
    is_sound: bool,
    is_busy: bool,
    engine: Engine,
    nodes: Vec<SimulatedNode>,
    sessions: u64,
    texts: u64,
    said: Vec<(u64, u64)>,
    /// Lines that crashed processes had not seen, and those that an older engine has forgotten.
    excused: BTreeSet<u64>,
    /// Lines that people waited for, or were told of, when the engine went back.
    undecided: BTreeSet<u64>,
    /// What nodes have shown, and the state that they had, at each position.
    seen: BTreeMap<u64, chat::Line>,
    states: BTreeMap<u64, (u64, u64)>,
    /// Where nodes that had the state have dropped it for another.
    geneses: BTreeSet<u64>,
    counts: Counts,
    errors: Vec<String>,
    weakness: Option<Weakness>,
    trace: bool,
}

impl World {
    fn new(seed: u64, weakness: Option<Weakness>, trace: bool) -> World {
        let mut random = Random(seed);
        let faults = Faults::any(&mut random);
        let count = 2 + random.below(3);
        let padding = if random.one_in(16) { 150_000 } else { 0 };
        let nodes = (0..count).map(|index| SimulatedNode::new(index, &mut random, weakness, padding)).collect();
        let is_sound = random.one_in(8);
        let is_long = random.one_in(8);
        World {
            is_busy: random.one_in(2),
            is_sound,
            wild: if is_long { 3 * WILD } else { WILD },
            faults: if is_sound { Faults { delay: faults.delay, ..Faults::default() } } else { faults },
            step: 0,
            random,
            engine: Engine::new(),
            nodes,
            sessions: 0,
            texts: 0,
            said: Vec::new(),
            excused: BTreeSet::new(),
            undecided: BTreeSet::new(),
            seen: BTreeMap::new(),
            states: BTreeMap::new(),
            geneses: BTreeSet::new(),
            counts: Counts::new(),
            errors: Vec::new(),
            weakness,
            trace,
        }
    }

    fn log(&self, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:5} {}", self.step, text());
        }
    }

    fn count(&mut self, what: &'static str, times: usize) {
        *self.counts.entry(what).or_default() += times;
    }

    fn is_wild(&self) -> bool {
        self.step < self.wild
    }

    fn run(&mut self) {
        for step in 1..self.wild + CALM {
            self.step = step;
            if step == self.wild {
                self.calm_down();
            }
            self.disturb_engine();
            let last = self.engine.last() as usize;
            self.engine.tick(step, &mut self.random);
            if self.trace {
                self.trace_entries(last);
            }
            for index in 0..self.nodes.len() {
                self.disturb_node(index);
                if self.nodes[index].runs(step) {
                    self.turn(index);
                }
            }
            if !self.errors.is_empty() {
                return;
            }
        }
        self.check_end();
    }

    fn trace_entries(&self, last: usize) {
        for (index, (_, bytes)) in self.engine.entries.iter().enumerate().skip(last) {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
            eprintln!("{:5} {:4} {}", self.step, index + 1, text.replace('\n', " "));
        }
    }

    fn turn(&mut self, index: usize) {
        let (step, now) = (self.step, clock(self.step));
        let (engine, random) = (&mut self.engine, &mut self.random);
        let node = &mut self.nodes[index];
        let SimulatedNode { link, replica, .. } = node;
        link.update(replica, engine, now, self.faults, random);
        link.receive(replica, engine, step, now, random);
        for _ in 0..32 {
            let SimulatedNode { replica, chat, .. } = &mut self.nodes[index];
            let had_state = replica.knowledge == Knowledge::State;
            let more = replica.process(chat, now, 1);
            if had_state && replica.knowledge == Knowledge::Nothing && self.nodes[index].knows_log(&self.engine) {
                self.geneses.insert(self.nodes[index].applied());
            }
            self.note_state(index);
            if !more {
                break;
            }
        }
        let node = &mut self.nodes[index];
        node.replica.handle_tick(&mut node.chat, now);
        self.act(index);
        let node = &mut self.nodes[index];
        node.send(&mut self.engine, step, self.faults, &mut self.random);
        self.send_heartbeat(index);
        self.take_outcome(index);
    }

    /// Sends the heartbeat of a node to all that are connected, itself included.
    fn send_heartbeat(&mut self, index: usize) {
        let now = clock(self.step);
        if !self.nodes[index].link.is_up() || !self.engine.works(self.step) {
            return;
        }
        let Some(heartbeat) = self.nodes[index].replica.poll_heartbeat(now) else { return };
        for other in &mut self.nodes {
            if other.link.is_up() && other.runs(self.step) && self.random.below(1_000) >= self.faults.loses {
                other.replica.handle_heartbeat(&heartbeat, now);
            }
        }
    }

    /// People come, talk and go; sometimes a node accuses another one without a reason.
    fn act(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let random = &mut self.random;
        if self.step >= self.wild || node.leaves || node.replica.has_ended() {
            return;
        }
        if node.replica.is_ready() && node.chat.people.len() < 3 && random.one_in(if self.is_busy { 8 } else { 25 }) {
            self.sessions += 1;
            let name = random.pick(&["a", "b", "c", "d"]).to_string();
            let unique = if self.is_busy { self.sessions.to_string() } else { String::new() };
            node.chat.arrive(self.sessions, name + &unique);
        }
        let named = node.chat.people.iter().filter(|(_, person)| person.is_named);
        let named: Vec<(u64, bool)> = named.map(|(&session, person)| (session, person.pending.is_empty())).collect();
        for (session, is_idle) in named {
            if random.one_in(10) {
                self.texts += 1;
                self.said.push((session, self.texts));
                node.chat.say(session, self.texts);
            } else if random.one_in(if is_idle { 150 } else { 400 }) {
                self.excused.extend(node.chat.people[&session].pending.iter());
                node.chat.depart(session);
            }
        }
        if !self.is_sound && node.replica.is_ready() && random.one_in(1_000) {
            node.replica.accuse_all();
        }
    }

    /// Compares the state of a node with that of others at this position.
    fn note_state(&mut self, index: usize) {
        let node = &self.nodes[index];
        if node.replica.knowledge != Knowledge::State || !node.knows_log(&self.engine) {
            return;
        }
        let membership = &node.replica.membership;
        let mut hasher = crc32fast::Hasher::new();
        membership.hash(&mut hasher);
        let live = membership.live().iter().map(|member| &member.incarnation.0);
        let state = (summary(&node.chat.names, live), hasher.finish());
        let position = node.applied();
        if *self.states.entry(position).or_insert(state) != state {
            let names = &node.chat.names;
            self.errors
                .push(format!("node {index} has another state than others at {position}: {names:?}, {membership:?}"));
        }
    }

    /// Takes what a node has shown and what it reports.
    fn take_outcome(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.knows_log(&self.engine) {
            for (id, line) in &node.chat.shown {
                let known = self.seen.entry(*id).or_insert_with(|| line.clone());
                if known != line {
                    self.errors.push(format!("different lines at {id}: {known:?}, {line:?}"));
                }
            }
        } else {
            self.excused.extend(node.chat.shown.iter().map(|(_, line)| line.text));
        }
        if self.trace {
            for (id, line) in &node.chat.shown {
                eprintln!("{:5} node {index} shows {}: {line:?} ({:?})", self.step, id / 256, node.replica.knowledge);
            }
        }
        node.write_store();
        self.errors.append(&mut node.chat.errors);
        let outbox = &node.replica.outbox;
        if outbox.in_flight() > WINDOW || outbox.waiting_bytes() > MAX_WAITING || outbox.waiting() > MAX_ITEMS {
            self.errors.push(format!("{} entries and {} items wait", outbox.in_flight(), outbox.waiting()));
        }
        let gone = node.chat.buried.drain(..).any(|(_, burial)| burial == super::Burial::Gone);
        if gone && self.is_sound {
            self.errors.push(format!("node {index} has heard that a node is gone, and none is"));
        }
        for notice in std::mem::take(&mut node.notices) {
            self.log(|| format!("node {index}: {notice:?}"));
            match notice {
                Notice::Left => {
                    self.count("planned ends", 1);
                    return self.end_at_leave(index);
                }
                Notice::LostTouch { .. } => self.count("lost touch", 1),
                Notice::Gap { after: Some(_), .. } => self.count("gaps", 1),
                Notice::Stopped(stop) => self.errors.push(format!("node {index} stops: {stop:?}")),
                Notice::Connected | Notice::Gap { .. } | Notice::EngineRestored { .. } => {}
            }
        }
    }
}
