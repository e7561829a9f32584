//! What is to be written, to whom, and what became of it.

use std::io::IoSlice;

use super::client::{ClientId, Stage};
use super::hub::Hub;
use super::reader::Reader;

/// Visits that one dirty room gets before the next has its turn.
const VISITS_IN_A_ROW: usize = 64;

impl Hub {
    /// The next client to whom something private is owed and who can be written to.
    pub fn poll_private(&mut self) -> Option<ClientId> {
        let id = self.queue.pop(&mut self.clients);
        if id.is_none() {
            self.pressed = false;
        }
        id
    }

    /// The next member of a room who has unread lines and can be written to.
    ///
    /// Visits at most `visits` members and counts them down.
    pub fn poll_sweep(&mut self, visits: &mut usize) -> Option<ClientId> {
        while *visits > 0 {
            let id = self.rooms.first_dirty()?;
            let room = &mut self.rooms[id];
            let Some(member) = room.next_visit() else {
                self.rooms.first_is_clean();
                continue;
            };
            *visits -= 1;
            let client = &self.clients[member];
            let unread = !client.blocked && client.cursor != room.log.end();
            if visits.is_multiple_of(VISITS_IN_A_ROW) {
                self.rooms.rotate_dirty();
            }
            if unread {
                return Some(member);
            }
        }
        None
    }

    /// Lends the next bytes for `id`; returns how many slices were filled.
    pub fn gather<'a>(&'a self, id: ClientId, slices: &mut [IoSlice<'a>]) -> usize {
        let Some(mut reader) = self.reader(id) else { return 0 };
        let mut filled = 0;
        while filled < slices.len() {
            let Some(bytes) = reader.slice() else { break };
            slices[filled] = IoSlice::new(bytes);
            filled += 1;
            reader.consume(bytes.len());
        }
        filled
    }

    /// `n` of the bytes that were lent for `id` have been written.
    pub fn advance(&mut self, id: ClientId, mut n: usize) {
        self.stats.bytes += n as u64;
        let Some(mut reader) = self.reader(id) else { return };
        while let Some(bytes) = reader.slice() {
            if n == 0 {
                break;
            }
            let step = n.min(bytes.len());
            reader.consume(step);
            n -= step;
        }
        let (cursor, place) = reader.position();
        let client = &mut self.clients[id];
        if let Some(outbox) = &mut client.outbox {
            outbox.forget(place);
            if outbox.len() == 0 {
                client.outbox = None;
            }
        }
        if client.stage == Stage::Here {
            self.move_cursor(id, cursor);
        }
    }

    /// Whether everything that is owed to `id` has been written.
    pub fn is_up_to_date(&self, id: ClientId) -> bool {
        self.reader(id).is_none_or(|mut reader| reader.slice().is_none())
    }

    fn reader(&self, id: ClientId) -> Option<Reader<'_>> {
        let client = self.clients.get(id)?;
        let log = (client.stage == Stage::Here).then(|| &self.rooms[client.room].log);
        Some(Reader::new(client, log))
    }

    /// The socket of `id` is full: it is left alone until [`Hub::writable`].
    pub fn blocked(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.blocked = true;
            if client.private_bytes() > self.config.backlog_bytes {
                self.laggards.push(id);
            }
            self.note_stuck(id);
        }
    }

    /// The socket of `id` takes bytes again.
    pub fn writable(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id)
            && client.blocked
        {
            client.blocked = false;
            self.queue.push(id, client);
        }
    }

    /// More is to be written to `id`, but others have their turn first.
    pub fn write_later(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            self.queue.push(id, client);
        }
    }
}
