//! The world of one seed: nodes, the simulated engine, people, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::bucket::Server;
use super::node::{Outcome, SimulatedNode};
use super::person::{Person, Stage};
use super::reference::Forgotten;
use super::store::SimulatedStore;
use crate::chat::{Config, NodeMessage, NodeUnreachable};
use crate::cluster::replica::world::Counts;
use crate::cluster::replica::world::engine::{Engine as LogEngine, Faults};
use crate::cluster::replica::{MAX_WAITING, Notice, Stop};
use crate::cluster::weakness::Weakness;
use crate::util::test_support::Random;

/// Steps of 100 ms in which things go wrong, and steps after them.
const WILD: usize = 400;
const CALM: usize = 400;
/// In this step after the beginning of the calm everybody says something.
const LAST_WORDS: usize = 250;
/// People at one node at most.
const PEOPLE: usize = 3;
/// Entries in flight, and proposals that wait, at most.
const MAX_IN_FLIGHT: usize = 4;
const MAX_ITEMS: usize = 500;
/// Bytes that the kernel buffers for a client.
const CAPACITY: usize = 1 << 20;

/// The shared state of a node at a position: its hash, and when a seed is replayed its text.
#[derive(Clone, Debug)]
pub struct State {
    pub hash: u64,
    pub text: String,
}

impl State {
    pub fn of(text: &str, keeps_text: bool) -> State {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        State { hash: hasher.finish(), text: if keeps_text { text.to_owned() } else { String::new() } }
    }

    /// Whether it has this text.
    pub fn is(&self, text: &str) -> bool {
        State::of(text, false).hash == self.hash
    }
}

pub struct World {
    pub(super) random: Random,
    pub(super) step: usize,
    pub(super) wild: usize,
    pub(super) faults: Faults,
    /// Messages of a room that are kept in memory.
    pub(super) history: usize,
    /// Nothing goes wrong but the engine.
    pub(super) is_sound: bool,
    /// Many people have names that no other person has.
    is_busy: bool,
    pub(super) log: LogEngine,
    /// The bucket at the engine.
    pub(super) bucket: Server,
    /// The bucket alone does nothing until this step.
    pub(super) bucket_stalled_until: usize,
    pub(super) nodes: Vec<SimulatedNode>,
    pub(super) people: Vec<Person>,
    texts: u32,
    pub(super) states: BTreeMap<u64, State>,
    /// What the log has forgotten.
    pub(super) forgotten: Forgotten,
    /// The states with which nodes have begun anew, by the position, each with its time.
    pub(super) founded: BTreeMap<u64, (Duration, String)>,
    /// The positions of each Genesis in the log, with the steps in which they were written.
    geneses: BTreeMap<u64, usize>,
    pub(super) counts: Counts,
    pub(super) errors: Vec<String>,
    pub(super) weakness: Option<Weakness>,
    trace: bool,
}

impl World {
    pub fn new(seed: u64, weakness: Option<Weakness>, trace: bool) -> World {
        let mut random = Random(seed);
        let faults = Faults::any(&mut random);
        let count = 2 + random.below(3);
        let history = *random.pick(&[10, 100]);
        let has_stores = random.one_in(2);
        let node = |index| {
            let store = (has_stores && !random.one_in(4)).then(SimulatedStore::new);
            SimulatedNode::new(index, history, store, &mut random)
        };
        let nodes = (0..count).map(node).collect();
        let is_sound = random.one_in(8);
        let is_long = random.one_in(8);
        World {
            is_busy: random.one_in(2),
            is_sound,
            wild: if is_long { 3 * WILD } else { WILD },
            faults: if is_sound { Faults { delay: faults.delay, ..Faults::default() } } else { faults },
            history,
            step: 0,
            random,
            log: LogEngine::new(),
            bucket: Server::default(),
            bucket_stalled_until: 0,
            nodes,
            people: Vec::new(),
            texts: 0,
            states: BTreeMap::new(),
            forgotten: Forgotten::default(),
            founded: BTreeMap::new(),
            geneses: BTreeMap::new(),
            counts: Counts::new(),
            errors: Vec::new(),
            weakness,
            trace,
        }
    }

    /// The configuration of all nodes.
    pub(super) fn config(&self) -> Config {
        Config { history: self.history, ..Config::default() }
    }

    pub(super) fn is_long(&self) -> bool {
        self.wild > WILD
    }

    pub(super) fn is_wild(&self) -> bool {
        self.step < self.wild
    }

    /// The step that is made, or was made last.
    pub fn step(&self) -> usize {
        self.step
    }

    pub(super) fn record(&self, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:5} {}", self.step, text());
        }
    }

    pub(super) fn count(&mut self, what: &'static str, times: usize) {
        *self.counts.entry(what).or_default() += times;
    }

    /// Runs the whole seed.
    ///
    /// # Errors
    /// Returns the first thing that is wrong.
    pub fn run(&mut self) -> Result<Counts, String> {
        for step in 1..self.wild + CALM {
            self.step = step;
            if step == self.wild {
                self.calm_down();
            }
            self.disturb_log();
            let last = self.log.last() as usize;
            self.log.tick(step, &mut self.random);
            self.trace_entries(last);
            self.note_geneses(last);
            if self.log.works(step) && step >= self.bucket_stalled_until {
                self.bucket.tick(step, self.faults, &mut self.random);
            }
            for index in 0..self.nodes.len() {
                self.disturb_node(index);
                if self.nodes[index].runs(step) {
                    self.turn(index);
                }
            }
            self.let_people_act();
            if let Some(error) = self.errors.first() {
                return Err(error.clone());
            }
        }
        self.check_end();
        match self.errors.first() {
            Some(error) => Err(error.clone()),
            None => Ok(std::mem::take(&mut self.counts)),
        }
    }

    fn trace_entries(&self, last: usize) {
        for (index, (_, bytes)) in self.log.entries.iter().enumerate().skip(last).filter(|_| self.trace) {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
            eprintln!("{:5} {:4} {}", self.step, index + 1, text.replace('\n', " "));
        }
    }

    fn note_geneses(&mut self, last: usize) {
        let written = self.log.entries.iter().enumerate().skip(last).filter(|(_, (_, bytes))| is_genesis(bytes));
        self.geneses.extend(written.map(|(index, _)| (index as u64 + 1, self.step)));
    }

    fn turn(&mut self, index: usize) {
        let (step, faults) = (self.step, self.faults);
        let World { nodes, people, log, bucket, random, states, founded, errors, trace, .. } = self;
        let node = &mut nodes[index];
        node.receive(people, log, bucket, step, faults, random);
        let (mut newest, mut begun) = (None, None);
        node.apply(step, |process, link| {
            let replica = process.part.replica();
            let position = replica.applied();
            if newest.replace(position) == Some(position) || !replica.has_state() || !link.knows_log(replica, log) {
                return;
            }
            let is_genesis = log.entries.get(position as usize - 1).is_some_and(|(_, bytes)| is_genesis(bytes));
            if !is_genesis && position % 4 != 0 {
                return;
            }
            let text = serde_json::to_string(&process.engine.hub().snapshot()).expect("plain data");
            let state = State::of(&text, *trace);
            let known = states.entry(position).or_insert_with(|| state.clone());
            if known.hash != state.hash {
                errors.push(format!(
                    "node {index} has another state than others at {position}{}",
                    difference(&known.text, &text)
                ));
            }
            if is_genesis && !founded.contains_key(&position) {
                founded.insert(position, (replica.log_time(), text.clone()));
                begun = Some((position, text));
            }
        });
        if let Some((position, text)) = begun {
            // A node may read it much later.
            self.check_founded(&text, self.geneses[&position]);
        }
        if self.nodes[index].crashes {
            return self.end_process(index);
        }
        let outcome = self.nodes[index].send(&mut self.log, step, faults, &mut self.random);
        self.send_heartbeat(index);
        self.send_whispers(index);
        self.take_outcome(index, outcome);
    }

    /// Sends the heartbeat of a node to all that are connected, itself included.
    fn send_heartbeat(&mut self, index: usize) {
        let step = self.step;
        let now = self.nodes[index].now(step).at;
        if !self.nodes[index].link.is_up() || !self.log.works(step) {
            return;
        }
        let process = self.nodes[index].process.as_mut();
        let Some(heartbeat) = process.and_then(|process| process.part.replica_mut().poll_heartbeat(now)) else {
            return;
        };
        for other in &mut self.nodes {
            let now = other.now(step).at;
            if other.link.is_up() && other.runs(step) && self.random.below(1_000) >= self.faults.loses {
                let process = other.process.as_mut();
                process.into_iter().for_each(|process| process.part.replica_mut().handle_heartbeat(&heartbeat, now));
            }
        }
    }

    /// Passes messages on to other nodes, and their answers back; some are lost.
    fn send_whispers(&mut self, index: usize) {
        let step = self.step;
        while let Some(NodeMessage { to, tag, payload }) =
            self.nodes[index].process.as_mut().and_then(|process| process.engine.hub_mut().poll_node_message())
        {
            let is_lost = !self.nodes[index].link.is_up() || self.random.below(1_000) < self.faults.loses;
            let other = self.nodes.iter_mut().filter(|other| !is_lost && other.link.is_up() && other.runs(step));
            let other = other.into_iter().find(|other| other.incarnation() == Some(to));
            let answer = other.and_then(|other| {
                let now = other.now(step);
                other.process.as_mut()?.engine.hub_mut().handle_node_message(&payload, now)
            });
            self.count("whispers to other nodes", usize::from(answer.is_some()));
            let node = &mut self.nodes[index];
            let (now, answer) = (node.now(step), answer.as_deref().ok_or(NodeUnreachable));
            let process = node.process.as_mut();
            process.into_iter().for_each(|process| process.engine.hub_mut().handle_node_answer(tag, answer, now));
        }
    }

    fn take_outcome(&mut self, index: usize, outcome: Outcome) {
        let now = self.nodes[index].now(self.step).at;
        if let Some(process) = &self.nodes[index].process {
            let status = process.part.replica().status(now);
            if status.in_flight > MAX_IN_FLIGHT || status.waiting > MAX_ITEMS || status.waiting_bytes > MAX_WAITING {
                let error = format!("{} entries and {} items wait", status.in_flight, status.waiting);
                self.errors.push(error);
            }
        }
        for notice in outcome.notices {
            self.record(|| format!("node {index}: {notice:?}"));
            match notice {
                Notice::Left => self.check_leave(index),
                Notice::LostTouch { .. } => self.count("lost touch", 1),
                Notice::Gap { after: Some(_), .. } => self.count("gaps", 1),
                Notice::Stopped(Stop::CannotRestore(why)) if why.contains("name another file with --store") => {
                    self.count("refused stores", 1);
                    self.nodes[index].refuse_store(self.step);
                }
                Notice::Stopped(stop) => self.errors.push(format!("node {index} stops: {stop:?}")),
                Notice::Connected | Notice::Gap { .. } | Notice::EngineRestored { .. } => {}
            }
        }
        if outcome.has_ended {
            self.end_process(index);
        }
    }

    fn let_people_act(&mut self) {
        if self.is_wild() {
            self.let_people_come();
        }
        let others: BTreeSet<String> = self.people.iter().map(|person| person.name.clone()).collect();
        let others: Vec<String> = others.into_iter().filter(|name| !name.is_empty()).chain(["zoe".into()]).collect();
        let (is_wild, says_last) = (self.is_wild(), self.step == self.wild + LAST_WORDS);
        for index in 0..self.people.len() {
            let person = &mut self.people[index];
            if person.is_gone() {
                continue;
            }
            let SimulatedNode { process, link, .. } = &self.nodes[person.node];
            let replica = process.as_ref().map(|process| process.part.replica());
            // A log that was never restored is known to all.
            let is_current =
                self.log.restored == 0 || replica.is_some_and(|replica| link.knows_log(replica, &self.log));
            let lines = person.read(is_current, &mut self.texts, self.step);
            if self.trace {
                lines.iter().for_each(|line| eprintln!("{:5} to {index}: {line}", self.step));
            }
            let person = &mut self.people[index];
            self.errors.append(&mut person.errors);
            // Who is asked for a name goes on giving one.
            if is_wild || person.stage != Stage::Present {
                person.act(&others, &mut self.texts, &mut self.random, self.step);
            } else if says_last && person.is_idle() {
                person.say(&mut self.texts, &mut self.random);
            }
        }
    }

    fn let_people_come(&mut self) {
        for index in 0..self.nodes.len() {
            let here = self.people.iter().filter(|person| person.node == index && !person.is_gone()).count();
            if !self.nodes[index].runs(self.step)
                || self.nodes[index].is_ending()
                || here >= PEOPLE
                || !self.random.one_in(20)
            {
                continue;
            }
            let number = self.people.len();
            let ip = [10, 0, index as u8, 1 + number as u8 % 200];
            let (addr, seed) = ((ip, 1024 + number as u16).into(), self.random.next());
            let Some(process) = &self.nodes[index].process else { continue };
            let wire = process.network.connect(0, addr, seed, CAPACITY);
            let before = (number > 0 && self.random.one_in(2)).then(|| self.random.below(number));
            let back = before.and_then(|before| self.people[before].come_back(number, index, wire.clone()));
            self.count("come back", usize::from(back.is_some()));
            self.record(|| format!("person {number} comes to node {index}, back: {:?}", back.as_ref().and(before)));
            self.people.push(back.unwrap_or_else(|| Person::new(number, index, wire, self.is_busy)));
        }
    }
}

/// The beginning of an entry, with its header.
pub fn head_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(300)])
}

fn is_genesis(bytes: &[u8]) -> bool {
    head_of(bytes).contains(r#""kind":"genesis""#)
}

/// Where two texts differ, if they are known.
pub fn difference(known: &str, other: &str) -> String {
    let at = known.bytes().zip(other.bytes()).take_while(|(one, two)| one == two).count();
    let part = |text: &str| {
        let bytes = &text.as_bytes()[at.saturating_sub(100).min(text.len())..(at + 100).min(text.len())];
        String::from_utf8_lossy(bytes).into_owned()
    };
    if known.is_empty() { String::new() } else { format!(":\n{}\n{}", part(known), part(other)) }
}
