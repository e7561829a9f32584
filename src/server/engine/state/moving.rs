//! What the engine does for an upgrade, in which another process takes its sockets over.

use crate::chat::{ClientId, Now};
use crate::server::connection::Phase;
use crate::server::connection::transport::{Listener, Transport};
use crate::server::engine::Engine;
use crate::server::store::writer::StoreWriter;

/// Descriptors that a relay leaves free for its own use, and for that of the server if the upgrade fails.
const RELAY_RESERVE: usize = 16;

/// Connections with TLS that keep a server from being handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockingConnections {
    /// Those whose handshake is not over, or that are closed and not removed yet.
    pub opening: usize,
    /// Those that are more than this process can relay.
    pub excess: usize,
}

impl<L: Listener> Engine<L> {
    /// Sets whether connections are accepted; meanwhile they wait in the kernel's queue.
    pub fn set_accepting(&mut self, accepts: bool) {
        self.acceptor.set_accepting(accepts);
    }

    /// The number of connections that this process can relay, by the limit on file descriptors: each needs two more of them
    /// for the time of a handover.
    fn relay_limit(&self) -> usize {
        self.connections.room().saturating_sub(RELAY_RESERVE) / 2
    }

    /// The slots of the connections that no other process can go on with: those with TLS.
    pub fn unmovable(&self) -> impl Iterator<Item = usize> {
        self.connections.iter().filter(|(_, connection)| !connection.stream.can_move()).map(|(slot, _)| slot)
    }

    /// Makes it possible to relay all connections with TLS: handshakes have to be over, and members above the limit are told
    /// once that the server shuts down. With `is_late` all connections that are in the way are closed.
    pub fn prepare_relay(&mut self, is_late: bool, now: Now) -> BlockingConnections {
        let most = self.relay_limit();
        let is_open = |&slot: &usize| {
            let connection = &self.connections[slot];
            connection.phase != Phase::Closed && !connection.is_opening()
        };
        let (mut open, opening): (Vec<usize>, Vec<usize>) = self.unmovable().partition(is_open);
        // If there are too many, exchanges of HTTP are closed before members.
        open.sort_by_key(|&slot| self.connections[slot].is_exchange());
        let excess = open.split_off(most.min(open.len()));
        for &slot in &excess {
            let is_exchange = self.connections[slot].is_exchange();
            if !is_exchange {
                self.hub.disconnect_for_upgrade(ClientId::new(slot), now);
            }
            if is_late || is_exchange {
                let _ = self.connections[slot].stream.end_writing();
                self.finish(slot);
            }
        }
        if is_late {
            opening.iter().for_each(|&slot| self.finish(slot));
        }
        self.close(now);
        BlockingConnections { opening: opening.len(), excess: excess.len() }
    }

    /// Ends the engine of a server that was replaced; gives the streams of its connections by slot. Everything else is
    /// dropped.
    pub fn into_streams(self) -> impl Iterator<Item = (usize, L::Transport)> {
        self.connections.into_streams()
    }

    /// The send buffer of connections in bytes; 0 for the system's default.
    pub fn send_buffer(&self) -> usize {
        self.limits.send_buffer
    }

    /// Whether there is no store, or it works.
    pub fn store_works(&self) -> bool {
        self.store_writer.as_ref().is_none_or(StoreWriter::works)
    }

    /// Closes the file of the store, so that a successor can open it. No turn may follow before
    /// [`Engine::take_back_store`].
    pub fn release_store(&mut self) {
        self.store_writer.iter_mut().for_each(StoreWriter::release);
    }

    /// Opens the file of the store again that no successor has taken over.
    pub fn take_back_store(&mut self, now: Now) {
        if let Some(store_writer) = &mut self.store_writer
            && let Err(why) = store_writer.take_back(now.at)
        {
            self.hub.handle_store_failure(&why);
        }
    }
}
