//! The hub: a facade of the parts that are the state of a chat server.
//!
//! A line of a member becomes a plan (`plan`), which reads the state and changes nothing. A plan may propose a public
//! change; the journal puts it in order, and `apply` applies it to the shared state and to the logs of rooms.

mod admission_queue;
mod apply;
mod check;
mod connections;
mod console;
mod deadlines;
mod disconnects;
mod ending;
mod fanout;
mod irc;
mod journal;
mod lines;
mod local_changes;
mod login;
mod nodes;
mod output;
mod plan;
mod posts;
mod reload;
mod reports;
mod rooms;
mod state;
mod store_queue;
#[cfg(test)]
pub(crate) mod tests;
mod trace;

use std::collections::BTreeMap;
use std::time::Duration;

use self::admission_queue::AdmissionQueue;
use self::deadlines::Deadlines;
pub use self::disconnects::DISCONNECTS_PER_TICK;
use self::disconnects::Disconnects;
use self::fanout::Fanout;
use self::irc::search::SearchBudget;
use self::journal::Journal;
use self::login::passwords::Passwords;
use self::login::prompts::Prompts;
pub use self::nodes::Returned;
use self::nodes::joins::NodeJoins;
pub use self::nodes::kept::Kept;
use self::nodes::kept::KeptState;
use self::nodes::log_clock::LogClock;
use self::nodes::messages::NodeMessages;
pub use self::nodes::messages::{NodeMessage, NodeUnreachable};
use self::nodes::rejoining::Rejoining;
pub use self::nodes::snapshot::Snapshot;
pub use self::nodes::view::NodeView;
use self::nodes::view::Nodes;
pub use self::output::WriteBatch;
use self::output::outbound::Outbound;
use self::plan::View;
use self::posts::Posts;
pub use self::posts::{PostRefusal, Posted};
use self::reports::counts::Counts;
use self::reports::stats::Stats;
pub use self::reports::stats::{HeadCount, StatsSnapshot};
use self::rooms::{RoomLimits, Rooms};
pub use self::state::{HubState, HubStateSettings, HubView};
use self::store_queue::StoreQueue;
use self::store_queue::conversations::Conversations;
use self::trace::Trace;
pub use self::trace::TraceEvent;
use super::account::table::AccountTable;
use super::change::Proposal;
use super::config::{Config, Login, Mode};
use super::encoding::Renderers;
use super::event::Notice;
use super::id::{ClientId, MemberId, Now};
use super::input::ResumeRequest;
use super::irc::modes::ChannelMode;
use super::member::past::PastMembers;
use super::member::table::MemberTable;
use super::policy::bans::Bans;
use super::policy::ip_limit::IpLimit;
use super::policy::mutes::Mutes;
use super::room::segment_log::Retention;
use super::session::PendingDisconnect;
use super::session::monitors::Monitors;
use super::session::table::SessionTable;

/// The target of log lines that the console does not repeat, because it shows the same event itself.
pub const OPERATOR_LOG: &str = "chinwag::operator";

/// What committed changes change. It is the same wherever the same changes are applied.
struct Shared {
    accounts: AccountTable,
    /// Maximum accounts.
    max_accounts: usize,
    members: MemberTable,
    rooms: Rooms,
    bans: Bans,
    mutes: Mutes,
    node_joins: NodeJoins,
}

/// The state of a chat server.
pub struct Hub {
    config: Config,
    shared: Shared,
    journal: Journal,
    sessions: SessionTable,
    admission: AdmissionQueue,
    ip_limit: IpLimit,
    /// The resume requests of sessions that have not logged in yet.
    resume_requests: BTreeMap<ClientId, ResumeRequest>,
    rejoining: Rejoining,
    log_clock: LogClock,
    node_messages: NodeMessages,
    nodes: Nodes,
    /// Which sessions are asked for a password.
    prompts: Prompts,
    passwords: Passwords,
    deadlines: Deadlines,
    disconnects: Disconnects,
    outbound: Outbound,
    /// What waits for the store; `None` without a store.
    store: Option<Box<StoreQueue>>,
    /// What is known of the bucket; `None` without a cluster.
    kept: Option<Box<KeptState>>,
    stats: Stats,
    counts: Counts,
    /// The names that sessions of IRC monitor.
    monitors: Monitors,
    /// The changes of the MODE that is processed, which IRC is shown in one line.
    mode_changes: Option<Vec<ChannelMode>>,
    /// The keys of metadata to which sessions of IRC have subscribed.
    subscribed_keys: Monitors,
    /// The last names that members gave up.
    past_members: PastMembers,
    /// How many members may be looked at for masks.
    searches: SearchBudget,
    conversations: Conversations,
    /// What posters have not been answered yet.
    posts: Posts,
    /// Sessions that have asked for a reload.
    reload_requests: Vec<ClientId>,
    trace: Trace,
    /// A number that identifies this run of the server, or the store if there is one.
    run: u64,
    /// The secret key of the cloaks of addresses: of this run, or of the store if there is one.
    cloak_key: [u64; 2],
    /// The server is shutting down.
    ending: bool,
}

impl Hub {
    /// Creates an empty server.
    pub fn new(mut config: Config, renders: Renderers) -> Self {
        if config.mode == Mode::P2p {
            config.login = Login::Address;
            config.max_clients = 1;
            config.max_waiting = 0;
        }
        // The history must fit into the backlog, or a reader of it would be a slow consumer.
        config.history_bytes = config.history_bytes.min(config.backlog_bytes / 2);
        let mut outbound = Outbound::new(renders, config.backlog_bytes);
        outbound.set_run(config.run);
        Hub {
            shared: Shared {
                accounts: AccountTable::default(),
                max_accounts: config.max_accounts,
                members: MemberTable::new(config.hash_key),
                rooms: Rooms::new(Retention::of(&config), RoomLimits::of(&config)),
                bans: Bans::default(),
                mutes: Mutes::default(),
                node_joins: NodeJoins::default(),
            },
            journal: Journal::default(),
            sessions: SessionTable::default(),
            admission: AdmissionQueue::new(config.max_clients, config.max_waiting),
            ip_limit: IpLimit::default(),
            resume_requests: BTreeMap::new(),
            rejoining: Rejoining::default(),
            log_clock: LogClock::default(),
            node_messages: NodeMessages::default(),
            nodes: Nodes::default(),
            prompts: Prompts::default(),
            passwords: Passwords::default(),
            deadlines: Deadlines::default(),
            disconnects: Disconnects::default(),
            outbound,
            store: None,
            kept: None,
            stats: Stats::default(),
            counts: Counts::default(),
            monitors: Monitors::default(),
            mode_changes: None,
            subscribed_keys: Monitors::default(),
            past_members: PastMembers::default(),
            searches: SearchBudget::default(),
            conversations: Conversations::default(),
            posts: Posts::default(),
            reload_requests: Vec::new(),
            trace: Trace::default(),
            run: config.run,
            cloak_key: config.cloak_key,
            ending: false,
            config,
        }
    }

    /// Records all inputs and committed changes from now on, for [`Hub::poll_trace`].
    pub fn enable_trace(&mut self) {
        self.trace.enable();
    }

    /// Takes the recorded inputs and changes since the last call.
    pub fn poll_trace(&mut self) -> Vec<TraceEvent> {
        self.trace.take()
    }

    /// Hands public changes out from now on: [`Hub::poll_proposal`] returns them, and the caller gives each to
    /// [`Hub::handle_committed`] when it is committed. Must be called before the first connection.
    pub fn use_external_sequencer(&mut self) {
        self.journal.use_external_sequencer();
        // The operator at the console of another node says something here, too.
        if self.shared.members.operator().is_none() {
            self.shared.members.insert_operator();
        }
    }

    /// As [`Hub::use_external_sequencer`]; this hub is a node of a cluster, and the other nodes apply the same changes. From now on
    /// what a change does depends on the shared state and the change alone: the store, which each node may have or not, decides
    /// nothing.
    pub fn use_cluster(&mut self) {
        self.journal.use_cluster();
        self.shared.members.add_operator();
        self.adopt_cluster();
    }

    /// Whether this hub is a node of a cluster.
    pub fn is_node(&self) -> bool {
        self.journal.is_shared()
    }

    /// Whether members may come by IRC, which needs nicknames and rooms.
    pub fn has_irc(&self) -> bool {
        self.config.has_followed_rooms()
    }

    /// Takes the next change for the external sequencer.
    pub fn poll_proposal(&mut self) -> Option<Proposal> {
        self.journal.pop_proposal()
    }

    /// Whether there is a change for the external sequencer.
    pub fn has_proposals(&self) -> bool {
        self.journal.has_proposals()
    }

    /// Borrows the parts that take part in a delivery.
    fn fanout(&mut self) -> Fanout<'_> {
        let Hub { config, shared: Shared { members, rooms, .. }, sessions, outbound, stats, .. } = self;
        Fanout::new(config, members, rooms, sessions, outbound, stats)
    }

    /// As [`Hub::fanout`]; IRC shows that the next events are caused by this member.
    fn fanout_by(&mut self, member: MemberId, time: &Now) -> Fanout<'_> {
        let Hub { config, shared: Shared { accounts, members, rooms, .. }, sessions, outbound, stats, .. } = self;
        let source = members.get(member).map(|_| accounts.source_of(members, member.slot));
        let fanout = Fanout::new(config, members, rooms, sessions, outbound, stats);
        match source {
            Some(source) => fanout.by(source, time),
            None => fanout,
        }
    }

    /// Borrows what a plan may look at.
    fn view(&self, now: &Now) -> View<'_, '_> {
        View {
            config: &self.config,
            shared: &self.shared,
            sessions: &self.sessions,
            node: self.rejoining.node(),
            has_store: self.store.is_some(),
            has_accounts: self.keeps_accounts(),
            keeps_whispers: self.store.is_some() || self.kept.is_some(),
            last_message_id: self.journal.last_message_id(),
            at: self.log_clock.time(now.at),
        }
    }

    /// Does the timed work: disconnects, deadlines, summaries and new numbers in the admission queue.
    pub fn handle_tick(&mut self, now: Now) {
        let until = self.disconnects.end_of_tick();
        self.outbound.check_watched(&mut self.sessions);
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.acknowledge_deliveries();
        self.check_deadlines(until, now);
        self.trace.record(|| TraceEvent::Ticked);
        // There may be more places than before.
        self.admit(now);
        self.fanout().show_summaries(now);
        for (id, number) in self.admission.renumber(&self.sessions, now.at) {
            self.fanout().notice(id, Notice::Waiting { number });
        }
        self.mark_slow_consumers(now);
        self.disconnect(until, now);
        self.disconnects.begin_interval();
    }

    /// The time at which [`Hub::handle_tick`] must be called next, if any.
    pub fn poll_deadline(&self) -> Option<Duration> {
        let summary = self.shared.rooms.next_summary();
        [self.deadlines.next(), summary, self.admission.next_deadline()].into_iter().flatten().min()
    }

    /// Whether there is anything to write, disconnect or close now, without a new event.
    pub fn has_work(&self) -> bool {
        self.outbound.has_work()
            || self.shared.rooms.has_dirty()
            || self.has_pending_disconnects()
            || self.has_finished_deliveries()
    }

    /// Sets how many sessions one tick disconnects, at least 1.
    pub fn limit_disconnects(&mut self, disconnects: usize) {
        self.disconnects.set_per_tick(disconnects);
    }

    /// Whether one more session may be disconnected before the next tick. If not, input that could disconnect one must
    /// wait.
    pub fn may_disconnect(&self) -> bool {
        self.disconnects.is_allowed()
    }

    /// Whether sessions wait to be disconnected.
    pub fn has_pending_disconnects(&self) -> bool {
        self.disconnects.has_pending() || self.deadlines.has_expired()
    }

    /// Whether a session is a slow consumer that will be disconnected; its unread data is dropped already.
    pub fn is_cut_off(&self, id: ClientId) -> bool {
        self.sessions.get(id).is_some_and(|session| session.pending_disconnect == Some(PendingDisconnect::TooSlow))
    }

    /// Whether the server is shutting down: the operator asked for it, or the peer in p2p mode has left.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// What the server calls itself.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether members can register.
    pub fn has_accounts(&self) -> bool {
        self.config.has_followed_rooms() && self.keeps_accounts()
    }

    /// Whether accounts are kept: in the store, or by the nodes of a cluster together.
    fn keeps_accounts(&self) -> bool {
        self.store.is_some() || self.journal.is_shared()
    }

    /// Whether the server is in p2p mode: the operator talks to one member, and the server ends with it.
    pub fn is_p2p(&self) -> bool {
        self.config.mode == Mode::P2p
    }
}
