//! A model of IRC clients: each knows its channels and their members from the lines that it reads alone.
//!
//! A client is never told what it knows already, and never of a member that it does not know; when it has read everything, it
//! knows what the server knows. It reads each message of its channels once, and an answer to each command with a label.

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::time::Duration;

use data_encoding::BASE64;

use self::client::Client;
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::hub::tests::accounts::answer_all;
use crate::chat::hub::tests::store_queue::start;
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest};
use crate::chat::session::irc::Caps;
use crate::util::test_support::Random;

const ROOMS: &[&str] = &["den", "tea", "attic", "lobby"];
const CAPS: &[&str] = &[
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "draft/chathistory",
    "echo-message",
    "extended-join",
    "labeled-response",
    "message-tags",
    "server-time",
    "setname",
    "userhost-in-names",
];

struct World {
    server: TestHub,
    random: Random,
    irc: Vec<Client>,
    plain: Vec<ClientId>,
    names: u32,
    /// The number of texts that were said, and of labels.
    texts: u32,
    /// There is a store, and so there are accounts; those that were ever made.
    has_accounts: bool,
    accounts: Vec<String>,
    /// The most sessions that one member has had.
    most_sessions: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let config = Config { announce_limit: 3, max_follow: 3, ..Config::default() };
        let mut server = TestHub::with(config);
        let (now, has_accounts) = (server.now(), seed.is_multiple_of(2));
        if has_accounts {
            server.hub.restore(start(), now);
        }
        World {
            server,
            random: Random(seed),
            irc: Vec::new(),
            plain: Vec::new(),
            names: 0,
            texts: 0,
            has_accounts,
            accounts: Vec::new(),
            most_sessions: 0,
        }
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        // Names that cannot be mistaken for one another.
        let letters = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "mo", "nu"];
        self.names.to_string().bytes().map(|digit| letters[usize::from(digit - b'0')]).collect()
    }

    /// Lets a client read at most `most` bytes; returns whether it has read some.
    fn read(&mut self, index: usize, most: usize) -> bool {
        let client = &mut self.irc[index];
        let mut slices = [IoSlice::new(&[]); 4];
        let lent = self.server.hub.gather(client.id, &mut slices);
        let mut bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(most);
        self.server.hub.handle_written(client.id, lent, bytes.len());
        client.take(&bytes);
        !bytes.is_empty()
    }

    /// Compares the passwords that wait; the store has nothing.
    fn settle(&mut self) {
        answer_all(&mut self.server);
        self.server.hub.poll_records();
        self.server.hub.audit().unwrap();
    }

    fn type_line(&mut self, id: ClientId, line: &str) {
        self.server.say(id, line);
        self.settle();
    }

    /// A line of an IRC client, sometimes with a label, which is to be answered.
    fn say(&mut self, index: usize, line: &str) {
        let id = self.irc[index].id;
        if !self.random.one_in(3) {
            return self.type_line(id, line);
        }
        self.texts += 1;
        let label = format!("l{}", self.texts);
        let caps = self.server.hub.sessions.irc(id).map_or(Caps::empty(), |irc| irc.caps);
        if caps.contains(Caps::BATCH | Caps::LABELED_RESPONSE) {
            self.irc[index].labels.insert(label.clone());
        }
        match line.strip_prefix('@') {
            Some(rest) => self.type_line(id, &format!("@label={label};{rest}")),
            None => self.type_line(id, &format!("@label={label} {line}")),
        }
    }

    /// A session says something in a room: all IRC clients there read it, its own one if it has `echo-message`.
    fn say_in(&mut self, room: &str, speaker: ClientId, say: impl FnOnce(&mut Self, &str)) {
        self.texts += 1;
        let text = format!("n{}", self.texts);
        let hub = &self.server.hub;
        let is_there = |id: ClientId| {
            let (slot, room) = (hub.sessions[id].member?, hub.shared.rooms.find(room)?);
            Some(hub.shared.members.is_in(slot, room))
        };
        let reads = |client: &Client| {
            let has_echo = hub.sessions.irc(client.id).is_some_and(|irc| irc.caps.contains(Caps::ECHO_MESSAGE));
            is_there(client.id) == Some(true) && (client.id != speaker || has_echo)
        };
        if is_there(speaker) == Some(true) {
            let readers: Vec<usize> = (0..self.irc.len()).filter(|&index| reads(&self.irc[index])).collect();
            for index in readers {
                self.irc[index].expected.insert(text.clone());
            }
        }
        say(self, &text);
    }

    fn connect_irc(&mut self) {
        let nick = self.new_name();
        let client = Client::new(self.server.enter_irc(&nick), nick);
        self.irc.push(client);
    }

    /// An IRC client logs in to an account, before it is registered.
    fn log_in(&mut self) {
        let (nick, account) = (self.new_name(), self.random.pick(&self.accounts).clone());
        let (id, now) = (self.server.next_id(), self.server.now());
        let (encoding, resume_request) = (Encoding::Irc(IrcShape::empty()), ResumeRequest::default());
        let addr = ([10, 0, 1, 1], 1).into();
        self.server.hub.handle_connection(id, NewConnection { addr, encoding, preface: &[], resume_request }, now);
        self.irc.push(Client::new(id, nick.clone()));
        let caps: Vec<&str> = CAPS.iter().copied().filter(|_| self.random.one_in(2)).collect();
        let password = BASE64.encode(format!("\0{account}\0fish").as_bytes());
        for line in [
            format!("CAP REQ :sasl {}", caps.join(" ")),
            "AUTHENTICATE PLAIN".into(),
            format!("AUTHENTICATE {password}"),
            format!("NICK {nick}"),
            format!("USER {nick} 0 * :Real {nick}"),
            "CAP END".into(),
        ] {
            self.type_line(id, &line);
        }
        if self.server.hub.sessions[id].member.is_none() {
            // The account has too many sessions.
            self.irc.pop();
            self.server.hub.handle_connection_lost(id, now);
            self.server.hub.handle_closed(id, now);
        }
    }

    fn step(&mut self) {
        let room = *self.random.pick(ROOMS);
        match self.random.below(13) {
            0 if self.irc.len() < 6 => self.connect_irc(),
            1 if self.plain.len() < 5 => {
                let is_owner = !self.accounts.is_empty() && self.random.one_in(2);
                let name = if is_owner { self.random.pick(&self.accounts).clone() } else { self.new_name() };
                let id = self.server.enter(&name);
                self.settle();
                if is_owner && self.server.hub.sessions[id].member.is_none() {
                    self.type_line(id, "fish");
                }
                self.server.read(id);
                self.plain.push(id);
            }
            2 | 3 if !self.plain.is_empty() => self.plain_step(room),
            4 => {
                self.server.at += Duration::from_millis(self.random.below(3000) as u64);
                let now = self.server.now();
                self.server.hub.handle_tick(now);
            }
            5 | 6 if !self.irc.is_empty() => {
                let (index, most) = (self.random.below(self.irc.len()), self.random.below(200));
                self.read(index, most);
            }
            7 if self.has_accounts && self.irc.len() < 8 && !self.accounts.is_empty() => self.log_in(),
            _ if !self.irc.is_empty() => self.irc_step(room),
            _ => {}
        }
    }

    /// An IRC client registers its nickname, or logs in to an account when it is registered already.
    fn use_account(&mut self, index: usize) {
        if self.accounts.is_empty() || self.random.one_in(2) {
            let name = self.irc[index].nick.clone();
            self.say(index, "REGISTER * * fish");
            if self.server.hub.shared.accounts.find(&name).is_some() && !self.accounts.contains(&name) {
                self.accounts.push(name);
            }
            return;
        }
        let account = self.random.pick(&self.accounts).clone();
        let password = BASE64.encode(format!("\0{account}\0fish").as_bytes());
        self.say(index, "AUTHENTICATE PLAIN");
        self.say(index, &format!("AUTHENTICATE {password}"));
    }

    fn irc_step(&mut self, room: &str) {
        let index = self.random.below(self.irc.len());
        let id = self.irc[index].id;
        match self.random.below(15) {
            12 if self.has_accounts => self.use_account(index),
            // Without batches, older messages look like new ones.
            13 if self.server.hub.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::BATCH)) => {
                self.say(index, &format!("CHATHISTORY LATEST #{room} * 3"));
            }
            14 => self.say(index, &format!("NAMES #{room}")),
            0..4 => self.say(index, &format!("JOIN #{room}")),
            4 => self.say(index, &format!("PART #{room} :bye")),
            5 => {
                let name = self.new_name();
                self.say(index, &format!("NICK {name}"));
            }
            6 => self.say_in(room, id, |world, text| world.say(index, &format!("PRIVMSG #{room} :{text}"))),
            7 => {
                let other = self.random.below(self.irc.len());
                let nick = self.irc[other].nick.clone();
                self.say(index, &format!("KICK #{room} {nick} :out"));
            }
            8 => {
                let sign = if self.random.one_in(3) { "-" } else { "" };
                let (one, other) = (*self.random.pick(CAPS), *self.random.pick(CAPS));
                self.type_line(id, &format!("CAP REQ :{sign}{one} {other}"));
            }
            9 => {
                let line = *self.random.pick(&["AWAY :lunch", "AWAY"]);
                self.say(index, line);
            }
            10 => self.say(index, &format!("@+draft/react=x TAGMSG #{room}")),
            _ if self.random.one_in(3) => {
                let client = self.irc.swap_remove(index);
                let now = self.server.now();
                match self.random.one_in(2) {
                    true => self.server.hub.handle_connection_lost(client.id, now),
                    false => self.type_line(client.id, "QUIT :gone"),
                }
                self.server.hub.handle_closed(client.id, now);
            }
            _ => {}
        }
    }

    fn plain_step(&mut self, room: &str) {
        let index = self.random.below(self.plain.len());
        let id = self.plain[index];
        let name = self.new_name();
        if self.random.one_in(8) {
            let current =
                self.server.hub.sessions[id].member.and_then(|slot| self.server.hub.shared.members[slot].room());
            let name = current.map(|room| self.server.hub.shared.rooms.name(room).to_owned());
            return self.say_in(name.as_deref().unwrap_or_default(), id, |world, text| world.type_line(id, text));
        }
        let line = match self.random.below(if self.has_accounts { 14 } else { 9 }) {
            9 | 10 => "/register fish".into(),
            11 if !self.accounts.is_empty() => format!("/nick {} fish", self.random.pick(&self.accounts)),
            12 if self.random.one_in(4) => "/unregister fish".into(),
            0 | 1 => format!("/join {room}"),
            2 => format!("/follow {room}"),
            3 => format!("/unfollow {room}"),
            4 => format!("/nick {name}"),
            5 => "/away".into(),
            6 => "/away lunch".into(),
            7 => "/leave".into(),
            _ => "q".into(),
        };
        self.type_line(id, &line);
        if line == "/register fish"
            && let Some(slot) = self.server.hub.sessions[id].member
        {
            let name = self.server.hub.shared.members[slot].name.to_string();
            if self.server.hub.shared.accounts.find(&name).is_some() && !self.accounts.contains(&name) {
                self.accounts.push(name);
            }
        }
        if line == "q" {
            self.plain.swap_remove(index);
            let now = self.server.now();
            self.server.hub.handle_closed(id, now);
        } else {
            self.server.read(id);
        }
    }

    /// All clients have read everything: they know what the server knows.
    fn compare(&mut self) {
        for index in 0..self.irc.len() {
            while self.read(index, usize::MAX) {}
        }
        let hub = &self.server.hub;
        let sessions = hub.shared.members.iter().map(|(_, member)| member.sessions().count());
        self.most_sessions = self.most_sessions.max(sessions.max().unwrap_or_default());
        for client in &self.irc {
            assert!(client.expected.is_empty(), "{} has not read {:?}", client.nick, client.expected);
            assert!(client.labels.is_empty(), "{} has no answer to {:?}", client.nick, client.labels);
            let slot = hub.sessions[client.id].member.expect("a member");
            let (members, rooms) = (&hub.shared.members, &hub.shared.rooms);
            assert_eq!(client.nick, *members[slot].name);
            let names = |room| rooms[room].members.iter().map(|&slot| members[slot].name.to_string()).collect();
            let channels = members.rooms(slot).map(|room| (format!("#{}", rooms.name(room)), names(room)));
            assert_eq!(client.channels, channels.collect::<BTreeMap<String, BTreeSet<String>>>(), "{}", client.nick);
        }
    }
}

#[test]
fn irc_clients_know_the_members_of_their_channels() {
    let seeds = std::env::var("CHINWAG_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300);
    let first: u64 = std::env::var("CHINWAG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let last = if std::env::var("CHINWAG_SEED").is_ok() { first } else { seeds };
    let mut shared_accounts = 0;
    for seed in first..=last {
        println!("CHINWAG_SEED={seed}");
        let mut world = World::new(seed);
        for step in 1..=400 {
            world.step();
            if step % 50 == 0 {
                world.compare();
            }
        }
        shared_accounts += u64::from(world.most_sessions > 1);
    }
    assert!(
        first == last || 5 * shared_accounts > last,
        "{shared_accounts} worlds have accounts with several sessions"
    );
}
