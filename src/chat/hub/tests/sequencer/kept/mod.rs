//! Nodes with a bucket, which is a map here: what outlives a full stop of all of them.

mod private;

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use crate::chat::change::{Committed, LogPlace, Proposal};
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::accounts::answer_to;
use crate::chat::hub::tests::store_queue::start;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::id::{ClientId, Incarnation};
use crate::chat::record::{InitialCluster, InitialState, Record, Whisper};
use crate::chat::{Input, Kept, Lang, Now};
use crate::wire::renderers;

const BEGIN: Duration = Duration::from_secs(1_795_219_140);

/// A bucket: each key with its revision and its value.
#[derive(Clone, Default)]
struct Bucket {
    values: BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>,
    revision: u64,
}

impl Bucket {
    fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.revision += 1;
        self.values.insert(key.to_vec(), (self.revision, value.map(<[u8]>::to_vec)));
    }

    fn revision(&self, key: &[u8]) -> u64 {
        self.values.get(key).map_or(0, |(revision, _)| *revision)
    }

    fn get(&self, key: &str) -> Option<&str> {
        Some(std::str::from_utf8(self.values.get(key.as_bytes())?.1.as_deref()?).unwrap())
    }

    /// The keys that have values.
    fn keys(&self) -> Vec<String> {
        let there = self.values.iter().filter(|(_, (_, value))| value.is_some());
        there.map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }
}

struct Node {
    hub: Hub,
    /// What the node was told of the bucket: the revisions of keys.
    told: BTreeMap<Vec<u8>, u64>,
}

/// Nodes with one log; the first one is the oldest.
struct World {
    nodes: Vec<Node>,
    bucket: Bucket,
    at: Duration,
    seq: u64,
}

fn new_hub(number: u64) -> Hub {
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
    fn of(count: u64, bucket: Bucket) -> World {
        World::with((0..count).map(new_hub).collect(), bucket)
    }

    fn with(hubs: Vec<Hub>, bucket: Bucket) -> World {
        let nodes = hubs.into_iter().map(|hub| Node { hub, told: BTreeMap::new() }).collect();
        let mut world = World { nodes, bucket, at: BEGIN, seq: 0 };
        (0..world.nodes.len()).for_each(|number| world.begin(number));
        world.lead(0);
        world.settle();
        world
    }

    /// A node takes part; the first one begins the state.
    fn begin(&mut self, number: usize) {
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
    fn add(&mut self) {
        let number = self.nodes.len();
        self.nodes.push(Node { hub: new_hub(number as u64), told: BTreeMap::new() });
        self.begin(number);
        self.settle();
    }

    fn now(&self) -> Now {
        Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at }
    }

    /// A node becomes the oldest one.
    fn lead(&mut self, node: usize) {
        let hub = &mut self.nodes[node].hub;
        hub.lead_bucket(true);
        self.bucket.values.keys().for_each(|key| hub.check_kept(key));
    }

    /// Tells a node what has changed in the bucket.
    fn tell(&mut self, node: usize) {
        let now = self.now();
        let Node { hub, told } = &mut self.nodes[node];
        for (key, (revision, value)) in &self.bucket.values {
            if told.insert(key.clone(), *revision) != Some(*revision) {
                hub.handle_kept(key, value.as_deref(), now);
            }
        }
    }

    /// Puts what a node keeps, unless the bucket has changed since it was told; returns how many values were put.
    fn put(&mut self, node: usize) -> usize {
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
    fn settle(&mut self) {
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
    fn type_line(&mut self, node: usize, id: ClientId, line: &str) {
        let now = self.now();
        self.nodes[node].hub.handle_line(id, Input::Line(line), now);
    }

    fn say(&mut self, node: usize, id: ClientId, line: &str) {
        self.type_line(node, id, line);
        self.settle();
    }

    fn order(&mut self, line: &str) {
        self.say(0, ClientId::CONSOLE, line);
    }

    /// Connects, and types these lines.
    fn enter(&mut self, node: usize, slot: usize, lines: &[&str]) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        self.nodes[node].hub.handle_plain_connection(id, ([10, 0, 0, slot as u8], 1).into(), now);
        lines.iter().for_each(|line| self.say(node, id, line));
        id
    }

    fn read(&mut self, node: usize, id: ClientId) -> String {
        let read = read_lines(&mut self.nodes[node].hub, id).join("\n");
        self.settle();
        read
    }

    fn ask(&mut self, node: usize, id: ClientId, line: &str) -> String {
        self.read(node, id);
        self.say(node, id, line);
        self.read(node, id)
    }
}

/// A world in which alice is registered, and has made a room.
fn alice(count: u64) -> (World, ClientId) {
    let mut world = World::of(count, Bucket::default());
    let alice = world.enter(0, 1, &["alice", "/register secret", "/join den", "/topic tea at five"]);
    world.read(0, alice);
    (world, alice)
}

#[test]
fn accounts_roles_bans_and_rooms_are_there_after_a_full_stop() {
    let (mut world, alice) = alice(2);
    world.enter(0, 3, &["bob", "/register secret"]);
    world.enter(1, 2, &["dave", "/register secret", "/join nook"]);
    for line in [
        "/mod alice",
        "/mute bob",
        "/ban 10.9.0.0/16",
        "/ban 10.8.0.0/16 1",
        "/ban 10.7.0.0/16 60",
        "/unban 10.9.0.0/16",
    ] {
        world.order(line);
    }
    world.say(0, alice, "/room slow 7");
    let keys =
        ["account.alice", "account.bob", "account.dave", "ban.10.7.0.0/16", "ban.10.8.0.0/16", "room.den", "room.nook"];
    assert_eq!(world.bucket.keys(), keys);
    let at = world.at + Duration::from_secs(600);
    let before = world.bucket.clone();
    let mut world = World::of(1, world.bucket);
    world.at = at;
    // What the new state gives is the same, except for the ban that is over at the next start.
    assert_eq!(world.bucket.values, before.values);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(world.read(0, alice).contains("You are alice."));
    let bans: Vec<_> = world.nodes[0].hub.shared.bans.list(at).map(|(network, _)| network.to_string()).collect();
    assert_eq!(bans, ["10.7.0.0/16"]);
    assert_eq!(world.ask(0, alice, "/bans"), "* Nobody is banned.", "a moderator is not shown addresses");
    assert!(world.ask(0, alice, "/mutes").contains("bob"));
    let den = world.ask(0, alice, "/join den");
    assert!(den.contains("tea at five"), "{den}");
    assert!(world.ask(0, alice, "/room").contains('7'));
    // Who has made a room still has a role there.
    world.enter(0, 2, &["dave", "secret", "/join nook", "/room slow 3"]);
    assert!(world.bucket.get("room.nook").unwrap().contains("\"slow\":3"));
    world.order("/unban 10.7.0.0/16");
    world.say(0, alice, "/topic off");
    world.say(0, alice, "/room slow off");
    assert!(!world.bucket.keys().contains(&"ban.10.7.0.0/16".to_owned()));
}

#[test]
fn nodes_that_join_after_a_full_stop_have_the_same_rooms_and_lines() {
    let (mut world, alice) = alice(1);
    // A role is all that is kept of it.
    world.say(0, alice, "/join nook");
    assert!(world.bucket.keys().contains(&"room.nook".to_owned()));
    let mut world = World::of(3, world.bucket);
    for node in &mut world.nodes {
        let config = node.hub.config.clone();
        node.hub.set_config(&config, Now { at: BEGIN, local: OffsetDateTime::UNIX_EPOCH + BEGIN });
    }
    let bob = world.enter(1, 1, &["bob", "/join attic", "/join nook"]);
    let carol = world.enter(2, 2, &["carol", "/join nook"]);
    world.read(1, bob);
    world.say(2, carol, "hello");
    assert!(world.read(1, bob).ends_with("carol: hello"));
    let states: Vec<_> = world.nodes.iter().map(|node| serde_json::to_string(&node.hub.snapshot()).unwrap()).collect();
    assert!(states.iter().all(|state| *state == states[0]), "{states:#?}");
    world.nodes.iter().for_each(|node| node.hub.audit().unwrap());
}

#[test]
fn roles_that_are_taken_and_rooms_without_any_are_gone_after_a_full_stop() {
    let (mut world, alice) = alice(1);
    let bob = world.enter(0, 3, &["bob", "/register secret", "/join den"]);
    world.say(0, alice, "/op bob");
    assert!(world.bucket.get("room.den").unwrap().contains("bob"));
    world.say(0, alice, "/deop bob");
    assert!(!world.bucket.get("room.den").unwrap().contains("bob"));
    // The only role is that of an account that is not there any more.
    world.say(0, bob, "/join nook");
    let mut world = World::of(1, world.bucket);
    assert!(world.nodes[0].hub.room_names().contains(&"nook"));
    let bob = world.enter(0, 3, &["bob", "secret"]);
    world.say(0, bob, "/unregister secret");
    assert_eq!(world.bucket.keys(), ["account.alice", "room.den"]);
    assert!(!world.nodes[0].hub.room_names().contains(&"nook"));
}

#[test]
fn node_that_has_missed_changes_begins_with_what_the_bucket_has() {
    let (mut world, _) = alice(2);
    // The second node hears nothing more of the log, and of all others it is the only one that is left.
    let mut late = world.nodes.pop().unwrap();
    world.enter(0, 3, &["bob", "/register secret"]);
    world.order("/ban 10.9.0.0/16");
    let bucket = world.bucket;
    late.hub.note_behind();
    assert!(late.hub.take_must_be_told() && !late.hub.take_must_be_told());
    late.told.clear();
    let at = world.at;
    let mut world = World { nodes: vec![late], bucket: bucket.clone(), at, seq: world.seq };
    world.tell(0);
    let now = world.now();
    world.nodes[0].hub.found(&now);
    world.nodes[0].hub.rejoin(Incarnation(7), now);
    world.lead(0);
    world.settle();
    assert_eq!(world.bucket.values, bucket.values);
    let bob = world.enter(0, 3, &["bob", "secret"]);
    assert!(world.read(0, bob).contains("You are bob."));
}

#[test]
fn node_that_becomes_the_oldest_makes_the_bucket_equal_to_its_state() {
    let (mut world, _) = alice(2);
    let expected = world.bucket.keys();
    let account = world.bucket.get("account.alice").unwrap().to_owned();
    world.nodes[0].hub.lead_bucket(false);
    world.bucket.put(b"account.ghost", Some(account.as_bytes()));
    world.bucket.put(b"ban.10.1.1.1", Some(b"{}"));
    world.bucket.put(b"room.den", None);
    world.bucket.put(b"account.alice", Some(b"damaged"));
    world.bucket.put(b"not ours", Some(b"1"));
    world.tell(0);
    world.settle();
    assert_eq!(world.bucket.get("account.alice"), Some("damaged"));
    world.tell(1);
    world.lead(1);
    world.settle();
    assert_eq!(world.bucket.keys(), ["account.alice", "not ours", "room.den"]);
    assert_eq!(expected, ["account.alice", "room.den"]);
    assert_eq!(world.bucket.get("account.alice"), Some(&*account));
}

#[test]
fn what_is_not_ours_or_damaged_is_skipped_and_counted() {
    let (world, _) = alice(1);
    let mut bucket = world.bucket;
    let deep = "[".repeat(10_000);
    let long = format!("{{\"since\":1,\"ignored\":[\"{}\"]}}", "a".repeat(1 << 20));
    let room = bucket.get("room.den").unwrap().to_owned();
    let hostile = room.replace("tea at five", "a\\u001b[2J").replace("den", "hostile");
    let late = r#"{"whispers":[{"to":"erin","from":"bob","at":[9999,365,23,59,59,0,-23,-59,0],"text":"late"}]}"#;
    let damaged: [(&[u8], &[u8]); 10] = [
        (b"whispers.erin", late.as_bytes()),
        (b"room.deep", deep.as_bytes()),
        (b"private.alice", long.as_bytes()),
        (b"private.bob", deep.as_bytes()),
        (b"whispers.bob", b"\xff"),
        (b"room.nook", room.as_bytes()),
        (b"room.hostile", hostile.as_bytes()),
        (b"ban.10.0.0.1", b"{\"network\":\"10.0.0.2/32\",\"name\":null,\"until\":null}"),
        (b"account.Bob", b"{}"),
        (b"\xff\x00", b""),
    ];
    damaged.iter().for_each(|(key, value)| bucket.put(key, Some(value)));
    let mut world = World::of(1, bucket);
    assert_eq!(world.nodes[0].hub.skipped_kept(), damaged.len() as u64);
    let alice = world.enter(0, 1, &["alice", "secret", "/join den"]);
    assert!(world.read(0, alice).contains("tea at five"));
    assert!(!world.bucket.keys().contains(&"room.deep".to_owned()), "the oldest node has no such room");
    assert_eq!(world.bucket.get("private.bob"), Some(&*deep));
}

/// What is in no log is stored also while what the log says is stored already.
#[test]
fn store_is_told_what_the_bucket_says_while_the_log_is_read_again() {
    let (mut source, _) = alice(1);
    let account = source.nodes[0].hub.shared.accounts.iter().next().unwrap().1.record();
    let bob = source.enter(0, 2, &["bob"]);
    source.say(0, bob, "@dave for dave");
    let private = br#"{"since":SINCE,"ignored":["carol"]}"#;
    let private = String::from_utf8_lossy(private).replace("SINCE", &account.data.since.to_string());
    let whisper = Whisper {
        to: "alice".into(),
        from: "bob".into(),
        at: OffsetDateTime::UNIX_EPOCH + BEGIN,
        text: "delivered elsewhere".into(),
    };
    let (mut hub, now) = (new_hub(0), source.now());
    let cluster = Some(InitialCluster { name: "office".into(), position: 9, checkpoint: None });
    hub.restore(InitialState { accounts: vec![account], cluster, ..start() }, now);
    hub.follow_log("office");
    hub.restore_whispers(vec![whisper]);
    hub.note_position(5);
    hub.poll_records();
    hub.handle_kept(b"whispers.dave", source.bucket.get("whispers.dave").map(str::as_bytes), now);
    hub.handle_kept(b"private.alice", Some(private.as_bytes()), now);
    hub.handle_bucket_complete(false);
    let records = hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    let is_for_dave = |record: &Record| matches!(record, Record::Whisper(whisper) if whisper.text == "for dave");
    assert!(records.len() == 2 && records.iter().any(is_for_dave), "{records:?}");
    hub.note_position(9);
    assert_eq!(hub.poll_records(), []);
    hub.note_position(10);
    let records = hub.poll_records();
    assert!(
        matches!(&records[..], [Record::Account(account), Record::Position(10)] if account.data.ignored == ["carol"]),
        "{records:?}"
    );
}

#[test]
fn store_of_the_founder_fills_an_empty_bucket_and_follows_one_that_is_not() {
    let (source, _) = alice(1);
    let account = source.nodes[0].hub.shared.accounts.iter().next().unwrap().1.record();
    let whisper = |to: &str| Whisper {
        to: to.into(),
        from: "bob".into(),
        at: OffsetDateTime::UNIX_EPOCH + BEGIN,
        text: "from the store".into(),
    };
    let with_store = |ignored: &str| {
        let mut hub = new_hub(0);
        let mut account = account.clone();
        account.data.ignored = vec![ignored.into()];
        let now = Now { at: BEGIN, local: OffsetDateTime::UNIX_EPOCH + BEGIN };
        let mut initial = start();
        initial.accounts = vec![account];
        hub.restore(initial, now);
        hub.restore_whispers(vec![whisper("alice"), whisper("Dave")]);
        hub.poll_records();
        hub
    };
    let mut world = World::with(vec![with_store("carol")], Bucket::default());
    assert_eq!(world.bucket.keys(), ["account.alice", "private.alice", "whispers.alice", "whispers.dave"]);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(world.read(0, alice).contains("from the store"));
    let records = world.nodes[0].hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    // Later: the bucket is right, and the store takes over what it has.
    world.enter(0, 2, &["erin"]);
    world.say(0, alice, "/ignore erin");
    let mut world = World::with(vec![with_store("nobody")], world.bucket);
    let records = world.nodes[0].hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    assert!(!records.contains(&Record::WhispersRead { to: "dave".into() }));
    let ignored: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Account(account) => Some(account.data.ignored.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ignored.last().unwrap(), &["carol", "erin"]);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(!world.read(0, alice).contains("from the store"));
}

#[test]
fn what_the_bucket_does_not_have_yet_survives_an_upgrade() {
    let (mut world, alice) = alice(1);
    let bob = world.enter(0, 2, &["bob"]);
    world.type_line(0, alice, "/ignore bob");
    world.type_line(0, bob, "@erin kept");
    // One value was handed out, and nobody knows what has become of it.
    assert!(world.nodes[0].hub.poll_kept().is_some());
    let Node { hub, told } = world.nodes.remove(0);
    let state = serde_json::to_string(&hub.into_state()).unwrap();
    let config = Config { rate: 0, offline_whispers: OfflineWhispers::All, ..Config::default() };
    let mut hub = Hub::from_state(serde_json::from_str(&state).unwrap(), config, renderers(Lang::En));
    hub.use_bucket();
    world.nodes.push(Node { hub, told });
    world.settle();
    assert!(world.bucket.get("private.alice").unwrap().contains("bob"));
    assert!(world.bucket.get("whispers.erin").unwrap().contains("kept"));
}
