//! The engine: moves bytes between sockets and hub, one bounded turn at a time.
//!
//! A turn has two halves. [`Engine::process_input`] closes broken connections, reads from ready
//! clients and accepts connections. [`Engine::process_output`] handles timers, writes private
//! lines and then the rooms' sweeps, and closes connections. Each step has a budget, so that
//! no client waits for more than a turn, however much there is to do.
//!
//! The engine does not poll. Its caller passes events with [`Engine::record_event`], and asks
//! [`Engine::has_work`] and [`Engine::next_deadline`] for the time of the next turn.

pub(crate) mod accept;
pub(super) mod shutdown;
pub(super) mod timers;
mod web_socket;

use std::collections::VecDeque;
use std::time::Duration;

use log::debug;
use slab::Slab;

use self::accept::{Acceptor, ListenerKind};
use self::timers::{Deadline, Timer};
use super::Limits;
use super::connection::transport::{Listener, Stream};
use super::connection::{Connection, Flags, Flushed, Phase, Received};
use super::http::{Access, Exchange, HEAD_TIMEOUT, PendingExchanges, ServedPage, TurnHistogram};
use super::store_writer::StoreWriter;
use crate::chat::{Allowance, ClientId, DISCONNECTS_PER_TICK, Hub, Now};
use crate::util::shrink;
use crate::util::timer_wheel::Wheel;

/// The most that one turn does.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes read from one client at once.
    pub block: usize,
    /// Connections accepted.
    pub accepts: usize,
    /// Reads.
    pub reads: usize,
    /// Reads from HTTP connections, each of which may cause an answer of about 100 KB; part of `reads`.
    pub answers: usize,
    /// Clients that are sent private lines.
    pub private_writes: usize,
    /// Bytes written to one client before the next one has its turn.
    pub bytes: usize,
    /// Room members visited by the sweep.
    pub visits: usize,
    /// Bytes of private lines, and as many of rooms; the rest waits for the next
    /// turn. The kernel takes about 7 ms for a megabyte where it has to find memory for it.
    pub turn_bytes: u64,
    /// Sessions disconnected by the tick, and as many between two ticks.
    pub disconnects: usize,
    /// Sockets closed.
    pub reaps: usize,
    /// Deadlines of connections handled.
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

/// The readiness of a stream, as an event reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    /// Urgent data has come, at which a read ends early: tcp(7).
    pub urgent: bool,
    pub writable: bool,
    /// The peer has shut down its sending side.
    pub read_closed: bool,
    /// The connection is broken.
    pub error: bool,
}

/// The whole server except the poll, the signals and the console.
pub struct Engine<L: Listener> {
    pub(crate) hub: Hub,
    pub(super) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) acceptor: Acceptor<L>,
    pub(crate) connections: Slab<Connection<L::Stream>>,
    /// Open connections at most.
    pub(super) max_connections: usize,
    serials: u32,
    /// Slots with something to read.
    ready: VecDeque<usize>,
    /// Slots whose connection broke while it was not read.
    broken: VecDeque<usize>,
    /// Slots to be read from after the other clients' lines have been written.
    after_others: Vec<usize>,
    /// Slots to be freed at the end of a turn, when no event can mean them any more.
    pub(crate) closed: VecDeque<usize>,
    pub(crate) timers: Wheel<Deadline>,
    /// Deadlines that have passed and have not been handled.
    pub(crate) expired: VecDeque<Deadline>,
    pub(super) block: Box<[u8]>,
    /// Set while the server ends: the time at which it ends even if lines are unread.
    pub(super) ends_at: Option<Duration>,
    /// Access rules of the web side.
    pub access: Access,
    pub(super) page: ServedPage,
    pub(super) pending_exchanges: PendingExchanges,
    /// The durations of turns; counted only if there is an admin listener.
    pub turns: Option<TurnHistogram>,
    /// The store writer, with `--store`.
    pub store_writer: Option<StoreWriter>,
}

impl<L: Listener> Engine<L> {
    /// Creates an engine without connections, whose listeners have no events yet.
    pub fn new(
        mut hub: Hub,
        listeners: Vec<(ListenerKind, L)>,
        limits: Limits,
        budget: Budget,
        max_connections: usize,
    ) -> Self {
        hub.limit_disconnects(budget.disconnects);
        let has_admin = listeners.iter().any(|(kind, _)| *kind == ListenerKind::Admin);
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
            page: ServedPage::new(),
            pending_exchanges: PendingExchanges::default(),
            turns: has_admin.then(TurnHistogram::default),
            store_writer: None,
        }
    }

    /// The first half of a turn: reads from clients and accepts connections.
    pub fn process_input(&mut self, poll: &<L::Stream as Stream>::Poll, now: Now) {
        while let Some(id) = self.hub.poll_resume() {
            self.resume(id.slot());
        }
        while self.hub.may_disconnect()
            && let Some(slot) = self.broken.pop_front()
        {
            // The connection may have been closed since, and its slot reused.
            if self.connections.get(slot).is_some_and(|connection| connection.flags.contains(Flags::BROKEN)) {
                self.lose(slot, now);
            }
        }
        self.read(now);
        self.accept(poll, now);
    }

    /// The second half of a turn: handles deadlines, writes, and closes connections.
    pub fn process_output(&mut self, now: Now) {
        self.expire(now);
        self.hub.handle_tick(now);
        self.write_records(now);
        self.write(now);
        self.close(now);
        self.reap(now);
        if self.hub.is_ending() && self.ends_at.is_none() {
            self.begin_shutdown(now);
        }
    }

    /// Whether a turn has work to do now, without an event.
    pub fn has_work(&self, now: Duration) -> bool {
        !self.ready.is_empty()
            || self.hub.has_work()
            || self.has_questions(now)
            || !self.closed.is_empty()
            || !self.broken.is_empty()
            || !self.expired.is_empty()
            || (self.has_room() && self.acceptor.is_ready(now))
    }

    /// The time of the next turn if no event comes before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let retry = self.acceptor.next_deadline().filter(|_| self.has_room());
        let store = self.store_deadline();
        [self.timers.next(), self.hub.poll_deadline(), retry, self.ends_at, store].into_iter().flatten().min()
    }

    /// Whether shutdown has begun.
    pub fn is_ending(&self) -> bool {
        self.ends_at.is_some()
    }

    /// Whether shutdown is complete, or out of time.
    pub fn is_done(&self, now: Duration) -> bool {
        let is_empty = || self.connections.iter().all(|(_, connection)| connection.is_admin());
        self.ends_at.is_some_and(|end| is_empty() || end <= now)
    }

    /// Whether one more connection may be open.
    fn has_room(&self) -> bool {
        self.connections.len() < self.max_connections
    }

    /// Records an event; nothing is done yet, so that no slot changes its owner meanwhile.
    pub fn record_event(&mut self, slot: usize, event: Readiness) {
        if event.writable {
            self.hub.handle_writable(ClientId::new(slot));
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if event.read_closed || event.urgent {
            connection.flags.insert(Flags::HUNG_UP);
        }
        if event.error {
            connection.flags.insert(Flags::BROKEN);
        }
        let is_read = !connection.flags.contains(Flags::READ_PAUSED) && connection.phase != Phase::Closing;
        if connection.flags.contains(Flags::BROKEN) && !is_read {
            // It is not read from soon, so no read would report the error.
            self.broken.push_back(slot);
        } else if event.readable || event.urgent || event.read_closed || event.error {
            self.read_soon(slot);
        } else if event.writable && connection.is_exchange() {
            // It may have more to write, which the hub does not know.
            self.read_soon(slot);
        }
    }

    /// Queues a connection for reading.
    pub(super) fn read_soon(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.flags.intersects(Flags::QUEUED | Flags::READ_PAUSED)
        {
            connection.flags.insert(Flags::QUEUED);
            self.ready.push_back(slot);
        }
    }

    /// Reads once from each ready connection, within the budget.
    fn read(&mut self, now: Now) {
        shrink::queue(&mut self.ready);
        let (mut reads, mut answers, mut later) = (self.budget.reads, 0, Vec::new());
        for _ in 0..self.ready.len() {
            if reads == 0 || !self.hub.may_disconnect() {
                break;
            }
            let Some(slot) = self.ready.pop_front() else { break };
            // An entry whose connection has been closed costs no read, also if the slot has a new connection.
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            if !connection.flags.contains(Flags::QUEUED) {
                continue;
            }
            if connection.is_exchange() {
                if answers == self.budget.answers {
                    later.push(slot);
                    continue;
                }
                answers += 1;
            }
            connection.flags.remove(Flags::QUEUED);
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
                connection.flags.insert(Flags::READ_PAUSED);
                self.set_timer(slot, Timer::Resume, time);
            }
            Received::AfterOthers => {
                connection.flags.insert(Flags::READ_PAUSED);
                self.after_others.push(slot);
            }
            // Reading resumes when the hub names it: `Hub::poll_resume`.
            Received::AfterCommit => connection.flags.insert(Flags::READ_PAUSED),
            Received::AfterReplies => {
                connection.flags.insert(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
            }
            Received::End => self.hub.handle_end_of_input(id, now),
            Received::Lost => self.lose(slot, now),
        }
        if self.connections[slot].flags.contains(Flags::BROKEN | Flags::READ_PAUSED) {
            self.lose(slot, now);
        }
        if !self.limits.eol_timeout.is_zero() {
            self.watch_line(slot, now);
        }
    }

    /// Accepts connections, within the budget.
    fn accept(&mut self, poll: &<L::Stream as Stream>::Poll, now: Now) {
        for _ in 0..self.budget.accepts {
            if !self.has_room() {
                if self.acceptor.is_ready(now.at) && !self.acceptor.has_logged_shortage() {
                    let open = self.connections.len();
                    self.acceptor.report_full(&format!("{open} connections, no file descriptors for more"));
                }
                return;
            }
            let Some((mut stream, addr, kind)) = self.acceptor.accept(now.at) else { return };
            if kind == ListenerKind::Web && !self.admit_exchange(addr.ip()) {
                debug!("{addr} has too many connections without a request");
                continue;
            }
            let entry = self.connections.vacant_entry();
            let slot = entry.key();
            if let Err(error) = stream.watch(poll, slot) {
                debug!("{addr} cannot be watched: {error}");
                self.release_exchange(kind, addr.ip());
                continue;
            }
            self.serials = self.serials.wrapping_add(1);
            let connection = entry.insert(Connection::new(stream, self.serials));
            match kind {
                ListenerKind::Plain => self.hub.handle_plain_connection(ClientId::new(slot), addr, now),
                ListenerKind::Web | ListenerKind::Admin => {
                    connection.begin_exchange(Exchange::new(addr, kind, now));
                    self.set_timer(slot, Timer::Exchange, now.at + HEAD_TIMEOUT);
                }
            }
        }
    }

    /// Writes private lines, then unread lines to the members of dirty rooms, within the budget.
    fn write(&mut self, now: Now) {
        let until = self.hub.bytes_written() + self.budget.turn_bytes;
        for _ in 0..self.budget.private_writes {
            if !self.may_write(until) {
                break;
            }
            let Some(id) = self.hub.poll_outbox() else { break };
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

    /// Whether one more session may be written to in this turn, which may disconnect it; `until` bounds the bytes
    /// written since the start.
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
        if connection.flags.contains(Flags::AFTER_REPLIES) && self.hub.allowance(id, now) != Allowance::AfterReplies {
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
