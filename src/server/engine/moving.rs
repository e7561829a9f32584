//! What the engine does for an upgrade, in which another process takes its sockets over.

use super::Engine;
use crate::chat::{ClientId, Now};
use crate::server::connection::Protocol;
use crate::server::connection::transport::{Listener, Transport};
use crate::server::store_writer::StoreWriter;

impl<L: Listener> Engine<L> {
    /// Sets whether connections are accepted; meanwhile they wait in the kernel's queue.
    pub fn set_accepting(&mut self, accepts: bool) {
        self.acceptor.set_accepting(accepts);
    }

    /// The number of connections that no other process can go on with: those with TLS.
    pub fn unmovable_count(&self) -> usize {
        self.connections.iter().filter(|(_, connection)| !connection.stream.can_move()).count()
    }

    /// Tells the members whose connections cannot be moved that they have to connect again, and ends these connections when
    /// that is read. Returns their number.
    pub fn end_unmovable(&mut self, now: Now) -> usize {
        let slots = self.unmovable();
        for &slot in &slots {
            match self.connections[slot].protocol {
                Protocol::Http(_) | Protocol::Opening(_) => {
                    let _ = self.connections[slot].stream.end_writing();
                    self.finish(slot);
                }
                _ => self.hub.disconnect_for_upgrade(ClientId::new(slot), now),
            }
        }
        self.close(now);
        slots.len()
    }

    /// Closes those of these connections that are still there.
    pub fn drop_unmovable(&mut self) {
        self.unmovable().into_iter().for_each(|slot| self.finish(slot));
    }

    fn unmovable(&self) -> Vec<usize> {
        let connections = self.connections.iter();
        connections.filter(|(_, connection)| !connection.stream.can_move()).map(|(slot, _)| slot).collect()
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
