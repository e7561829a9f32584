//! The second half of a turn: writing to clients.

use log::debug;

use super::Engine;
use crate::chat::{Allowance, ClientId, Now};
use crate::server::connection::transport::{Listener, Transport};
use crate::server::connection::{Flags, Flushed, Phase};

impl<L: Listener> Engine<L> {
    /// Writes private lines, then unread lines to the members of dirty rooms, within the budget.
    pub(super) fn write(&mut self, now: Now) {
        let until = self.hub.bytes_written() + self.budget.turn_bytes;
        for _ in 0..self.budget.private_writes {
            if !self.may_write(until) {
                break;
            }
            let Some(id) = self.hub.poll_outbox() else { break };
            self.flush(id, now);
        }
        let until = self.hub.bytes_written() + self.budget.turn_bytes;
        let mut visits = self.budget.visits;
        while self.may_write(until)
            && let Some(id) = self.hub.poll_sweep(&mut visits)
        {
            self.flush(id, now);
        }
        for slot in self.read_queue.take_after_others() {
            self.resume(slot);
        }
    }

    /// Whether one more session may be written to in this turn, which may disconnect it; `until` bounds the bytes
    /// written since the start.
    fn may_write(&self, until: u64) -> bool {
        self.hub.bytes_written() < until && self.hub.may_disconnect()
    }

    /// Ends the connection that has kept bytes in its transport for the longest time, if all keep too many.
    pub(super) fn drop_slowest(&mut self, now: Now) {
        if !self.has_full_buffers() || !self.hub.may_disconnect() {
            return;
        }
        let open = self.connections.iter().filter(|(_, connection)| connection.phase != Phase::Closed);
        let since = open.filter_map(|(slot, connection)| Some((connection.stream.keeps_since()?, slot)));
        if let Some((_, slot)) = since.min() {
            debug!("client {slot} is disconnected: all TLS connections together keep too many bytes");
            self.lose(slot, now);
        }
    }

    fn flush(&mut self, id: ClientId, now: Now) {
        let slot = id.slot();
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if matches!(connection.phase, Phase::Draining | Phase::Closed) {
            return;
        }
        let flushed = connection.flush(&mut self.hub, id, self.budget.bytes);
        if connection.phase == Phase::Closing {
            connection.progress = now.at.as_millis() as u64;
        }
        if connection.flags.contains(Flags::AFTER_REPLIES) && self.hub.allowance(id, now) != Allowance::AfterReplies {
            self.resume(slot);
        }
        match flushed {
            Flushed::UpToDate if self.connections[slot].phase == Phase::Closing => self.shutdown_write(slot, now),
            Flushed::UpToDate if self.ends_at.is_some() => self.shutdown_write(slot, now),
            Flushed::UpToDate | Flushed::Blocked => {}
            Flushed::More => self.hub.write_later(id),
            Flushed::Lost => self.lose(slot, now),
        }
    }
}
