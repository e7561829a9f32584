//! The model test: connections and hub against a naive model that copies every line to every
//! reader at once, under short reads and writes, stalls and breaks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use time::{Date, Month, PrimitiveDateTime, Time};

use super::connection::{Connection, Flushed, Received};
use crate::chat::{ClientId, Close, Config, Hub, Lang, Now};
use crate::testing::Random;
use crate::wire::plain::Plain;

const SEEDS: u64 = 12_000;
const STEPS: usize = 120;
const HISTORY: usize = 4;
const NAMES: &[&str] = &["alice", "Bob", "carol", "dave", "张三"];
const ROOMS: &[&str] = &["lobby", "games", "den"];

/// A socket that takes and gives as much as its randomness likes.
struct Socket {
    random: Random,
    input: VecDeque<u8>,
    ended: bool,
    broken: bool,
    output: Vec<u8>,
    /// Bytes that it still takes before it is full.
    room: usize,
}

impl Read for Socket {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.input.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let most = if self.random.one_in(2) { 1 } else { block.len() };
        let n = self.input.len().min(most);
        for (slot, byte) in block.iter_mut().zip(self.input.drain(..n)) {
            *slot = byte;
        }
        Ok(n)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = if self.random.one_in(3) { 1 + self.random.below(20) } else { bytes.len() };
        let n = bytes.len().min(most).min(self.room);
        self.room -= n;
        self.output.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The real thing, with a reactor that does everything at random times.
struct Real {
    hub: Hub,
    connections: Vec<Option<Connection<Socket>>>,
    /// Output of connections that are gone, by the number of the model.
    block: Vec<u8>,
}

/// One reader of the model: all that it should ever have been sent.
#[derive(Default)]
struct Reader {
    expected: String,
    name: Option<String>,
    room: &'static str,
    /// The number of its entering that room, among all.
    entered: usize,
    echo: bool,
    ignored: Vec<(String, usize)>,
    whisperer: Option<usize>,
}

#[derive(Default)]
struct Room {
    history: Vec<Message>,
    /// Bytes ever shown to the room.
    bytes: usize,
    /// Day lines between them: before which message of all ever said.
    days: Vec<(usize, Date)>,
    said: usize,
    day: Option<Date>,
    /// Whether it has been entered, or is the lobby.
    exists: bool,
}

struct Message {
    author: usize,
    /// The author's name at the time, folded.
    key: String,
    line: String,
    day: Date,
    /// Bytes shown to the room before it.
    begun: usize,
}

/// Who is meant by a slot of the real thing, and what became of them.
struct World {
    random: Random,
    real: Real,
    readers: Vec<Reader>,
    /// The reader in each slot.
    slots: Vec<Option<usize>>,
    rooms: BTreeMap<&'static str, Room>,
    at: Duration,
    day: Date,
    entries: usize,
    /// Bytes that a history may span.
    history_bytes: usize,
    /// One line in so many is long.
    long: usize,
    /// Readers whom the hub has dropped as too slow.
    dropped: usize,
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let small = random.one_in(2);
        let backlog_bytes = if small { 4096 } else { 1 << 20 };
        let config = Config { history: HISTORY, backlog_bytes, rate: 0, ..Config::default() };
        let mut rooms = BTreeMap::new();
        rooms.insert("lobby", Room { exists: true, ..Room::default() });
        World {
            random,
            real: Real {
                hub: Hub::new(config.clone(), Box::new(Plain { lang: Lang::En })),
                connections: Vec::new(),
                block: vec![0; 64],
            },
            readers: Vec::new(),
            slots: Vec::new(),
            rooms,
            at: Duration::ZERO,
            day: Date::from_calendar_date(2026, Month::November, 20).unwrap(),
            entries: 0,
            history_bytes: config.history_bytes.min(backlog_bytes / 2),
            long: if small { 2 } else { 8 },
            dropped: 0,
        }
    }

    fn now(&self) -> Now {
        Now { at: self.at, local: PrimitiveDateTime::new(self.day, Time::from_hms(12, 34, 56).unwrap()) }
    }

    // What the model says.

    fn tell(&mut self, reader: usize, line: impl AsRef<str>) {
        self.readers[reader].expected.push_str(line.as_ref());
        self.readers[reader].expected.push_str("\r\n");
    }

    fn members(&self, room: &str) -> Vec<usize> {
        self.slots
            .iter()
            .flatten()
            .copied()
            .filter(|&reader| self.readers[reader].name.is_some() && self.readers[reader].room == room)
            .collect()
    }

    fn day_line(day: Date) -> String {
        format!("* {} {} {} {}", day.weekday(), day.day(), day.month(), day.year())
    }

    fn begin_day(&mut self, name: &'static str) {
        let today = self.day;
        let room = self.rooms.entry(name).or_default();
        let said = room.said;
        if room.day.replace(today).is_some_and(|day| day != today) {
            room.days.push((said, today));
            self.grow(name, &Self::day_line(today));
            for member in self.members(name) {
                self.tell(member, Self::day_line(today));
            }
        }
    }

    /// The room's log has grown by a line.
    fn grow(&mut self, room: &'static str, line: &str) {
        let most = self.history_bytes;
        let room = self.rooms.get_mut(room).unwrap();
        room.bytes += line.len() + 2;
        let bytes = room.bytes;
        room.history.retain(|message| bytes - message.begun <= most);
    }

    fn show(&mut self, room: &'static str, but: Option<usize>, line: &str) {
        self.begin_day(room);
        self.grow(room, line);
        for member in self.members(room) {
            if Some(member) != but {
                self.tell(member, line);
            }
        }
    }

    fn name(&self, reader: usize) -> String {
        self.readers[reader].name.clone().unwrap()
    }

    fn find(&self, name: &str) -> Option<usize> {
        let named = |reader: &usize| self.readers[*reader].name.as_ref().is_some_and(|own| key(own) == key(name));
        self.slots.iter().flatten().copied().find(named)
    }

    fn ignores(&self, reader: usize, author: usize, author_key: &str) -> bool {
        author != reader
            && self.readers[reader].ignored.iter().any(|(name, who)| *who == author || key(name) == author_key)
    }

    fn replay(&mut self, reader: usize, n: usize, live: bool) {
        let room = &self.rooms[self.readers[reader].room];
        let first = room.history.len().saturating_sub(n);
        let shown = &room.history[first..];
        if shown.iter().all(|message| self.ignores(reader, message.author, &message.key)) {
            if !live {
                self.tell(reader, "* Nothing has been said here yet.");
            }
            return;
        }
        let read = |message: &&Message| !self.ignores(reader, message.author, &message.key);
        let (all, count, day) = (shown.len(), shown.iter().filter(read).count(), shown[0].day);
        let mut lines = vec![format!("* --- the last {count} message{} ---", if count == 1 { "" } else { "s" })];
        if day != self.day {
            lines.push(Self::day_line(day));
        }
        let before = room.said - all;
        for (index, message) in shown.iter().enumerate() {
            let days = room.days.iter().filter(|(at, _)| *at == before + index && index > 0);
            lines.extend(days.map(|(_, day)| Self::day_line(*day)));
            if !self.ignores(reader, message.author, &message.key) {
                lines.push(message.line.clone());
            }
        }
        lines.extend(room.days.iter().filter(|(at, _)| *at == room.said).map(|(_, day)| Self::day_line(*day)));
        lines.push("* --- you are up to date ---".into());
        for line in lines {
            self.tell(reader, line);
        }
    }

    fn people(&self, room: &str, reader: usize) -> String {
        let mut others = self.members(room);
        others.retain(|&other| other != reader);
        others.sort_unstable_by_key(|&other| self.readers[other].entered);
        let names: Vec<String> = others.iter().map(|&other| self.name(other)).collect();
        if names.is_empty() { "you".into() } else { format!("{} and you", names.join(", ")) }
    }

    fn enter(&mut self, reader: usize, room: &'static str, greeting: impl FnOnce(usize, String) -> String) {
        self.begin_day(room);
        self.rooms.get_mut(room).unwrap().exists = true;
        self.entries += 1;
        self.readers[reader].entered = self.entries;
        self.readers[reader].room = room;
        let here = self.members(room).len();
        let people = self.people(room, reader);
        self.tell(reader, greeting(here, people));
        self.replay(reader, HISTORY, true);
        let name = self.name(reader);
        self.show(room, Some(reader), &format!("* {name} joined ({here} here)"));
    }

    fn exit(&mut self, reader: usize, cause: &str) {
        let (name, room) = (self.name(reader), self.readers[reader].room);
        self.readers[reader].room = "";
        let here = self.members(room).len();
        self.show(room, None, &format!("* {name} left{cause} ({here} here)"));
        let state = self.rooms.get_mut(room).unwrap();
        if here == 0 && state.history.is_empty() && room != "lobby" {
            *state = Room::default();
        }
    }

    fn say(&mut self, reader: usize, action: bool, text: &str) {
        let (name, room) = (self.name(reader), self.readers[reader].room);
        let line = if action { format!("[12:34:56] * {name} {text}") } else { format!("[12:34:56] {name}: {text}") };
        self.begin_day(room);
        for member in self.members(room) {
            let own = member == reader;
            if if own { self.readers[member].echo } else { !self.ignores(member, reader, &key(&name)) } {
                self.tell(member, &line);
            }
        }
        let day = self.day;
        let state = self.rooms.get_mut(room).unwrap();
        state.said += 1;
        state.history.push(Message { author: reader, key: key(&name), line: line.clone(), day, begun: state.bytes });
        if state.history.len() > HISTORY {
            state.history.remove(0);
        }
        self.grow(room, &line);
    }

    fn whisper(&mut self, reader: usize, target: usize, text: &str) {
        let (from, to) = (self.name(reader), self.name(target));
        self.begin_day(self.readers[reader].room);
        self.tell(reader, format!("[12:34:56] you -> {to}: {text}"));
        if !self.ignores(target, reader, &key(&from)) {
            self.begin_day(self.readers[target].room);
            self.readers[target].whisperer = Some(reader);
            self.tell(target, format!("[12:34:56] {from} -> you: {text}"));
        }
    }

    /// The model's half of a line from a member.
    fn expect(&mut self, reader: usize, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "/me" => self.say(reader, true, rest),
            "/nick" => self.expect_nick(reader, rest),
            "/join" => {
                let room = *ROOMS.iter().find(|room| **room == rest).unwrap();
                if room == self.readers[reader].room {
                    self.tell(reader, format!("! You are in {room} already."));
                } else {
                    self.exit(reader, "");
                    self.enter(reader, room, |here, people| format!("* You are in {room}. {here} here: {people}."));
                }
            }
            "/history" => {
                let n = rest.parse().unwrap();
                self.replay(reader, n, false);
            }
            "/ignore" => match self.find(rest) {
                None => self.tell(reader, format!("! Nobody here is called {rest}.")),
                Some(target) if target == reader => self.tell(reader, "! That is you."),
                Some(target) => {
                    let name = self.name(target);
                    let ignored = &mut self.readers[reader].ignored;
                    ignored.retain(|(old, who)| key(old) != key(&name) && *who != target);
                    ignored.push((name.clone(), target));
                    self.tell(reader, format!("* You no longer read {name}. /unignore {name} ends that."));
                }
            },
            "/unignore" => {
                let target = self.find(rest);
                let now_called = target.map(|target| self.name(target));
                let ignored = &mut self.readers[reader].ignored;
                let meant = |(old, who): &(String, usize)| key(old) == key(rest) || Some(*who) == target;
                let line = match ignored.iter().find(|person| meant(person)) {
                    Some((_, who)) if Some(*who) == target => format!("* You read {} again.", now_called.unwrap()),
                    Some((name, _)) => format!("* You read {name} again."),
                    None => format!("! You do not ignore {rest}."),
                };
                ignored.retain(|person| !meant(person));
                self.tell(reader, line);
            }
            "/echo" => {
                self.readers[reader].echo = rest == "on";
                let line = if rest == "on" {
                    "* You read your own lines from now on."
                } else {
                    "* You no longer read your own lines."
                };
                self.tell(reader, line);
            }
            "/who" => {
                let room = self.readers[reader].room;
                let line = format!("* {} here: {}.", self.members(room).len(), self.people(room, reader));
                self.tell(reader, line);
            }
            "/ping" => self.tell(reader, format!("* pong {rest}")),
            "/r" => match self.readers[reader].whisperer {
                Some(target) if self.slots.contains(&Some(target)) => self.whisper(reader, target, rest),
                Some(_) => self.tell(reader, "! Who whispered to you last is no longer here."),
                None => self.tell(reader, "! Nobody has whispered to you yet."),
            },
            "/nonsense" => self.tell(reader, "! There is no command /nonsense. /help lists them."),
            "" => {}
            _ if word.starts_with('@') => match self.find(&word[1..]) {
                None => self.tell(reader, format!("! Nobody here is called {}.", &word[1..])),
                Some(target) if target == reader => self.tell(reader, "! That is you."),
                Some(target) => self.whisper(reader, target, rest),
            },
            _ => self.say(reader, false, line),
        }
    }

    fn expect_nick(&mut self, reader: usize, name: &str) {
        let old = self.name(reader);
        match self.find(name) {
            _ if old == name => self.tell(reader, format!("! You are called {old} already.")),
            Some(owner) if owner != reader => self.tell(reader, format!("! The nickname {name} is taken.")),
            _ => {
                self.readers[reader].name = Some(name.into());
                let room = self.readers[reader].room;
                self.show(room, None, &format!("* {old} is now called {name}"));
            }
        }
    }

    // What is done to the real thing.

    fn connect(&mut self) {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.real.connections.push(None);
            self.slots.len() - 1
        });
        let socket = Socket {
            random: Random(self.random.next()),
            input: VecDeque::new(),
            ended: false,
            broken: false,
            output: Vec::new(),
            room: usize::MAX,
        };
        self.real.connections[slot] = Some(Connection::new(socket, 0));
        let addr = SocketAddr::from(([127, 0, 0, 1], 1000));
        self.real.hub.connected(ClientId::new(slot), addr, self.now());
        self.readers.push(Reader::default());
        let reader = self.readers.len() - 1;
        self.slots[slot] = Some(reader);
        self.tell(reader, "* Welcome to chinwag. Type a nickname and press Enter:");
    }

    fn socket(&mut self, slot: usize) -> &mut Socket {
        &mut self.real.connections[slot].as_mut().unwrap().stream
    }

    /// Lets the hub have all that has been sent in `slot`; what stands in the way is got out of it.
    fn receive(&mut self, slot: usize) -> Received {
        let (id, now) = (ClientId::new(slot), self.now());
        loop {
            let connection = self.real.connections[slot].as_mut().unwrap();
            let received = connection.receive(&mut self.real.hub, id, now, &mut self.real.block, 4096);
            match received {
                Received::All if connection.stream.input.is_empty() && !connection.stream.ended => return received,
                Received::All | Received::More => {}
                Received::AfterOthers => self.write(usize::MAX),
                Received::AfterReplies => {
                    connection.stream.room = usize::MAX;
                    self.real.hub.writable(id);
                    self.write(usize::MAX);
                }
                Received::End | Received::Lost => return received,
                Received::Until(_) => panic!("there is no rate"),
            }
        }
    }

    fn flush(&mut self, id: ClientId) {
        if let Some(connection) = &mut self.real.connections[id.slot()] {
            match connection.flush(&mut self.real.hub, id) {
                Flushed::More => self.real.hub.write_later(id),
                Flushed::UpToDate | Flushed::Blocked => {}
                Flushed::Lost => assert!(connection.stream.broken),
            }
        }
    }

    /// Writes to at most so many clients.
    fn write(&mut self, mut most: usize) {
        while most > 0 {
            let Some(id) = self.real.hub.poll_private() else { break };
            self.flush(id);
            most -= 1;
        }
        while let Some(id) = self.real.hub.poll_sweep(&mut most) {
            self.flush(id);
        }
    }

    fn gone(&mut self, slot: usize, prefix: bool) {
        let connection = self.real.connections[slot].take().unwrap();
        self.real.hub.closed(ClientId::new(slot), self.now());
        let reader = self.slots[slot].take().unwrap();
        self.compare(reader, &connection.stream.output, prefix);
    }

    fn compare(&self, reader: usize, output: &[u8], prefix: bool) {
        let (got, expected) = (String::from_utf8_lossy(output), &self.readers[reader].expected);
        let same =
            if prefix { expected.starts_with(&*got) || !got.is_char_boundary(got.len()) } else { *expected == got };
        // A dropped reader may have been cut off within a character.
        let same = same || prefix && expected.as_bytes().starts_with(output);
        if !same {
            let mut message = format!("reader {reader} differs\n");
            let (mut a, mut b) = (got.lines(), expected.lines());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => break,
                    (a, b) if a == b => writeln!(message, "  {}", a.unwrap_or_default()).unwrap(),
                    (a, b) => {
                        writeln!(message, "  got      {a:?}\n  expected {b:?}").unwrap();
                        break;
                    }
                }
            }
            panic!("{message}");
        }
    }

    /// Sees whom the hub wants closed; those whom it has dropped on its own are told of.
    fn close(&mut self, departed: Option<usize>) {
        while let Some((id, how)) = self.real.hub.poll_close() {
            let slot = id.slot();
            if departed == Some(slot) {
                if how == Close::WhenRead {
                    self.socket(slot).room = usize::MAX;
                    self.real.hub.writable(id);
                    self.flush_all(id);
                }
                self.gone(slot, how == Close::AtOnce);
                continue;
            }
            assert_eq!(how, Close::AtOnce);
            assert!(self.socket(slot).room < 100, "slot {slot} was dropped and reads well");
            let reader = self.slots[slot].unwrap();
            self.dropped += 1;
            if self.readers[reader].name.is_some() {
                self.exit(reader, ": too slow to read");
                self.readers[reader].name = None;
            }
            self.gone(slot, true);
        }
    }

    fn flush_all(&mut self, id: ClientId) {
        while !self.real.hub.is_up_to_date(id) {
            self.flush(id);
        }
    }

    /// The client in `slot` leaves in one of the possible ways.
    fn depart(&mut self, slot: usize) {
        let reader = self.slots[slot].unwrap();
        let id = ClientId::new(slot);
        let cause = match self.random.below(3) {
            0 => {
                self.socket(slot).input.extend(*b"/quit\r\n");
                assert_eq!(self.receive(slot), Received::All);
                self.tell(reader, "* Goodbye.");
                ""
            }
            1 => {
                self.socket(slot).ended = true;
                assert_eq!(self.receive(slot), Received::End);
                self.real.hub.end_of_input(id, self.now());
                ""
            }
            _ => {
                self.socket(slot).broken = true;
                assert_eq!(self.receive(slot), Received::Lost);
                self.real.hub.lost(id, self.now());
                ": connection lost"
            }
        };
        if self.readers[reader].name.is_some() {
            self.exit(reader, cause);
            self.readers[reader].name = None;
        }
        self.close(Some(slot));
    }

    fn send(&mut self, slot: usize, line: &str) {
        let end = *self.random.pick(&["\n", "\r\n", "\r\0"]);
        self.socket(slot).input.extend(format!("{line}{end}").into_bytes());
        assert_eq!(self.receive(slot), Received::All);
    }

    fn log_in(&mut self, slot: usize) {
        let reader = self.slots[slot].unwrap();
        let name = *self.random.pick(NAMES);
        self.send(slot, name);
        if self.find(name).is_some() {
            return self.tell(reader, format!("! The nickname {name} is taken. Try another:"));
        }
        self.readers[reader].name = Some(name.into());
        self.enter(reader, "lobby", |here, people| {
            format!("* You are {name}. {here} here: {people}. /help lists the commands.")
        });
    }

    fn line(&mut self) -> String {
        let long = self.random.one_in(self.long);
        let text =
            if long { "long ".repeat(1 + self.random.below(200)) } else { format!("n{}", self.random.below(1000)) };
        let text = text.trim();
        let name = *self.random.pick(NAMES);
        let name = if self.random.one_in(4) { name.to_lowercase() } else { name.into() };
        match self.random.below(24) {
            0 => format!("/me {text}"),
            1 => format!("/nick {name}"),
            2 | 3 => format!("/join {}", self.random.pick(ROOMS)),
            4 => format!("/history {}", 1 + self.random.below(HISTORY)),
            5 => format!("/ignore {name}"),
            6 => format!("/unignore {name}"),
            7 => format!("/echo {}", if self.random.one_in(2) { "on" } else { "off" }),
            8 => "/who".into(),
            9 => format!("/ping {text}"),
            10 => format!("/r {text}"),
            11 => "/nonsense".into(),
            12 => String::new(),
            13..=16 => format!("@{name} {text}"),
            _ => text.into(),
        }
    }

    fn step(&mut self) {
        let taken: Vec<usize> = (0..self.slots.len()).filter(|&slot| self.slots[slot].is_some()).collect();
        if taken.is_empty() || self.random.one_in(10) && taken.len() < 7 {
            return self.connect();
        }
        let slot = *self.random.pick(&taken);
        let reader = self.slots[slot].unwrap();
        match self.random.below(30) {
            0 => self.depart(slot),
            1 | 2 => self.socket(slot).room = self.random.below(100),
            3 | 4 => {
                self.socket(slot).room = usize::MAX;
                self.real.hub.writable(ClientId::new(slot));
            }
            5 if self.random.one_in(3) => self.day = self.day.next_day().unwrap(),
            _ if self.readers[reader].name.is_none() => self.log_in(slot),
            _ => {
                let line = self.line();
                self.send(slot, &line);
                self.expect(reader, &line);
            }
        }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.step();
            self.at += Duration::from_millis(1);
            if self.random.one_in(2) {
                let most = self.random.below(6);
                self.write(most);
            }
            self.real.hub.tick(self.now());
            self.close(None);
        }
        for slot in 0..self.slots.len() {
            if let Some(reader) = self.slots[slot] {
                let id = ClientId::new(slot);
                self.socket(slot).room = usize::MAX;
                self.real.hub.writable(id);
                self.flush_all(id);
                let output = std::mem::take(&mut self.socket(slot).output);
                self.compare(reader, &output, false);
            }
        }
    }
}

/// Runs one seed; returns how many readers were dropped in it.
fn run(seed: u64) -> usize {
    let outcome = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        world.run();
        world.dropped
    });
    outcome.unwrap_or_else(|panic| {
        eprintln!("seed {seed} failed; CHINWAG_SEED={seed} cargo test --lib model replays it");
        std::panic::resume_unwind(panic)
    })
}

/// Seeds that have failed once: 3, history on another day than today's; 8, ignoring somebody whose
/// lines are still unread; 1294, taking the name of somebody whom one ignores;
/// 7283, dropping one who had just begun to read again.
#[test]
fn seeds_that_have_failed_pass() {
    for seed in [3, 8, 1294, 7283] {
        run(seed);
    }
}

#[test]
fn every_reader_gets_what_a_naive_server_would_send() {
    if let Ok(seed) = std::env::var("CHINWAG_SEED") {
        run(seed.parse().expect("a number in CHINWAG_SEED"));
        return;
    }
    let dropped: usize = (0..SEEDS).map(run).sum();
    assert!(dropped > SEEDS as usize / 100, "only {dropped} readers were dropped: the bounds are hardly tried");
}
