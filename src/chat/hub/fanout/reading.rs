//! The places of sessions in the logs of rooms: where they begin, move and end.

use super::Fanout;
use crate::chat::hub::rooms::Rooms;
use crate::chat::id::{ClientId, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::room::segment_log::Cursor;
use crate::chat::session::outbox::Outbox;
use crate::chat::session::reader::Reader;
use crate::chat::session::subscription::Subscription;
use crate::chat::session::table::SessionTable;
use crate::chat::session::{Session, SessionStage};

/// The reader of a session, at its cursors.
pub fn reader<'a>(
    session: &'a Session,
    sessions: &'a SessionTable,
    members: &'a MemberTable,
    rooms: &'a Rooms,
) -> Reader<'a> {
    let mut reader = reader_of_current(session, members, rooms);
    if session.follows() {
        read_followed(&mut reader, session, sessions, rooms);
    }
    reader
}

/// The reader of a session in its current room alone.
#[inline(always)]
pub fn reader_of_current<'a>(session: &'a Session, members: &'a MemberTable, rooms: &'a Rooms) -> Reader<'a> {
    Reader::new(session, members, |room| rooms[room].log(session.encoding.of_log(true)))
}

/// Lets a reader read the followed rooms, too.
pub fn read_followed<'a>(reader: &mut Reader<'a>, session: &'a Session, sessions: &'a SessionTable, rooms: &'a Rooms) {
    reader.read_followed(sessions, |room, is_current| rooms[room].log(session.encoding.of_log(is_current)));
}

impl Fanout<'_> {
    /// Lets a session skip the newest entry of a room, whose author is its member: at once if it has read all before it.
    pub(super) fn pass_newest(&mut self, id: ClientId, room: RoomId) {
        let session = &self.sessions[id];
        let (encoding, blocked) = (session.encoding, session.is_blocked());
        let Some((is_current, subscription)) = self.sessions.subscription_mut(id, room) else { return };
        let entry = self.rooms[room].log(encoding.of_log(is_current)).newest_entry();
        if subscription.cursor != entry.start {
            subscription.filtered_to = entry.end();
        } else if !blocked {
            subscription.cursor = entry.end();
        } else {
            self.move_cursor(id, room, entry.end());
        }
    }

    /// Moves the cursor of a session in a room, and notes it as blocked in the new segment if its socket is full.
    pub fn move_cursor(&mut self, id: ClientId, room: RoomId, to: Cursor) {
        let session = &self.sessions[id];
        let (encoding, blocked) = (session.encoding, session.is_blocked());
        let Some((is_current, subscription)) = self.sessions.subscription_mut(id, room) else { return };
        let from = std::mem::replace(&mut subscription.cursor, to);
        if from.segment != to.segment {
            self.rooms[room].log_mut(encoding.of_log(is_current)).move_reader(from, to);
        }
        if blocked {
            self.note_blocked_in(id, room);
        }
    }

    /// Notes a session whose socket is full with the segments of its cursors.
    pub fn note_blocked(&mut self, id: ClientId) {
        let mut index = 0;
        while let Some(room) = self.sessions.room_at(id, index) {
            index += 1;
            self.note_blocked_in(id, room);
        }
        self.outbound.watch(self.sessions, id);
    }

    pub(super) fn note_blocked_in(&mut self, id: ClientId, room: RoomId) {
        let encoding = self.sessions[id].encoding;
        let Some((is_current, subscription)) = self.sessions.subscription_mut(id, room) else { return };
        if subscription.blocked_in != subscription.cursor.segment {
            subscription.blocked_in = subscription.cursor.segment;
            self.rooms[room].log_mut(encoding.of_log(is_current)).mark_blocked(subscription.cursor, id);
        }
    }

    /// A session reads again: forgets where it was noted as blocked.
    pub fn unmark_blocked(&mut self, id: ClientId) {
        let mut index = 0;
        while let Some(room) = self.sessions.room_at(id, index) {
            index += 1;
            if let Some((_, subscription)) = self.sessions.subscription_mut(id, room) {
                subscription.blocked_in = Subscription::NEVER_BLOCKED;
            }
        }
    }

    /// Moves the unread lines of the rooms of a session to its outbox.
    ///
    /// After this it can leave or enter a room, or change what it skips.
    pub fn move_unread_to_outbox(&mut self, id: ClientId) {
        let session = &self.sessions[id];
        let mut reader = reader(session, self.sessions, self.members, self.rooms);
        if reader.cursors().all(|(room, cursor)| cursor == self.end_of(session, room)) {
            return;
        }
        let mut unread = Outbox::default();
        while let Some(bytes) = reader.slice() {
            unread.push(0, |out| out.extend_from_slice(bytes));
            reader.consume(bytes.len());
        }
        let shown = reader.shown();
        let session = &mut self.sessions[id];
        shown.into_iter().for_each(|shown| session.note_shown(shown));
        session.outbox = (unread.len() > 0).then(|| Box::new(unread));
        self.outbound.schedule_flush(id, session);
        self.skip_to_end(id);
    }

    /// A session reads no more of its rooms than the rest of an entry that is partly sent.
    pub fn keep_begun_entry(&mut self, id: ClientId) {
        let session = &self.sessions[id];
        let reader = reader(session, self.sessions, self.members, self.rooms);
        let Some(rest) = reader.rest_of_entry().map(<[u8]>::to_vec) else { return };
        let session = &mut self.sessions[id];
        let private = session.outbox.as_mut().map(|outbox| outbox.take()).unwrap_or_default();
        let mut outbox = Outbox::default();
        outbox.push(0, |out| out.extend_from_slice(&[rest, private].concat()));
        session.outbox = Some(Box::new(outbox));
        self.outbound.schedule_flush(id, session);
    }

    /// Moves the cursors of a session to the ends of the logs.
    pub fn skip_to_end(&mut self, id: ClientId) {
        let mut index = 0;
        while let Some(room) = self.sessions.room_at(id, index) {
            index += 1;
            let end = self.end_of(&self.sessions[id], room);
            self.move_cursor(id, room, end);
        }
    }

    /// The end of the log that a session reads in a room.
    pub(super) fn end_of(&self, session: &Session, room: RoomId) -> Cursor {
        let is_current = session.current.as_ref().is_some_and(|current| current.room == room);
        self.rooms[room].log(session.encoding.of_log(is_current)).end()
    }

    /// Lets a session read a room from `begin` on, as its current one or as one that it follows. Before `end` there may
    /// be history. The log must be open.
    pub(super) fn subscribe(&mut self, id: ClientId, room: RoomId, is_current: bool, begin: Cursor, end: Cursor) {
        let session = &mut self.sessions[id];
        // A session of IRC has no current room, but reading is fastest with that place.
        let (is_current, end) = match session.encoding.is_irc() {
            true => (session.current.is_none(), Cursor::default()),
            false => (is_current, end),
        };
        let place = self.rooms[room].add_reader(id, session.encoding.of_log(is_current), begin);
        let subscription =
            Subscription { room, place, cursor: begin, filtered_to: end, blocked_in: Subscription::NEVER_BLOCKED };
        session.stage = SessionStage::Present;
        match is_current {
            true => (session.current, session.history_end) = (Some(subscription), end),
            false => self.sessions.add_followed(id, subscription),
        }
        if self.sessions[id].is_blocked() {
            self.note_blocked(id);
        }
    }

    /// Ends the reading of a room. Unread lines are lost unless [`Fanout::move_unread_to_outbox`] was called before.
    pub fn unsubscribe(&mut self, id: ClientId, room: RoomId) {
        let encoding = self.sessions[id].encoding;
        let Some((is_current, subscription)) = self.sessions.remove_subscription(id, room) else { return };
        let Subscription { place, cursor, .. } = subscription;
        if let Some(moved) = self.rooms[room].remove_reader(place, encoding.of_log(is_current), cursor) {
            if let Some((_, subscription)) = self.sessions.subscription_mut(moved, room) {
                subscription.place = place;
            }
            // The sweep may have passed its new place already.
            self.outbound.queue_flush(moved, &mut self.sessions[moved]);
        }
    }

    /// Ends the reading of all rooms, as [`Fanout::unsubscribe`].
    pub fn unsubscribe_all(&mut self, id: ClientId) {
        while let Some(room) = self.sessions.room_at(id, 0) {
            self.unsubscribe(id, room);
        }
    }
}
