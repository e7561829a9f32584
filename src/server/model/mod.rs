//! The model test: connections and hub against a naive model that copies every line to every
//! reader at once, under short reads and writes, stalls and breaks.

mod oracle;
mod socket;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use time::{Date, Month, PrimitiveDateTime, Time};

use self::oracle::Room;
use self::socket::Socket;
use super::connection::{Connection, Flushed, Received};
use crate::chat::{ClientId, Close, Config, Hub, Lang, Now};
use crate::testing::Random;
use crate::wire::plain::Plain;

const SEEDS: u64 = 12_000;
const STEPS: usize = 120;
const HISTORY: usize = 4;
const NAMES: &[&str] = &["alice", "Bob", "carol", "dave", "张三"];
const ROOMS: &[&str] = &["lobby", "games", "den"];

/// The real thing, with a reactor that does everything at random times.
struct Real {
    hub: Hub,
    connections: Vec<Option<Connection<Socket>>>,
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

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let small = random.one_in(2);
        let backlog_bytes = if small { 4096 } else { 1 << 20 };
        let config = Config { history: HISTORY, backlog_bytes, rate: 0, ..Config::default() };
        World {
            random,
            real: Real {
                hub: Hub::new(config.clone(), Box::new(Plain { lang: Lang::En })),
                connections: Vec::new(),
                block: vec![0; 64],
            },
            readers: Vec::new(),
            slots: Vec::new(),
            rooms: BTreeMap::from([("lobby", Room::default())]),
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
            match connection.flush(&mut self.real.hub, id, 256 * 1024) {
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
        let taken: Vec<usize> = (0..self.slots.len()).filter(|&slot| self.slots[slot].is_some()).collect();
        for &slot in &taken {
            self.socket(slot).room = usize::MAX;
            self.real.hub.writable(ClientId::new(slot));
        }
        // Only those whom the hub names are written to, so that a forgotten reader shows.
        self.write(usize::MAX);
        for slot in taken {
            let output = std::mem::take(&mut self.socket(slot).output);
            self.compare(self.slots[slot].unwrap(), &output, false);
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
    // Some 280 are owed too much of their own; the others lag in a room.
    assert!(dropped > SEEDS as usize / 30, "only {dropped} readers were dropped: the bounds are hardly tried");
}
