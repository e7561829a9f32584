//! Schedules the events of a seed: people connect, type, read, stall and leave; descriptors
//! run out, clocks jump; and the server makes its turns in between.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;

use super::World;
use crate::simulator::network::peer::{Peer, speech};
use crate::simulator::network::proxy::{Route, route};
use crate::simulator::oracle::{OPERATOR, ReaderStage, Typed, Wanted};
use crate::simulator::people::irc::IrcClient;
use crate::simulator::people::page::SimulatedPage;
use crate::simulator::people::program::{LineProgram, Program};
use crate::simulator::people::{Person, ReadingPace, accounts, acts, irc, lines, names, page, plain};

impl World {
    /// Runs the whole seed.
    pub fn run(&mut self) {
        for _ in 0..self.plan.steps {
            for _ in 0..self.random.below(4) {
                self.act();
            }
            self.travel();
            self.at += Duration::from_millis(self.random.below(8) as u64);
            if !self.plan.punctual || self.is_due() {
                self.turn();
            } else {
                self.check_quiet();
            }
        }
        self.wait_until_idle();
        self.leave();
    }

    fn connect(&mut self) {
        let number = self.people.len();
        let ip = [10, 0, 0, 1 + self.random.below(self.plan.addresses) as u8];
        let addr = SocketAddr::from((ip, 1024 + number as u16));
        let irc_listener = self.irc_listener.filter(|_| self.random.one_in(2));
        let is_irc = irc_listener.is_some();
        let page = !is_irc && self.plan.web && self.random.one_in(2);
        let is_program = !page && !is_irc && self.random.one_in(6);
        let wants = match page && self.random.one_in(2) {
            true => lines::resume_words(&mut self.random, self.revision, self.oracle.messages),
            false => String::new(),
        };
        let program = || Program::new(self.revision, &self.plan.config);
        // A client of IRC with frames comes to the listener for browsers.
        let frames = self.irc_web_listener.filter(|_| is_irc && self.random.one_in(3)).map(|listener| {
            let is_binary = self.random.one_in(2);
            (listener, is_binary)
        });
        let listener = match irc_listener {
            Some(_) if let Some((listener, _)) = frames => listener,
            Some(listener) => listener,
            None if page => self.plan.listeners,
            None => self.random.below(self.plan.listeners),
        };
        let seed = self.random.next();
        // With an end-of-line timeout a line pauses only on purpose.
        let delays = self.plan.limits.eol_timeout.is_zero();
        let peer = self.is_tls(listener).then(|| Peer::new(speech(seed), delays));
        let (from, addr, proxy) = match self.proxies.is_empty() {
            true => (addr, addr, None),
            false => match route(seed, addr, delays) {
                Some(Route { proxy, from, client }) => (from, client, Some(proxy)),
                None => (addr, addr, None),
            },
        };
        self.oracle.counts.proxied += usize::from(proxy.as_ref().is_some_and(|proxy| !proxy.is_damaged()));
        let wire = self.network.connect_with(listener, from, seed, self.plan.capacity, peer, proxy);
        let pace = match self.random.below(12) {
            0 => ReadingPace::Stalled,
            1 => ReadingPace::Slow,
            2 if self.random.one_in(2) => ReadingPace::Never,
            _ => ReadingPace::Eager,
        };
        self.record_event(|| {
            let browser = match (page, is_irc) {
                (true, _) => ", with a browser",
                (_, true) => ", with an IRC client",
                _ => "",
            };
            format!("person {number} connects from {addr} (peer {from}), {pace:?}{browser}")
        });
        self.people.push(Person {
            wire,
            pace,
            page: page.then(|| SimulatedPage::new(program())),
            program: is_program.then(|| LineProgram::new(program())),
            irc: is_irc
                .then(|| frames.map_or_else(IrcClient::default, |(_, is_binary)| IrcClient::with_frames(is_binary))),
            revision: if page || is_program { self.revision } else { 2 },
            unsent: match frames {
                Some((_, is_binary)) => {
                    let protocol = if is_binary { "binary.ircv3.net" } else { "text.ircv3.net" };
                    page::upgrade_of("/", "", protocol).bytes().collect()
                }
                None if page => page::upgrade(&wants).bytes().collect(),
                None => Default::default(),
            },
            ends: false,
            // Who has spoken telnet is asked for passwords in another way.
            options: if self.hasher.is_some() { 0 } else { 100 },
            pauses: false,
            has_begun: false,
            written_at: self.at,
            done: false,
        });
        self.oracle.add(addr, page.then(|| Wanted::read(&wants)), self.revision);
        self.alive.push(number);
        if is_irc {
            self.oracle.begin_irc(number, self.is_tls(listener), frames.is_some());
            self.oracle.counts.irc_frames += usize::from(frames.is_some());
            let lines = irc::first_lines(&mut self.random, self.plan.people);
            lines.into_iter().for_each(|line| self.type_line(number, line));
        }
        if is_program && !self.random.one_in(4) {
            self.ask_for_json(number);
        }
    }

    pub(super) fn type_line(&mut self, who: usize, line: String) {
        let person = &mut self.people[who];
        if person.ends || person.pauses {
            return;
        }
        let max_line = self.plan.config.max_line;
        let (bytes, mut typed) = match person.page {
            Some(_) => page::bytes(&mut self.random, line, max_line),
            None if person.irc.is_some() => irc::bytes(&mut self.random, line, person.has_frames()),
            None => plain::bytes(&mut self.random, line, max_line, &mut person.options),
        };
        if self.trace {
            let shown: String = String::from_utf8_lossy(&bytes).chars().take(120).collect();
            eprintln!("{:5} {:12.3?} person {who} types {shown:?}", self.step.get(), self.at);
        }
        let person = &mut self.people[who];
        if !person.has_frames() && !person.has_begun {
            person.has_begun = !bytes.iter().all(|byte| b"\r\n\0".contains(byte));
            if person.has_begun && bytes[0] == 0 {
                typed = vec![Typed::Foreign];
            }
        }
        person.unsent.extend(bytes);
        self.oracle.readers[who].typed.extend(typed);
    }

    /// A program on the plain port asks for JSON.
    fn ask_for_json(&mut self, who: usize) {
        let line = lines::json_line(&mut self.random, self.revision, self.oracle.messages);
        self.type_line(who, line);
    }

    fn compose(&mut self, who: usize) {
        let (people, long, max_line) = (self.plan.people, self.plan.long, self.plan.config.max_line);
        let has_name = self.oracle.readers[who].stage == ReaderStage::Here;
        if !has_name && self.people[who].program.is_some() && self.random.one_in(4) {
            return self.ask_for_json(who);
        }
        if self.people[who].irc.is_some() {
            return self.compose_irc(who);
        }
        let (is_new, near) = (self.people[who].revision > 1, self.oracle.surroundings(who, self.now()));
        let has_accounts = self.hasher.is_some();
        let line = match has_name || self.random.one_in(6) {
            true if has_accounts && self.random.one_in(3) => accounts::line(&mut self.random, &near),
            false if has_accounts && self.oracle.is_at_password_prompt(who) => {
                accounts::at_prompt(&mut self.random, max_line)
            }
            false if has_accounts && !self.random.one_in(4) => accounts::nickname(&mut self.random),
            true if is_new && self.random.one_in(4) => {
                lines::room_line(&mut self.random, &mut self.texts, people, long, max_line)
            }
            true if is_new && self.random.one_in(if near.operates || near.is_silent { 2 } else { 4 }) => {
                acts::member_line(&mut self.random, people, self.oracle.messages, &near)
            }
            true => lines::line(&mut self.random, &mut self.texts, people, long, max_line),
            false => names::name(&mut self.random, people),
        };
        if line.starts_with("/json") && !has_name && self.people[who].program.is_none() {
            // A person could not read the answer.
            return;
        }
        let line = if self.has_moderators && line.starts_with('/') { self.without_rooms(line) } else { line };
        let line = if has_accounts { accounts::without_query(line) } else { line };
        self.type_line(who, line);
    }

    /// A line of a person with an IRC client.
    fn compose_irc(&mut self, who: usize) {
        let (people, long) = (self.plan.people, self.plan.long);
        let has_name = self.oracle.readers[who].stage == ReaderStage::Here;
        if has_name && self.random.one_in(20) {
            let rooms = self.oracle.own_rooms(who);
            let lines = irc::multiline(&mut self.random, &mut self.texts, &rooms);
            let lines = lines.into_iter().filter(|line| self.sequencer.is_none() || !line.contains("label="));
            return lines.collect::<Vec<_>>().into_iter().for_each(|line| self.type_line(who, line));
        }
        let line = match has_name && !self.random.one_in(30) {
            false => irc::early_line(&mut self.random, people),
            true => {
                let (names, rooms) = (self.oracle.member_names(), self.oracle.own_rooms(who));
                let recent = self.oracle.recent_messages(who);
                irc::line(&mut self.random, &mut self.texts, people, long, &recent, (&names, &rooms))
            }
        };
        // Of changes that are committed later, the oracle does not know which are answered in one batch, or shown in one line.
        let line = match self.sequencer.is_some() {
            true if line.starts_with("MODE ") && line.matches(['+', '-']).count() > 1 => return,
            true => line,
            false => irc::with_label(&mut self.random, line),
        };
        self.type_line(who, line);
    }

    /// A line that names no room by `#`, if changes are committed later: the number of the room could be that of another
    /// one then. Members without a role on the server are safe from that, since they are in the rooms that they name.
    fn without_rooms(&self, line: String) -> String {
        if self.sequencer.is_some() { line.replace('#', "") } else { line }
    }

    /// A line of the operator.
    pub(super) fn compose_order(&mut self) -> String {
        let text = names::words(&mut self.random, &mut self.texts, 100, 600).trim().to_owned();
        let line = match self.random.one_in(3) {
            true => {
                let near = self.oracle.surroundings(OPERATOR, self.now());
                acts::order(&mut self.random, self.plan.people, &text, self.oracle.messages, &near)
            }
            false => lines::order(&mut self.random, self.plan.people, &text),
        };
        let line = match self.hasher.is_some() {
            true if self.random.one_in(8) => accounts::order(&mut self.random),
            true => accounts::without_query(line),
            false => line,
        };
        let line = self.without_rooms(line);
        if self.has_moderators { line } else { line.replace("/mod", "/unmod") }
    }

    /// Types a line without its end, which counts as one after a quiet time.
    fn type_unended(&mut self, who: usize) {
        let line = format!("unended {}", self.random.below(1000));
        let person = &mut self.people[who];
        let is_page = person.page.is_some() || person.irc.is_some();
        if is_page
            || person.ends
            || person.pauses
            || !person.unsent.is_empty()
            || !self.oracle.readers[who].typed.is_empty()
        {
            return;
        }
        person.pauses = true;
        person.has_begun = true;
        person.wire.borrow_mut().arrive(line.bytes());
        self.oracle.readers[who].unended = true;
        self.oracle.readers[who].typed.push_back(Typed::Line(line.clone()));
        self.record_event(|| format!("person {who} types {line:?} without an end"));
    }

    /// The person types no more; the last line may have no end.
    pub(super) fn end(&mut self, who: usize) {
        self.record_event(|| format!("person {who} ends"));
        let person = &mut self.people[who];
        if person.has_frames() {
            if !person.ends {
                person.unsent.extend(page::end(&mut self.random, person.irc.is_some()));
            }
        } else if !person.ends && !person.pauses && self.random.one_in(2) {
            person.unsent.extend(*b"last words");
            person.has_begun = true;
            let reader = &mut self.oracle.readers[who];
            reader.unended = true;
            reader.typed.push_back(Typed::Line("last words".into()));
        }
        person.ends = true;
    }

    pub(super) fn break_off(&mut self, who: usize) {
        self.record_event(|| format!("the connection of person {who} breaks"));
        self.people[who].wire.borrow_mut().break_off();
    }

    pub(super) fn abandon(&mut self, who: usize) {
        self.record_event(|| format!("person {who} closes"));
        self.deliver(who, usize::MAX);
        let person = &mut self.people[who];
        person.ends = true;
        person.pace = ReadingPace::Eager;
        person.wire.borrow_mut().abandon();
    }

    /// Up to `n` bytes of a person arrive; after the last one the end arrives.
    pub(super) fn deliver(&mut self, who: usize, n: usize) {
        let person = &mut self.people[who];
        let n = n.min(person.unsent.len());
        let mut wire = person.wire.borrow_mut();
        match n {
            0 => wire.arrive_late(),
            _ => wire.arrive(person.unsent.drain(..n)),
        }
        if person.ends && person.unsent.is_empty() {
            wire.end();
        }
    }

    /// Moves bytes in both directions, and lets people read.
    fn travel(&mut self) {
        for index in 0..self.alive.len() {
            let who = self.alive[index];
            match self.random.below(4) {
                0 => {}
                // With an end-of-line timeout a line pauses only on purpose.
                1 if self.plan.limits.eol_timeout.is_zero() => {
                    let n = 1 + self.random.below(20);
                    self.deliver(who, n);
                }
                _ => self.deliver(who, usize::MAX),
            }
            let most = match self.people[who].pace {
                ReadingPace::Eager if !self.random.one_in(3) => usize::MAX,
                ReadingPace::Slow if self.random.one_in(3) => 1 + self.random.below(40),
                _ => continue,
            };
            self.people[who].wire.borrow_mut().take(most);
        }
    }

    /// Chooses and performs one random event.
    fn act(&mut self) {
        if self.alive.is_empty() || self.alive.len() < self.plan.people && self.random.one_in(4) {
            return self.connect();
        }
        let who = *self.random.pick(&self.alive);
        match self.random.below(64) {
            0..=3 => {
                let pace = *self.random.pick(&[
                    ReadingPace::Eager,
                    ReadingPace::Eager,
                    ReadingPace::Slow,
                    ReadingPace::Stalled,
                ]);
                self.record_event(|| format!("person {who} reads: {pace:?}"));
                self.people[who].pace = pace;
            }
            4 if self.plan.faults && self.random.one_in(2) => self.break_off(who),
            5 if self.random.one_in(2) => self.abandon(who),
            6 if self.random.one_in(2) => self.end(who),
            7 if self.plan.faults => {
                let errors = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::CONNABORTED, Errno::INTR];
                let (errno, listener) = (*self.random.pick(&errors), self.random.below(self.plan.listeners));
                self.record_event(|| format!("the next accept fails: {errno}"));
                self.network.fail_to_accept(listener, errno);
            }
            8 if self.plan.faults && self.random.one_in(2) => {
                let exhausted = !self.network.is_exhausted();
                self.record_event(|| format!("out of file descriptors: {exhausted}"));
                self.network.exhaust(exhausted);
            }
            8 if self.plan.faults && self.random.one_in(4) => self.network.refuses_to_watch.set(true),
            9 => self.people[who].wire.borrow_mut().wake(),
            10 if self.plan.jumps && self.random.one_in(3) => {
                let hours = 1 + self.random.below(30) as u64;
                self.record_event(|| format!("{hours} hours pass"));
                self.at += Duration::from_secs(3600 * hours);
                self.jumped_at = self.at;
            }
            11 if self.plan.jumps => {
                let hours = self.random.below(60) as i64 - 30;
                self.record_event(|| format!("the clock on the wall is set by {hours} hours"));
                self.wall += time::Duration::hours(hours);
            }
            12..=14 => self.at += Duration::from_millis(self.random.below(1500) as u64),
            15 if !self.plan.limits.eol_timeout.is_zero() => self.type_unended(who),
            16 => {
                // A flood.
                for _ in 0..10 + self.random.below(30) {
                    self.compose(who);
                }
            }
            _ => {
                for _ in 0..1 + self.random.below(3) {
                    self.compose(who);
                }
            }
        }
    }
}
