//! The engine: connections between sockets and hub, and what is done with them in one turn.
//!
//! A turn has two halves. [`Engine::process_input`]: those whose connection is broken go, who has something
//! to say is read from, newcomers are accepted. [`Engine::process_output`]: timers are looked at; private
//! lines and then the rooms' sweeps are written; who is to go is closed. Each step has a budget, so
//! that however much there is to do, nobody waits for more than a turn.
//!
//! It knows no poll. Whoever has one tells it of events with [`Engine::record_event`], and asks it with
//! [`Engine::has_work`] and [`Engine::next_deadline`] when it wants its next turn.

pub(crate) mod accept;
pub(super) mod shutdown;
pub(super) mod timers;

use std::collections::VecDeque;
use std::time::Duration;

use log::debug;
use slab::Slab;

use self::accept::{Acceptor, Kind};
use self::timers::{Deadline, Timer};
use super::Limits;
use super::connection::transport::{Listener, Stream};
use super::connection::{Connection, Flushed, Phase, Received};
use super::http::{Access, Exchange, HEAD_TIMEOUT, Newcomers, Page, Turns};
use super::store_writer::StoreWriter;
use crate::chat::{Allowance, ClientId, DISCONNECTS_PER_TICK, Hub, Now};
use crate::util::shrink;
use crate::util::timer_wheel::Wheel;

/// How much is done at most in one turn.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes read from one client at once.
    pub block: usize,
    /// Connections accepted.
    pub accepts: usize,
    /// Reads.
    pub reads: usize,
    /// Of these, reads from connections that speak HTTP, each of which may have an answer of some 100 KB.
    pub answers: usize,
    /// Clients to whom private lines are written.
    pub private_writes: usize,
    /// Bytes written to one client before the others have their turn.
    pub bytes: usize,
    /// Members of rooms who are visited.
    pub visits: usize,
    /// Bytes written to those with private lines, and as many to members of rooms; what exceeds it waits for the next
    /// turn. The kernel takes about 7 ms for a megabyte where it has to find memory for it.
    pub turn_bytes: u64,
    /// Sessions disconnected by the tick, and between two ticks.
    pub disconnects: usize,
    /// Sockets closed.
    pub reaps: usize,
    /// Deadlines of connections that are looked at.
    pub timers: usize,
}

/// Least number of writes, visits, disconnects and closed sockets of one turn while the server ends.
const ENDING_STEP: usize = 512;
/// Least number of bytes that one turn writes while the server ends.
const ENDING_BYTES: u64 = 4 * 1024 * 1024;

impl Budget {
    /// The budget while the server ends: no conversation can be delayed any more, so a turn may be long. It is still
    /// bounded, to about 50 ms, so that a second signal is noticed.
    fn ending(self) -> Self {
        Budget {
            private_writes: self.private_writes.max(ENDING_STEP),
            visits: self.visits.max(ENDING_STEP),
            turn_bytes: self.turn_bytes.max(ENDING_BYTES),
            disconnects: self.disconnects.max(ENDING_STEP),
            reaps: self.reaps.max(ENDING_STEP),
            timers: self.timers.max(ENDING_STEP),
            ..self
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            block: 16 * 1024,
            accepts: 128,
            reads: 256,
            answers: 4,
            private_writes: 256,
            bytes: 256 * 1024,
            visits: 64,
            turn_bytes: 512 * 1024,
            disconnects: DISCONNECTS_PER_TICK,
            reaps: 64,
            timers: 256,
        }
    }
}

/// What an event says of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    /// There is urgent data, at which a read ends though there is more behind it: tcp(7).
    pub urgent: bool,
    pub writable: bool,
    /// The peer sends no more.
    pub read_closed: bool,
    /// The connection is broken.
    pub error: bool,
}

/// Everything that one server has, but for the poll, the signals and the console.
pub struct Engine<L: Listener> {
    pub(crate) hub: Hub,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(crate) acceptor: Acceptor<L>,
    pub(crate) connections: Slab<Connection<L::Stream>>,
    /// Connections that may be open at once.
    pub(super) max_connections: usize,
    serials: u32,
    /// Who is to be read from.
    ready: VecDeque<usize>,
    /// Whose connection has turned out to be broken.
    broken: VecDeque<usize>,
    /// Who is to be read from once the others' lines have been written.
    after_others: Vec<usize>,
    /// Who is to be taken out of the slab at the end of a turn, when no event can mean them.
    pub(crate) closed: VecDeque<usize>,
    pub(crate) timers: Wheel<Deadline>,
    /// Deadlines that have come and have not been looked at.
    pub(crate) expired: VecDeque<Deadline>,
    pub(super) block: Box<[u8]>,
    /// Set when the server ends: when it does so whatever is still owed.
    pub(super) ends_at: Option<Duration>,
    /// The web side.
    pub access: Access,
    pub(super) page: Page,
    pub(super) newcomers: Newcomers,
    /// How long turns have taken; counted where somebody can ask for it.
    pub turns: Option<Turns>,
    /// Where history is kept, if it is kept in a file.
    pub store_writer: Option<StoreWriter>,
}

impl<L: Listener> Engine<L> {
    /// Nobody is connected yet, and the listeners have no events.
    pub fn new(
        mut hub: Hub,
        listeners: Vec<(Kind, L)>,
        limits: Limits,
        budget: Budget,
        max_connections: usize,
    ) -> Self {
        hub.limit_disconnects(budget.disconnects);
        let has_admin = listeners.iter().any(|(kind, _)| *kind == Kind::Admin);
        Engine {
            hub,
            limits,
            budget,
            acceptor: Acceptor::new(listeners),
            connections: Slab::new(),
            max_connections,
            serials: 0,
            ready: VecDeque::new(),
            broken: VecDeque::new(),
            after_others: Vec::new(),
            closed: VecDeque::new(),
            timers: Wheel::default(),
            expired: VecDeque::new(),
            block: vec![0; budget.block].into_boxed_slice(),
            ends_at: None,
            access: Access::default(),
            page: Page::new(),
            newcomers: Newcomers::default(),
            turns: has_admin.then(Turns::default),
            store_writer: None,
        }
    }

    /// The first half of a turn: takes in what has come from clients, and newcomers.
    pub fn process_input(&mut self, poll: &<L::Stream as Stream>::Poll, now: Now) {
        while self.hub.may_disconnect()
            && let Some(slot) = self.broken.pop_front()
        {
            // It may have been closed since, and its slot given to another.
            if self.connections.get(slot).is_some_and(|connection| connection.broken) {
                self.lose(slot, now);
            }
        }
        self.read(now);
        self.accept(poll, now);
    }

    /// The second half of a turn: does what is due, writes what is owed, closes who is to go.
    pub fn process_output(&mut self, now: Now) {
        self.expire(now);
        self.hub.tick(now);
        self.write_records(now);
        self.write(now);
        self.close(now);
        self.reap(now);
        if self.hub.is_ending() && self.ends_at.is_none() {
            self.begin_shutdown(now);
        }
    }

    /// Whether there is something to do at once, whatever events come.
    pub fn has_work(&self, now: Duration) -> bool {
        !self.ready.is_empty()
            || self.hub.has_work()
            || self.has_questions(now)
            || !self.closed.is_empty()
            || !self.broken.is_empty()
            || !self.expired.is_empty()
            || (self.has_room() && self.acceptor.is_ready(now))
    }

    /// When there will be something to do if no event comes before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let retry = self.acceptor.next_deadline().filter(|_| self.has_room());
        let keeping = self.store_deadline();
        [self.timers.next(), self.hub.next_deadline(), retry, self.ends_at, keeping].into_iter().flatten().min()
    }

    /// Whether the server is on its way to the end.
    pub fn is_ending(&self) -> bool {
        self.ends_at.is_some()
    }

    /// Whether the end has come.
    pub fn is_done(&self, now: Duration) -> bool {
        let is_empty = || self.connections.iter().all(|(_, connection)| connection.is_admin());
        self.ends_at.is_some_and(|end| is_empty() || end <= now)
    }

    /// Whether one more connection leaves enough file descriptors.
    fn has_room(&self) -> bool {
        self.connections.len() < self.max_connections
    }

    /// Notes what an event says; nothing is done yet, so that no slot changes its owner meanwhile.
    pub fn record_event(&mut self, slot: usize, event: Readiness) {
        if event.writable {
            self.hub.writable(ClientId::new(slot));
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.hung_up |= event.read_closed || event.urgent;
        connection.broken |= event.error;
        if connection.broken && (connection.read_paused || connection.phase == Phase::Closing) {
            // Nobody will read from it soon, and so nobody would find out.
            self.broken.push_back(slot);
        } else if event.readable || event.urgent || event.read_closed || event.error {
            self.read_soon(slot);
        } else if event.writable && connection.is_exchange() {
            // It may have more to write; the hub knows nothing of it.
            self.read_soon(slot);
        }
    }

    /// Puts a connection into the queue of those to be read from.
    pub(super) fn read_soon(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.queued
            && !connection.read_paused
        {
            connection.queued = true;
            self.ready.push_back(slot);
        }
    }

    /// Gives those who are ready a read each.
    fn read(&mut self, now: Now) {
        shrink::queue(&mut self.ready);
        let (mut reads, mut answers, mut later) = (self.budget.reads, 0, Vec::new());
        for _ in 0..self.ready.len() {
            if reads == 0 || !self.hub.may_disconnect() {
                break;
            }
            let Some(slot) = self.ready.pop_front() else { break };
            // An entry whose connection has been closed since costs no read, also if the slot has a new connection.
            let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.queued) else {
                continue;
            };
            if connection.is_exchange() {
                if answers == self.budget.answers {
                    later.push(slot);
                    continue;
                }
                answers += 1;
            }
            connection.queued = false;
            reads -= 1;
            if connection.phase == Phase::Open && (self.ends_at.is_none() || connection.is_admin()) {
                self.receive(slot, now);
            } else if connection.phase == Phase::Draining && connection.drain(&mut self.block) {
                self.finish(slot);
            }
        }
        self.ready.extend(later);
    }

    fn receive(&mut self, slot: usize, now: Now) {
        let id = ClientId::new(slot);
        let connection = &mut self.connections[slot];
        if connection.is_exchange() {
            return self.exchange(slot, now);
        }
        match connection.receive(&mut self.hub, id, now, &mut self.block, self.limits.max_line) {
            Received::All => {}
            Received::More => self.read_soon(slot),
            Received::Until(time) => {
                connection.read_paused = true;
                self.set_timer(slot, Timer::Resume, time);
            }
            Received::AfterOthers => {
                connection.read_paused = true;
                self.after_others.push(slot);
            }
            Received::AfterReplies => {
                connection.read_paused = true;
                connection.after_replies = true;
            }
            Received::End => self.hub.end_of_input(id, now),
            Received::Lost => self.lose(slot, now),
        }
        if self.connections[slot].broken && self.connections[slot].read_paused {
            self.lose(slot, now);
        }
        if !self.limits.eol_timeout.is_zero() {
            self.watch_line(slot, now);
        }
    }

    /// Takes in newcomers.
    fn accept(&mut self, poll: &<L::Stream as Stream>::Poll, now: Now) {
        for _ in 0..self.budget.accepts {
            if !self.has_room() {
                if self.acceptor.is_ready(now.at) && !self.acceptor.told_short() {
                    let open = self.connections.len();
                    self.acceptor.refrain(&format!("{open} connections, no file descriptors for more"));
                }
                return;
            }
            let Some((mut stream, addr, kind)) = self.acceptor.accept(now.at) else { return };
            if kind == Kind::Web && !self.has_room_for_page(addr.ip()) {
                debug!("{addr} has too many connections that say nothing");
                continue;
            }
            let entry = self.connections.vacant_entry();
            let slot = entry.key();
            if let Err(error) = stream.watch(poll, slot) {
                debug!("{addr} cannot be watched: {error}");
                self.newcomer_leaves(kind, addr.ip());
                continue;
            }
            self.serials = self.serials.wrapping_add(1);
            let connection = entry.insert(Connection::new(stream, self.serials));
            match kind {
                Kind::Plain => self.hub.connected(ClientId::new(slot), addr, now),
                Kind::Web | Kind::Admin => {
                    connection.begin_exchange(Exchange::new(addr, kind, now));
                    self.set_timer(slot, Timer::Exchange, now.at + HEAD_TIMEOUT);
                }
            }
        }
    }

    /// Writes: to those who are owed something of their own, and to the members of dirty rooms.
    fn write(&mut self, now: Now) {
        let until = self.hub.bytes_written() + self.budget.turn_bytes;
        for _ in 0..self.budget.private_writes {
            if !self.may_write(until) {
                break;
            }
            let Some(id) = self.hub.poll_private() else { break };
            self.flush(id, now);
        }
        let until = self.hub.bytes_written() + self.budget.turn_bytes;
        let mut visits = self.budget.visits;
        while self.may_write(until)
            && let Some(id) = self.hub.poll_sweep(&mut visits)
        {
            self.flush(id, now);
        }
        for slot in std::mem::take(&mut self.after_others) {
            self.resume(slot);
        }
    }

    /// Whether one more session may be written to in this turn, which may disconnect it; `until` bytes were written since
    /// the start at most.
    fn may_write(&self, until: u64) -> bool {
        self.hub.bytes_written() < until && self.hub.may_disconnect()
    }

    fn flush(&mut self, id: ClientId, now: Now) {
        let slot = id.slot();
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if matches!(connection.phase, Phase::Draining | Phase::Closed) {
            return;
        }
        let flushed = connection.flush(&mut self.hub, id, self.budget.bytes);
        if connection.phase == Phase::Closing {
            connection.progress = now.at.as_millis() as u64;
        }
        if connection.after_replies && self.hub.allowance(id, now) != Allowance::AfterReplies {
            self.resume(slot);
        }
        match flushed {
            Flushed::UpToDate if self.connections[slot].phase == Phase::Closing => self.shutdown_write(slot, now),
            Flushed::UpToDate if self.ends_at.is_some() => self.shutdown_write(slot, now),
            Flushed::UpToDate | Flushed::Blocked => {}
            Flushed::More => self.hub.write_later(id),
            Flushed::Lost => self.lose(slot, now),
        }
    }
}
