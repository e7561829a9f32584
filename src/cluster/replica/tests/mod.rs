//! The rules of the protocol, one by one: some nodes, and an engine that does what it is told.

mod ends;
mod foreign;
mod golden;
mod joining;
mod large;
mod outages;

use std::time::Duration;

use super::world::chat::{Chat, Line};
use super::*;

/// A node, its small chat, and what it has reported.
struct TestNode {
    replica: Replica<u64>,
    chat: Chat,
    notices: Vec<Notice>,
    /// The next entry that it reads.
    next: u64,
    is_up: bool,
    /// Whether its heartbeats reach the other nodes.
    is_heard: bool,
}

impl TestNode {
    fn texts(&self) -> Vec<u64> {
        self.chat.shown.iter().map(|(_, Line { text, .. })| *text).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.chat.names.keys().map(String::as_str).collect()
    }

    /// Where a process would begin that has kept everything.
    fn checkpoint(&self) -> Checkpoint {
        let json = serde_json::to_string(&self.replica.checkpoint().expect("a checkpoint")).unwrap();
        serde_json::from_str(&json).unwrap()
    }
}

/// A log and some nodes.
struct Cluster {
    log: Vec<(Duration, Vec<u8>)>,
    /// The first position that the engine has.
    first: u64,
    now: Duration,
    nodes: Vec<TestNode>,
    /// Whether the engine stores what it is sent.
    stores: bool,
}

impl Cluster {
    /// A cluster of nodes that all take part.
    fn of(names: &[&str]) -> Cluster {
        let now = Duration::from_secs(1_000);
        let mut cluster = Cluster { log: Vec::new(), first: 1, now, nodes: Vec::new(), stores: true };
        for name in names {
            cluster.add(name, Start::Fresh);
            cluster.run(5);
        }
        assert!(cluster.nodes.iter().all(|node| node.replica.is_ready()));
        cluster
    }

    fn add(&mut self, name: &str, start: Start) -> usize {
        self.add_speaking(name, start, Versions { lowest: 1, highest: 1 })
    }

    fn add_speaking(&mut self, name: &str, start: Start, versions: Versions) -> usize {
        let node = Node { name: name.to_string().try_into().unwrap(), versions };
        let replica = Replica::new(node, 1_000 * (self.nodes.len() as u64 + 1), start);
        let (chat, notices) = (Chat::default(), Vec::new());
        self.nodes.push(TestNode { replica, chat, notices, next: 0, is_up: true, is_heard: true });
        let index = self.nodes.len() - 1;
        self.connect(index);
        index
    }

    fn connect(&mut self, index: usize) {
        let stream = Stream { first: self.first, last: self.log.len() as u64 };
        let node = &mut self.nodes[index];
        node.is_up = true;
        node.replica.handle_stream(stream, self.now);
        node.next = node.replica.read_from().unwrap();
    }

    fn disconnect(&mut self, index: usize) {
        self.nodes[index].is_up = false;
        self.nodes[index].replica.handle_disconnected(self.now);
    }

    /// Puts bytes into the log.
    fn store(&mut self, bytes: impl Into<Vec<u8>>) {
        self.log.push((Duration::from_secs(1_800_000_000) + self.now, bytes.into()));
    }

    /// The nodes take turns for some seconds.
    fn run(&mut self, seconds: u64) {
        (0..10 * seconds).for_each(|_| self.turn());
    }

    /// The nodes take turns until something more is in the log.
    fn turn_until_entry(&mut self) {
        let last = self.log.len();
        for _ in 0..100 {
            if self.log.len() > last {
                return;
            }
            self.turn();
        }
        panic!("no entry in ten seconds");
    }

    /// One turn of all nodes, which takes 100 ms.
    fn turn(&mut self) {
        self.now += Duration::from_millis(100);
        for index in 0..self.nodes.len() {
            self.receive(index);
            self.send(index);
        }
    }

    fn receive(&mut self, index: usize) {
        let TestNode { replica, chat, next, notices, is_up, .. } = &mut self.nodes[index];
        while *is_up && let Some((time, bytes)) = self.log.get(*next as usize - 1) {
            replica.handle_entry(*next, *time, bytes, self.now);
            *next += 1;
            if !replica.wants_entries() {
                while replica.process(chat, self.now, 10) {}
            }
        }
        while replica.process(chat, self.now, 10) {}
        replica.handle_tick(chat, self.now);
        notices.extend(std::iter::from_fn(|| replica.poll_notice()));
        for proposal in std::mem::take(&mut chat.proposals) {
            if let Err((proposal, _)) = replica.propose(proposal) {
                chat.refuse(&proposal);
            }
        }
    }

    fn send(&mut self, index: usize) {
        let now = self.now;
        while let Some(append) = self.nodes[index].replica.poll_append(now) {
            if self.stores {
                self.store(append.entry);
            }
        }
        let heartbeat = self.nodes[index].replica.poll_heartbeat(now).filter(|_| self.nodes[index].is_heard);
        for node in self.nodes.iter_mut().filter(|node| node.is_up) {
            heartbeat.iter().for_each(|heartbeat| node.replica.handle_heartbeat(heartbeat, now));
        }
    }

    /// A person takes the name of its number, and the nodes take turns until all know.
    fn arrive(&mut self, index: usize, session: u64) {
        self.nodes[index].chat.arrive(session, format!("name-{session}"));
        self.run(1);
    }

    fn incarnation(&self, index: usize) -> Incarnation {
        self.nodes[index].replica.incarnation()
    }
}

/// The error of a proposal, without the proposal.
fn error_of<T>(result: Result<(), (T, ProposalError)>) -> Result<(), ProposalError> {
    result.map_err(|(_, error)| error)
}
