//! The world of one seed: the server, its persons, its clocks and their events.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use time::{Date, Month, PrimitiveDateTime, Time};

use super::hasher::Hasher;
use super::network::{Event, Listener, Network};
use super::oracle::{Compared, Oracle, ReaderStage};
use super::person::Person;
use super::plan::SeedPlan;
use super::proxy;
use super::sequencer::DelayedSequencer;
use crate::chat::change::Committed;
use crate::chat::record::InitialState;
use crate::chat::{
    Allowance, Cause, ClientId, Config, DISCONNECTS_PER_TICK, Hub, Input, Lang, Login, Now, OfflineWhispers, TraceEvent,
};
use crate::server::connection::transport::ListenerKind;
use crate::server::engine::Engine;
use crate::server::engine::state::EngineSettings;
use crate::server::handover::{Handover, HandoverView};
use crate::server::limits::FAREWELL_TIMEOUT;
use crate::server::trusted_peer::TrustedPeer;
use crate::util::test_support::Random;
use crate::wire::renderers_of;

pub struct World {
    pub(super) random: Random,
    pub(super) plan: SeedPlan,
    pub(super) engine: Engine<Listener>,
    pub(super) network: Network,
    pub(super) people: Vec<Person>,
    pub(super) oracle: Oracle,
    pub(super) at: Duration,
    /// The wall clock's time at zero of the other clock.
    pub(super) wall: PrimitiveDateTime,
    /// Turns made; shared with the report of a failure.
    pub(super) step: Rc<Cell<usize>>,
    pub(super) trace: bool,
    /// Persons whose connection is open or waits to be accepted.
    pub(super) alive: Vec<usize>,
    /// A typed line of the operator that the console has not passed on.
    pub(super) order: Option<String>,
    /// When hours passed at once for the last time.
    pub(super) jumped_at: Duration,
    /// Turns in a row in which nothing was done.
    pub(super) idle_turns: usize,
    /// Commits the changes some turns later; without it the server commits them itself.
    pub(super) sequencer: Option<DelayedSequencer>,
    /// Compares passwords, if there is a store and so there are accounts.
    pub(super) hasher: Option<Hasher>,
    /// A server without sessions that applies the same changes, and how many it has applied.
    replica: Option<(Hub, u64)>,
    /// Decides when the server is handed over to a successor, if it ever is.
    handovers: Option<Random>,
    /// Decides when the settings change, if they ever do.
    pub(super) reloads: Option<Random>,
    /// The greatest limits that there have been.
    pub(super) most: MostEver,
    /// The revision of the protocol that the programs know.
    pub(super) revision: u32,
    /// The listener for IRC, if there is one.
    pub(super) irc_listener: Option<usize>,
    /// The number of texts that were typed.
    pub(super) texts: u32,
    /// The listeners whose ports are for TLS, as bits.
    pub(super) tls: u64,
    /// The proxies through which persons come.
    pub(super) proxies: Vec<TrustedPeer>,
    /// The operator makes moderators.
    pub(super) has_moderators: bool,
}

/// The greatest limits of a seed, which users and rooms of before still may reach after a reload.
pub struct MostEver {
    pub clients: usize,
    pub waiting: usize,
    pub rooms: usize,
    pub follow: usize,
    /// The settings have changed.
    pub has_changed: bool,
}

impl MostEver {
    fn of(config: &Config) -> MostEver {
        let &Config { max_clients, max_waiting, max_rooms, max_follow, .. } = config;
        MostEver {
            clients: max_clients,
            waiting: max_waiting,
            rooms: max_rooms,
            follow: max_follow,
            has_changed: false,
        }
    }

    fn note(&mut self, config: &Config) {
        self.clients = self.clients.max(config.max_clients);
        self.waiting = self.waiting.max(config.max_waiting);
        self.rooms = self.rooms.max(config.max_rooms);
        self.follow = self.follow.max(config.max_follow);
        self.has_changed = true;
    }
}

impl World {
    pub fn new(seed: u64, step: Rc<Cell<usize>>, trace: bool) -> World {
        let mut random = Random(seed);
        let mut plan = SeedPlan::new(&mut random);
        let hasher = has_accounts(seed, &plan).then(|| Hasher::new(seed));
        if hasher.is_some() {
            // No room leaves memory, and no whisper waits for its reader: the world has no store that answers queries.
            (plan.config.max_rooms, plan.config.offline_whispers) = (256, OfflineWhispers::Off);
        }
        let mut network = Network::default();
        let mut listeners: Vec<_> = (0..plan.listeners).map(|_| (ListenerKind::Plain, network.listen())).collect();
        let mut hub = Hub::new(plan.config.clone(), renderers_of(Lang::En, &plan.config.name));
        if plan.web {
            listeners.push((ListenerKind::Web, network.listen()));
        }
        let has_irc = has_irc(seed, &plan) && hasher.is_none();
        let irc_listener = has_irc.then_some(listeners.len());
        if has_irc {
            listeners.push((ListenerKind::Irc, network.listen()));
        }
        hub.enable_trace();
        let sequencer = (seed / 4 % 4 == 1).then(|| DelayedSequencer::new(seed));
        let has_moderators = sequencer.is_none() || (seed / 8).is_multiple_of(2);
        if sequencer.is_some() {
            hub.use_external_sequencer();
        }
        if plan.operator {
            hub.attach_console();
        }
        let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        let hour = if random.one_in(3) { 23 } else { 12 };
        let (at, wall) = (Duration::from_secs(5), PrimitiveDateTime::new(date, Time::from_hms(hour, 59, 30).unwrap()));
        if hasher.is_some() {
            hub.restore(empty_store(), Now { at, local: (wall + at).assume_utc() });
        }
        let replica = (seed / 32 % 8 == 1).then(|| {
            let config = Config { hash_key: [seed, 7], ..plan.config.clone() };
            let mut replica = Hub::new(config, renderers_of(Lang::En, &plan.config.name));
            replica.use_external_sequencer();
            if hasher.is_some() {
                replica.restore(empty_store(), Now { at, local: (wall + at).assume_utc() });
            }
            if plan.operator {
                // The operator is a member there too.
                replica.attach_console();
            }
            (replica, 0)
        });
        let has_proxies = hash_of(seed) >> 20 & 3 == 0;
        let proxies: Vec<_> = has_proxies.then(proxy::trusted).into_iter().collect();
        let mut engine = Engine::new(hub, listeners, plan.limits, plan.budget, plan.max_connections);
        engine.set_proxies(proxies.clone());
        World {
            engine,
            network,
            people: Vec::new(),
            oracle: Oracle::new(plan.config.clone(), plan.operator, sequencer.is_some(), hasher.is_some()),
            at,
            wall,
            step,
            trace,
            alive: Vec::new(),
            order: None,
            idle_turns: 0,
            jumped_at: Duration::ZERO,
            sequencer,
            // Accounts follow rooms, which revision 1 does not know.
            revision: if hasher.is_none() && seed / 128 % 4 == 1 { 1 } else { 2 },
            hasher,
            replica,
            // Not from `random`, so that a seed stays what it was.
            handovers: (seed / 16 % 8 == 3).then_some(Random(seed)),
            reloads: (hash_of(seed) >> 32 & 3 == 0).then_some(Random(seed)),
            most: MostEver::of(&plan.config),
            irc_listener,
            texts: 0,
            tls: if hash_of(seed) >> 40 & 3 == 0 { hash_of(seed) >> 42 | 1 } else { 0 },
            proxies,
            has_moderators,
            random,
            plan,
        }
    }

    /// Prints an event when a seed is replayed.
    pub(super) fn record_event(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:5} {:12.3?} {}", self.step.get(), self.at, what());
        }
    }

    pub(super) fn now(&self) -> Now {
        Now { at: self.at, local: (self.wall + self.at).assume_utc() }
    }

    /// Whether the server asks for a turn now.
    pub(super) fn is_due(&self) -> bool {
        self.engine.has_work(self.at)
            || self.engine.next_deadline().is_some_and(|at| at <= self.at)
            || self.has_events()
    }

    /// Whether the poll would return an event, or a change is to be committed.
    pub(super) fn has_events(&self) -> bool {
        self.awaits_commit()
            || self.awaits_hash()
            || self.network.has_events(self.alive.iter().map(|&who| &self.people[who].wire))
    }

    /// Whether a change is proposed and not committed.
    pub(super) fn awaits_commit(&self) -> bool {
        self.sequencer.as_ref().is_some_and(DelayedSequencer::has_pending)
    }

    /// Whether a password is to be compared.
    pub(super) fn awaits_hash(&self) -> bool {
        self.hasher.as_ref().is_some_and(|hasher| hasher.has_pending() || self.engine.hub().has_passwords())
    }

    /// Gives the server the answers about passwords that come in this turn.
    fn answer_passwords(&mut self, now: Now) {
        while let Some((request, answer)) = self.hasher.as_mut().and_then(|hasher| hasher.next(self.step.get())) {
            self.record_event(|| format!("a password is compared: {answer:?}"));
            self.oracle.handle_password(Compared::of(&answer), now);
            self.engine.hub_mut().handle_password(&request, answer, now);
            self.record_heard(now);
        }
    }

    /// Takes the passwords that the server wants to be compared, and drops its records.
    fn collect_passwords(&mut self, now: Now) {
        let Some(hasher) = &mut self.hasher else { return };
        let hub = self.engine.hub_mut();
        while hasher.has_room() {
            let (request, expected) = (hub.poll_password(now), self.oracle.poll_password(now));
            let asker = request.as_ref().map(|request| self.oracle.in_slot(request.origin.client));
            assert_eq!(asker, expected, "the password of another session is compared");
            let Some(request) = request else { break };
            hasher.take(request, self.step.get());
        }
        hub.poll_records();
        assert!(hub.poll_query().is_none(), "a query, which no store answers");
    }

    /// Gives the server the changes that are committed in this turn.
    fn commit(&mut self, now: Now) {
        let Some(sequencer) = &mut self.sequencer else { return };
        while let Some(committed) = sequencer.next(self.step.get()) {
            self.engine.hub_mut().handle_committed(&committed, &now);
        }
        self.record_heard(now);
    }

    /// Takes the changes that the server proposes.
    fn collect_proposals(&mut self, now: Now) {
        if let Some(sequencer) = &mut self.sequencer {
            sequencer.collect(self.engine.hub_mut(), self.step.get(), now);
        }
    }

    /// Replaces the server by a successor that gets its state as JSON, and its sockets.
    fn hand_over(&mut self) {
        self.record_event(|| "the server is handed over".into());
        // Otherwise a connection would be lost.
        self.network.refuses_to_watch.set(false);
        let settings = EngineSettings {
            limits: self.plan.limits,
            budget: self.plan.budget,
            max_connections: self.plan.max_connections,
        };
        let name = self.plan.config.name.clone();
        let render = || renderers_of(Lang::En, &name);
        if let Some(hasher) = &mut self.hasher {
            self.engine.hub_mut().return_passwords(hasher.stop());
            self.oracle.return_passwords();
        }
        let json = HandoverView::of(&self.engine, self.at).to_json().expect("a state that can be written");
        let idle = Engine::new(Hub::new(Config::default(), render()), Vec::new(), settings.limits, settings.budget, 0);
        let (.., sockets) = std::mem::replace(&mut self.engine, idle).into_state();
        let Handover { engine, hub, .. } = Handover::from_json(&json).expect("a state that can be read");
        let mut hub = Hub::from_state(hub, self.plan.config.clone(), render());
        hub.enable_trace();
        self.engine = Engine::from_state(engine, hub, sockets, settings, &self.network).expect("the same sockets");
        self.engine.set_proxies(self.proxies.clone());
    }

    pub(super) fn turn(&mut self) {
        self.step.set(self.step.get() + 1);
        let now = self.now();
        if self.handovers.as_mut().is_some_and(|random| random.one_in(80)) {
            self.hand_over();
        }
        self.commit(now);
        self.answer_passwords(now);
        let (first, count) = (self.random.below(self.alive.len().max(1)), self.alive.len());
        let order = (first..first + count).map(|index| &self.people[self.alive[index % count]].wire);
        for event in self.network.poll(order, self.plan.events) {
            match event {
                Event::Listener(number) => self.engine.notify_listener(number),
                Event::Stream(slot, readiness) => {
                    if self.trace {
                        eprintln!("{:5} {:12.3?} event: slot {slot}, {readiness:?}", self.step.get(), self.at);
                    }
                    self.engine.record_event(slot, readiness);
                }
            }
        }
        let connections = self.engine.connection_count();
        self.engine.process_input(&self.network, now);
        self.record_heard(now);
        let accepted = self.engine.connection_count() - connections;
        assert!(accepted <= self.plan.budget.accepts, "{accepted} connections are accepted in one turn");
        let (read, reads) = (self.touched(), self.plan.budget.reads);
        assert!(read <= reads, "{read} clients are read from in one turn, which is for {reads}");
        if self.plan.operator && self.order.is_none() && self.random.one_in(10) {
            let order = self.compose_order();
            // It does not matter whether an expired ban can still be lifted.
            self.order = Some(order);
        }
        if self.engine.hub().allowance(ClientId::CONSOLE, now) == Allowance::Now
            && let Some(order) = self.order.take()
        {
            self.operate(&order, now);
        }
        self.reload(now);
        self.collect_passwords(now);
        self.collect_proposals(now);
        self.engine.process_output(now);
        self.record_heard(now);
        self.collect_passwords(now);
        self.collect_proposals(now);
        // A connection that is closed is read until nothing is left.
        // It is larger while the server ends.
        let budget = self.engine.budget();
        let (written, writes) = (self.touched(), budget.private_writes + budget.visits);
        let drained = self.alive.iter().filter(|&&who| self.oracle.has_left_at(who, now.at)).count();
        // A late request is answered with an error.
        let drained = drained + self.exchanges();
        assert!(written <= writes + drained, "{written} clients are written to in one turn, which is for {writes}");
        self.look(now);
        self.check_replica(now);
        self.check();
    }

    /// Lets the settings change, in some turns of some seeds.
    fn reload(&mut self, now: Now) {
        let has_accounts = self.hasher.is_some();
        let Some(random) = self.reloads.as_mut().filter(|_| !self.oracle.ending) else { return };
        if !random.one_in(20) {
            return;
        }
        let (config, asks) = (self.plan.reloaded(random, !has_accounts), self.plan.operator && random.one_in(2));
        let asks = asks && self.engine.hub().allowance(ClientId::CONSOLE, now) == Allowance::Now;
        if asks {
            self.operate("/reload", now);
        }
        let by = self.engine.hub_mut().poll_reload();
        assert_eq!(by, asks.then_some(ClientId::CONSOLE), "a reload is asked for");
        self.record_event(|| format!("the settings change to {config:?}"));
        self.most.note(&config);
        self.oracle.configs.push_back(config.clone());
        self.engine.hub_mut().set_config(&config, now);
        self.plan.config = config;
        self.record_heard(now);
        self.engine.hub_mut().tell_reloaded(by, &["rate".into(), "ban".into()], &["listen".into()]);
        self.oracle.tell_configured("* Reloaded. Changed: rate, ban. Not before a restart: listen.");
    }

    fn operate(&mut self, order: &str, now: Now) {
        self.record_event(|| format!("the operator types {order:?}"));
        self.oracle.orders.push_back(order.into());
        self.engine.hub_mut().handle_line(ClientId::CONSOLE, Input::Line(order), now);
        self.record_heard(now);
    }

    /// Whether the port of a listener is for TLS.
    pub(super) fn is_tls(&self, listener: usize) -> bool {
        self.tls >> listener & 1 == 1
    }

    /// HTTP connections and unfinished handshakes, which the hub does not know.
    pub(super) fn exchanges(&self) -> usize {
        self.engine.exchange_count() + self.engine.opening_count()
    }

    /// Streams that have been read from or written to since the last call.
    fn touched(&self) -> usize {
        let touched = |who: &&usize| std::mem::take(&mut self.people[**who].wire.borrow_mut().touched);
        self.alive.iter().filter(touched).count()
    }

    /// Passes the order of the server's events to the oracle.
    pub(super) fn record_heard(&mut self, now: Now) {
        for heard in self.engine.hub_mut().poll_trace() {
            if self.trace && heard != TraceEvent::Ticked {
                eprintln!("{:5} {:12.3?} heard: {heard:?}", self.step.get(), self.at);
            }
            let who = match heard {
                TraceEvent::Connected(id) => {
                    let slot = Some(id.slot());
                    self.alive.iter().copied().find(|&who| self.people[who].wire.borrow().slot == slot)
                }
                TraceEvent::Departed(id, Cause::ConnectionLost) => {
                    let who = self.oracle.in_slot(id);
                    let wire = self.people[who].wire.borrow();
                    // A browser may end without a closing handshake.
                    let is_broken = wire.is_lost() || self.people[who].page.is_some() && self.people[who].ends;
                    assert!(is_broken, "person {who} is lost and the connection is sound");
                    None
                }
                TraceEvent::Departed(id, Cause::TooSlow) => {
                    let who = self.oracle.in_slot(id);
                    let is_full = self.people[who].wire.borrow().is_full();
                    // A slow consumer that waits to be disconnected may begin to read meanwhile.
                    let waits = self.plan.budget.disconnects < DISCONNECTS_PER_TICK;
                    assert!(
                        is_full || waits || self.plan.events < usize::MAX,
                        "person {who} is dropped and reads well"
                    );
                    None
                }
                TraceEvent::Departed(id, Cause::EndOfInput) => {
                    let who = self.oracle.in_slot(id);
                    // A browser sends a close frame instead.
                    let person = &self.people[who];
                    let has_ended = person.wire.borrow().told_end || person.page.is_some() && person.ends;
                    assert!(has_ended, "person {who} has not ended");
                    None
                }
                _ => None,
            };
            self.replicate(&heard, now);
            self.oracle.record_heard(heard, who, now);
        }
    }

    /// Applies a committed change to the replica.
    fn replicate(&mut self, heard: &TraceEvent, now: Now) {
        let Some((replica, seq)) = &mut self.replica else { return };
        match heard {
            TraceEvent::Committed { time, change, .. } => {
                *seq += 1;
                let committed = Committed { seq: *seq, time: *time, origin: None, change: change.clone() };
                replica.handle_committed(&committed, &now);
                replica.poll_console_output();
                replica.poll_records();
            }
            // Notices of the server itself can push messages out of a history.
            TraceEvent::Ticked => replica.handle_tick(now),
            TraceEvent::Configured => replica.set_config(&self.plan.config, now),
            _ => {}
        }
    }

    /// Compares the shared state with that of the replica.
    fn check_replica(&self, now: Now) {
        if let Some((replica, _)) =
            self.replica.as_ref().filter(|_| !self.oracle.ending && self.step.get().is_multiple_of(8))
        {
            let (ours, theirs) = (self.engine.hub().shared_summary(now), replica.shared_summary(now));
            assert_eq!(ours, theirs, "the same changes lead to another state in a replica");
        }
    }

    /// Checks the written bytes and the closed connections.
    fn look(&mut self, now: Now) {
        let shown = self.engine.hub_mut().poll_console_output();
        self.oracle.check_console_output(&shown);
        let mut done = false;
        for index in 0..self.alive.len() {
            let who = self.alive[index];
            let person = &mut self.people[who];
            let mut wire = person.wire.borrow_mut();
            if !wire.fresh.is_empty() {
                if self.trace {
                    eprintln!(
                        "{:5} {:12.3?} to {who}: {:?}",
                        self.step.get(),
                        self.at,
                        String::from_utf8_lossy(&wire.fresh)
                    );
                }
                self.oracle.check_deleted(who, &wire.fresh);
                match (&mut person.page, &mut person.program) {
                    _ if let Some(irc) = &mut person.irc => self.oracle.check_output(who, &irc.read(&wire.fresh)),
                    (Some(page), _) => self.oracle.check_output(who, &page.read(&wire.fresh)),
                    (_, Some(program)) => self.oracle.check_output(who, &program.read(&wire.fresh)),
                    _ => self.oracle.check_output(who, &wire.fresh),
                }
                wire.fresh.clear();
                person.written_at = now.at;
            }
            let reader = &self.oracle.readers[who];
            person.pauses &= !reader.typed.is_empty();
            if wire.closed {
                drop(wire);
                self.check_closed(who, now);
                self.people[who].done = true;
                done = true;
            }
        }
        if done {
            self.alive.retain(|&who| !self.people[who].done);
        }
    }

    /// Checks a closed connection: all its output must have been written, unless there is a reason.
    fn check_closed(&self, who: usize, now: Now) {
        let (person, wire) = (&self.people[who], self.people[who].wire.borrow());
        let reader = &self.oracle.readers[who];
        let Some((cause, at)) = &reader.left else {
            assert_eq!(reader.stage, ReaderStage::Outside, "person {who} is closed and has not left");
            return;
        };
        let waited = now.at + Duration::from_millis(2) - (*at).max(person.written_at);
        let is_lost = matches!(cause, Cause::TooSlow | Cause::ConnectionLost) || wire.is_lost();
        let is_over = self.engine.is_done(now.at) && self.engine.connection_count() > 0;
        let is_late = waited >= FAREWELL_TIMEOUT;
        if !is_lost && !is_over && !is_late {
            let owed = self.oracle.owed_bytes(who);
            assert_eq!(owed, 0, "person {who} is closed with unread text {:?}", self.oracle.unread_text(who));
        }
        // Later input would cause a reset, and lose what the person has not read.
        let has_ended = wire.told_end || self.oracle.ending || waited >= Duration::from_secs(2);
        assert!(is_lost || has_ended, "person {who} is closed and had no time to close their side");
    }
}

/// Whether a world has a store and accounts: about a quarter have.
fn has_accounts(seed: u64, plan: &SeedPlan) -> bool {
    // Not from the plan's `random`, so that a seed stays what it was.
    plan.config.login == Login::Nickname && hash_of(seed) >> 62 == 1
}

/// Whether a world has members with IRC clients: about a quarter have.
fn has_irc(seed: u64, plan: &SeedPlan) -> bool {
    plan.config.login == Login::Nickname && hash_of(seed) >> 48 & 3 == 0
}

/// A hash of a seed, whose bits choose what a world has.
fn hash_of(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What a server with a new store starts with.
fn empty_store() -> InitialState {
    let (rooms, stored, bans, accounts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    InitialState { next_id: 1, run: 0, cloak_key: [0; 2], rooms, stored, bans, accounts }
}
