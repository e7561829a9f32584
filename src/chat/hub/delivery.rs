//! Delivery of events: appended to the log of a room, or queued in the outbox of one client.

use super::Hub;
#[cfg(test)]
use super::tests::invariants::TraceEvent;
use crate::chat::event::LINE_OVERHEAD;
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::id::Author;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind};
use crate::chat::session::client::SessionStage;
use crate::chat::session::outbox::Outbox;
use crate::chat::session::reader::Reader;

impl Hub {
    /// Shows `event` to all members of the room except its author.
    ///
    /// `hint` is the length of its text in bytes.
    pub(super) fn broadcast(
        &mut self,
        room: RoomId,
        author: Author,
        kind: EntryKind,
        hint: usize,
        event: &Event,
        now: Now,
    ) {
        self.begin_day(room, now);
        self.append(room, author, kind, hint, event);
    }

    /// Shows the date if the next line is the first one of a new day.
    pub(super) fn begin_day(&mut self, room: RoomId, now: Now) {
        let today = now.local.date();
        if self.rooms[room].day.replace(today).is_some_and(|day| day != today) {
            self.append(room, Author::NONE, EntryKind::Day, 0, &Event::Notice(Notice::Day(today)));
        }
        self.begin_operator_day(now);
    }

    /// Like [`Hub::broadcast`], but without a check for a new day.
    pub(super) fn append(&mut self, id: RoomId, author: Author, kind: EntryKind, hint: usize, event: &Event) {
        self.last_stamp += 1;
        let room = &mut self.rooms[id];
        self.stats.deliveries += room.members.len() as u64;
        let entry = Entry { stamp: self.last_stamp, author: author.session, name: author.name, kind, end: 0 };
        room.append(entry, LINE_OVERHEAD + hint, &self.renders, event, &mut self.slow_consumers);
        self.rooms.mark_dirty(id);
    }

    /// Makes `id` skip the entry that it has just appended; `before` is the end of the log before it.
    ///
    /// A client that is up to date moves past it at once.
    pub(super) fn skip_own_entry(&mut self, id: ClientId, before: Cursor) {
        let client = &mut self.clients[id];
        let end = self.rooms[client.room].log(client.encoding).end();
        if client.cursor == before {
            self.move_cursor(id, end);
        } else {
            client.filtered_to = end;
        }
    }

    /// Queues `event` for one client, after all that it has not read yet.
    pub(super) fn send_event(&mut self, id: ClientId, event: &Event) {
        self.last_stamp += 1;
        let stamp = self.last_stamp;
        self.send_event_at(id, stamp, event);
    }

    /// Queues `event` for one client, before all unread lines of its room.
    pub(super) fn send_event_first(&mut self, id: ClientId, event: &Event) {
        self.send_event_at(id, 0, event);
    }

    fn send_event_at(&mut self, id: ClientId, stamp: u64, event: &Event) {
        let client = &mut self.clients[id];
        let render = self.renders.of(client.encoding);
        client.outbox.get_or_insert_default().push(stamp, |out| render.render(event, out));
        self.schedule_flush(id);
    }

    /// Queues raw bytes, such as the answer to a telnet negotiation.
    pub fn send_raw(&mut self, id: ClientId, bytes: &[u8]) {
        #[cfg(test)]
        self.heard.push(TraceEvent::Raw(id));
        self.queue_private(id, bytes);
    }

    pub(super) fn queue_private(&mut self, id: ClientId, bytes: &[u8]) {
        self.last_stamp += 1;
        let stamp = self.last_stamp;
        let client = &mut self.clients[id];
        client.outbox.get_or_insert_default().push(stamp, |out| out.extend_from_slice(bytes));
        self.schedule_flush(id);
    }

    pub(super) fn notice(&mut self, id: ClientId, notice: Notice) {
        self.send_event(id, &Event::Notice(notice));
    }

    pub(super) fn refuse(&mut self, id: ClientId, refusal: Refusal) {
        self.send_event(id, &Event::Refusal(refusal));
    }

    /// Queues `id` for writing, because its outbox has data.
    pub(super) fn schedule_flush(&mut self, id: ClientId) {
        let client = &mut self.clients[id];
        self.flush_queue.push(id, client);
        if client.private_bytes() > self.config.backlog_bytes / 2 {
            if client.blocked {
                self.slow_consumers.push(id);
            } else {
                // The client reads normally but has not had its turn yet. All clients wait until it is written to.
                self.backpressure = true;
            }
        }
    }

    /// Moves the cursor of a member, and notes it as blocked in the new segment if its socket is full.
    pub(super) fn move_cursor(&mut self, id: ClientId, to: Cursor) {
        let client = &mut self.clients[id];
        let from = std::mem::replace(&mut client.cursor, to);
        if from.segment != to.segment {
            self.rooms[client.room].log_mut(client.encoding).move_reader(from, to);
        }
        if client.blocked {
            self.note_blocked(id);
        }
    }

    pub(super) fn note_blocked(&mut self, id: ClientId) {
        let client = &mut self.clients[id];
        if client.stage == SessionStage::InRoom && client.blocked_in != client.cursor.segment {
            client.blocked_in = client.cursor.segment;
            self.rooms[client.room].log_mut(client.encoding).mark_blocked(client.cursor, id);
        }
    }

    /// Moves the unread lines of the room of `id` to its outbox.
    ///
    /// After this it can leave the room or change what it skips.
    pub(super) fn move_unread_to_outbox(&mut self, id: ClientId) {
        let client = &self.clients[id];
        let log = self.rooms[client.room].log(client.encoding);
        let end = log.end();
        if client.cursor == end {
            return;
        }
        let mut reader = Reader::new(client, Some(log));
        let mut unread = Outbox::default();
        while let Some(bytes) = reader.slice() {
            unread.push(0, |out| out.extend_from_slice(bytes));
            reader.consume(bytes.len());
        }
        self.clients[id].outbox = (unread.len() > 0).then(|| Box::new(unread));
        self.move_cursor(id, end);
        self.schedule_flush(id);
    }
}
