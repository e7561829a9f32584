//! Closes connections, from the last line to a free slot.

use super::Engine;
use super::timers::{DRAIN_TIMEOUT, Timer};
use crate::chat::{ClientId, Close, Now};
use crate::server::connection::transport::{Listener, Transport};
use crate::server::connection::{Flags, Phase, Protocol, Received};
use crate::server::limits::FAREWELL_TIMEOUT;

impl<L: Listener> Engine<L> {
    /// Begins to close the connections that the hub wants closed.
    pub(super) fn close(&mut self, now: Now) {
        while let Some((id, how)) = self.hub.poll_close() {
            let slot = id.slot();
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            match how {
                Close::AtOnce => self.finish(slot),
                Close::WhenRead if connection.phase == Phase::Open => {
                    connection.phase = Phase::Closing;
                    connection.flags.remove(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
                    connection.progress = now.at.as_millis() as u64;
                    self.set_timer(slot, Timer::Farewell, now.at + FAREWELL_TIMEOUT);
                    self.end_web_socket(slot);
                    if self.is_written(slot) {
                        self.shutdown_write(slot, now);
                    }
                }
                Close::WhenRead => {}
            }
        }
    }

    /// Whether the kernel has taken all bytes for a connection.
    pub(super) fn is_written(&self, slot: usize) -> bool {
        self.hub.is_up_to_date(ClientId::new(slot)) && !self.connections[slot].stream.wants_write()
    }

    /// Shuts down writing of a connection that has been sent everything, and waits for its end.
    pub(super) fn shutdown_write(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        connection.phase = Phase::Draining;
        connection.progress = now.at.as_millis() as u64;
        let shut = connection.stream.end_writing();
        let done = connection.flags.contains(Flags::ENDED) || shut.is_err();
        if done || self.ends_at.is_some() {
            self.finish(slot);
        } else {
            self.set_timer(slot, Timer::Farewell, now.at + DRAIN_TIMEOUT);
            self.drain(slot);
        }
    }

    /// Discards input of a connection whose writing is shut down, until its end or the deadline.
    pub(super) fn drain(&mut self, slot: usize) {
        match self.connections[slot].drain(&mut self.block) {
            Received::End => self.finish(slot),
            Received::More => self.read_soon(slot),
            _ => {}
        }
    }

    /// Ends the session of a connection that is lost, and closes it.
    pub(super) fn lose(&mut self, slot: usize, now: Now) {
        self.hub.handle_connection_lost(ClientId::new(slot), now);
        self.finish(slot);
    }

    /// Marks a connection for removal at the end of the turn.
    pub(super) fn finish(&mut self, slot: usize) {
        self.connections.finish(slot);
    }

    /// Removes closed connections; their slots may be reused from now on.
    pub(super) fn reap(&mut self, now: Now) {
        for _ in 0..self.budget.reaps {
            let Some((slot, connection)) = self.connections.remove_next() else { break };
            match &connection.protocol {
                Protocol::Http(exchange) if !exchange.is_admin() => self.web.release(exchange.addr().ip()),
                Protocol::Opening(opening) => self.openings.leave(opening.counted_addr()),
                _ => {}
            }
            // Closing the socket removes it from the poll.
            drop(connection);
            self.hub.handle_closed(ClientId::new(slot), now);
            self.acceptor.fd_freed();
        }
        self.connections.shrink();
    }
}
