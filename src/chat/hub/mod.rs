//! The hub: the whole state of a chat server, and the calls by which it is driven.

mod admission_queue;
mod delivery;
mod disconnects;
mod nick_index;
mod offline_messages;
mod outbound;
mod plan;
mod presence;
mod rooms;
mod sessions;
mod stats;
mod store_queue;
#[cfg(test)]
pub(crate) mod tests;

pub use self::outbound::WriteBatch;
pub use self::plan::operator::{LOG as OPERATOR_LOG, NAME as OPERATOR};
pub use self::stats::StatsSnapshot;
use crate::chat::id::Author;
use crate::chat::input::{Allowance, Arrival, Close, Input};
use crate::chat::room::segment_log::Kind;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use log::info;

use self::admission_queue::AdmissionQueue;
pub use self::disconnects::DISCONNECTS_PER_TICK;
use self::nick_index::NickIndex;
use self::plan::operator::Operator;
use self::rooms::Rooms;
use self::stats::Stats;
use self::store_queue::StoreQueue;
#[cfg(test)]
use self::tests::invariants::Heard;
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
use super::session::client::{Client, Clients, Queue, Stage};
use crate::util::shrink;
use crate::util::timer_wheel::Wheel;

/// Unsent private bytes past which a client's own lines wait, so that its replies stay bounded.
const REPLIES_PENDING: usize = 64 * 1024;

/// For what a client's time may have run out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deadline {
    Nickname,
    Idle,
}

/// The time of a client is to be looked at; there is one of each kind for an id at most, whoever
/// has the id by then, so that those who come and go leave nothing behind.
#[derive(Clone, Copy)]
struct DeadlineEntry {
    pub id: ClientId,
    pub due: Deadline,
}

/// All names, seats, rooms and clients of a server.
pub struct Hub {
    config: Config,
    renders: Renderers,
    clients: Clients,
    rooms: Rooms,
    admission: AdmissionQueue,
    bans: Bans,
    mutes: Mutes,
    names: NickIndex,
    /// Connections by where they come from; kept only where they are limited.
    connections_per_ip: HashMap<Network, usize>,
    /// Those to whom something private is owed.
    queue: Queue,
    /// Those who may have to be closed because they do not read.
    slow_consumers: Vec<ClientId>,
    closing: VecDeque<(ClientId, Close)>,
    /// Sessions that will be disconnected, a bounded number in each tick. Stale ids are allowed.
    pending_disconnects: VecDeque<ClientId>,
    /// Sessions disconnected since the start, and how many one tick disconnects.
    disconnected: u64,
    disconnects: usize,
    /// The value of `disconnected` up to which lines and events may disconnect sessions before the next tick.
    disconnects_until: u64,
    /// Deadlines of the login, and of the idle.
    deadlines: Wheel<DeadlineEntry>,
    /// Deadlines that have come and have not been looked at.
    expired: VecDeque<DeadlineEntry>,
    /// Rooms whose joins and leaves are summed up, and when the line about them is due.
    pending_summaries: VecDeque<(Duration, RoomId)>,
    operator: Option<Operator>,
    /// Somebody who reads well is owed so much that nobody may say more for now.
    backpressure: bool,
    /// The server is to end.
    ending: bool,
    stats: Stats,
    /// The number of the newest message of all rooms.
    messages: u64,
    /// The stamp of the newest line.
    stamp: u64,
    sessions: Session,
    /// What those have asked for who have not given their nickname yet.
    resume_requests: HashMap<ClientId, ResumeRequest>,
    /// A number that this run of the server has, and no other.
    run: u64,
    hasher: RandomState,
    /// Where history is kept in a file.
    store: Option<Box<StoreQueue>>,
    /// For the simulator, which has to know in which order things have come.
    #[cfg(test)]
    pub(crate) heard: Vec<Heard>,
}

impl Hub {
    /// An empty server that speaks to plain clients and to the operator through `render`.
    pub fn new(mut config: Config, render: Box<dyn Render>) -> Self {
        if config.mode == Mode::P2p {
            config.login = super::config::Login::Address;
            config.max_clients = 1;
            config.max_waiting = 0;
        }
        // Else the history alone would count as lagging.
        config.history_bytes = config.history_bytes.min(config.backlog_bytes / 2);
        let keep = Retention {
            messages: config.history,
            history_bytes: config.history_bytes,
            backlog_bytes: config.backlog_bytes,
        };
        Hub {
            rooms: Rooms::new(keep, config.max_rooms),
            admission: AdmissionQueue::new(config.max_clients, config.max_waiting),
            config,
            renders: Renderers { plain: render, web: None },
            clients: Clients::default(),
            bans: Bans::default(),
            mutes: Mutes::default(),
            names: NickIndex::default(),
            connections_per_ip: HashMap::new(),
            queue: Queue::default(),
            slow_consumers: Vec::new(),
            closing: VecDeque::new(),
            pending_disconnects: VecDeque::new(),
            disconnected: 0,
            disconnects: DISCONNECTS_PER_TICK,
            disconnects_until: DISCONNECTS_PER_TICK as u64,
            deadlines: Wheel::default(),
            expired: VecDeque::new(),
            pending_summaries: VecDeque::new(),
            operator: None,
            backpressure: false,
            ending: false,
            stats: Stats::default(),
            messages: 0,
            stamp: 0,
            sessions: Session::OPERATOR,
            resume_requests: HashMap::new(),
            run: RandomState::new().hash_one(0),
            hasher: RandomState::new(),
            store: None,
            #[cfg(test)]
            heard: Vec::new(),
        }
    }

    /// Speaks to WebSockets too, through `render`; to be called before anybody connects.
    pub fn enable_json(&mut self, render: Box<dyn Render>) {
        self.renders.web = Some(render);
        self.rooms.enable_encodings();
    }

    /// Whether the server is to end, by the operator's wish or because the peer of p2p has left.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// The hash under which a folded name stands in the logs' indices; its key is secret.
    fn name_hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Finds a member by nickname, whatever its case, width or composition.
    fn find_by_nick(&self, name: &str) -> Option<ClientId> {
        self.find_by_key(&key_of(name)?)
    }

    /// Who has the name with that key.
    fn find_by_key(&self, key: &str) -> Option<ClientId> {
        self.names.get(&self.clients, key, self.name_hash(key))
    }

    /// A connection has been accepted; `id` stays its number until [`Hub::closed`].
    pub fn connected(&mut self, id: ClientId, addr: SocketAddr, now: Now) {
        let arrival = Arrival { addr, encoding: Encoding::Plain, preface: &[], wish: ResumeRequest::default() };
        self.arrived(id, arrival, now);
    }

    /// The same for whoever comes in another dialect, which the hub must speak, or with a wish.
    pub fn arrived(&mut self, id: ClientId, arrival: Arrival, now: Now) {
        let Arrival { addr, encoding, preface, wish } = arrival;
        #[cfg(test)]
        self.heard.push(Heard::Connected(id));
        self.sessions = self.sessions.next();
        self.clients.insert(id, Client::new(addr, encoding, self.sessions, now.micros()));
        if !preface.is_empty() {
            self.queue_private(id, preface);
        }
        if encoding != Encoding::Plain {
            self.notice(id, Notice::Hello { run: self.run, max_line: self.config.max_line });
        }
        if wish != ResumeRequest::default() {
            self.resume_requests.insert(id, wish);
        }
        self.stats.connections += 1;
        let connected = self.clients.len();
        info!("connected {addr} ({connected} connected)");
        self.send_to_operator(&Event::Notice(Notice::Connected { addr, connected }));
        self.receive_newcomer(id, now);
    }

    /// Whether the next line of `id` may be given to [`Hub::line`].
    pub fn allowance(&self, id: ClientId, now: Now) -> Allowance {
        let Some(client) = self.clients.get(id).filter(|client| client.stage != Stage::Leaving) else {
            return Allowance::Never;
        };
        let half = self.config.backlog_bytes / 2;
        if client.awaits_answer || client.private_bytes() > REPLIES_PENDING.min(half) {
            return Allowance::AfterReplies;
        }
        if self.backpressure || client.pending_disconnect.is_some() {
            return Allowance::AfterOthers;
        }
        if client.stage == Stage::Here && self.has_unswept_backlog(client.room) {
            return Allowance::AfterOthers;
        }
        self.config.rate_limit().wait(client.allowance, now).map_or(Allowance::Now, Allowance::At)
    }

    /// How fast one client may go on, whatever it speaks.
    pub fn rate_limit(&self) -> RateLimit {
        self.config.rate_limit()
    }

    /// Whether those who wait for their turn of being written to would fall behind by what else is
    /// said in that room meanwhile.
    fn has_unswept_backlog(&self, room: RoomId) -> bool {
        self.rooms[room].unswept() > self.config.backlog_bytes as u64 / 2
    }

    /// A client sent a line. Its [`Hub::allowance`] should be `Now`, unless it is the last one that it sends.
    pub fn line(&mut self, id: ClientId, input: Input, now: Now) {
        if self.store.is_some() {
            // What is told from now on was not owed before.
            self.acknowledge_deliveries();
        }
        // One who has left may still have an unended line that counts by now.
        let counts = |client: &&mut Client| client.stage != Stage::Leaving && client.pending_disconnect.is_none();
        let Some(client) = self.clients.get_mut(id).filter(counts) else { return };
        #[cfg(test)]
        self.heard.push(Heard::Line(id));
        self.stats.lines += 1;
        client.allowance = self.config.rate_limit().taken(client.allowance, now);
        if client.stage == Stage::Here {
            client.active = now.micros();
        }
        match input {
            Input::TooLong => self.refuse(id, Refusal::TooLong { most: self.config.max_line }),
            Input::NotUtf8 => self.refuse(id, Refusal::NotUtf8),
            Input::Line(text) => match self.clients[id].stage {
                Stage::Waiting(_) => self.line_while_waiting(id, text, now),
                Stage::Asked => self.process_nickname(id, text, now),
                Stage::Here => self.dispatch_command(id, text, now),
                Stage::Leaving => {}
            },
        }
    }

    /// The client will send no more; what is owed to it is still written.
    pub fn end_of_input(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::EndOfInput, Close::WhenRead, now);
    }

    /// The client speaks another protocol: it is told what this port is, and its connection ends.
    pub fn refuse_protocol(&mut self, id: ClientId, now: Now) {
        if self.clients.get(id).is_some_and(|client| client.stage != Stage::Leaving) {
            self.refuse(id, Refusal::OtherProtocol);
            self.end_session(id, Cause::OtherProtocol, Close::WhenRead, now);
        }
    }

    /// The client has broken off in the midst of things; what is owed is still written.
    pub fn broken_off(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::WhenRead, now);
    }

    /// The server ends: the client has been told, and what comes from now on is not for it.
    pub fn dismiss(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ShutDown, Close::WhenRead, now);
    }

    /// The connection broke.
    pub fn lost(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::AtOnce, now);
    }

    /// The connection has been closed and its id may be reused.
    ///
    /// To be called when [`Hub::poll_close`] has nothing more to say of it.
    pub fn closed(&mut self, id: ClientId, now: Now) {
        if self.clients.get(id).is_some_and(|client| client.stage != Stage::Leaving) {
            let cause = if self.ending { Cause::ShutDown } else { Cause::ConnectionLost };
            self.end_session(id, cause, Close::AtOnce, now);
            self.closing.retain(|&(closing, _)| closing != id);
        }
        #[cfg(test)]
        self.heard.extend(self.clients.get(id).map(|_| Heard::Closed(id)));
        if !self.resume_requests.is_empty() {
            self.resume_requests.remove(&id);
            shrink::map(&mut self.resume_requests);
        }
        if let Some(client) = self.clients.remove(id) {
            if client.counted {
                self.release_address(client.ip());
            }
            let (addr, connected) = (client.addr(), self.clients.len());
            info!("disconnected {addr} ({connected} connected)");
            self.send_to_operator(&Event::Notice(Notice::Disconnected { addr, connected }));
        }
    }

    /// Time has passed: does what has become due.
    pub fn tick(&mut self, now: Now) {
        let until = self.disconnected + self.disconnects as u64;
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.acknowledge_deliveries();
        self.expire(until, now);
        #[cfg(test)]
        self.heard.push(Heard::Ticked);
        while self.pending_summaries.front().is_some_and(|&(due, _)| due <= now.at) {
            if let Some((due, room)) = self.pending_summaries.pop_front() {
                self.sum_up(room, due, now);
            }
        }
        for (id, number) in self.admission.renumber(&mut self.clients, now.at) {
            self.notice(id, Notice::Waiting { number });
        }
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.disconnects_until = self.disconnected + self.disconnects as u64;
    }

    /// When [`Hub::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        let sum = self.pending_summaries.front().map(|&(due, _)| due);
        [self.deadlines.next(), sum, self.admission.next_deadline()].into_iter().flatten().min()
    }

    /// Whether there is something to write, to drop or to close without waiting for an event.
    pub fn has_work(&self) -> bool {
        !self.queue.is_empty()
            || self.rooms.has_dirty()
            || !self.slow_consumers.is_empty()
            || !self.closing.is_empty()
            || self.has_pending_disconnects()
            || self.has_finished_deliveries()
    }

    /// The next connection to be closed.
    pub fn poll_close(&mut self) -> Option<(ClientId, Close)> {
        let close = self.closing.pop_front();
        shrink::queue(&mut self.closing);
        close
    }

    /// Tells everybody that the server ends; no more lines are to be given to the hub.
    pub fn shut_down(&mut self, now: Now) {
        #[cfg(test)]
        self.heard.push(Heard::ShutDown);
        self.ending = true;
        let notice = Event::Notice(Notice::ShuttingDown);
        self.send_to_operator(&notice);
        let occupied = self.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let rooms: Vec<RoomId> = std::iter::once(RoomId::LOBBY).chain(occupied).collect();
        for room in rooms {
            self.show(room, Author::NOBODY, Kind::Notice, 0, &notice, now);
        }
        let others: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, client)| matches!(client.stage, Stage::Waiting(_) | Stage::Asked))
            .map(|(id, _)| id)
            .collect();
        for id in others {
            self.send_event(id, &notice);
        }
    }
}
