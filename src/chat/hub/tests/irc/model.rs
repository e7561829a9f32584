//! A model of IRC clients: each knows its channels and their members from the lines that it reads alone.
//!
//! A client is never told what it knows already, and never of a member that it does not know; when it has read everything, it
//! knows what the server knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::time::Duration;

use crate::chat::config::Config;
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::irc::message::parse;
use crate::util::test_support::Random;

const ROOMS: &[&str] = &["den", "tea", "attic", "lobby"];
const CAPS: &[&str] =
    &["away-notify", "extended-join", "message-tags", "server-time", "account-notify", "setname", "userhost-in-names"];

/// What one IRC client knows.
struct Client {
    id: ClientId,
    nick: String,
    channels: BTreeMap<String, BTreeSet<String>>,
    /// Bytes of a line that is not complete.
    partial: Vec<u8>,
}

impl Client {
    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = String::from_utf8(line).expect("UTF-8");
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        let message = parse(line).unwrap_or_else(|| panic!("{line}"));
        let from = message.source.unwrap_or_default().split('!').next().unwrap_or_default().to_owned();
        let param = |index: usize| message.params.get(index).map_or("", |param| param);
        let (nick, is_own) = (self.nick.clone(), from == self.nick);
        let told = || format!("{nick} reads {line}");
        match message.command {
            "JOIN" if is_own => {
                let before = self.channels.insert(param(0).into(), BTreeSet::new());
                assert!(before.is_none(), "{} and is in that channel", told());
                self.channel(line).insert(from);
            }
            "JOIN" => assert!(self.channel(line).insert(from), "{} and knows that", told()),
            "353" => {
                let names = param(3).split(' ').map(|name| name.trim_start_matches(['@', '+']));
                let names: Vec<String> =
                    names.map(|name| name.split('!').next().unwrap_or_default().to_owned()).collect();
                self.channels.get_mut(param(2)).expect("an own channel").extend(names);
            }
            "PART" if is_own => assert!(self.channels.remove(param(0)).is_some(), "{}", told()),
            "PART" => assert!(self.channel(line).remove(&from), "{}", told()),
            "KICK" if param(1) == self.nick => assert!(self.channels.remove(param(0)).is_some(), "{}", told()),
            "KICK" => {
                let kicked = param(1).to_owned();
                assert!(self.channel(line).remove(&kicked), "{}", told());
            }
            "QUIT" => {
                let known = self.channels.values_mut().filter_map(|names| names.take(&from)).count();
                assert!(known > 0, "{} of a stranger, or again", told());
            }
            "NICK" => {
                let to = param(0).to_owned();
                let known = self.channels.values_mut().filter_map(|names| names.remove(&from).then_some(names));
                let known = known.map(|names| assert!(names.insert(to.clone()))).count();
                assert!(known > 0 || is_own, "{} of a stranger, or again", told());
                if is_own {
                    self.nick = to;
                }
            }
            "PRIVMSG" if param(0).starts_with('#') => {
                assert!(self.channel(line).contains(&from), "{} of a stranger", told());
            }
            "AWAY" => {
                let knows = self.channels.values().any(|names| names.contains(&from));
                assert!(knows, "{} of a stranger", told());
            }
            _ => {}
        }
    }

    fn channel(&mut self, line: &str) -> &mut BTreeSet<String> {
        let name = line.split(' ').find(|word| word.starts_with('#')).unwrap_or_default();
        let nick = self.nick.clone();
        self.channels.get_mut(name).unwrap_or_else(|| panic!("{nick} is not in {name} and reads {line}"))
    }
}

struct World {
    server: TestHub,
    random: Random,
    irc: Vec<Client>,
    plain: Vec<ClientId>,
    names: u32,
}

impl World {
    fn new(seed: u64) -> World {
        let config = Config { announce_limit: 3, max_follow: 3, ..Config::default() };
        World { server: TestHub::with(config), random: Random(seed), irc: Vec::new(), plain: Vec::new(), names: 0 }
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

    fn say(&mut self, index: usize, line: &str) {
        let id = self.irc[index].id;
        self.server.say(id, line);
    }

    fn step(&mut self) {
        let room = *self.random.pick(ROOMS);
        match self.random.below(12) {
            0 if self.irc.len() < 6 => {
                let nick = self.new_name();
                let id = self.server.enter_irc(&nick);
                self.irc.push(Client { id, nick, channels: BTreeMap::new(), partial: Vec::new() });
            }
            1 if self.plain.len() < 5 => {
                let name = self.new_name();
                let id = self.server.enter(&name);
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
            _ if !self.irc.is_empty() => self.irc_step(room),
            _ => {}
        }
    }

    fn irc_step(&mut self, room: &str) {
        let index = self.random.below(self.irc.len());
        match self.random.below(12) {
            0..4 => self.say(index, &format!("JOIN #{room}")),
            4 => self.say(index, &format!("PART #{room} :bye")),
            5 => {
                let name = self.new_name();
                self.say(index, &format!("NICK {name}"));
            }
            6 => self.say(index, &format!("PRIVMSG #{room} :hello")),
            7 => {
                let other = self.random.below(self.irc.len());
                let nick = self.irc[other].nick.clone();
                self.say(index, &format!("KICK #{room} {nick} :out"));
            }
            8 => {
                let (sign, cap) = (if self.random.one_in(2) { "-" } else { "" }, *self.random.pick(CAPS));
                self.say(index, &format!("CAP REQ :{sign}{cap}"));
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
                    false => self.server.say(client.id, "QUIT :gone"),
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
        let line = match self.random.below(9) {
            0 | 1 => format!("/join {room}"),
            2 => format!("/follow {room}"),
            3 => format!("/unfollow {room}"),
            4 => format!("/nick {name}"),
            5 => "hello".into(),
            6 => "/away lunch".into(),
            7 => "/leave".into(),
            _ => "q".into(),
        };
        self.server.say(id, &line);
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
        for client in &self.irc {
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
    for seed in first..=last {
        println!("CHINWAG_SEED={seed}");
        let mut world = World::new(seed);
        for step in 1..=400 {
            world.step();
            if step % 50 == 0 {
                world.compare();
            }
        }
    }
}
