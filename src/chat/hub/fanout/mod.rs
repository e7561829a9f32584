//! The fan-out: appends events to the logs of rooms, queues them in outboxes, and moves cursors.

mod history;
mod presence;

pub use self::history::Greeting;

use time::Date;

use super::outbound::Outbound;
use super::rooms::Rooms;
use super::stats::Stats;
use crate::chat::config::Config;
use crate::chat::encoding::Encoding;
use crate::chat::event::{Event, LINE_OVERHEAD, Notice, Refusal};
use crate::chat::id::{Author, ClientId, MemberSlot, Now, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind, Span};
use crate::chat::session::outbox::Outbox;
use crate::chat::session::reader::Reader;
use crate::chat::session::subscription::Subscription;
use crate::chat::session::table::SessionTable;
use crate::chat::session::{Session, SessionStage};

/// A view of the parts that take part in the delivery of an event.
///
/// It alone inserts the date before the first line of a day: in the log of a room, on the console, and between older
/// lines that one session is shown.
pub struct Fanout<'a> {
    config: &'a Config,
    members: &'a MemberTable,
    rooms: &'a mut Rooms,
    sessions: &'a mut SessionTable,
    outbound: &'a mut Outbound,
    stats: &'a mut Stats,
}

/// The reader of a session, at its cursor.
#[inline]
pub fn reader<'a>(session: &'a Session, members: &'a MemberTable, rooms: &'a Rooms) -> Reader<'a> {
    let log = session.subscription().map(|subscription| rooms[subscription.room].log(session.encoding));
    Reader::new(session, members, log)
}

impl<'a> Fanout<'a> {
    /// Borrows the parts.
    pub fn new(
        config: &'a Config,
        members: &'a MemberTable,
        rooms: &'a mut Rooms,
        sessions: &'a mut SessionTable,
        outbound: &'a mut Outbound,
        stats: &'a mut Stats,
    ) -> Self {
        Fanout { config, members, rooms, sessions, outbound, stats }
    }

    /// The name of a member.
    pub fn member_name(&self, slot: MemberSlot) -> &'a str {
        &self.members[slot].name
    }

    /// Queues `event` for every session of a member.
    pub fn send_to_sessions(&mut self, slot: MemberSlot, event: &Event) {
        self.members[slot].sessions().for_each(|id| self.outbound.send(self.sessions, id, event));
    }

    /// Shows `event` to all readers of a room. `hint` is the length of its text in bytes.
    pub fn append(&mut self, room: RoomId, author: Author, kind: EntryKind, hint: usize, event: &Event, time: &Now) {
        self.begin_day(room, time);
        self.append_undated(room, author, kind, hint, event);
    }

    /// As [`Fanout::append`], but the sessions of the author, which is in `slot`, do not read the entry. Those with
    /// `/echo on` read a message.
    #[expect(clippy::too_many_arguments, reason = "as append")]
    pub fn append_own(
        &mut self,
        room: RoomId,
        slot: MemberSlot,
        author: Author,
        kind: EntryKind,
        hint: usize,
        event: &Event,
        time: &Now,
    ) {
        self.begin_day(room, time);
        let spans = self.append_entry(room, author, kind, hint, event);
        let mut index = 0;
        while let Some(id) = self.members[slot].session_at(index) {
            index += 1;
            let session = &mut self.sessions[id];
            if kind == EntryKind::Message && session.echo {
                continue;
            }
            let (encoding, blocked) = (session.encoding, session.blocked);
            let Some(subscription) = session.subscription_mut().filter(|subscription| subscription.room == room) else {
                continue;
            };
            let Span { start, .. } = spans[encoding as usize];
            let end = spans[encoding as usize].end();
            // A session that is up to date moves past the entry at once.
            if subscription.cursor != start {
                subscription.filtered_to = end;
            } else if !blocked {
                subscription.cursor = end;
            } else {
                self.move_cursor(id, end);
            }
        }
    }

    /// Shows the date if the next line is the first one of a new day in the room, or on the console.
    pub fn begin_day(&mut self, room: RoomId, time: &Now) {
        self.begin_room_day(room, time.local.date());
        self.begin_console_day(time);
    }

    /// Shows the date if the next line of a room is the first one of `day`.
    pub fn begin_room_day(&mut self, room: RoomId, day: Date) {
        if self.rooms[room].day.replace(day).is_some_and(|before| before != day) {
            self.append_undated(room, Author::NONE, EntryKind::Day, 0, &Event::Notice(Notice::Day(day)));
        }
    }

    fn begin_console_day(&mut self, time: &Now) {
        let today = time.local.date();
        if self.sessions.begin_console_day(today) {
            self.notice(ClientId::CONSOLE, Notice::Day(today));
        }
    }

    /// Shows one session the date `day`, unless the line before was of that day.
    pub fn send_day(&mut self, id: ClientId, before: &mut Date, day: Date) {
        if std::mem::replace(before, day) != day {
            self.notice(id, Notice::Day(day));
        }
    }

    /// Shows one session an older line of `day`, with the date if the line before was of another day.
    pub fn send_of_day(&mut self, id: ClientId, before: &mut Date, day: Date, event: &Event) {
        self.send_day(id, before, day);
        self.send(id, event);
    }

    /// As [`Fanout::append`], without a check for a new day.
    pub fn append_undated(&mut self, id: RoomId, author: Author, kind: EntryKind, hint: usize, event: &Event) {
        self.append_entry(id, author, kind, hint, event);
    }

    /// Appends an event; returns where it is in the log of each encoding. A function of its own, so that the path of a
    /// message is one piece of code.
    #[inline(always)]
    fn append_entry(
        &mut self,
        id: RoomId,
        author: Author,
        kind: EntryKind,
        hint: usize,
        event: &Event,
    ) -> [Span; Encoding::COUNT] {
        let stamp = self.outbound.next_stamp();
        let room = &mut self.rooms[id];
        self.stats.deliveries += room.reader_count() as u64;
        let entry = Entry::new(stamp, author, kind);
        let (renders, slow_consumers) = self.outbound.renders_and_slow_consumers();
        let spans = room.append(entry, LINE_OVERHEAD + hint, renders, event, slow_consumers);
        self.rooms.mark_dirty(id);
        spans
    }

    /// Queues `event` for one session, after all that it has not read yet.
    pub fn send(&mut self, id: ClientId, event: &Event) {
        self.outbound.send(self.sessions, id, event);
    }

    /// As [`Fanout::send`], for an event with a time: the date comes before it if it is the first line of a day.
    pub fn send_dated(&mut self, id: ClientId, event: &Event, time: &Now) {
        match self.sessions[id].subscription().map(|subscription| subscription.room) {
            Some(room) => self.begin_day(room, time),
            None => self.begin_console_day(time),
        }
        self.send(id, event);
    }

    /// As [`Fanout::send_dated`], for every session of a member.
    pub fn send_dated_to_sessions(&mut self, slot: MemberSlot, event: &Event, time: &Now) {
        let members = self.members;
        members[slot].sessions().for_each(|id| self.send_dated(id, event, time));
    }

    /// Queues `event` for one session, before all unread lines of its room.
    pub fn send_first(&mut self, id: ClientId, event: &Event) {
        self.outbound.send_first(self.sessions, id, event);
    }

    /// Queues raw bytes for one session.
    pub fn send_raw(&mut self, id: ClientId, bytes: &[u8]) {
        self.outbound.send_raw(self.sessions, id, bytes);
    }

    /// Queues a notice for one session.
    pub fn notice(&mut self, id: ClientId, notice: Notice) {
        self.send(id, &Event::Notice(notice));
    }

    /// Queues a refusal for one session.
    pub fn refuse(&mut self, id: ClientId, refusal: Refusal) {
        self.send(id, &Event::Refusal(refusal));
    }

    /// Whether there is a console.
    pub fn has_console(&self) -> bool {
        self.sessions.has_console()
    }

    /// Shows the operator an event, if there is a console.
    pub fn send_to_console(&mut self, event: &Event) {
        if self.sessions.has_console() {
            self.send_first(ClientId::CONSOLE, event);
        }
    }

    /// Shows the operator an event of a room, with the room's name unless it is the lobby.
    pub fn send_to_console_from(&mut self, room: RoomId, event: &Event) {
        if room == RoomId::LOBBY || !self.sessions.has_console() {
            return self.send_to_console(event);
        }
        let room = &self.rooms[room].name;
        let placed = |name: &str| format!("({room}) {name}");
        let (mut event, name) = match *event {
            Event::Said { name, .. } | Event::Action { name, .. } => (*event, placed(name)),
            Event::Notice(Notice::Joined { name, .. } | Notice::Left { name, .. }) => (*event, placed(name)),
            Event::Notice(Notice::Renamed { old, .. }) => (*event, placed(old)),
            event => (event, String::new()),
        };
        match &mut event {
            Event::Said { name: shown, .. } | Event::Action { name: shown, .. } => *shown = &name,
            Event::Notice(Notice::Joined { name: shown, .. } | Notice::Left { name: shown, .. }) => *shown = &name,
            Event::Notice(Notice::Renamed { old: shown, .. }) => *shown = &name,
            _ => {}
        }
        self.send_to_console(&event);
    }

    /// Moves the cursor of a session, and notes it as blocked in the new segment if its socket is full.
    pub fn move_cursor(&mut self, id: ClientId, to: Cursor) {
        let session = &mut self.sessions[id];
        let (encoding, blocked) = (session.encoding, session.blocked);
        let Some(subscription) = session.subscription_mut() else { return };
        let from = std::mem::replace(&mut subscription.cursor, to);
        if from.segment != to.segment {
            self.rooms[subscription.room].log_mut(encoding).move_reader(from, to);
        }
        if blocked {
            self.note_blocked(id);
        }
    }

    /// Notes a session whose socket is full with the segment of its cursor.
    pub fn note_blocked(&mut self, id: ClientId) {
        let session = &mut self.sessions[id];
        let encoding = session.encoding;
        let Some(subscription) = session.subscription_mut() else { return };
        if subscription.blocked_in != subscription.cursor.segment {
            subscription.blocked_in = subscription.cursor.segment;
            self.rooms[subscription.room].log_mut(encoding).mark_blocked(subscription.cursor, id);
        }
    }

    /// Moves the unread lines of the room of a session to its outbox.
    ///
    /// After this it can leave the room or change what it skips.
    pub fn move_unread_to_outbox(&mut self, id: ClientId) {
        let session = &self.sessions[id];
        let Some(subscription) = session.subscription() else { return };
        let end = self.rooms[subscription.room].log(session.encoding).end();
        if subscription.cursor == end {
            return;
        }
        let mut reader = reader(session, self.members, self.rooms);
        let mut unread = Outbox::default();
        while let Some(bytes) = reader.slice() {
            unread.push(0, |out| out.extend_from_slice(bytes));
            reader.consume(bytes.len());
        }
        let session = &mut self.sessions[id];
        session.outbox = (unread.len() > 0).then(|| Box::new(unread));
        self.outbound.schedule_flush(id, session);
        self.move_cursor(id, end);
    }

    /// Lets a session read a room from `begin` on. Before `end` there may be entries that it skips.
    pub fn subscribe(&mut self, id: ClientId, room: RoomId, begin: Cursor, end: Cursor) {
        let session = &mut self.sessions[id];
        let place = self.rooms[room].add_reader(id, session.encoding, begin);
        session.stage =
            SessionStage::Present(Subscription { room, place, cursor: begin, filtered_to: end, blocked_in: u32::MAX });
        if session.blocked {
            self.note_blocked(id);
        }
    }

    /// Ends the reading of a room. Unread lines are lost unless [`Fanout::move_unread_to_outbox`] was called before.
    pub fn unsubscribe(&mut self, id: ClientId) {
        let session = &mut self.sessions[id];
        let encoding = session.encoding;
        let SessionStage::Present(subscription) = std::mem::replace(&mut session.stage, SessionStage::Leaving) else {
            return;
        };
        let Subscription { room, place, cursor, .. } = subscription;
        if let Some(moved) = self.rooms[room].remove_reader(place, encoding, cursor) {
            let session = &mut self.sessions[moved];
            if let Some(subscription) = session.subscription_mut() {
                subscription.place = place;
            }
            // The sweep may have passed its new place already.
            self.outbound.queue_flush(moved, session);
        }
    }
}
