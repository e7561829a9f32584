//! Two nodes of a cluster, one with a store and one without: the same changes lead to the same state, whatever people do.

use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

use super::super::accounts::answer_to;
use super::super::store_queue::start;
use crate::chat::Cause;
use crate::chat::change::{Committed, LogPlace, Proposal};
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::id::{ClientId, Incarnation};
use crate::chat::input::{NewConnection, ResumeRequest};
use crate::chat::query::Answer;
use crate::chat::{Allowance, Input, Lang, Now};
use crate::util::test_support::Random;
use crate::wire::renderers;

/// The time in the log at the begin: seconds since 1970, a minute before midnight in UTC.
const BEGIN: u64 = 1_795_219_140;
/// Sessions of each node.
const SESSIONS: usize = 6;
const NAMES: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "frank", "1van"];
const ROOMS: [&str; 9] = ["den", "tea", "attic", "nook", "hall", "pub", "lab", "Den", "lobby"];

/// One node; the second one has no store and lives in another time zone.
struct Node {
    hub: Hub,
    /// Whether each session is connected.
    connected: [bool; SESSIONS],
}

struct World {
    nodes: [Node; 2],
    at: Duration,
    seq: u64,
    random: Random,
}

fn config(number: u64) -> Config {
    let operators = vec!["dave".to_owned()];
    Config {
        rate: 0,
        max_rooms: 6,
        history: 5,
        max_follow: 3,
        max_accounts: 4,
        operators,
        hash_key: [number, 3],
        cloak_key: [number, 4],
        backlog_bytes: 1024 * 1024 * (1 + number as usize),
        ..Config::default()
    }
}

impl World {
    fn new(seed: u64) -> World {
        let nodes = [0, 1]
            .map(|number| Node { hub: Hub::new(config(number), renderers(Lang::En)), connected: [false; SESSIONS] });
        let mut world = World { nodes, at: Duration::from_secs(BEGIN), seq: 0, random: Random(seed) };
        for number in 0..2 {
            let now = world.now(number);
            let hub = &mut world.nodes[number].hub;
            hub.use_cluster();
            if number == 0 {
                hub.restore(start(), now);
                // Only this node has a console.
                hub.attach_console();
            }
        }
        let now = world.now(0);
        world.nodes[0].hub.found(&now);
        world.join(1);
        world.check("the begin");
        (0..2).for_each(|number| world.begin(number));
        world
    }

    fn now(&self, node: usize) -> Now {
        let offset = UtcOffset::from_hms(if node == 0 { 0 } else { 9 }, 0, 0).unwrap();
        Now { at: self.at, local: (OffsetDateTime::UNIX_EPOCH + self.at).to_offset(offset) }
    }

    fn begin(&mut self, node: usize) {
        let now = self.now(node);
        self.nodes[node].hub.rejoin(Incarnation(node as u64), now);
    }

    fn snapshot(&self, node: usize) -> String {
        serde_json::to_string(&self.nodes[node].hub.snapshot()).unwrap()
    }

    /// A node takes the state of the other one.
    fn join(&mut self, node: usize) {
        let (snapshot, now) = (self.snapshot(1 - node), self.now(node));
        self.nodes[node].hub.restore_snapshot(serde_json::from_str(&snapshot).unwrap(), &now).unwrap();
    }

    fn check(&self, after: &str) {
        let [first, second] = [0, 1].map(|node| self.snapshot(node));
        if first != second {
            let place = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
            let near = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[place.saturating_sub(200)..(place + 100).min(text.len())])
                    .into_owned()
            };
            panic!("after {after}:\n{}\n{}", near(&first), near(&second));
        }
    }

    /// A session types a line, unless its last one is not done.
    fn say(&mut self, node: usize, id: ClientId, line: &str) {
        let (now, hub) = (self.now(node), &mut self.nodes[node].hub);
        if hub.allowance(id, now) == Allowance::Now {
            hub.handle_line(id, Input::Line(line), now);
        }
    }

    /// Commits what the nodes have proposed, in a random order, on both.
    fn commit(&mut self, step: u64) {
        loop {
            self.settle();
            let first = self.random.below(2);
            let next = [first, 1 - first].into_iter().find_map(|by| Some((by, self.nodes[by].hub.poll_proposal()?)));
            let Some((by, Proposal { origin, change })) = next else { return };
            self.seq += 1;
            self.at += Duration::from_millis(self.random.below(900) as u64);
            for node in 0..2 {
                let place = Some(LogPlace { node: Incarnation(by as u64), first_id: 256 * self.seq });
                // As it is written in the log.
                let change = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
                let (hub, time) = (&self.nodes[node].hub, self.now(node));
                let committed =
                    Committed { seq: hub.next_change(), time, origin: origin.filter(|_| node == by), place, change };
                self.nodes[node].hub.handle_committed(&committed, &time);
                if let Err(why) = self.nodes[node].hub.audit() {
                    panic!("step {step}, node {node}: {why}, after {:?}", committed.change);
                }
            }
            self.check(&format!("step {step}: {change:?}"));
        }
    }

    /// Answers the passwords and queries, takes the records, and lets all sessions read.
    fn settle(&mut self) {
        for node in 0..2 {
            let now = self.now(node);
            let Node { hub, connected } = &mut self.nodes[node];
            while let Some(request) = hub.poll_password(now) {
                hub.handle_password(&request, answer_to(&request.job), now);
            }
            while let Some(query) = hub.poll_query() {
                let answers = [Answer::Nothing, Answer::Messages(Vec::new())];
                hub.handle_answer(query, self.random.pick(&answers).clone(), now);
            }
            hub.poll_records();
            hub.poll_console_output();
            hub.handle_tick(now);
            for slot in (0..SESSIONS).filter(|&slot| connected[slot]) {
                read_lines(hub, ClientId::new(slot));
            }
            while let Some((id, _)) = hub.poll_close() {
                hub.handle_closed(id, now);
                connected[id.slot()] = false;
            }
        }
    }

    fn connect(&mut self, node: usize, slot: usize) {
        let (id, now) = (ClientId::new(slot), self.now(node));
        let addr = ([10, 0, 0, self.random.below(4) as u8], 1).into();
        let encoding = *self.random.pick(&[Encoding::Plain, Encoding::Irc(IrcShape::empty()), Encoding::JsonLine]);
        let room = self.random.one_in(3).then(|| (*self.random.pick(&ROOMS)).to_owned());
        let follow = if self.random.one_in(3) { vec![(*self.random.pick(&ROOMS)).into()] } else { Vec::new() };
        let resume_request = ResumeRequest { room, follow, ..ResumeRequest::default() };
        self.nodes[node].hub.handle_connection(id, NewConnection { addr, encoding, preface: &[], resume_request }, now);
        self.nodes[node].connected[slot] = true;
        let name = *self.random.pick(&NAMES);
        if encoding.is_irc() {
            self.say(node, id, &format!("NICK {name}"));
            self.say(node, id, &format!("USER {name} 0 * :Real {name}"));
        } else {
            self.say(node, id, name);
        }
    }

    /// A line that a person types; `is_irc` if it has an IRC client.
    fn line(&mut self, is_irc: bool) -> String {
        let random = &mut self.random;
        let (room, name) = (*random.pick(&ROOMS), *random.pick(&NAMES));
        if is_irc {
            let lines = [
                format!("JOIN #{room}"),
                format!("PART #{room} :bye"),
                format!("PRIVMSG #{room} :hello"),
                format!("PRIVMSG {name} :psst"),
                format!("TOPIC #{room} :about {room}"),
                format!("MODE #{room} +m"),
                format!("MODE #{room} +b {name}!*@*"),
                format!("MODE #{room} +o {name}"),
                "AWAY :gone".into(),
                "AWAY".into(),
                format!("MODE {name} +iB"),
                "SETNAME :Somebody".into(),
                format!("METADATA * SET url :{name}"),
                format!("METADATA #{room} SET url :{name}"),
                format!("@+typing=active TAGMSG #{room}"),
                format!("NICK {name}"),
                format!("KICK #{room} {name}"),
                format!("INVITE {name} #{room}"),
                "OPER nobody wrong".into(),
                "QUIT".into(),
            ];
            return random.pick(&lines).clone();
        }
        let lines = [
            format!("/join {room}"),
            format!("/follow {room}"),
            format!("/unfollow {room}"),
            "hello".into(),
            format!("#{room} hi there"),
            "/topic something".into(),
            "/topic".into(),
            "/room slow 3".into(),
            "/room moderated on".into(),
            "/room moderated off".into(),
            format!("/room key {room}"),
            "/room key off".into(),
            format!("/kick {name}"),
            format!("/ban {name} 1"),
            format!("/mute {name} 1"),
            format!("/unmute {name}"),
            format!("/op {name}"),
            format!("/deop {name}"),
            format!("/voice {name}"),
            format!("/invite {name}"),
            "/away lunch".into(),
            "/away".into(),
            format!("/nick {name}"),
            format!("/nick {name} secret"),
            "/register secret".into(),
            "/password secret secret".into(),
            "/unregister secret".into(),
            "/delete last".into(),
            format!("/ignore {name}"),
            format!("@{name} psst"),
            "/history".into(),
            "/leave".into(),
            "/quit".into(),
        ];
        random.pick(&lines).clone()
    }

    fn console_line(&mut self) -> String {
        let random = &mut self.random;
        let (room, name) = (*random.pick(&ROOMS), *random.pick(&NAMES));
        let lines = [
            "hello from the operator".to_owned(),
            format!("#{room} hi"),
            format!("/mute {name} 1"),
            format!("/kick {name}"),
            format!("/ban 10.0.0.{} 1", random.below(4)),
            "/bans".into(),
            format!("/mod {name}"),
            format!("/unmod {name}"),
            format!("/unregister {name}"),
            format!("/topic #{room} news"),
            format!("/topic #{room} off"),
            format!("/room #{room} slow off"),
        ];
        random.pick(&lines).clone()
    }

    /// Something happens to the store of the first node. The shared state must not depend on that.
    fn disturb_store(&mut self) {
        let hub = &mut self.nodes[0].hub;
        match self.random.below(3) {
            0 => hub.handle_store_failure("the disk is full"),
            1 => hub.handle_store_recovery(1, 1),
            _ => hub.handle_pruned_rooms(&ROOMS.map(str::to_owned)),
        }
    }

    fn step(&mut self, step: u64) {
        let node = self.random.below(2);
        let slot = self.random.below(SESSIONS);
        let (id, now) = (ClientId::new(slot), self.now(node));
        match self.random.below(40) {
            0 => self.disturb_store(),
            1 => self.at += Duration::from_secs(40),
            2 if self.nodes[node].connected[slot] => self.nodes[node].hub.handle_connection_lost(id, now),
            3 => self.nodes[node].hub.set_config(&Config { max_rooms: 2, history: 1, ..config(node as u64) }, now),
            4..=7 => {
                let line = self.console_line();
                self.say(0, ClientId::CONSOLE, &line);
            }
            8 if self.random.one_in(10) => self.bury(node),
            _ if !self.nodes[node].connected[slot] => self.connect(node, slot),
            _ => {
                let session = &self.nodes[node].hub.sessions[id];
                let (is_irc, is_member) = (session.encoding.is_irc(), session.member.is_some());
                let line = match (is_member, is_irc) {
                    (true, _) => self.line(is_irc),
                    (false, true) => format!("NICK {}", self.random.pick(&NAMES)),
                    // A name, or the password of the account with the last one.
                    (false, false) => (*self.random.pick(&["secret", "alice", "bob", "carol", "erin"])).to_owned(),
                };
                self.say(node, id, &line);
            }
        }
        self.check(&format!("step {step}, before its changes"));
        self.commit(step);
    }

    /// The other node takes a node for dead, which begins anew; at times it has lost its state.
    fn bury(&mut self, node: usize) {
        for number in 0..2 {
            let now = self.now(number);
            self.nodes[number].hub.bury(Incarnation(node as u64), &Cause::ConnectionLost, now);
        }
        self.check("the end of a node");
        if self.random.one_in(2) {
            self.join(node);
        }
        self.begin(node);
    }
}

#[test]
fn state_is_the_same_with_and_without_a_store_after_each_change() {
    let (mut accounts, mut is_full) = (0, false);
    for seed in 0..8 {
        let mut world = World::new(seed);
        (0..600).for_each(|step| world.step(step));
        let shared = &world.nodes[1].hub.shared;
        accounts += shared.accounts.len();
        is_full |= shared.rooms.is_full();
    }
    // There was something to decide.
    assert!(accounts > 0 && is_full, "{accounts} accounts");
}
