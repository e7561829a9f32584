//! The whole hub as plain data, for the process that takes over its sockets.

use std::collections::BTreeMap;

use log::warn;
use serde::{Deserialize, Serialize};

use super::admission_queue::AdmissionQueue;
use super::deadlines::Deadlines;
use super::disconnects::Disconnects;
use super::journal::Journal;
use super::login::passwords::Passwords;
use super::login::prompts::Prompts;
use super::nodes::joins::NodeJoins;
use super::nodes::kept::KeptState;
use super::nodes::messages::NodeMessages;
use super::nodes::rejoining::Rejoining;
use super::nodes::settings::SharedSettings;
use super::nodes::view::Nodes;
use super::output::outbound::OutboundState;
use super::posts::Posts;
use super::reports::stats::Stats;
use super::rooms::{RoomsState, RoomsView};
use super::store_queue::StoreQueue;
use super::store_queue::conversations::Conversations;
use super::{Hub, Shared};
use crate::chat::account::table::AccountTable;
use crate::chat::config::Config;
use crate::chat::encoding::Renderers;
use crate::chat::id::ClientId;
use crate::chat::input::ResumeRequest;
use crate::chat::member::past::PastMembers;
use crate::chat::member::table::{MemberTable, MemberTableState, MemberTableView};
use crate::chat::policy::bans::Bans;
use crate::chat::policy::ip_limit::IpLimit;
use crate::chat::policy::mutes::Mutes;
use crate::chat::session::monitors::Monitors;
use crate::chat::session::table::SessionTable;

/// The state of a hub, without its settings and renderers.
///
/// The first five hold what follows from the committed changes, and the logs and ignore lists of this process; the others
/// belong to this process alone.
#[derive(Serialize, Deserialize)]
pub struct HubState {
    accounts: AccountTable,
    members: MemberTableState,
    rooms: RoomsState,
    bans: Bans,
    mutes: Mutes,
    #[serde(default, skip_serializing_if = "NodeJoins::is_empty")]
    node_joins: NodeJoins,
    journal: Journal,
    sessions: SessionTable,
    admission: AdmissionQueue,
    ip_limit: IpLimit,
    resume_requests: BTreeMap<ClientId, ResumeRequest>,
    #[serde(default, skip_serializing_if = "Rejoining::is_empty")]
    rejoining: Rejoining,
    #[serde(default, skip_serializing_if = "NodeMessages::is_empty")]
    node_messages: NodeMessages,
    #[serde(default, skip_serializing_if = "Nodes::is_empty")]
    nodes: Nodes,
    prompts: Prompts,
    passwords: Passwords,
    deadlines: Deadlines,
    disconnects: Disconnects,
    outbound: OutboundState,
    store: Option<Box<StoreQueue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Box<KeptState>>,
    stats: Stats,
    #[serde(default)]
    monitors: Monitors,
    #[serde(default, skip_serializing_if = "Monitors::is_empty")]
    subscribed_keys: Monitors,
    #[serde(default)]
    past_members: PastMembers,
    #[serde(default)]
    conversations: Conversations,
    #[serde(default)]
    posts: Posts,
    #[serde(default)]
    reload_requests: Vec<ClientId>,
    run: u64,
    #[serde(default)]
    cloak_key: Option<[u64; 2]>,
    ending: bool,
    /// In a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<SharedSettings>,
}

/// The same state, borrowed from a hub that may go on: it is written as a [`HubState`] is.
#[derive(Serialize)]
pub struct HubView<'a> {
    accounts: &'a AccountTable,
    members: MemberTableView<'a>,
    rooms: RoomsView<'a>,
    bans: &'a Bans,
    mutes: &'a Mutes,
    #[serde(skip_serializing_if = "NodeJoins::is_empty")]
    node_joins: &'a NodeJoins,
    journal: &'a Journal,
    sessions: &'a SessionTable,
    admission: &'a AdmissionQueue,
    ip_limit: &'a IpLimit,
    resume_requests: &'a BTreeMap<ClientId, ResumeRequest>,
    #[serde(skip_serializing_if = "Rejoining::is_empty")]
    rejoining: &'a Rejoining,
    #[serde(skip_serializing_if = "NodeMessages::is_empty")]
    node_messages: &'a NodeMessages,
    #[serde(skip_serializing_if = "Nodes::is_empty")]
    nodes: &'a Nodes,
    prompts: &'a Prompts,
    passwords: &'a Passwords,
    deadlines: &'a Deadlines,
    disconnects: &'a Disconnects,
    outbound: &'a OutboundState,
    store: &'a Option<Box<StoreQueue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: &'a Option<Box<KeptState>>,
    stats: &'a Stats,
    monitors: &'a Monitors,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribed_keys: Option<&'a Monitors>,
    past_members: &'a PastMembers,
    conversations: &'a Conversations,
    posts: &'a Posts,
    reload_requests: &'a [ClientId],
    run: u64,
    cloak_key: Option<[u64; 2]>,
    ending: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<SharedSettings>,
}

/// The settings of a state that was handed over, which can be read although the rest cannot.
#[derive(Deserialize)]
pub struct HubStateSettings {
    settings: Option<SharedSettings>,
}

impl HubStateSettings {
    /// As [`HubState::check`].
    ///
    /// # Errors
    /// As that.
    pub fn check(&self) -> Result<(), String> {
        self.settings.as_ref().map_or(Ok(()), SharedSettings::check_tables)
    }
}

impl HubState {
    /// Whether this program can go on with it.
    ///
    /// # Errors
    /// If it is that of a node, and the Unicode tables of this program are others: the text says what to do.
    pub fn check(&self) -> Result<(), String> {
        self.settings.as_ref().map_or(Ok(()), SharedSettings::check_tables)
    }
}

impl Hub {
    /// The state between two turns, to be written.
    pub fn state(&self) -> HubView<'_> {
        let Shared { accounts, members, rooms, bans, mutes, node_joins, .. } = &self.shared;
        HubView {
            accounts,
            members: members.state(),
            rooms: rooms.state(),
            bans,
            mutes,
            node_joins,
            journal: &self.journal,
            sessions: &self.sessions,
            admission: &self.admission,
            ip_limit: &self.ip_limit,
            resume_requests: &self.resume_requests,
            rejoining: &self.rejoining,
            node_messages: &self.node_messages,
            nodes: &self.nodes,
            prompts: &self.prompts,
            passwords: &self.passwords,
            deadlines: &self.deadlines,
            disconnects: &self.disconnects,
            outbound: self.outbound.state(),
            store: &self.store,
            kept: &self.kept,
            stats: &self.stats,
            monitors: &self.monitors,
            subscribed_keys: Some(&self.subscribed_keys).filter(|keys| !keys.is_empty()),
            past_members: &self.past_members,
            conversations: &self.conversations,
            posts: &self.posts,
            reload_requests: &self.reload_requests,
            run: self.run,
            cloak_key: Some(self.cloak_key),
            ending: self.ending,
            settings: self.is_node().then(|| SharedSettings::of(&self.config)),
        }
    }

    /// Ends the hub between two turns: gives its state.
    pub fn into_state(self) -> HubState {
        let settings = self.is_node().then(|| SharedSettings::of(&self.config));
        let Shared { accounts, members, rooms, bans, mutes, node_joins, .. } = self.shared;
        HubState {
            accounts,
            members: members.into_state(),
            rooms: rooms.into_state(),
            bans,
            mutes,
            node_joins,
            journal: self.journal,
            sessions: self.sessions,
            admission: self.admission,
            ip_limit: self.ip_limit,
            resume_requests: self.resume_requests,
            rejoining: self.rejoining,
            node_messages: self.node_messages,
            nodes: self.nodes,
            prompts: self.prompts,
            passwords: self.passwords,
            deadlines: self.deadlines,
            disconnects: self.disconnects,
            outbound: self.outbound.into_state(),
            store: self.store,
            kept: self.kept,
            stats: self.stats,
            monitors: self.monitors,
            subscribed_keys: self.subscribed_keys,
            past_members: self.past_members,
            conversations: self.conversations,
            posts: self.posts,
            reload_requests: self.reload_requests,
            run: self.run,
            cloak_key: Some(self.cloak_key),
            ending: self.ending,
            settings,
        }
    }

    /// Creates a hub that goes on where another one was ended. See [`HubState::check`].
    ///
    /// The settings are those of `config`, which may be others than before; in a cluster those stay that all nodes must have alike.
    pub fn from_state(state: HubState, mut config: Config, renders: Renderers) -> Hub {
        if let Some(settings) = &state.settings {
            let differences = settings.differences(&SharedSettings::of(&config));
            if !differences.is_empty() {
                warn!("the settings that all nodes have stay as they were until all nodes have ended: {differences}");
            }
            settings.set_in(&mut config);
        }
        let mut hub = Hub::new(config, renders);
        hub.shared.accounts = state.accounts;
        hub.shared.members = MemberTable::from_state(state.members);
        hub.shared.rooms.restore(state.rooms);
        hub.shared.bans = state.bans;
        hub.shared.mutes = state.mutes;
        hub.shared.node_joins = state.node_joins;
        hub.journal = state.journal;
        if hub.is_node() {
            hub.adopt_cluster();
        }
        hub.sessions = state.sessions;
        hub.admission = state.admission;
        hub.ip_limit = state.ip_limit;
        hub.resume_requests = state.resume_requests;
        hub.rejoining = state.rejoining;
        (hub.node_messages, hub.nodes) = (state.node_messages, state.nodes);
        hub.prompts = state.prompts;
        hub.passwords = state.passwords;
        hub.deadlines = state.deadlines;
        hub.disconnects = state.disconnects;
        hub.outbound.restore(state.outbound);
        hub.store = state.store;
        hub.kept = state.kept;
        hub.stats = state.stats;
        hub.monitors = state.monitors;
        hub.subscribed_keys = state.subscribed_keys;
        hub.past_members = state.past_members;
        hub.counts = hub.recount();
        hub.note_most_members();
        hub.conversations = state.conversations;
        hub.posts = state.posts;
        hub.reload_requests = state.reload_requests;
        hub.run = state.run;
        hub.outbound.set_run(state.run);
        hub.cloak_key = state.cloak_key.unwrap_or(hub.cloak_key);
        hub.ending = state.ending;
        hub.adopt_config();
        hub
    }
}
