//! The engine: moves bytes between sockets and hub, one bounded turn at a time.
//!
//! A turn has two halves. [`Engine::process_input`] closes broken connections, reads from ready
//! clients and accepts connections. [`Engine::process_output`] handles timers, writes private
//! lines and then the rooms' sweeps, and closes connections. Each step has a budget, so that
//! no client waits for more than a turn, however much there is to do.
//!
//! The parts of the engine own their fields: the acceptor, the connections, the read queue, the timers, the web side and
//! the store writer. The files with an `impl Engine` carry out one step of a turn each, and call them.
//!
//! The engine does not poll. Its caller passes events with [`Engine::record_event`], and asks
//! [`Engine::has_work`] and [`Engine::next_deadline`] for the time of the next turn.

pub mod accept;
mod budget;
mod closing;
mod connections;
mod deadlines;
mod input;
mod opening;
mod output;
mod read_queue;
mod shutdown;
pub mod state;
#[cfg(test)]
mod state_tests;
mod timers;
mod web;

use std::rc::Rc;
use std::time::Duration;

use self::accept::Acceptor;
pub use self::budget::Budget;
use self::connections::Connections;
use self::opening::Openings;
use self::read_queue::ReadQueue;
use self::timers::{ConnectionTimers, Deadline, Timer};
use super::connection::Connection;
use super::connection::transport::{Listener, ListenerKind, Transport, TransportBuffers};
use super::http::{Access, ClusterFigures, TurnHistogram, WebSide};
use super::limits::Limits;
use super::store::writer::StoreWriter;
use super::tls::expiry::Validity;
use super::trusted_peer::TrustedPeer;
use crate::chat::{Hub, IpLimit, Now};

/// The whole server except the poll, the signals and the console.
pub struct Engine<L: Listener> {
    hub: Hub,
    limits: Limits,
    budget: Budget,
    acceptor: Acceptor<L>,
    connections: Connections<L::Transport>,
    read_queue: ReadQueue,
    timers: ConnectionTimers,
    web: WebSide,
    openings: Openings,
    /// The proxies whose connections begin with a header.
    proxies: Vec<TrustedPeer>,
    /// What transports count together, if some of them are TLS.
    buffers: Option<Rc<TransportBuffers>>,
    /// The store writer, with `--store`.
    store_writer: Option<StoreWriter>,
    /// The durations of turns; counted only if there is an admin listener.
    turns: Option<TurnHistogram>,
    /// When the server has begun, on its clock.
    began: Duration,
    /// Whether the lines of clients are left unread at present.
    is_paused: bool,
    /// Set while the server ends: the time at which it ends even if lines are unread.
    ends_at: Option<Duration>,
    /// The bytes of one read.
    block: Box<[u8]>,
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
        let web = WebSide::new(hub.name(), IpLimit::default());
        Engine {
            hub,
            limits,
            budget,
            acceptor: Acceptor::new(listeners),
            connections: Connections::new(max_connections),
            read_queue: ReadQueue::default(),
            timers: ConnectionTimers::default(),
            web,
            openings: Openings::default(),
            proxies: Vec::new(),
            buffers: None,
            store_writer: None,
            turns: has_admin.then(TurnHistogram::default),
            began: Duration::ZERO,
            is_paused: false,
            ends_at: None,
            block: vec![0; budget.block].into_boxed_slice(),
        }
    }

    /// Sets the access rules of the web side.
    pub fn set_access(&mut self, access: Access) {
        let exchanges = self.connections.iter().filter_map(|(_, connection)| connection.web_exchange_addr());
        self.web.set_access(access, exchanges);
    }

    /// Sets when the certificates are valid, for the metrics.
    pub fn set_certificates(&mut self, certificates: Vec<Validity>) {
        self.web.set_certificates(certificates);
    }

    /// Sets other limits of connections; the longest line stays. Options of sockets are set on the listeners.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { max_line: self.limits.max_line, ..limits };
    }

    /// Sets when the server has begun, if that is not the zero of its clock.
    pub fn set_began(&mut self, began: Duration) {
        self.began = began;
        self.hub.set_began(began);
    }

    /// Sets the figures of the node of a cluster, for the metrics.
    pub fn set_cluster(&mut self, cluster: ClusterFigures) {
        self.web.set_cluster(cluster);
    }

    /// Lets clients be read, or leaves their lines unread for a moment. Requests of HTTP are answered all the same.
    pub fn set_reading(&mut self, is_reading: bool) {
        self.is_paused = !is_reading;
    }

    /// Sets the store writer.
    pub fn set_store_writer(&mut self, store_writer: Option<StoreWriter>) {
        self.store_writer = store_writer;
    }

    /// The store writer, with `--store`.
    pub fn store_writer_mut(&mut self) -> Option<&mut StoreWriter> {
        self.store_writer.as_mut()
    }

    /// Sets what the transports count together.
    pub fn set_buffers(&mut self, buffers: Rc<TransportBuffers>) {
        self.buffers = Some(buffers);
    }

    /// Records an event of the listener with this number.
    pub fn notify_listener(&mut self, number: usize) {
        self.acceptor.notify(number);
    }

    /// The first half of a turn: reads from clients and accepts connections.
    pub fn process_input(&mut self, poll: &<L::Transport as Transport>::Poll, now: Now) {
        self.resume_committed();
        self.close_broken(now);
        self.read(now);
        self.accept(poll, now);
    }

    /// The second half of a turn: handles deadlines, writes, and closes connections.
    pub fn process_output(&mut self, now: Now) {
        self.expire(now);
        self.hub.handle_tick(now);
        self.write_records(now);
        self.answer_posts(now);
        self.write(now);
        self.drop_slowest(now);
        self.close(now);
        self.reap(now);
        if self.hub.is_ending() && self.ends_at.is_none() {
            self.begin_shutdown(now);
        }
    }

    /// Whether a turn has work to do now, without an event.
    pub fn has_work(&self, now: Duration) -> bool {
        (self.read_queue.has_work() && !self.is_paused)
            || self.hub.has_work()
            || self.store_writer.as_ref().is_some_and(|store_writer| store_writer.has_questions(&self.hub, now))
            || self.is_behind()
            || self.has_full_buffers()
            || (self.connections.has_room() && self.acceptor.is_ready(now))
    }

    /// Whether deadlines that have passed, or closed connections, wait for the next turn.
    pub fn is_behind(&self) -> bool {
        self.connections.closed() > 0 || self.timers.has_expired()
    }

    /// Whether the transports keep more bytes than they may.
    fn has_full_buffers(&self) -> bool {
        self.buffers.as_ref().is_some_and(|buffers| buffers.is_full())
    }

    /// The time of the next turn if no event comes before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let retry = self.acceptor.next_deadline().filter(|_| self.connections.has_room());
        let store = self.store_writer.as_ref().and_then(StoreWriter::next_deadline);
        [self.timers.next(), self.hub.poll_deadline(), retry, self.ends_at, store].into_iter().flatten().min()
    }

    /// Counts a turn of this duration.
    pub fn count_turn(&mut self, took: Duration) {
        if let Some(turns) = &mut self.turns {
            turns.count(took);
        }
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

    /// The hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The hub, for the operator's console.
    pub fn hub_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }

    /// The budget of the current turns.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// The listening sockets, in the order of their numbers.
    pub fn listeners(&self) -> impl Iterator<Item = (ListenerKind, &L)> {
        self.acceptor.sockets()
    }

    /// The open connections with their slots.
    pub fn connections(&self) -> impl Iterator<Item = (usize, &Connection<L::Transport>)> {
        self.connections.iter()
    }

    /// The number of open connections.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// The number of HTTP connections, which the hub does not know.
    pub fn exchange_count(&self) -> usize {
        self.connections.iter().filter(|(_, connection)| connection.is_exchange()).count()
    }

    /// The number of connections that are opening, which the hub does not know.
    pub fn opening_count(&self) -> usize {
        self.openings.len()
    }

    /// The number of deadlines that have not passed, also of closed connections.
    pub fn timer_count(&self) -> usize {
        self.timers.pending()
    }

    fn set_timer(&mut self, slot: usize, timer: Timer, at: Duration) {
        let serial = self.connections[slot].serial;
        self.timers.set(at, Deadline { slot: slot as u32, serial, timer });
    }

    /// Writes the turn's records and runs store queries; bytes may be sent only after this.
    fn write_records(&mut self, now: Now) {
        let Some(store_writer) = &mut self.store_writer else { return };
        // An answer may be empty, and so cause no flush that would resume reading.
        for slot in store_writer.process(&mut self.hub, now) {
            self.resume(slot);
        }
    }
}
