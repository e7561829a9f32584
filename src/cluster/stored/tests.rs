//! Nodes with stores on a log in memory: they crash and start again, come late, and have stores that do not fit.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use std::{env, fs, process};

use time::OffsetDateTime;

use super::*;
use crate::chat::change::Origin;
use crate::chat::record::{InitialRoom, Message, Record, RoomRecord};
use crate::chat::{Answer, ClientId, Config, DeleteChoice, HistoryRange, Input, Lang, Lookup, Now, read_lines};
use crate::cluster::application::Members;
use crate::cluster::replica::{Node, Notice, Replica, Stop, Versions};
use crate::store::{Options, Step, Store, Sync};
use crate::util::test_support::Random;
use crate::wire::renderers;

/// The engine's time when a test begins: seconds since 1970.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// A folder for the stores of a test, removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("chinwag-stored-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn open(&self, index: usize) -> (Store, InitialState) {
        let options = Options {
            path: self.0.join(format!("store-{index}")),
            sync: Sync::Off,
            keep_days: None,
            keep_messages: None,
            history: 1000,
            rooms: 1000,
            history_bytes: 1 << 20,
        };
        Store::open(&options, BEGIN.as_secs() as i64).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct StoredNode {
    replica: Replica<Origin>,
    hub: Hub,
    store: Store,
    /// The next entry that it reads.
    next: u64,
    notices: Vec<Notice>,
}

struct World {
    folder: Folder,
    log: Vec<(Duration, Vec<u8>)>,
    /// The first position that the engine has.
    first: u64,
    /// By the number of their stores; `None` while a node does not run.
    nodes: Vec<Option<StoredNode>>,
    at: Duration,
    starts: u64,
    history: usize,
    /// Nodes that start do not know the state of their checkpoint.
    forgets_state: bool,
}

impl World {
    fn new(history: usize) -> World {
        World {
            folder: Folder::new(),
            log: Vec::new(),
            first: 1,
            nodes: Vec::new(),
            at: BEGIN,
            starts: 0,
            history,
            forgets_state: false,
        }
    }

    fn now(&self) -> Now {
        Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at }
    }

    fn stream(&self) -> Stream {
        Stream { first: self.first, last: self.log.len() as u64 }
    }

    /// Starts a node with the store of that number.
    fn start(&mut self, index: usize) {
        let (store, initial) = self.folder.open(index);
        self.starts += 1;
        let config = Config { rate: 0, history: self.history, hash_key: [self.starts, 1], ..Config::default() };
        let mut hub = Hub::new(config, renderers(Lang::En));
        hub.use_cluster();
        hub.attach_console();
        hub.restore(initial.clone(), self.now());
        hub.follow_log("office");
        hub.note_end_of_log(self.stream().last);
        let begin = match super::start(&mut hub, initial.cluster.as_ref(), &self.now()) {
            Start::Stored { checkpoint, .. } if self.forgets_state => Start::Stored { checkpoint, has_state: false },
            begin => begin,
        };
        let name = format!("node-{index}").try_into().unwrap();
        let node = Node { name, versions: Versions { lowest: 1, highest: 1 } };
        let mut replica = Replica::new(node, 1_000 * self.starts, begin);
        replica.handle_stream(self.stream(), self.at);
        let next = replica.read_from().unwrap();
        self.nodes.resize_with(self.nodes.len().max(index + 1), || None);
        self.nodes[index] = Some(StoredNode { replica, hub, store, next, notices: Vec::new() });
    }

    fn node(&mut self, index: usize) -> &mut StoredNode {
        self.nodes[index].as_mut().expect("it runs")
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..10 * seconds {
            self.at += Duration::from_millis(100);
            (0..self.nodes.len()).for_each(|index| {
                self.turn(index);
                self.write(index);
            });
        }
    }

    /// What a node does in a turn before it writes to its store.
    fn turn(&mut self, index: usize) {
        let (now, at) = (self.now(), self.at);
        let Some(StoredNode { replica, hub, store, next, notices }) = &mut self.nodes[index] else { return };
        while let Some((time, bytes)) = self.log.get(*next as usize - 1) {
            replica.handle_entry(*next, *time, bytes, at);
            *next += 1;
        }
        let mut members = Members::new(hub, now);
        while replica.process(&mut members, at, 10) {}
        replica.handle_tick(&mut members, at);
        while let Some(query) = members.hub.poll_query() {
            let answer = match &query.lookup {
                Lookup::Delete { room, which: DeleteChoice::Id(id) } => {
                    Answer::Messages(store.message(room, *id).unwrap().into_iter().collect())
                }
                _ => Answer::Nothing,
            };
            members.hub.handle_answer(query, answer, now);
        }
        while let Some(proposal) = members.poll_proposal() {
            if let Err((proposal, why)) = replica.propose(proposal) {
                members.refuse(proposal, &why);
            }
        }
        notices.extend(std::iter::from_fn(|| replica.poll_notice()));
        while let Some(append) = replica.poll_append(at) {
            self.log.push((at, append.entry.into()));
        }
        if let Some(heartbeat) = replica.poll_heartbeat(at) {
            self.nodes.iter_mut().flatten().for_each(|node| node.replica.handle_heartbeat(&heartbeat, at));
        }
    }

    /// Stores what a node has recorded.
    fn write(&mut self, index: usize) {
        if let Some(StoredNode { hub, store, .. }) = &mut self.nodes[index] {
            store.write(&hub.poll_records()).unwrap();
        }
    }

    fn record_checkpoint(&mut self, index: usize) {
        let now = self.now();
        let StoredNode { replica, hub, .. } = self.node(index);
        if let Some(checkpoint) = replica.checkpoint().filter(|_| replica.is_ready()) {
            Members::new(hub, now).record_checkpoint(&checkpoint);
        }
    }

    fn say(&mut self, node: usize, id: ClientId, line: &str) {
        let now = self.now();
        self.node(node).hub.handle_line(id, Input::Line(line), now);
        read_lines(&mut self.node(node).hub, id);
    }

    fn enter(&mut self, node: usize, slot: usize, name: &str) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        self.node(node).hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now);
        self.say(node, id, name);
        self.run(1);
        id
    }

    fn state(&mut self, node: usize) -> String {
        serde_json::to_string(&self.node(node).hub.snapshot()).unwrap()
    }

    /// What a store has in the end: rooms by name, bans, accounts.
    fn stored(&mut self, index: usize) -> InitialState {
        self.nodes[index] = None;
        let (_, stored) = self.folder.open(index);
        let mut rooms = stored.rooms;
        rooms.iter_mut().for_each(|room| room.record.changed = None);
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        InitialState { rooms, cluster: None, next_id: 0, ..stored }
    }
}

/// Something that a member does, or the operator.
fn act(world: &mut World, random: &mut Random, node: usize, id: ClientId) {
    let newest = 256 * world.log.len() as u64;
    let line = match random.below(12) {
        0 => format!("/join {}", random.pick(&["den", "tea", "lobby"])),
        1 => format!("/topic {}", random.below(9)),
        2 => format!("/room slow {}", random.below(3)),
        3 => format!("/delete {}", newest.saturating_sub(256 * random.below(30) as u64)),
        4 => format!("/name {}{}", random.pick(&["alice", "bob", "carol"]), random.below(3)),
        5 | 6 => {
            let line = format!("/{} 10.{}.0.0/16", random.pick(&["ban", "unban"]), random.below(3));
            let now = world.now();
            return world.node(node).hub.handle_line(ClientId::CONSOLE, Input::Line(&line), now);
        }
        n => format!("line {n} of {newest}"),
    };
    world.say(node, id, &line);
}

#[test]
fn store_of_a_node_that_crashes_has_the_same_as_one_of_a_node_that_does_not() {
    for seed in 0..6 {
        let (mut random, mut world) = (Random(seed), World::new(1000));
        world.start(0);
        world.run(5);
        let alice = world.enter(0, 0, "alice");
        world.start(1);
        world.run(5);
        let mut bob = world.enter(1, 0, "bob");
        let mut crashes = 0;
        for _ in 0..120 {
            let (node, id) = if random.one_in(2) { (0, alice) } else { (1, bob) };
            act(&mut world, &mut random, node, id);
            if random.one_in(15) {
                world.record_checkpoint(1);
            }
            if !random.one_in(10) {
                world.run(1);
                continue;
            }
            // It ends within a turn, perhaps before it has written.
            crashes += 1;
            world.at += Duration::from_millis(100);
            world.turn(0);
            world.write(0);
            world.turn(1);
            if random.one_in(2) {
                world.write(1);
            }
            world.nodes[1] = None;
            (0..random.below(4)).for_each(|_| act(&mut world, &mut random, 0, alice));
            world.run(random.below(8) as u64);
            world.start(1);
            world.run(5);
            assert!(world.node(1).replica.is_ready(), "seed {seed}");
            assert_eq!(world.state(0), world.state(1), "seed {seed}");
            bob = world.enter(1, 0, &format!("bob{crashes}"));
        }
        world.run(2);
        assert!(crashes > 3);
        let gaps = world.node(1).notices.clone();
        let [first, second] = [0, 1].map(|index| world.stored(index));
        assert!(first.rooms.iter().map(|room| room.messages.len()).sum::<usize>() > 20, "seed {seed}");
        assert_eq!(first, second, "seed {seed}: {gaps:?}");
    }
}

#[test]
fn node_that_comes_late_stores_what_the_others_still_show_and_notes_a_gap_before_it() {
    let mut world = World::new(5);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    for n in 0..20 {
        world.say(0, alice, &format!("line {n}"));
        world.run(1);
    }
    world.say(0, alice, "/topic tea");
    let now = world.now();
    world.node(0).hub.handle_line(ClientId::CONSOLE, Input::Line("/ban 10.0.0.0/8"), now);
    world.run(1);
    world.start(1);
    world.run(5);
    world.say(0, alice, "the last line");
    world.run(1);
    let (first, second) = (world.stored(0), world.stored(1));
    assert_eq!((first.run, first.cloak_key, &first.bans), (second.run, second.cloak_key, &second.bans));
    let of_lobby = |stored: &InitialState| -> (Vec<Message>, RoomRecord) {
        let InitialRoom { messages, record, .. } = &stored.rooms[0];
        (messages.clone(), record.clone())
    };
    let ((all, record), (some, same)) = (of_lobby(&first), of_lobby(&second));
    assert_eq!((record, all.len(), first.gaps.is_empty()), (same, 21, true));
    assert!((5..21).contains(&some.len()) && all.ends_with(&some), "{} of {}", some.len(), all.len());
    let oldest = some[0].id;
    assert!(second.gaps.touch(all[0].id, all[0].id + 1) && second.gaps.touch(oldest - 256, oldest));
    assert!(!second.gaps.touch(oldest, u64::MAX));
}

#[test]
fn node_with_the_store_of_a_single_server_begins_a_cluster_and_does_not_join_one() {
    let mut world = World::new(100);
    for index in 0..2 {
        let (mut store, _) = world.folder.open(index);
        let at = OffsetDateTime::UNIX_EPOCH + BEGIN;
        let (room, name) = ("lobby".to_owned(), "alice".to_owned());
        let kind = crate::chat::MessageKind::Said;
        store.write(&[Record::Message(Message { id: 1, room, at, kind, name, text: "before".into() })]).unwrap();
    }
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    let notices = &world.node(1).notices;
    let why = notices.iter().find_map(|notice| match notice {
        Notice::Stopped(Stop::CannotRestore(why)) => Some(why),
        _ => None,
    });
    assert!(why.is_some_and(|why| why.contains("name another file with --store")), "{notices:?}");
    assert!(world.node(0).replica.is_ready());
    world.nodes.clear();
    let names = [0, 1].map(|index| world.folder.open(index).1.cluster.map(|cluster| cluster.name));
    assert_eq!(names, [Some("office".into()), None]);
    let mut store = world.folder.open(1).0;
    let mut step = Step { is_hidden: &|_| false, more: &mut || true };
    assert_eq!(store.history("lobby", None, 9, &mut step).unwrap().messages.len(), 1, "it is as it was");
}

#[test]
fn deleted_text_leaves_the_checkpoint() {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    world.say(0, alice, "a secret");
    world.run(1);
    let id = world.node(0).store.history("lobby", None, 1, &mut Step { is_hidden: &|_| false, more: &mut || true });
    let id = id.unwrap().messages[0].id;
    world.record_checkpoint(0);
    world.run(6);
    let at = world.at;
    assert!(!world.node(0).hub.wants_checkpoint(at), "nothing was deleted");
    world.say(0, alice, &format!("/delete {id}"));
    world.run(1);
    let at = world.at;
    assert!(world.node(0).hub.wants_checkpoint(at));
    world.record_checkpoint(0);
    world.write(0);
    world.nodes.clear();
    let checkpoint = world.folder.open(0).1.cluster.unwrap().checkpoint.unwrap();
    assert!(checkpoint.snapshot.contains("alice") && !checkpoint.snapshot.contains("a secret"));
}

#[test]
fn text_that_was_deleted_while_a_node_was_away_leaves_its_store() {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    for text in ["one", "a secret", "three"] {
        world.say(0, alice, text);
        world.run(1);
    }
    let found = world.node(0).store.history("lobby", None, 9, &mut Step { is_hidden: &|_| false, more: &mut || true });
    let secret = found.unwrap().messages[1].id;
    world.record_checkpoint(1);
    world.write(1);
    world.nodes[1] = None;
    world.say(0, alice, &format!("/delete {secret}"));
    world.run(1);
    world.say(0, alice, "four");
    world.run(1);
    world.first = world.log.len() as u64;
    world.start(1);
    world.run(5);
    assert!(world.node(1).notices.iter().any(|notice| matches!(notice, Notice::Gap { after: Some(_), .. })));
    let texts = |stored: InitialState| -> Vec<String> {
        stored.rooms[0].messages.iter().map(|message| message.text.clone()).collect()
    };
    assert_eq!([0, 1].map(|index| texts(world.stored(index))), [["one", "three", "four"], ["one", "three", "four"]]);
}

/// Two nodes with the line "one"; the second one, which has a checkpoint, ends, and misses the line "two". Returns who says that.
fn world_with_a_node_that_misses_a_line() -> (World, ClientId) {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    world.say(0, alice, "one");
    world.run(1);
    world.record_checkpoint(1);
    world.write(1);
    world.nodes[1] = None;
    world.say(0, alice, "two");
    world.run(1);
    (world, alice)
}

#[test]
fn node_that_begins_the_state_anew_after_the_log_was_trimmed_notes_a_gap() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.nodes[0] = None;
    let last = world.log.len() as u64;
    world.first = last + 1;
    world.start(1);
    world.run(8);
    assert!(world.node(1).replica.is_ready());
    let bob = world.enter(1, 0, "bob");
    world.say(1, bob, "three");
    world.run(1);
    // Another node learns of the gap, too.
    world.start(2);
    world.run(5);
    let (all, founder, other) = (world.stored(0), world.stored(1), world.stored(2));
    let id = |number: usize| all.rooms[0].messages[number].id;
    let texts = |stored: &InitialState| -> Vec<String> {
        stored.rooms[0].messages.iter().map(|message| message.text.clone()).collect()
    };
    assert_eq!(
        (texts(&founder), texts(&other)),
        (vec!["one".into(), "three".into()], vec!["one".into(), "three".into()])
    );
    assert!(founder.gaps.touch(id(1), id(1) + 1) && !founder.gaps.touch(0, id(0) + 1));
    assert!(other.gaps.touch(id(1), id(1) + 1));
    let three = founder.rooms[0].messages[1].id;
    assert!(!founder.gaps.touch(three, u64::MAX) && !other.gaps.touch(three, u64::MAX));
}

#[test]
fn node_that_did_not_know_the_state_notes_no_gap_if_it_is_given_the_messages_with_the_state() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.forgets_state = true;
    world.start(1);
    world.run(5);
    let [first, second] = [0, 1].map(|index| world.stored(index));
    assert_eq!(second.rooms[0].messages.len(), 2);
    assert_eq!(first, second);
}

#[test]
fn node_that_did_not_know_the_state_and_begins_it_anew_notes_a_gap() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.nodes[0] = None;
    world.forgets_state = true;
    world.start(1);
    world.run(8);
    assert!(world.node(1).replica.is_ready());
    let [all, founder] = [0, 1].map(|index| world.stored(index));
    let ids: Vec<u64> = all.rooms[0].messages.iter().map(|message| message.id).collect();
    assert!(founder.gaps.touch(ids[1], ids[1] + 1) && !founder.gaps.touch(0, ids[0] + 1));
}

#[test]
fn member_that_pages_across_a_gap_is_told_so() {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    for _ in 0..3 {
        world.say(0, alice, "a line");
        world.run(1);
    }
    let stored = world.node(0).store.history("lobby", None, 9, &mut Step { is_hidden: &|_| false, more: &mut || true });
    let messages = stored.unwrap().messages;
    let gap = Gap { from: messages[0].id + 1, to: messages[1].id };
    world.node(0).hub.handle_lost_messages(gap);
    let now = world.now();
    let mut ask = |line: &str, expected: HistoryRange, found: &[Message]| {
        let hub = &mut world.node(0).hub;
        hub.handle_line(alice, Input::Line(line), now);
        let query = hub.poll_query().unwrap();
        assert!(matches!(query.lookup, Lookup::History { range, .. } if range == expected));
        let answer = match expected {
            HistoryRange::After { .. } => Answer::History { before: Vec::new(), after: found.to_vec() },
            _ => Answer::History { before: found.to_vec(), after: Vec::new() },
        };
        hub.handle_answer(query, answer, now);
        read_lines(hub, alice).iter().any(|line| line.contains("Some messages of this time are missing"))
    };
    assert!(ask("/history", HistoryRange::Latest, &messages));
    assert!(!ask("/history 1", HistoryRange::Latest, &messages[1..]), "there are older ones, on another page");
    let (second, third) = (messages[1].id, messages[2].id);
    assert!(!ask(&format!("/history after {second}"), HistoryRange::After { after: second }, &messages[2..]));
    assert!(ask(&format!("/history before {second}"), HistoryRange::Before(second), &messages[..1]));
    assert!(ask(&format!("/history before {third}"), HistoryRange::Before(third), &messages[..2]));
}

fn stored(next_id: u64, cluster: Option<&str>) -> InitialState {
    let cluster = cluster.map(|name| InitialCluster { name: name.into(), position: 4, checkpoint: None });
    InitialState { next_id, cluster, ..InitialState::default() }
}

#[test]
fn store_of_another_cluster_or_of_a_single_server_is_refused() {
    let (empty, used) = (Some(Stream { first: 1, last: 0 }), Some(Stream { first: 3, last: 9 }));
    let check = |next_id, of, log| check(&stored(next_id, of), "office", log);
    for log in [None, empty, used] {
        assert_eq!(check(1, None, log), Ok(()));
        assert_eq!(check(900, Some("office"), log), Ok(()));
        assert_eq!(check(900, Some("site"), log), Err(Unfit::OtherCluster("site".into(), "office".into())));
    }
    assert_eq!((check(900, None, None), check(900, None, empty)), (Ok(()), Ok(())));
    let refused = check(900, None, used).unwrap_err();
    assert_eq!(refused, Unfit::OfSingleServer("office".into()));
    assert!(refused.to_string().contains("name another file with --store"));
}

#[test]
fn new_log_begins_above_all_ids_of_the_store() {
    for (next_id, first) in [(0, 1), (1, 1), (256, 1), (257, 2), (512, 2), (513, 3), (5_000_000, 19_532)] {
        assert_eq!(first_position(next_id), first, "{next_id}");
        assert!(first * 256 >= next_id);
    }
}

#[test]
fn ids_of_positions_are_those_of_their_entries() {
    assert_eq!(ids_of(Some(1), 2), Gap { from: 512, to: 768 });
    assert_eq!(ids_of(None, 0), Gap { from: 0, to: 256 });
}
