//! The nodes of these tests, and their bucket.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use crate::chat::change::{Committed, LogPlace, Proposal};
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::accounts::answer_to;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::id::{ClientId, Incarnation};
use crate::chat::{Input, Kept, Lang, Now};
use crate::wire::renderers;

pub const BEGIN: Duration = Duration::from_secs(1_795_219_140);

/// A bucket: each key with its revision and its value.
#[derive(Clone, Default)]
pub struct Bucket {
    pub values: BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>,
    pub revision: u64,
}

impl Bucket {
    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.revision += 1;
        self.values.insert(key.to_vec(), (self.revision, value.map(<[u8]>::to_vec)));
    }

    pub fn revision(&self, key: &[u8]) -> u64 {
        self.values.get(key).map_or(0, |(revision, _)| *revision)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        Some(std::str::from_utf8(self.values.get(key.as_bytes())?.1.as_deref()?).unwrap())
    }

    /// The keys that have values.
    pub fn keys(&self) -> Vec<String> {
        let there = self.values.iter().filter(|(_, (_, value))| value.is_some());
        there.map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }
}

pub struct Node {
    pub hub: Hub,
    /// What the node was told of the bucket: the revisions of keys.
    pub told: BTreeMap<Vec<u8>, u64>,
}

/// Nodes with one log; the first one is the oldest.
pub struct World {
    pub nodes: Vec<Node>,
    pub bucket: Bucket,
    pub at: Duration,
    pub seq: u64,
}

pub fn new_hub(number: u64) -> Hub {
    let config = Config {
        rate: 0,
        hash_key: [number, 3],
        cloak_key: [number, 4],
        offline_whispers: OfflineWhispers::All,
        ..Config::default()
    };
    let mut hub = Hub::new(config, renderers(Lang::En));
    hub.use_cluster();
    hub.use_bucket();
    hub
}

impl World {
    pub fn of(count: u64, bucket: Bucket) -> World {
        World::with((0..count).map(new_hub).collect(), bucket)
    }

    pub fn with(hubs: Vec<Hub>, bucket: Bucket) -> World {
        let nodes = hubs.into_iter().map(|hub| Node { hub, told: BTreeMap::new() }).collect();
        let mut world = World { nodes, bucket, at: BEGIN, seq: 0 };
        (0..world.nodes.len()).for_each(|number| world.begin(number));
        world.lead(0);
        world.settle();
        world
    }

    /// A node takes part; the first one begins the state.
    pub fn begin(&mut self, number: usize) {
        self.tell(number);
        let (now, is_empty) = (self.now(), self.bucket.keys().is_empty());
        let hub = &mut self.nodes[number].hub;
        hub.attach_console();
        hub.handle_bucket_complete(is_empty);
        if number == 0 {
            hub.found(&now);
        } else {
            let snapshot = serde_json::to_string(&self.nodes[0].hub.snapshot()).unwrap();
            let snapshot = serde_json::from_str(&snapshot).unwrap();
            self.nodes[number].hub.restore_snapshot(snapshot, &now).unwrap();
        }
        self.nodes[number].hub.rejoin(Incarnation(number as u64), now);
    }

    /// Adds a node that comes late.
    pub fn add(&mut self) {
        let number = self.nodes.len();
        self.nodes.push(Node { hub: new_hub(number as u64), told: BTreeMap::new() });
        self.begin(number);
        self.settle();
    }

    pub fn now(&self) -> Now {
        Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at }
    }

    /// A node becomes the oldest one.
    pub fn lead(&mut self, node: usize) {
        let hub = &mut self.nodes[node].hub;
        hub.lead_bucket(true);
        self.bucket.values.keys().for_each(|key| hub.check_kept(key));
    }

    /// Tells a node what has changed in the bucket.
    pub fn tell(&mut self, node: usize) {
        let now = self.now();
        let Node { hub, told } = &mut self.nodes[node];
        for (key, (revision, value)) in &self.bucket.values {
            if told.insert(key.clone(), *revision) != Some(*revision) {
                hub.handle_kept(key, value.as_deref(), now);
            }
        }
    }

    /// Puts what a node keeps, unless the bucket has changed since it was told; returns how many values were put.
    pub fn put(&mut self, node: usize) -> usize {
        let Node { hub, told } = &mut self.nodes[node];
        let (mut results, mut count) = (Vec::new(), 0);
        while let Some(Kept { key, value, if_missing }) = hub.poll_kept() {
            let bytes = key.as_bytes();
            let there = self.bucket.values.get(bytes).and_then(|(_, value)| value.as_deref());
            let is_known = told.get(bytes).copied().unwrap_or_default() == self.bucket.revision(bytes);
            if is_known && there != value.as_deref().map(str::as_bytes) && !(if_missing && there.is_some()) {
                self.bucket.put(bytes, value.as_deref().map(str::as_bytes));
                count += 1;
            }
            results.push((key, is_known));
        }
        self.tell(node);
        results.iter().for_each(|(key, is_stored)| self.nodes[node].hub.handle_kept_result(key, *is_stored));
        count
    }

    /// Lets everything happen that can, until nothing changes.
    pub fn settle(&mut self) {
        loop {
            let mut is_done = true;
            for node in 0..self.nodes.len() {
                let now = self.now();
                let hub = &mut self.nodes[node].hub;
                while let Some(request) = hub.poll_password(now) {
                    hub.handle_password(&request, answer_to(&request.job), now);
                }
                hub.handle_tick(now);
                while let Some(Proposal { origin, change }) = self.nodes[node].hub.poll_proposal() {
                    is_done = false;
                    self.seq += 1;
                    for (other, Node { hub, .. }) in self.nodes.iter_mut().enumerate() {
                        let place = Some(LogPlace { node: Incarnation(node as u64), first_id: 256 * self.seq });
                        let change = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
                        let origin = origin.filter(|_| other == node);
                        let committed = Committed { seq: hub.next_change(), time: now, origin, place, change };
                        hub.handle_committed(&committed, &now);
                    }
                }
            }
            for node in 0..self.nodes.len() {
                self.tell(node);
                is_done &= self.put(node) == 0 && !self.nodes[node].hub.has_kept();
            }
            if is_done {
                return (0..self.nodes.len()).for_each(|node| self.tell(node));
            }
        }
    }

    /// Types a line, without letting anything else happen.
    pub fn type_line(&mut self, node: usize, id: ClientId, line: &str) {
        let now = self.now();
        self.nodes[node].hub.handle_line(id, Input::Line(line), now);
    }

    pub fn say(&mut self, node: usize, id: ClientId, line: &str) {
        self.type_line(node, id, line);
        self.settle();
    }

    pub fn order(&mut self, line: &str) {
        self.say(0, ClientId::CONSOLE, line);
    }

    /// Connects, and types these lines.
    pub fn enter(&mut self, node: usize, slot: usize, lines: &[&str]) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        self.nodes[node].hub.handle_plain_connection(id, ([10, 0, 0, slot as u8], 1).into(), now);
        lines.iter().for_each(|line| self.say(node, id, line));
        id
    }

    pub fn read(&mut self, node: usize, id: ClientId) -> String {
        let read = read_lines(&mut self.nodes[node].hub, id).join("\n");
        self.settle();
        read
    }

    pub fn ask(&mut self, node: usize, id: ClientId, line: &str) -> String {
        self.read(node, id);
        self.say(node, id, line);
        self.read(node, id)
    }
}

/// A world in which alice is registered, and has made a room.
pub fn alice(count: u64) -> (World, ClientId) {
    let mut world = World::of(count, Bucket::default());
    let alice = world.enter(0, 1, &["alice", "/register secret", "/join den", "/topic tea at five"]);
    world.read(0, alice);
    (world, alice)
}
