//! The engine as plain data, for the process that takes over its sockets.

pub mod moving;

use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::accept::{Acceptor, AcceptorState};
use super::budget::Budget;
pub use super::connections::SocketMismatch;
use super::connections::{Connections, ConnectionsState, ConnectionsView};
use super::opening::Openings;
use super::read_queue::ReadQueue;
use super::timers::ConnectionTimers;
use crate::chat::{Hub, IpLimit};
use crate::server::connection::transport::{Listener, ListenerKind, Transport};
use crate::server::connection::{Flags, Phase};
use crate::server::http::{TurnHistogram, WebSide};
use crate::server::limits::Limits;
use crate::server::store::writer::{StoreWriter, StoreWriterState};

/// The state of an engine, without the hub and the sockets.
///
/// It has no settings: limits, budget and access rules are those of the process that takes over.
#[derive(Serialize, Deserialize)]
pub struct EngineState {
    connections: ConnectionsState,
    read_queue: ReadQueue,
    timers: ConnectionTimers,
    acceptor: AcceptorState,
    /// Exchanges by address.
    exchanges: IpLimit,
    #[serde(default)]
    openings: Openings,
    turns: Option<TurnHistogram>,
    /// Zero unless the server is a node of a cluster.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    began: Duration,
    ends_at: Option<Duration>,
    /// The state of the store writer, if there was one; the caller gives it to `StoreWriter::restore` with the store.
    pub store_writer: Option<StoreWriterState>,
}

/// The same state, borrowed from an engine that may go on: it is written as an [`EngineState`] is.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct EngineView<'a, S> {
    connections: ConnectionsView<'a, S>,
    read_queue: &'a ReadQueue,
    timers: &'a ConnectionTimers,
    acceptor: &'a AcceptorState,
    exchanges: &'a IpLimit,
    openings: &'a Openings,
    turns: &'a Option<TurnHistogram>,
    #[serde(skip_serializing_if = "Duration::is_zero")]
    began: Duration,
    ends_at: Option<Duration>,
    store_writer: Option<&'a StoreWriterState>,
}

/// The sockets of an engine.
pub struct Sockets<L: Listener> {
    /// The connections' streams by slot.
    pub streams: Vec<(usize, L::Transport)>,
    /// The listeners in the order of their new numbers.
    pub listeners: Vec<(ListenerKind, L)>,
}

/// The settings of an engine that takes over.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    pub limits: Limits,
    pub budget: Budget,
    /// Open connections at most.
    pub max_connections: usize,
}

impl<L: Listener> Engine<L> {
    /// The state between two turns, to be written.
    pub fn state(&self) -> EngineView<'_, L::Transport> {
        EngineView {
            connections: self.connections.state(),
            read_queue: &self.read_queue,
            timers: &self.timers,
            acceptor: self.acceptor.state(),
            exchanges: self.web.exchanges(),
            openings: &self.openings,
            turns: &self.turns,
            began: self.began,
            ends_at: self.ends_at,
            store_writer: self.store_writer.as_ref().map(StoreWriter::state),
        }
    }

    /// Ends the engine between two turns: gives its state, its hub and its sockets. The store is closed.
    pub fn into_state(self) -> (EngineState, Hub, Sockets<L>) {
        let (acceptor, listeners) = self.acceptor.into_state();
        let (connections, streams) = self.connections.into_state();
        let state = EngineState {
            connections,
            read_queue: self.read_queue,
            timers: self.timers,
            acceptor,
            exchanges: self.web.into_exchanges(),
            openings: self.openings,
            turns: self.turns,
            began: self.began,
            ends_at: self.ends_at,
            store_writer: self.store_writer.map(|store_writer| store_writer.into_state()),
        };
        (state, self.hub, Sockets { streams, listeners })
    }

    /// Creates an engine that goes on where another one was ended. Its clock must go on too: a turn's `now.at` is
    /// never before that of the other's last turn.
    ///
    /// Access rules and the store writer have to be set, as for a new engine. All streams are registered with `poll`,
    /// which raises their events again, and all listeners count as ready.
    ///
    /// # Errors
    /// If the streams are not those of the connections.
    pub fn from_state(
        state: EngineState,
        hub: Hub,
        sockets: Sockets<L>,
        settings: EngineSettings,
        poll: &<L::Transport as Transport>::Poll,
    ) -> Result<Self, SocketMismatch> {
        let EngineSettings { limits, budget, max_connections } = settings;
        let budget = if state.ends_at.is_some() { budget.ending() } else { budget };
        let has_admin = sockets.listeners.iter().any(|(kind, _)| *kind == ListenerKind::Admin);
        let mut hub = hub;
        hub.limit_disconnects(budget.disconnects);
        let web = WebSide::new(hub.name(), state.exchanges);
        let mut engine = Engine {
            began: state.began,
            is_paused: false,
            hub,
            limits,
            budget,
            acceptor: Acceptor::from_state(state.acceptor, sockets.listeners),
            connections: Connections::from_state(state.connections, sockets.streams, max_connections)?,
            read_queue: state.read_queue,
            timers: state.timers,
            web,
            openings: state.openings,
            proxies: Vec::new(),
            buffers: None,
            store_writer: None,
            turns: state.turns.or_else(|| has_admin.then(TurnHistogram::default)),
            ends_at: state.ends_at,
            block: vec![0; budget.block].into_boxed_slice(),
        };
        engine.watch_all(poll);
        Ok(engine)
    }

    /// Registers all streams; a connection whose stream is refused is lost.
    fn watch_all(&mut self, poll: &<L::Transport as Transport>::Poll) {
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let connection = &mut self.connections[slot];
            if connection.phase == Phase::Closed {
                continue;
            }
            if let Err(error) = connection.stream.watch(poll, slot) {
                debug!("slot {slot} cannot be watched: {error}");
                connection.flags.insert(Flags::BROKEN);
                self.read_queue.push_broken(slot);
            }
        }
    }
}
