//! The open connections by slot, and the queue of those to remove.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};
use slab::Slab;

use crate::server::connection::transport::Transport;
use crate::server::connection::{Connection, ConnectionState, Phase};
use crate::util::tables::shrink;

/// All connections, up to a maximum.
pub struct Connections<S> {
    slab: Slab<Connection<S>>,
    most: usize,
    /// The serial number of the newest connection.
    serial: u32,
    /// Slots to be freed at the end of a turn, when no event can mean them any more.
    closed: VecDeque<usize>,
}

/// The connections without their sockets, as plain data.
#[derive(Serialize, Deserialize)]
pub struct ConnectionsState {
    slots: Slab<ConnectionState>,
    serial: u32,
    closed: VecDeque<usize>,
}

/// The same, borrowed from connections that may go on.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct ConnectionsView<'a, S> {
    slots: &'a Slab<Connection<S>>,
    serial: u32,
    closed: &'a VecDeque<usize>,
}

/// The handed over streams are not those of the handed over connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketMismatch {
    #[error("the connection in slot {0} was handed over without its socket")]
    Missing(usize),
    #[error("a socket was handed over for slot {0}, which has no connection")]
    Unknown(usize),
}

impl<S: Transport> Connections<S> {
    /// Creates an empty table for up to `most` connections.
    pub fn new(most: usize) -> Self {
        Connections { slab: Slab::new(), most, serial: 0, closed: VecDeque::new() }
    }

    /// The state of all connections, to be written.
    pub fn state(&self) -> ConnectionsView<'_, S> {
        ConnectionsView { slots: &self.slab, serial: self.serial, closed: &self.closed }
    }

    /// Gives the state of all connections, and their streams by slot.
    pub fn into_state(self) -> (ConnectionsState, Vec<(usize, S)>) {
        let mut streams = Vec::with_capacity(self.slab.len());
        let slots = self.slab.into_iter().map(|(slot, connection)| {
            let (state, stream) = connection.replace_stream(());
            streams.push((slot, stream));
            (slot, state)
        });
        let slots = slots.collect();
        (ConnectionsState { slots, serial: self.serial, closed: self.closed }, streams)
    }

    /// Gives the streams of all connections by slot; everything else is dropped.
    pub fn into_streams(self) -> impl Iterator<Item = (usize, S)> {
        self.slab.into_iter().map(|(slot, connection)| (slot, connection.stream))
    }

    /// Takes back what [`Connections::into_state`] gave, in the same slots.
    ///
    /// # Errors
    /// If a connection has no stream, or a stream no connection.
    pub fn from_state(state: ConnectionsState, streams: Vec<(usize, S)>, most: usize) -> Result<Self, SocketMismatch> {
        let ConnectionsState { mut slots, serial, closed } = state;
        let mut connections = Vec::with_capacity(slots.len());
        for (slot, stream) in streams {
            let state = slots.try_remove(slot).ok_or(SocketMismatch::Unknown(slot))?;
            connections.push((slot, state.replace_stream(stream).0));
        }
        if let Some((slot, _)) = slots.iter().next() {
            return Err(SocketMismatch::Missing(slot));
        }
        Ok(Connections { slab: connections.into_iter().collect(), most, serial, closed })
    }

    /// The number of connections.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// The number of connections that may be opened besides.
    pub fn room(&self) -> usize {
        self.most.saturating_sub(self.slab.len())
    }

    /// Whether one more connection may be open.
    pub fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// All connections with their slots, in the order of slots.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Connection<S>)> {
        self.slab.iter()
    }

    /// The connection in a slot.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Connection<S>> {
        self.slab.get_mut(slot)
    }

    /// The connection in a slot.
    pub fn get(&self, slot: usize) -> Option<&Connection<S>> {
        self.slab.get(slot)
    }

    /// The slot of the next connection.
    pub fn next_slot(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Adds a connection that has just been accepted, in [`Connections::next_slot`].
    pub fn insert(&mut self, stream: S) -> &mut Connection<S> {
        self.serial = self.serial.wrapping_add(1);
        let slot = self.slab.insert(Connection::new(stream, self.serial));
        &mut self.slab[slot]
    }

    /// Marks a connection for removal at the end of the turn.
    pub fn finish(&mut self, slot: usize) {
        let connection = &mut self.slab[slot];
        if connection.phase != Phase::Closed {
            connection.phase = Phase::Closed;
            self.closed.push_back(slot);
        }
    }

    /// The number of connections that are marked for removal.
    pub fn closed(&self) -> usize {
        self.closed.len()
    }

    /// Removes the next marked connection; its slot may be reused from now on.
    pub fn remove_next(&mut self) -> Option<(usize, Connection<S>)> {
        let slot = self.closed.pop_front()?;
        Some((slot, self.slab.remove(slot)))
    }

    /// Frees unused memory.
    pub fn shrink(&mut self) {
        shrink::slab(&mut self.slab);
        shrink::queue(&mut self.closed);
    }
}

impl<S> Index<usize> for Connections<S> {
    type Output = Connection<S>;

    fn index(&self, slot: usize) -> &Connection<S> {
        &self.slab[slot]
    }
}

impl<S> IndexMut<usize> for Connections<S> {
    fn index_mut(&mut self, slot: usize) -> &mut Connection<S> {
        &mut self.slab[slot]
    }
}
