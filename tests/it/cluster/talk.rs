//! People at several nodes who talk all the time, and readers who note what they saw.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::harness::{DEADLINE, Server, mask_time};

/// What an author reads in place of a line that no member is shown.
const NOT_SAID: &str = "! Not said: ";
/// The same, if the node cannot know whether others were shown the line.
const PERHAPS_NOT_SAID: &str = "! Perhaps not said: ";
/// The time between two lines of one author.
const PACE: Duration = Duration::from_millis(20);

/// One person: a writer says lines with the numbers 1, 2 ..., a reader says nothing.
struct Person {
    name: String,
    node: usize,
    is_writer: bool,
    stream: TcpStream,
    read: Vec<u8>,
    /// What the socket does not take yet.
    unsent: Vec<u8>,
    is_in: bool,
    /// Whether the connection has ended.
    is_lost: bool,
    said: u64,
    refused: u64,
    doubtful: u64,
    /// The lines of all others in the order in which they came.
    seen: Vec<(String, u64)>,
    /// How many lines of each author were seen.
    counts: BTreeMap<String, u64>,
    /// Everything else, the newest last.
    notices: Vec<String>,
}

/// A conversation over several nodes. At each node are a writer and a reader, `w0` and `r0` at the first one.
pub struct Talk {
    people: Vec<Person>,
    is_talking: bool,
    said_at: Instant,
}

impl Talk {
    /// Logs a writer and a reader in at each node. The writers begin to talk when all are there.
    pub fn start<'a>(nodes: impl IntoIterator<Item = &'a Server>) -> Talk {
        let nodes: Vec<&Server> = nodes.into_iter().collect();
        let mut talk = Talk { people: Vec::new(), is_talking: false, said_at: Instant::now() };
        for (number, node) in nodes.iter().enumerate() {
            talk.join(number, node, &format!("r{number}"));
        }
        talk.until("the readers are in", |talk| talk.people.iter().all(|person| person.is_in));
        for (number, node) in nodes.iter().enumerate() {
            talk.join(number, node, &format!("w{number}"));
        }
        talk.until("the writers are in", |talk| talk.people.iter().all(|person| person.is_in));
        talk.is_talking = true;
        talk
    }

    /// Connects one more person to this node: a writer, if its name begins with `w`. It logs in when the node takes part.
    pub fn join(&mut self, number: usize, node: &Server, name: &str) {
        let stream = TcpStream::connect(node.addr).expect("connect");
        stream.set_nonblocking(true).expect("a mode");
        self.people.push(Person {
            name: name.into(),
            node: number,
            is_writer: name.starts_with('w'),
            stream,
            read: Vec::new(),
            unsent: format!("{name}\n").into_bytes(),
            is_in: false,
            is_lost: false,
            said: 0,
            refused: 0,
            doubtful: 0,
            seen: Vec::new(),
            counts: BTreeMap::new(),
            notices: Vec::new(),
        });
    }

    /// Reads and talks until something holds; panics after a minute.
    #[track_caller]
    pub fn until(&mut self, what: &str, done: impl FnMut(&Talk) -> bool) {
        self.until_within(3 * DEADLINE, what, done);
    }

    /// As [`Talk::until`], for this time at most.
    #[track_caller]
    pub fn until_within(&mut self, most: Duration, what: &str, mut done: impl FnMut(&Talk) -> bool) {
        let end = Instant::now() + most;
        while !done(self) {
            assert!(Instant::now() < end, "not so: {what}\n{}", self.report());
            self.turn();
        }
    }

    /// Waits until each reader whose connection stands has seen so many more lines of each author at these nodes.
    #[track_caller]
    pub fn hear(&mut self, nodes: &[usize], lines: u64) {
        let authors: Vec<String> =
            self.writers().filter(|person| nodes.contains(&person.node)).map(|person| person.name.clone()).collect();
        let wanted: Vec<u64> =
            authors.iter().map(|author| self.readers().map(|reader| reader.count(author)).max().unwrap_or(0)).collect();
        self.until(&format!("{lines} more lines of the writers at {nodes:?}"), |talk| {
            authors
                .iter()
                .zip(&wanted)
                .all(|(author, wanted)| talk.readers().all(|reader| reader.count(author) >= wanted + lines))
        });
    }

    /// Waits until the reader at one node has seen so many more lines of each author at these nodes.
    #[track_caller]
    pub fn hear_at(&mut self, nodes: &[usize], reader: usize, lines: u64) {
        let authors: Vec<String> =
            self.writers().filter(|person| nodes.contains(&person.node)).map(|person| person.name.clone()).collect();
        let count = |talk: &Talk, author: &str| {
            talk.readers().find(|person| person.node == reader).map_or(0, |reader| reader.count(author))
        };
        let wanted: Vec<u64> = authors.iter().map(|author| count(self, author) + lines).collect();
        self.until(&format!("{lines} more lines of {authors:?} at {reader}"), |talk| {
            authors.iter().zip(&wanted).all(|(author, wanted)| count(talk, author) >= *wanted)
        });
    }

    /// How many lines the writers at this node were told not to be said.
    pub fn refused(&self, node: usize) -> u64 {
        self.writers().filter(|person| person.node == node).map(|person| person.refused).sum()
    }

    /// Whether a person at this node has read a notice that contains this text.
    pub fn is_told(&self, node: usize, text: &str) -> bool {
        self.people.iter().any(|person| person.node == node && person.notices.iter().any(|line| line.contains(text)))
    }

    /// Whether a connection to this node has ended.
    pub fn is_lost(&self, node: usize) -> bool {
        self.people.iter().any(|person| person.node == node && person.is_lost)
    }

    /// Whether this person is in the chat.
    pub fn is_in(&self, name: &str) -> bool {
        self.people.iter().any(|person| person.name == name && person.is_in && !person.is_lost)
    }

    fn writers(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| person.is_writer && !person.is_lost)
    }

    fn readers(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| !person.is_writer && !person.is_lost && person.is_in)
    }

    /// The writers stop; each line that was said must reach each reader, unless its author is told. Then everything is
    /// checked: each line once, first in first out, and the same order everywhere.
    #[track_caller]
    pub fn finish(mut self) {
        self.calm_down();
        self.check_authors();
        let longest = self.people.iter().filter(|person| !person.is_writer).max_by_key(|person| person.seen.len());
        let reference = &longest.expect("a reader").seen;
        for reader in self.people.iter().filter(|person| !person.is_writer && !person.seen.is_empty()) {
            let is_part = reference.windows(reader.seen.len()).any(|part| part == reader.seen);
            assert!(is_part, "{} has read another order\n{}", reader.name, self.report());
            if !reader.is_lost {
                assert!(reference.ends_with(&reader.seen), "{} has not read all\n{}", reader.name, self.report());
            }
        }
    }

    /// As [`Talk::finish`], where readers at this node may have missed lines.
    #[track_caller]
    pub fn finish_with_gap(mut self, node: usize) {
        self.calm_down();
        self.check_authors();
        let others = self.people.iter().filter(|person| !person.is_writer && person.node != node);
        let reference = &others.max_by_key(|person| person.seen.len()).expect("a reader").seen;
        for reader in self.people.iter().filter(|person| !person.is_writer) {
            let mut rest = reference.iter();
            let is_part = reader.seen.iter().all(|line| rest.any(|other| other == line));
            assert!(is_part, "{} has read another order\n{}", reader.name, self.report());
            assert!(reader.node == node || reader.seen.len() == reference.len(), "{}", self.report());
        }
    }

    /// As [`Talk::finish`], after a fault that takes away what people have read. Then authors may be told that a line is perhaps
    /// not said, and readers at one node may have read what others have not; but none of them reads anything in another order.
    #[track_caller]
    pub fn finish_after_loss(mut self) {
        self.is_talking = false;
        self.until("the last lines are read", |talk| {
            talk.writers().all(|author| talk.readers().all(|reader| reader.last(&author.name) == author.said))
        });
        self.check_authors();
        let readers = || self.people.iter().filter(|person| !person.is_writer);
        for author in self.writers() {
            let read: BTreeSet<u64> = readers().flat_map(|reader| reader.numbers_of(&author.name)).collect();
            let accounted = read.len() as u64 + author.refused;
            let is_told = (accounted..=accounted + author.doubtful).contains(&author.said);
            assert!(is_told, "{} has lost lines, or was told wrongly\n{}", author.name, self.report());
        }
        for (one, other) in readers().zip(readers().skip(1)) {
            let [of_one, of_other] = [one, other].map(|reader| reader.seen.iter().collect::<BTreeSet<_>>());
            let mut common = one.seen.iter().filter(|line| of_other.contains(line));
            let is_same =
                other.seen.iter().filter(|line| of_one.contains(line)).all(|line| common.next() == Some(line));
            assert!(is_same, "{} and {} have read different orders\n{}", one.name, other.name, self.report());
        }
    }

    /// Stops talking, and waits until all is read that is on its way.
    #[track_caller]
    fn calm_down(&mut self) {
        self.is_talking = false;
        self.until("what was said is read, or its author was told", |talk| {
            let is_settled = |author: &Person| {
                let mut readers = talk.readers();
                // Its own node does not show it its lines. Readers who came later have not seen the first ones.
                readers.all(|reader| reader.last(&author.name) == talk.last(&author.name))
                    && author.said == author.refused + talk.count(&author.name)
            };
            talk.writers().all(is_settled)
        });
    }

    /// The most lines of an author that one reader has seen.
    fn count(&self, author: &str) -> u64 {
        let readers = self.people.iter().filter(|person| !person.is_writer);
        readers.map(|reader| reader.count(author)).max().unwrap_or(0)
    }

    /// The newest line of an author that was seen.
    fn last(&self, author: &str) -> u64 {
        let readers = self.people.iter().filter(|person| !person.is_writer);
        readers.map(|reader| reader.last(author)).max().unwrap_or(0)
    }

    /// Each reader has seen the lines of each author once and in their order.
    #[track_caller]
    fn check_authors(&self) {
        for reader in self.people.iter().filter(|person| !person.is_writer) {
            let mut last = BTreeMap::new();
            for (author, number) in &reader.seen {
                let before = last.insert(author, *number).unwrap_or(0);
                assert!(*number > before, "{} has read {author}: {number} after {before}", reader.name);
            }
        }
        for author in self.people.iter().filter(|person| person.is_writer && person.is_lost) {
            // What was on its way to a server that has ended may be lost, but nothing from the middle.
            let (last, refused) = (self.last(&author.name), author.refused);
            assert!(last <= self.count(&author.name) + refused, "{}: lines before {last} are missing", author.name);
        }
    }

    /// What is known, for a test that fails.
    fn report(&self) -> String {
        let line = |person: &Person| {
            let notices = &person.notices[person.notices.len().saturating_sub(6)..];
            format!(
                "{} at {}: in {}, lost {}, said {}, refused {}, doubtful {}, unsent {}, seen {:?}\n    {notices:?}\n",
                person.name,
                person.node,
                person.is_in,
                person.is_lost,
                person.said,
                person.refused,
                person.doubtful,
                person.unsent.len(),
                person.counts
            )
        };
        self.people.iter().map(line).collect()
    }

    /// Reads what has come, waits a moment if nothing has, and lets the writers talk.
    fn turn(&mut self) {
        let standing = self.people.iter().filter(|person| !person.is_lost);
        let mut fds: Vec<_> = standing.map(|person| PollFd::new(&person.stream, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: 0, tv_nsec: PACE.as_nanos() as _ };
        poll(&mut fds, Some(&timeout)).expect("poll");
        let talks = self.is_talking && self.said_at.elapsed() >= PACE;
        if talks {
            self.said_at = Instant::now();
        }
        for person in self.people.iter_mut().filter(|person| !person.is_lost) {
            person.receive();
            if talks && person.is_writer && person.is_in {
                person.say();
            }
            person.send();
        }
    }
}

impl Person {
    fn count(&self, author: &str) -> u64 {
        self.counts.get(author).copied().unwrap_or(0)
    }

    fn numbers_of(&self, author: &str) -> impl Iterator<Item = u64> {
        self.seen.iter().filter(move |(name, _)| name == author).map(|(_, number)| *number)
    }

    fn last(&self, author: &str) -> u64 {
        self.seen.iter().rev().find(|(name, _)| name == author).map_or(0, |(_, number)| *number)
    }

    /// Says the next line, unless the server does not read at present.
    fn say(&mut self) {
        if self.unsent.is_empty() {
            self.said += 1;
            self.unsent = format!("{}\n", self.said).into_bytes();
        }
    }

    fn send(&mut self) {
        match self.stream.write(&self.unsent) {
            Ok(sent) => _ = self.unsent.drain(..sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.is_lost = true,
        }
    }

    fn receive(&mut self) {
        let mut block = [0; 65536];
        match self.stream.read(&mut block) {
            Ok(0) => self.is_lost = true,
            Ok(count) => self.read.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.is_lost = true,
        }
        while let Some(at) = self.read.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.read.drain(..=at).collect();
            let line = String::from_utf8(line).expect("UTF-8");
            self.note(mask_time(line.trim_end()));
        }
    }

    fn note(&mut self, line: String) {
        let said = line.strip_prefix("[T] ").and_then(|line| line.split_once(": "));
        match said.and_then(|(author, text)| Some((author, text.parse().ok()?))) {
            Some((author, number)) => {
                *self.counts.entry(author.into()).or_default() += 1;
                self.seen.push((author.into(), number));
            }
            None => {
                self.is_in |= line.starts_with(&format!("* You are {}. ", self.name));
                self.refused += u64::from(line.starts_with(NOT_SAID));
                self.doubtful += u64::from(line.starts_with(PERHAPS_NOT_SAID));
                self.notices.push(line);
            }
        }
    }
}
