//! The hub: the whole state of a chat server and its public methods.

mod admission_queue;
mod deadlines;
mod delivery;
mod disconnects;
mod nick_index;
mod offline_messages;
mod outbound;
mod plan;
mod presence;
mod rooms;
mod sessions;
mod shutdown;
mod stats;
mod store_queue;
#[cfg(test)]
pub(crate) mod tests;

pub use self::outbound::WriteBatch;
pub use self::plan::operator::{LOG as OPERATOR_LOG, NAME as OPERATOR};
pub use self::stats::StatsSnapshot;
use crate::chat::input::{Allowance, Close, Input, NewConnection};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use log::info;

use self::admission_queue::AdmissionQueue;
use self::deadlines::Deadline;
pub use self::disconnects::DISCONNECTS_PER_TICK;
use self::nick_index::NickIndex;
use self::plan::operator::Operator;
use self::rooms::Rooms;
use self::stats::Stats;
use self::store_queue::StoreQueue;
#[cfg(test)]
use self::tests::invariants::TraceEvent;
use super::RateLimit;
use super::config::{Config, Mode};
use super::event::{Cause, Encoding, Event, Notice, Refusal, Render, Renderers};
use super::id::Now;
use super::id::RoomId;
use super::id::{ClientId, Session};
use super::input::ResumeRequest;
use super::policy::bans::Bans;
use super::policy::cidr::Network;
use super::policy::mutes::Mutes;
use super::policy::nick::key_of;
use super::room::segment_log::Retention;
use super::session::client::{Client, Clients, SessionStage, WriteQueue};
use crate::util::shrink;
use crate::util::timer_wheel::Wheel;

/// Bytes in a client's outbox above which its lines wait. This bounds the memory for its replies.
const MAX_PENDING_REPLIES: usize = 64 * 1024;

/// The state of a chat server: clients, nicknames, admission queue, rooms and bans.
pub struct Hub {
    config: Config,
    renders: Renderers,
    clients: Clients,
    rooms: Rooms,
    admission: AdmissionQueue,
    bans: Bans,
    mutes: Mutes,
    nicknames: NickIndex,
    /// Connections per network; empty unless the number per address is limited.
    connections_per_ip: HashMap<Network, usize>,
    /// Clients with data in their outbox.
    flush_queue: WriteQueue,
    /// Clients that may be slow consumers and are checked in the next tick.
    slow_consumers: Vec<ClientId>,
    closing: VecDeque<(ClientId, Close)>,
    /// Sessions that will be disconnected, a limited number in each tick. Ids of closed connections are allowed.
    pending_disconnects: VecDeque<ClientId>,
    /// Number of sessions disconnected since the start.
    disconnected: u64,
    disconnects_per_tick: usize,
    /// The value of `disconnected` at which no more sessions are disconnected before the next tick.
    disconnect_limit: u64,
    /// Login deadlines and idle deadlines.
    deadlines: Wheel<Deadline>,
    /// Deadlines that have passed and are not checked yet.
    expired: VecDeque<Deadline>,
    /// Rooms with a pending summary of joins and leaves, and when the summary is due.
    pending_summaries: VecDeque<(Duration, RoomId)>,
    operator: Option<Operator>,
    /// A client that reads normally has a large outbox; no client may send more lines until it is written.
    backpressure: bool,
    /// The server is shutting down.
    ending: bool,
    stats: Stats,
    /// The id of the newest message of all rooms.
    last_message_id: u64,
    /// The stamp of the newest line.
    last_stamp: u64,
    last_session: Session,
    /// The resume requests of clients that have not logged in yet.
    resume_requests: HashMap<ClientId, ResumeRequest>,
    /// A number that identifies this run of the server, or the store if there is one.
    run: u64,
    hasher: RandomState,
    /// The records and queries for the store; `None` without a store.
    store: Option<Box<StoreQueue>>,
    /// The inputs in their order, for the simulator.
    #[cfg(test)]
    pub(crate) heard: Vec<TraceEvent>,
}

impl Hub {
    /// Creates an empty server; `render` writes the events for plain clients and for the operator.
    pub fn new(mut config: Config, render: Box<dyn Render>) -> Self {
        if config.mode == Mode::P2p {
            config.login = super::config::Login::Address;
            config.max_clients = 1;
            config.max_waiting = 0;
        }
        // The history must fit into the backlog, or a reader of it would be a slow consumer.
        config.history_bytes = config.history_bytes.min(config.backlog_bytes / 2);
        let retention = Retention {
            messages: config.history,
            history_bytes: config.history_bytes,
            backlog_bytes: config.backlog_bytes,
        };
        Hub {
            rooms: Rooms::new(retention, config.max_rooms),
            admission: AdmissionQueue::new(config.max_clients, config.max_waiting),
            config,
            renders: Renderers { plain: render, web: None },
            clients: Clients::default(),
            bans: Bans::default(),
            mutes: Mutes::default(),
            nicknames: NickIndex::default(),
            connections_per_ip: HashMap::new(),
            flush_queue: WriteQueue::default(),
            slow_consumers: Vec::new(),
            closing: VecDeque::new(),
            pending_disconnects: VecDeque::new(),
            disconnected: 0,
            disconnects_per_tick: DISCONNECTS_PER_TICK,
            disconnect_limit: DISCONNECTS_PER_TICK as u64,
            deadlines: Wheel::default(),
            expired: VecDeque::new(),
            pending_summaries: VecDeque::new(),
            operator: None,
            backpressure: false,
            ending: false,
            stats: Stats::default(),
            last_message_id: 0,
            last_stamp: 0,
            last_session: Session::OPERATOR,
            resume_requests: HashMap::new(),
            run: RandomState::new().hash_one(0),
            hasher: RandomState::new(),
            store: None,
            #[cfg(test)]
            heard: Vec::new(),
        }
    }

    /// Allows WebSocket clients; `render` writes their events. Must be called before the first connection.
    pub fn enable_json(&mut self, render: Box<dyn Render>) {
        self.renders.web = Some(render);
        self.rooms.enable_encodings();
    }

    /// The keyed hash of a folded name, as stored with log entries and in the nickname index. The key is secret.
    fn name_hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Finds a member by nickname; case, width and Unicode composition do not matter.
    fn find_by_nick(&self, name: &str) -> Option<ClientId> {
        self.find_by_key(&key_of(name)?)
    }

    /// Finds a member by the folded nickname.
    fn find_by_key(&self, key: &str) -> Option<ClientId> {
        self.nicknames.get(&self.clients, key, self.name_hash(key))
    }

    /// Adds a plain connection. `id` is its number until [`Hub::handle_closed`].
    pub fn handle_plain_connection(&mut self, id: ClientId, addr: SocketAddr, now: Now) {
        let arrival =
            NewConnection { addr, encoding: Encoding::Plain, preface: &[], resume_request: ResumeRequest::default() };
        self.handle_connection(id, arrival, now);
    }

    /// Adds a connection with any encoding, a preface and a resume request.
    ///
    /// The encoding must be enabled.
    pub fn handle_connection(&mut self, id: ClientId, arrival: NewConnection, now: Now) {
        let NewConnection { addr, encoding, preface, resume_request } = arrival;
        #[cfg(test)]
        self.heard.push(TraceEvent::Connected(id));
        self.last_session = self.last_session.next();
        self.clients.insert(id, Client::new(addr, encoding, self.last_session, now.micros()));
        if !preface.is_empty() {
            self.queue_private(id, preface);
        }
        if encoding != Encoding::Plain {
            self.notice(id, Notice::Hello { run: self.run, max_line: self.config.max_line });
        }
        if resume_request != ResumeRequest::default() {
            self.resume_requests.insert(id, resume_request);
        }
        self.stats.connections += 1;
        let connected = self.clients.len();
        info!("connected {addr} ({connected} connected)");
        self.send_to_operator(&Event::Notice(Notice::Connected { addr, connected }));
        self.admit_or_refuse(id, now);
    }

    /// Tells whether the next line of `id` may be given to [`Hub::handle_line`] now.
    pub fn allowance(&self, id: ClientId, now: Now) -> Allowance {
        if id == ClientId::CONSOLE {
            return if self.operator_may_speak() { Allowance::Now } else { Allowance::AfterOthers };
        }
        let Some(client) = self.clients.get(id).filter(|client| client.stage != SessionStage::Leaving) else {
            return Allowance::Never;
        };
        let half = self.config.backlog_bytes / 2;
        if client.awaits_answer || client.private_bytes() > MAX_PENDING_REPLIES.min(half) {
            return Allowance::AfterReplies;
        }
        if self.backpressure || client.pending_disconnect.is_some() {
            return Allowance::AfterOthers;
        }
        if client.stage == SessionStage::InRoom && self.has_unswept_backlog(client.room) {
            return Allowance::AfterOthers;
        }
        self.config.rate_limit().wait(client.allowance, now).map_or(Allowance::Now, Allowance::At)
    }

    /// The rate limit of one client, for every encoding.
    pub fn rate_limit(&self) -> RateLimit {
        self.config.rate_limit()
    }

    /// Whether the room has so much unsent data that readers which have not had their turn could become slow
    /// consumers.
    fn has_unswept_backlog(&self, room: RoomId) -> bool {
        self.rooms[room].unswept() > self.config.backlog_bytes as u64 / 2
    }

    /// Processes a line of a client. Its [`Hub::allowance`] should be `Now`, unless this is the last line that it
    /// sends.
    pub fn handle_line(&mut self, id: ClientId, input: Input, now: Now) {
        if id == ClientId::CONSOLE {
            return self.operator_line(input, now);
        }
        if self.store.is_some() {
            // Deliveries are acknowledged first: the replies to this line do not belong to them.
            self.acknowledge_deliveries();
        }
        // A client that has left may still have an incomplete line, which is not processed.
        let counts =
            |client: &&mut Client| client.stage != SessionStage::Leaving && client.pending_disconnect.is_none();
        let Some(client) = self.clients.get_mut(id).filter(counts) else { return };
        #[cfg(test)]
        self.heard.push(TraceEvent::Line(id));
        self.stats.lines += 1;
        client.allowance = self.config.rate_limit().taken(client.allowance, now);
        if client.stage == SessionStage::InRoom {
            client.active = now.micros();
        }
        match input {
            Input::TooLong => self.refuse(id, Refusal::TooLong { most: self.config.max_line }),
            Input::NotUtf8 => self.refuse(id, Refusal::NotUtf8),
            Input::Line(text) => match self.clients[id].stage {
                SessionStage::Waiting(_) => self.line_while_waiting(id, text, now),
                SessionStage::LoggingIn => self.process_nickname(id, text, now),
                SessionStage::InRoom => self.dispatch_command(id, text, now),
                SessionStage::Leaving => {}
            },
        }
    }

    /// The client closed its sending side. Its unsent data is still written.
    pub fn handle_end_of_input(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::EndOfInput, Close::WhenRead, now);
    }

    /// Refuses a client that speaks another protocol: sends the reason and ends the session.
    pub fn handle_foreign_protocol(&mut self, id: ClientId, now: Now) {
        if self.clients.get(id).is_some_and(|client| client.stage != SessionStage::Leaving) {
            self.refuse(id, Refusal::OtherProtocol);
            self.end_session(id, Cause::OtherProtocol, Close::WhenRead, now);
        }
    }

    /// The client ended in the middle of a frame or line. Its unsent data is still written.
    pub fn handle_broken_input(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::WhenRead, now);
    }

    /// The connection is lost. Its unsent data is dropped.
    pub fn handle_connection_lost(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::AtOnce, now);
    }

    /// Removes a closed connection; its id may be used again.
    ///
    /// Must be called only when [`Hub::poll_close`] returns nothing more for it.
    pub fn handle_closed(&mut self, id: ClientId, now: Now) {
        if self.clients.get(id).is_some_and(|client| client.stage != SessionStage::Leaving) {
            let cause = if self.ending { Cause::ShutDown } else { Cause::ConnectionLost };
            self.end_session(id, cause, Close::AtOnce, now);
            self.closing.retain(|&(closing, _)| closing != id);
        }
        #[cfg(test)]
        self.heard.extend(self.clients.get(id).map(|_| TraceEvent::Closed(id)));
        if !self.resume_requests.is_empty() {
            self.resume_requests.remove(&id);
            shrink::map(&mut self.resume_requests);
        }
        if let Some(client) = self.clients.remove(id) {
            if client.counted {
                self.uncount_connection(client.ip());
            }
            let (addr, connected) = (client.addr(), self.clients.len());
            info!("disconnected {addr} ({connected} connected)");
            self.send_to_operator(&Event::Notice(Notice::Disconnected { addr, connected }));
        }
    }

    /// Does the timed work: disconnects, deadlines, summaries and new numbers in the admission queue.
    pub fn handle_tick(&mut self, now: Now) {
        let until = self.disconnected + self.disconnects_per_tick as u64;
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.acknowledge_deliveries();
        self.check_deadlines(until, now);
        #[cfg(test)]
        self.heard.push(TraceEvent::Ticked);
        while self.pending_summaries.front().is_some_and(|&(due, _)| due <= now.at) {
            if let Some((due, room)) = self.pending_summaries.pop_front() {
                self.show_summary(room, due, now);
            }
        }
        for (id, number) in self.admission.renumber(&mut self.clients, now.at) {
            self.notice(id, Notice::Waiting { number });
        }
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.disconnect_limit = self.disconnected + self.disconnects_per_tick as u64;
    }

    /// The time at which [`Hub::handle_tick`] must be called next, if any.
    pub fn poll_deadline(&self) -> Option<Duration> {
        let sum = self.pending_summaries.front().map(|&(due, _)| due);
        [self.deadlines.next(), sum, self.admission.next_deadline()].into_iter().flatten().min()
    }

    /// Whether there is anything to write, disconnect or close now, without a new event.
    pub fn has_work(&self) -> bool {
        !self.flush_queue.is_empty()
            || self.rooms.has_dirty()
            || !self.slow_consumers.is_empty()
            || !self.closing.is_empty()
            || self.has_pending_disconnects()
            || self.has_finished_deliveries()
    }

    /// Takes the next client whose lines waited for a commit ([`Allowance::AfterCommit`]) and may be read again.
    pub fn poll_resume(&mut self) -> Option<ClientId> {
        None
    }

    /// Takes the next connection that must be closed.
    pub fn poll_close(&mut self) -> Option<(ClientId, Close)> {
        let close = self.closing.pop_front();
        shrink::queue(&mut self.closing);
        close
    }
}
