//! Hubs with the protocol among the nodes, and a log in memory.

use std::time::Duration;

use time::OffsetDateTime;

mod forged;
mod hostile;
mod moderation;
mod people;
mod rejoining;
mod whispers;

use super::Members;
use crate::chat::change::Origin;
use crate::chat::scram_keys::ScramKeys;
use crate::chat::{
    Answer, ClientId, Config, Encoding, Hub, Incarnation, Input, IrcShape, Lang, NewConnection, NodeMessage,
    NodeUnreachable, NodeView, Now, PasswordAnswer, ResumeRequest,
};
use crate::chat::{initial_state, read_lines};
use crate::cluster::replica::{Node, NodeStatus, Notice, Replica, Start, Stream, Versions};
use crate::wire::renderers;

/// The engine's time when a test begins: seconds since 1970.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

struct TestNode {
    replica: Replica<Origin>,
    hub: Hub,
    /// The next entry that it reads.
    next: u64,
    is_paused: bool,
    /// The log is out of its reach.
    is_cut_off: bool,
    /// The messages for other nodes that are not answered: their tags, and when they are given up.
    unanswered: Vec<(u64, Duration)>,
}

/// A log and some nodes.
struct Cluster {
    log: Vec<(Duration, Vec<u8>)>,
    nodes: Vec<TestNode>,
    at: Duration,
    /// How far the engine's clock is ahead.
    ahead: Duration,
}

impl Cluster {
    fn of(count: usize) -> Cluster {
        let mut cluster = Cluster { log: Vec::new(), nodes: Vec::new(), at: BEGIN, ahead: Duration::ZERO };
        for _ in 0..count {
            cluster.add();
        }
        cluster
    }

    fn now(&self) -> Now {
        Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at }
    }

    /// Adds a node, and waits until it takes part.
    fn add(&mut self) -> usize {
        let index = self.add_without_console();
        self.nodes[index].hub.attach_console();
        index
    }

    fn add_without_console(&mut self) -> usize {
        let index = self.nodes.len();
        let name = format!("node-{index}").try_into().unwrap();
        let node = Node { name, versions: Versions { lowest: 1, highest: 1 } };
        let mut replica = Replica::new(node, 1_000 * (index as u64 + 1), Start::Fresh);
        let mut hub = Hub::new(config(index), renderers(Lang::En));
        hub.use_cluster();
        hub.restore(initial_state(), self.now());
        replica.handle_stream(Stream { first: 1, last: self.log.len() as u64 }, self.at);
        let next = replica.read_from().unwrap();
        self.nodes.push(TestNode { replica, hub, next, is_paused: false, is_cut_off: false, unanswered: Vec::new() });
        self.run(5);
        assert!(self.nodes[index].replica.is_ready());
        index
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..10 * seconds {
            self.at += Duration::from_millis(100);
            for index in 0..self.nodes.len() {
                self.turn(index);
                self.exchange(index);
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let (now, at) = (self.now(), self.at);
        let TestNode { replica, hub, next, is_paused, is_cut_off, .. } = &mut self.nodes[index];
        if *is_paused {
            return;
        }
        while !*is_cut_off && let Some((time, bytes)) = self.log.get(*next as usize - 1) {
            replica.handle_entry(*next, *time, bytes, at);
            *next += 1;
        }
        let mut members = Members::new(hub, now);
        while replica.process(&mut members, at, 10) {}
        replica.handle_tick(&mut members, at);
        answer_queries(members.hub, now);
        while let Some(notice) = replica.poll_notice() {
            match notice {
                Notice::LostTouch { .. } => members.hub.tell_lost_touch(now),
                Notice::Connected => members.hub.tell_connected(now),
                // A node that begins has not read what was before.
                _ => {}
            }
        }
        members.hub.set_nodes(&nodes(replica, at));
        members.withdraw_logins(replica);
        while let Some(proposal) = members.poll_proposal() {
            if let Err((proposal, why)) = replica.propose(proposal) {
                members.refuse(proposal, &why);
            }
        }
        while let Some(append) = replica.poll_append(at) {
            self.log.push((at + self.ahead, append.entry.into()));
        }
        if let Some(heartbeat) = replica.poll_heartbeat(at) {
            let awake = self.nodes.iter_mut().filter(|node| !node.is_paused && !node.is_cut_off);
            awake.for_each(|node| node.replica.handle_heartbeat(&heartbeat, at));
        }
    }

    /// A successor takes over the hub of a node.
    fn upgrade(&mut self, index: usize) {
        let new = || Hub::new(config(index), renderers(Lang::En));
        let state = std::mem::replace(&mut self.nodes[index].hub, new()).into_state();
        let state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        self.nodes[index].hub = Hub::from_state(state, config(index), renderers(Lang::En));
    }

    /// Sends the messages of a node to the others, as the engine does: at once, or never to a node that is not there.
    fn exchange(&mut self, index: usize) {
        let now = self.now();
        if self.nodes[index].is_paused {
            return;
        }
        while let Some(NodeMessage { to, tag, payload }) = self.nodes[index].hub.poll_node_message() {
            let is_there = |node: &TestNode| node.replica.incarnation() == to && !node.is_paused && !node.is_cut_off;
            let found = self.nodes.iter().position(is_there).filter(|_| !self.nodes[index].is_cut_off);
            let answer = found.and_then(|other| self.nodes[other].hub.handle_node_message(&payload, now));
            match answer {
                Some(answer) => self.nodes[index].hub.handle_node_answer(tag, Ok(&answer), now),
                None => self.nodes[index].unanswered.push((tag, self.at + Duration::from_secs(2))),
            }
        }
        let due: Vec<u64> =
            self.nodes[index].unanswered.extract_if(.., |(_, at)| *at <= self.at).map(|(tag, _)| tag).collect();
        for tag in due {
            self.nodes[index].hub.handle_node_answer(tag, Err(NodeUnreachable), now);
        }
    }

    fn cut_off(&mut self, index: usize) {
        self.nodes[index].is_cut_off = true;
        self.nodes[index].replica.handle_disconnected(self.at);
    }

    fn connect(&mut self, index: usize) {
        let stream = Stream { first: 1, last: self.log.len() as u64 };
        let node = &mut self.nodes[index];
        node.is_cut_off = false;
        node.replica.handle_stream(stream, self.at);
        node.next = node.replica.read_from().unwrap();
    }

    fn say(&mut self, node: usize, id: ClientId, line: &str) {
        let now = self.now();
        self.nodes[node].hub.handle_line(id, Input::Line(line), now);
    }

    fn enter(&mut self, node: usize, slot: usize, name: &str) -> ClientId {
        self.enter_from(node, slot, name, [127, 0, 0, 1])
    }

    fn enter_from(&mut self, node: usize, slot: usize, name: &str, ip: [u8; 4]) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        self.nodes[node].hub.handle_plain_connection(id, (ip, 1).into(), now);
        self.say(node, id, name);
        self.run(1);
        id
    }

    /// As [`Cluster::enter`], with an IRC client that has these capabilities.
    fn enter_irc(&mut self, node: usize, slot: usize, name: &str, caps: &str) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.now());
        let (encoding, resume_request) = (Encoding::Irc(IrcShape::empty()), ResumeRequest::default());
        let addr = ([127, 0, 0, slot as u8], 1).into();
        let arrival = NewConnection { addr, encoding, preface: &[], resume_request };
        self.nodes[node].hub.handle_connection(id, arrival, now);
        for line in
            [format!("CAP REQ :{caps}"), "CAP END".into(), format!("NICK {name}"), format!("USER {name} 0 * :{name}")]
        {
            self.say(node, id, &line);
        }
        self.run(1);
        self.read(node, id);
        id
    }

    /// What a session reads after it has said a line; what came before is thrown away.
    fn answer(&mut self, node: usize, id: ClientId, line: &str) -> String {
        self.read(node, id);
        self.say(node, id, line);
        self.run(1);
        self.read(node, id)
    }

    /// What a session has not read yet, without the times.
    fn read(&mut self, node: usize, id: ClientId) -> String {
        let hub = &mut self.nodes[node].hub;
        let lines = match id {
            ClientId::CONSOLE => {
                String::from_utf8(hub.poll_console_output()).unwrap().lines().map(str::to_owned).collect()
            }
            _ => read_lines(hub, id),
        };
        let line = |line: &String| match line.split_once("] ").filter(|(time, _)| time.starts_with('[')) {
            Some((_, rest)) => rest.to_owned(),
            None => line.clone(),
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The shared state of a node.
    fn state(&self, node: usize) -> String {
        serde_json::to_string(&self.nodes[node].hub.snapshot()).unwrap()
    }
}

fn config(index: usize) -> Config {
    Config { rate: 0, hash_key: [index as u64, 1], ..Config::default() }
}

/// Answers what the hub asks a store that has nothing, and a process that hashes passwords, for which all are right.
fn answer_queries(hub: &mut Hub, now: Now) {
    while let Some(query) = hub.poll_query() {
        hub.handle_answer(query, Answer::Nothing, now);
    }
    while let Some(request) = hub.poll_password(now) {
        let (makes_verifier, makes_keys) = request.job.makes();
        let keys = ScramKeys::made_up("fish", b"").to_string();
        let (verifier, scram) = (makes_verifier.then(|| "#fish".into()), makes_keys.then(|| keys.into()));
        hub.handle_password(&request, PasswordAnswer::Right { verifier, scram }, now);
    }
}

/// The nodes, as a node knows them.
fn nodes(replica: &Replica<Origin>, at: Duration) -> Vec<NodeView> {
    let status = replica.status(at);
    let view = |node: NodeStatus| NodeView {
        incarnation: node.incarnation,
        is_this: node.incarnation == status.incarnation,
        name: node.name.into(),
        ready: node.ready,
        applied: if node.incarnation == status.incarnation { Some(status.applied) } else { node.applied },
        heard: node.heard,
        versions: (node.versions.lowest, node.versions.highest),
    };
    status.nodes.into_iter().map(view).collect()
}

#[test]
fn nodes_are_one_chat_also_for_one_that_comes_late() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter(0, 0, "alice");
    let bob = cluster.enter(1, 0, "bob");
    cluster.say(1, bob, "hello from the other node");
    cluster.run(1);
    assert!(cluster.read(0, alice).contains("bob: hello from the other node"));
    let late = cluster.add();
    let carol = cluster.enter(late, 0, "carol");
    let read = cluster.read(late, carol);
    assert!(read.contains("You are carol. 3 here: alice, bob and you."), "{read}");
    assert!(read.contains("bob: hello from the other node"), "{read}");
    cluster.say(late, carol, "and from the third");
    cluster.run(1);
    assert!(cluster.read(0, alice).contains("carol: and from the third"));
    assert!(cluster.read(1, bob).contains("carol: and from the third"));
    let [first, second, third] = [0, 1, 2].map(|node| cluster.state(node));
    assert_eq!(first, second);
    assert_eq!(first, third);
    // A name is that of one.
    let other = cluster.enter(1, 1, "carol");
    assert!(cluster.read(1, other).contains("is taken"));
}

#[test]
fn node_that_was_silent_too_long_loses_no_session_and_no_line() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter(0, 0, "alice");
    let bob = cluster.enter(1, 0, "bob");
    cluster.read(0, alice);
    cluster.read(1, bob);
    cluster.nodes[1].is_paused = true;
    cluster.run(10);
    assert_eq!(cluster.read(0, alice), "* bob left: connection lost (1 here)");
    cluster.say(0, alice, "said during the pause");
    cluster.run(1);
    cluster.nodes[1].is_paused = false;
    cluster.say(1, bob, "am I still here");
    cluster.run(5);
    let read = cluster.read(1, bob);
    assert_eq!(read.matches("alice: said during the pause").count(), 1, "{read}");
    assert!(cluster.read(0, alice).contains("* bob joined (2 here)"));
    cluster.say(1, bob, "back again");
    cluster.run(1);
    assert!(cluster.read(0, alice).contains("bob: back again"));
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn lines_wait_while_a_node_is_cut_off_and_are_refused_after_a_minute() {
    let mut cluster = Cluster::of(1);
    let alice = cluster.enter(0, 0, "alice");
    let bob = cluster.enter(0, 1, "bob");
    cluster.cut_off(0);
    cluster.say(0, alice, "said a little later");
    cluster.run(10);
    assert!(!cluster.read(0, bob).contains("said a little later"));
    cluster.connect(0);
    cluster.run(5);
    assert_eq!(cluster.read(0, bob).matches("alice: said a little later").count(), 1);
    cluster.read(0, alice);
    cluster.cut_off(0);
    cluster.say(0, alice, "never said");
    cluster.run(70);
    let read = cluster.read(0, alice);
    assert!(read.ends_with("\n! Not said: this server is cut off from the others."), "{read}");
    cluster.connect(0);
    cluster.run(10);
    cluster.say(0, alice, "said again");
    cluster.run(1);
    let read = cluster.read(0, bob);
    assert!(read.ends_with("alice: said again") && !read.contains("never said"), "{read}");
}

#[test]
fn names_are_free_after_all_nodes_have_ended() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter(0, 0, "alice");
    cluster.enter(1, 0, "bob");
    cluster.say(0, alice, "/topic before the end");
    cluster.run(1);
    cluster.nodes.clear();
    cluster.run(10);
    cluster.add();
    cluster.add();
    let bob = cluster.enter(0, 0, "bob");
    assert!(cluster.read(0, bob).contains("You are bob. 1 here: you."));
    let alice = cluster.enter(1, 0, "alice");
    assert!(cluster.read(1, alice).contains("You are alice. 2 here: bob and you."));
    assert_eq!(cluster.state(0), cluster.state(1));
}
