//! The nodes of these tests, with their stores and their log.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use std::{env, fs, process};

use time::OffsetDateTime;

use crate::chat::change::Origin;
use crate::chat::record::{InitialState, Message};
use crate::chat::{Answer, ClientId, Config, DeleteChoice, Hub, Input, Lang, Lookup, Now, read_lines};
use crate::cluster::application::Members;
use crate::cluster::replica::{Node, Notice, Replica, Start, Stream, Versions};
use crate::cluster::stored;
use crate::store::{Options, Step, Store};
use crate::wire::renderers;

/// The engine's time when a test begins: seconds since 1970.
pub const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// A folder for the stores of a test, removed with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("chinwag-stored-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn open(&self, index: usize) -> (Store, InitialState) {
        Store::open(&Options::of_test(self.0.join(format!("store-{index}")), 1000), BEGIN.as_secs() as i64).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub struct StoredNode {
    pub replica: Replica<Origin>,
    pub hub: Hub,
    pub store: Store,
    /// The next entry that it reads.
    pub next: u64,
    pub notices: Vec<Notice>,
}

pub struct World {
    pub folder: Folder,
    pub log: Vec<(Duration, Vec<u8>)>,
    /// The first position that the engine has.
    pub first: u64,
    /// By the number of their stores; `None` while a node does not run.
    pub nodes: Vec<Option<StoredNode>>,
    pub at: Duration,
    pub starts: u64,
    pub history: usize,
    /// Nodes that start do not know the state of their checkpoint.
    pub forgets_state: bool,
}

impl World {
    pub fn new(history: usize) -> World {
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

    pub fn now(&self) -> Now {
        Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at }
    }

    pub fn stream(&self) -> Stream {
        Stream { first: self.first, last: self.log.len() as u64 }
    }

    /// Starts a node with the store of that number.
    pub fn start(&mut self, index: usize) {
        let (store, initial) = self.folder.open(index);
        self.starts += 1;
        let config = Config { rate: 0, history: self.history, hash_key: [self.starts, 1], ..Config::default() };
        let mut hub = Hub::new(config, renderers(Lang::En));
        hub.use_cluster();
        hub.attach_console();
        hub.restore(initial.clone(), self.now());
        hub.follow_log("office");
        let begin = match stored::start(&mut hub, initial.cluster.as_ref(), &self.now()) {
            Start::Stored { checkpoint, .. } if self.forgets_state => Start::Stored { checkpoint, has_state: false },
            begin => begin,
        };
        let name = format!("node-{index}").try_into().unwrap();
        let node = Node { name, versions: Versions { lowest: 1, highest: 1 } };
        let mut replica = Replica::new(node, 1_000 * self.starts, begin);
        stored::note_end_of_log(&mut hub, self.stream().last, replica.read_from().is_none());
        replica.handle_stream(self.stream(), self.at);
        let next = replica.read_from().unwrap();
        self.nodes.resize_with(self.nodes.len().max(index + 1), || None);
        self.nodes[index] = Some(StoredNode { replica, hub, store, next, notices: Vec::new() });
    }

    /// A node is replaced by a successor, which has its store.
    pub fn hand_over(&mut self, index: usize) {
        let (at, stream) = (self.at, self.stream());
        let config = Config { rate: 0, history: self.history, hash_key: [self.starts, 1], ..Config::default() };
        let StoredNode { replica, hub, next, .. } = self.nodes[index].as_mut().expect("it runs");
        let [hub_state, replica_state] =
            [serde_json::to_string(&hub.state()), serde_json::to_string(replica)].map(|json| json.expect("plain data"));
        *hub = Hub::from_state(serde_json::from_str(&hub_state).unwrap(), config, renderers(Lang::En));
        *replica = serde_json::from_str(&replica_state).unwrap();
        replica.handle_disconnected(at);
        replica.handle_stream(stream, at);
        *next = replica.read_from().unwrap();
    }

    pub fn node(&mut self, index: usize) -> &mut StoredNode {
        self.nodes[index].as_mut().expect("it runs")
    }

    pub fn run(&mut self, seconds: u64) {
        for _ in 0..10 * seconds {
            self.at += Duration::from_millis(100);
            (0..self.nodes.len()).for_each(|index| {
                self.turn(index);
                self.write(index);
            });
        }
    }

    /// What a node does in a turn before it writes to its store.
    pub fn turn(&mut self, index: usize) {
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
    pub fn write(&mut self, index: usize) {
        if let Some(StoredNode { hub, store, .. }) = &mut self.nodes[index] {
            store.write(&hub.poll_records()).unwrap();
        }
    }

    pub fn record_checkpoint(&mut self, index: usize) {
        let now = self.now();
        let StoredNode { replica, hub, .. } = self.node(index);
        if let Some(checkpoint) = replica.checkpoint().filter(|_| replica.is_ready()) {
            Members::new(hub, now).record_checkpoint(&checkpoint);
        }
    }

    pub fn say(&mut self, node: usize, id: ClientId, line: &str) {
        let now = self.now();
        self.node(node).hub.handle_line(id, Input::Line(line), now);
        read_lines(&mut self.node(node).hub, id);
    }

    pub fn enter(&mut self, node: usize, slot: usize, name: &str) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        self.node(node).hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now);
        self.say(node, id, name);
        self.run(1);
        id
    }

    pub fn state(&mut self, node: usize) -> String {
        serde_json::to_string(&self.node(node).hub.snapshot()).unwrap()
    }

    /// What a store has in the end: rooms by name, bans, accounts.
    pub fn stored(&mut self, index: usize) -> InitialState {
        self.nodes[index] = None;
        let (_, stored) = self.folder.open(index);
        let mut rooms = stored.rooms;
        rooms.iter_mut().for_each(|room| room.record.changed = None);
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        InitialState { rooms, cluster: None, next_id: 0, ..stored }
    }
    /// The newest messages of the lobby, at most `most`, in the store of a node that runs.
    pub fn lobby(&mut self, node: usize, most: usize) -> Vec<Message> {
        lobby(&mut self.node(node).store, most)
    }
}

/// The newest messages of the lobby in a store, at most `most`.
pub fn lobby(store: &mut Store, most: usize) -> Vec<Message> {
    let mut step = Step { is_hidden: &|_| false, more: &mut || true };
    store.history("lobby", None, most, &mut step).unwrap().messages
}

/// The texts of the messages of the first room.
pub fn texts(stored: &InitialState) -> Vec<&str> {
    stored.rooms[0].messages.iter().map(|message| &*message.text).collect()
}
