//! The world of one seed: the server, its persons, its clocks and their events.

mod ending;
mod invariants;
mod output;
mod plan;
mod scheduler;
mod turn;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use time::{Date, Month, PrimitiveDateTime, Time};

use self::plan::SeedPlan;
use super::network::{Listener, Network, proxy};
use super::oracle::Oracle;
use super::people::Person;
use super::processes::hasher::Hasher;
use super::processes::sequencer::DelayedSequencer;
use crate::chat::record::InitialState;
use crate::chat::{Config, Hub, Lang, Login, Now, OfflineWhispers};
use crate::server::connection::transport::ListenerKind;
use crate::server::engine::Engine;
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
    /// Decides when programs post, if they ever do.
    pub(super) posts: Option<Random>,
    /// Decides when the settings change, if they ever do.
    pub(super) reloads: Option<Random>,
    /// The greatest limits that there have been.
    pub(super) most: MostEver,
    /// The revision of the protocol that the programs know.
    pub(super) revision: u32,
    /// The listener for IRC, if there is one.
    pub(super) irc_listener: Option<usize>,
    /// The listener for IRC in frames, if there is one.
    pub(super) irc_web_listener: Option<usize>,
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
        let irc_web_listener = (has_irc && hash_of(seed) >> 50 & 1 == 0).then_some(listeners.len());
        if irc_web_listener.is_some() {
            listeners.push((ListenerKind::Web, network.listen()));
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
        let now = Now { at, local: (wall + at).assume_utc() };
        if hasher.is_some() {
            hub.restore(empty_store(), now);
        }
        let replica = (seed / 32 % 8 == 1).then(|| (replica_hub(&plan, hasher.is_some(), now), 0));
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
            posts: (hash_of(seed) >> 54 & 3 == 0).then_some(Random(seed)),
            reloads: (hash_of(seed) >> 32 & 3 == 0).then_some(Random(seed)),
            most: MostEver::of(&plan.config),
            irc_listener,
            irc_web_listener,
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

    /// Whether the port of a listener is for TLS.
    pub(super) fn is_tls(&self, listener: usize) -> bool {
        self.tls >> listener & 1 == 1
    }

    /// HTTP connections and unfinished handshakes, which the hub does not know.
    pub(super) fn exchanges(&self) -> usize {
        self.engine.exchange_count() + self.engine.opening_count()
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
    InitialState { next_id: 1, ..InitialState::default() }
}

/// A server without sessions, with the settings of a plan: it applies the changes of another one.
fn replica_hub(plan: &SeedPlan, has_accounts: bool, now: Now) -> Hub {
    let config = Config { hash_key: [7, 7], ..plan.config.clone() };
    let mut replica = Hub::new(config, renderers_of(Lang::En, &plan.config.name));
    replica.use_external_sequencer();
    if has_accounts {
        replica.restore(empty_store(), now);
    }
    if plan.operator {
        // The operator is a member there too.
        replica.attach_console();
    }
    replica
}
