//! Seeded worlds: two to four nodes with the real protocol, a small chat, and a simulated engine.
//!
//! In the first part of a world nodes crash, pause, leave, are handed over and are accused wrongly; the engine is away, stalls, loses and
//! doubles entries, forgets its beginning, and in some worlds goes back to an older state. Then all is calm, and `checks` compares
//! what people have seen and were told with what the `oracle` makes of the log. `CHINWAG_SEED=123 cargo test --lib
//! cluster::replica::world -- --nocapture` replays a seed; `CHINWAG_SEEDS=100000` runs that number.

pub mod chat;
mod checks;
mod engine;
mod node;
mod oracle;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use self::engine::{Engine, Faults};
use self::node::{Memory, SimulatedNode};
use self::oracle::summary;
use super::entry::{Control, Incarnation};
use super::outbox::WINDOW;
use super::weakness::Weakness;
use super::{MAX_WAITING, Notice};
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

/// How often rare things have happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub lines: usize,
    pub crashes: usize,
    pub ends: usize,
    pub geneses: usize,
    pub trimmed: usize,
    pub restored: usize,
    pub handovers: usize,
    pub left: usize,
    pub sent_off: usize,
    pub not_said: usize,
    pub unsure: usize,
    pub lost_touch: usize,
    pub bridged: usize,
}

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
    counts: Counts,
    errors: Vec<String>,
    weakness: Option<Weakness>,
    trace: bool,
}

impl World {
    fn new(seed: u64, weakness: Option<Weakness>, trace: bool) -> World {
        let mut random = Random(seed);
        let faults = Faults {
            loses: *random.pick(&[0, 0, 20, 100]),
            doubles: *random.pick(&[0, 20, 100]),
            drops: *random.pick(&[0, 2, 10, 30]),
            delay: *random.pick(&[1, 3, 20]),
        };
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
            counts: Counts::default(),
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

    fn calm_down(&mut self) {
        self.log(|| "calm".into());
        self.faults = Faults { delay: 2, ..Faults::default() };
        (self.engine.is_up, self.engine.stalled_until) = (true, 0);
    }

    fn disturb_engine(&mut self) {
        if !self.is_wild() {
            return;
        }
        let (random, engine, step) = (&mut self.random, &mut self.engine, self.step);
        let is_long = self.wild > WILD;
        if random.one_in(if is_long && !engine.is_up { 800 } else { 120 }) {
            engine.is_up = !engine.is_up;
        }
        if random.one_in(400) {
            engine.stalled_until = step + random.below(150);
        }
        if self.is_sound {
            return;
        }
        // A log that begins right after what a node has read cannot be compared with it.
        if random.one_in(300) && engine.restored == 0 {
            engine.trim(5 + random.below(60));
        }
        if random.one_in(200) {
            let size = *random.pick(&[0, 9, 70_000]);
            engine.store(vec![*random.pick(&[b'[', 0xff]); size], step, random);
        }
        if random.one_in(3_000) && engine.last() > 0 {
            self.restore_engine();
        }
    }

    /// The engine forgets its newest entries.
    fn restore_engine(&mut self) {
        let lost = 1 + self.random.below(100);
        for index in 0..self.nodes.len() {
            self.nodes[index].drop_connection(&mut self.engine, self.step, &mut self.random);
        }
        self.counts.restored += 1;
        for SimulatedNode { chat, .. } in &self.nodes {
            // What became of these was decided by entries that are forgotten now.
            self.undecided.extend(&chat.told.not_said);
            self.undecided.extend(chat.people.values().flat_map(|person| &person.pending));
        }
        let before = self.expected_lines();
        self.engine.restore(lost);
        let last = self.engine.last();
        self.excused.extend(before.into_values().map(|line| line.text));
        self.seen.split_off(&((last + 1) * 256));
        self.states.split_off(&(last + 1));
        self.log(|| format!("the engine is restored until {last}"));
    }

    fn disturb_node(&mut self, index: usize) {
        let (step, is_calm) = (self.step, !self.is_wild() || self.is_sound);
        if self.nodes[index].begins_at.is_some_and(|at| at <= step) {
            let memory = *self.random.pick(&[Memory::Nothing, Memory::History, Memory::State]);
            self.nodes[index].begin(memory, &mut self.random, self.weakness);
            self.counts.bridged += usize::from(memory == Memory::History);
            self.log(|| format!("node {index} begins with {memory:?}"));
        }
        if is_calm || self.nodes[index].begins_at.is_some() {
            return;
        }
        if self.random.one_in(700) {
            self.nodes[index].paused_until = step + 5 + self.random.below(120);
        }
        if self.random.one_in(900) {
            self.log(|| format!("node {index} crashes"));
            self.counts.crashes += 1;
            self.end_process(index);
        } else if self.random.one_in(900) {
            self.counts.handovers += 1;
            self.nodes[index].drop_connection(&mut self.engine, step, &mut self.random);
            self.nodes[index].hand_over();
        } else if self.random.one_in(1_200) && self.nodes[index].runs(step) {
            self.nodes[index].leaves = true;
            self.nodes[index].replica.leave();
        }
    }

    /// The process ends, with its people.
    fn end_process(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.drop_connection(&mut self.engine, self.step, &mut self.random);
        let pending = node.chat.people.values().flat_map(|person| person.pending.iter().copied());
        self.excused.extend(pending);
        node.chat.people.clear();
        node.begins_at = Some(self.step + 2 + self.random.below(150));
    }

    fn turn(&mut self, index: usize) {
        let (step, now) = (self.step, clock(self.step));
        let (engine, random) = (&mut self.engine, &mut self.random);
        let node = &mut self.nodes[index];
        node.update_connection(engine, step, self.faults, random);
        node.receive(engine, step, random);
        for _ in 0..32 {
            let SimulatedNode { replica, chat, .. } = &mut self.nodes[index];
            let more = replica.process(chat, now, 1);
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
        if self.nodes[index].connection.is_none() || !self.engine.works(self.step) {
            return;
        }
        let Some(heartbeat) = self.nodes[index].replica.poll_heartbeat(now) else { return };
        for other in &mut self.nodes {
            if other.connection.is_some() && other.runs(self.step) && self.random.below(1_000) >= self.faults.loses {
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
            let others = node.replica.membership.live().iter().map(|member| member.incarnation);
            let others: Vec<Incarnation> = others.filter(|&other| other != node.incarnation()).collect();
            for incarnation in others {
                let last = node.replica.membership.last_of(incarnation);
                node.replica.outbox.push_control(Control::Gone { incarnation, last }, String::new());
            }
        }
    }

    /// Compares the state of a node with that of others at this position.
    fn note_state(&mut self, index: usize) {
        let node = &self.nodes[index];
        if node.replica.knowledge != super::Knowledge::State || !node.knows_log(&self.engine) {
            return;
        }
        let membership = &node.replica.membership;
        let mut hasher = DefaultHasher::new();
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
        self.counts.ends += node.chat.buried.iter().filter(|(dead, _)| *dead == node.incarnation()).count();
        let gone = node.chat.buried.drain(..).any(|(_, burial)| burial == super::Burial::Gone);
        if gone && self.is_sound {
            self.errors.push(format!("node {index} has heard that a node is gone, and none is"));
        }
        for notice in std::mem::take(&mut node.notices) {
            if self.trace {
                eprintln!("{:5} node {index}: {notice:?}", self.step);
            }
            match notice {
                Notice::Left => {
                    self.counts.left += 1;
                    self.end_at_leave(index);
                    return;
                }
                Notice::LostTouch { .. } => self.counts.lost_touch += 1,
                Notice::Gap { after: Some(_), .. } => self.counts.trimmed += 1,
                Notice::Stopped(stop) => self.errors.push(format!("node {index} stops: {stop:?}")),
                Notice::Connected | Notice::Gap { .. } | Notice::EngineRestored { .. } => {}
            }
        }
    }
}
