//! The fan-out: appends events to the logs of rooms, queues them in outboxes, and moves cursors.

mod history;
mod irc;
mod presence;

pub use self::history::{Entrance, Greeting, Replay, skips};
pub use self::irc::sign;

use time::Date;

use super::output::outbound::Outbound;
use super::reports::stats::Stats;
use super::rooms::Rooms;
use crate::chat::config::Config;
use crate::chat::encoding::{Detail, Private, RoomLabel};
use crate::chat::event::{Event, LINE_OVERHEAD, MessageKind, Notice, Refusal, Source};
use crate::chat::id::{Author, ClientId, DayNumber, MemberSlot, Now, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind, Spread};
use crate::chat::session::outbox::Outbox;
use crate::chat::session::reader::Reader;
use crate::chat::session::subscription::Subscription;
use crate::chat::session::table::SessionTable;
use crate::chat::session::{Session, SessionFlags, SessionStage};

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
    /// What IRC shows of the next events.
    detail: Detail<'a>,
    /// The next events are not for the logs of IRC, nor for sessions of IRC among those of a member.
    skips_irc: bool,
}

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
        Fanout { config, members, rooms, sessions, outbound, stats, detail: Detail::default(), skips_irc: false }
    }

    /// IRC shows that the next events have this source and happen now.
    pub fn by(mut self, source: Source<'a>, time: &Now) -> Self {
        self.detail = Detail { source: Some(source), at: Some(time.local), ..self.detail };
        self
    }

    /// The next events have these client-only tags.
    pub fn tagged(mut self, tags: Option<&'a str>) -> Self {
        self.detail.tags = tags;
        self
    }

    /// The next events are messages that are not for a whole room.
    pub fn privately(mut self, private: Private<'a>) -> Self {
        self.detail.private = Some(private);
        self
    }

    /// The next events are not for the logs of IRC, nor for sessions of IRC among those of a member.
    pub fn without_irc(self) -> Self {
        self.skipping_irc(true)
    }

    /// As [`Fanout::without_irc`], if `skips` is true.
    pub fn skipping_irc(mut self, skips: bool) -> Self {
        self.skips_irc = skips;
        self
    }

    /// The name of a member.
    pub fn member_name(&self, slot: MemberSlot) -> &'a str {
        &self.members[slot].name
    }

    /// Queues an event of a room for every session of a member.
    pub fn send_to_sessions(&mut self, slot: MemberSlot, room: RoomId, event: &Event) {
        let members = self.members;
        for id in members[slot].sessions() {
            if !(self.skips_irc && self.is_irc(id)) {
                self.send_in(id, room, event);
            }
        }
    }

    /// As [`Fanout::send_to_sessions`], for a change that several rooms are shown, of which this is the one with the number
    /// `index`, from 1 on: sessions of IRC are shown it once.
    pub fn send_to_sessions_spread(&mut self, slot: MemberSlot, room: RoomId, index: u8, event: &Event) {
        let members = self.members;
        for id in members[slot].sessions() {
            if index == 1 || !self.is_irc(id) {
                self.send_in(id, room, event);
            }
        }
    }

    /// As [`Fanout::send_to_sessions`], without the sessions of IRC.
    pub fn send_to_programs(&mut self, slot: MemberSlot, room: RoomId, event: &Event) {
        let members = self.members;
        for id in members[slot].sessions() {
            if !self.is_irc(id) {
                self.send_in(id, room, event);
            }
        }
    }

    /// Whether a session is one of IRC.
    pub fn is_irc(&self, id: ClientId) -> bool {
        self.sessions[id].encoding.is_irc()
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
        self.append_entry(room, author, kind, hint, event);
        let mut index = 0;
        while let Some(id) = self.members[slot].session_at(index) {
            index += 1;
            let session = &self.sessions[id];
            let skips = self.skips_irc && session.encoding.is_irc();
            let echoes = kind == EntryKind::Message && session.has(SessionFlags::ECHO);
            if !skips && !echoes {
                self.pass_newest(id, room);
            }
        }
    }

    /// Appends an event about a member that sessions of IRC read only with a capability, and not those of the member.
    pub fn append_optional(&mut self, room: RoomId, slot: MemberSlot, author: Author, kind: EntryKind, event: &Event) {
        // Programs read what is about their own member.
        let skipped = std::mem::replace(&mut self.skips_irc, true);
        self.append_undated(room, Author::NONE, EntryKind::Notice(Spread::default()), 0, event);
        self.skips_irc = skipped;
        let stamp = self.outbound.stamp();
        self.append_irc_at(stamp, room, Some(slot), author, kind, event);
    }

    /// Appends an event to the logs of IRC alone, if there are any; the sessions of `slot`, which is the author, do not read it.
    /// Returns whether there are such logs.
    pub fn append_irc(
        &mut self,
        room: RoomId,
        slot: Option<MemberSlot>,
        author: Author,
        kind: EntryKind,
        event: &Event,
    ) -> bool {
        if !self.rooms[room].has_irc_readers() {
            return false;
        }
        let stamp = self.outbound.next_stamp();
        self.append_irc_at(stamp, room, slot, author, kind, event);
        true
    }

    #[cold]
    fn append_irc_at(
        &mut self,
        stamp: u64,
        room: RoomId,
        slot: Option<MemberSlot>,
        author: Author,
        kind: EntryKind,
        event: &Event,
    ) {
        if !self.rooms[room].has_irc_readers() {
            return;
        }
        let entry = Entry::new(stamp, author, kind);
        let (renders, slow_consumers) = self.outbound.renders_and_slow_consumers();
        self.rooms[room].append_to_irc(entry, LINE_OVERHEAD, renders, event, &self.detail, slow_consumers);
        if !self.waits_for_summary(room, kind) {
            self.rooms.mark_dirty(room);
        }
        let sessions = slot.into_iter().flat_map(|slot| self.members[slot].sessions());
        let own: Vec<ClientId> = sessions.filter(|&id| self.is_irc(id)).collect();
        own.into_iter().for_each(|id| self.pass_newest(id, room));
    }

    /// Lets a session skip the newest entry of a room, whose author is its member: at once if it has read all before it.
    fn pass_newest(&mut self, id: ClientId, room: RoomId) {
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

    /// Appends a message of a member to the logs, as [`Fanout::append_own`] or, if it has an account, as
    /// [`Fanout::append_of_account`].
    pub fn append_said(
        &mut self,
        room: RoomId,
        (slot, author): (MemberSlot, Author),
        (has_account, speaker): (bool, Option<ClientId>),
        hint: usize,
        event: &Event,
        time: &Now,
    ) {
        match has_account {
            false => self.append_own(room, slot, author, EntryKind::Message, hint, event, time),
            true => {
                let speaker = speaker.filter(|&id| !self.is_irc(id));
                self.append_of_account(room, speaker, author, hint, event, time);
            }
        }
    }

    /// As [`Fanout::append`], for a message of an account: all its sessions read it but `speaker`, which has typed it. With
    /// `/echo on`, that one reads it, too.
    #[cold]
    pub fn append_of_account(
        &mut self,
        room: RoomId,
        speaker: Option<ClientId>,
        author: Author,
        hint: usize,
        event: &Event,
        time: &Now,
    ) {
        self.begin_day(room, time);
        let skips = |id: &ClientId| !self.sessions[*id].has(SessionFlags::ECHO);
        let speaker = speaker.filter(skips);
        if let Some(id) = speaker {
            // Its cursor moves past the message, so it must be at the end.
            self.move_unread_to_outbox(id);
        }
        self.append_undated(room, author, EntryKind::Message, hint, event);
        if let Some(id) = speaker {
            let session = &self.sessions[id];
            let Some((is_current, _)) = self.sessions.subscription(session, room) else { return };
            let end = self.rooms[room].log(session.encoding.of_log(is_current)).end();
            self.move_cursor(id, room, end);
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
            let kind = EntryKind::Day(DayNumber::of(day));
            self.append_undated(room, Author::NONE, kind, 0, &Event::Notice(Notice::Day(day)));
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

    /// Appends an event. A function of its own, so that the path of a message is one piece of code.
    #[inline(always)]
    fn append_entry(&mut self, id: RoomId, author: Author, kind: EntryKind, hint: usize, event: &Event) {
        let stamp = self.outbound.next_stamp();
        let room = &mut self.rooms[id];
        self.stats.deliveries += room.reader_count() as u64;
        let entry = Entry::new(stamp, author, kind);
        let (renders, slow_consumers) = self.outbound.renders_and_slow_consumers();
        let detail = if self.skips_irc { None } else { Some(&self.detail) };
        room.append(entry, LINE_OVERHEAD + hint, renders, event, detail, slow_consumers);
        self.rooms.mark_dirty(id);
    }

    /// Queues `event` for one session, after all that it has not read yet.
    pub fn send(&mut self, id: ClientId, event: &Event) {
        if let Some(Private { kind: MessageKind::Action, .. }) = self.detail.private
            && !self.is_irc(id)
        {
            return self.send_whispered_action(id, event);
        }
        self.outbound.send_detailed(self.sessions, id, RoomLabel::None, event, &self.detail);
    }

    /// Sends a whisper that is an action on IRC to a session of another encoding, which has no such whispers.
    #[cold]
    fn send_whispered_action(&mut self, id: ClientId, event: &Event) {
        let marked = |text: &str| format!("* {text}");
        match *event {
            Event::Whisper { at, from, text } => {
                self.outbound.send(self.sessions, id, &Event::Whisper { at, from, text: &marked(text) });
            }
            Event::Whispered { at, to, text } => {
                self.outbound.send(self.sessions, id, &Event::Whispered { at, to, text: &marked(text) });
            }
            _ => self.outbound.send(self.sessions, id, event),
        }
    }

    /// As [`Fanout::send`], for an event of a room, with the room's name unless it is the current one.
    pub fn send_in(&mut self, id: ClientId, room: RoomId, event: &Event) {
        match self.sessions[id].encoding.is_irc() {
            false => self.outbound.send_in(self.sessions, self.rooms, id, room, event),
            true => {
                let label = RoomLabel::Current(self.rooms.name(room));
                self.outbound.send_detailed(self.sessions, id, label, event, &self.detail);
            }
        }
    }

    /// As [`Fanout::send`], for an event with a time: the date comes before it if it is the first line of a day.
    pub fn send_dated(&mut self, id: ClientId, event: &Event, time: &Now) {
        let session = &self.sessions[id];
        // IRC shows no dates, and a session of IRC has no current room.
        match session.current.as_ref().map(|subscription| subscription.room) {
            Some(room) if !session.encoding.is_irc() => self.begin_day(room, time),
            _ => self.begin_console_day(time),
        }
        self.send(id, event);
    }

    /// As [`Fanout::send_dated`], for every session of a member.
    pub fn send_dated_to_sessions(&mut self, slot: MemberSlot, event: &Event, time: &Now) {
        let members = self.members;
        members[slot].sessions().for_each(|id| self.send_dated(id, event, time));
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

    /// Whether the console reads what the operator says, too.
    pub fn console_has_echo(&self) -> bool {
        self.sessions[ClientId::CONSOLE].has(SessionFlags::ECHO)
    }

    /// Whether the console shows who connects and disconnects.
    pub fn console_shows_connections(&self) -> bool {
        !self.sessions[ClientId::CONSOLE].has(SessionFlags::QUIET)
    }

    /// Shows the operator that a client has connected or disconnected, if there is a console that shows connections.
    pub fn send_connection_to_console(&mut self, notice: Notice) {
        if self.sessions.has_console() && self.console_shows_connections() {
            self.send_to_console(&Event::Notice(notice));
        }
    }

    /// Shows the operator an event, if there is a console.
    pub fn send_to_console(&mut self, event: &Event) {
        if self.sessions.has_console() {
            self.outbound.send_first(self.sessions, ClientId::CONSOLE, event, RoomLabel::None);
        }
    }

    /// Shows the operator an event of a room that is in the store alone, with the date if that is a new one.
    pub fn send_to_console_about(&mut self, room: &str, event: &Event, time: &Now) {
        if self.sessions.has_console() {
            self.begin_console_day(time);
            self.outbound.send_first(self.sessions, ClientId::CONSOLE, event, RoomLabel::Followed(room));
        }
    }

    /// Shows the operator an event of a room, with the room's name unless it is the lobby.
    pub fn send_to_console_from(&mut self, room: RoomId, event: &Event) {
        if self.sessions.has_console() {
            let label =
                if room == RoomId::LOBBY { RoomLabel::None } else { RoomLabel::Followed(&self.rooms[room].name) };
            self.outbound.send_first(self.sessions, ClientId::CONSOLE, event, label);
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

    fn note_blocked_in(&mut self, id: ClientId, room: RoomId) {
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
                subscription.blocked_in = u32::MAX;
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
    fn end_of(&self, session: &Session, room: RoomId) -> Cursor {
        let is_current = session.current.as_ref().is_some_and(|current| current.room == room);
        self.rooms[room].log(session.encoding.of_log(is_current)).end()
    }

    /// Lets a session read a room from `begin` on, as its current one or as one that it follows. Before `end` there may
    /// be history. The log must be open.
    fn subscribe(&mut self, id: ClientId, room: RoomId, is_current: bool, begin: Cursor, end: Cursor) {
        let session = &mut self.sessions[id];
        // A session of IRC has no current room, but reading is fastest with that place.
        let (is_current, end) = match session.encoding.is_irc() {
            true => (session.current.is_none(), Cursor::default()),
            false => (is_current, end),
        };
        let place = self.rooms[room].add_reader(id, session.encoding.of_log(is_current), begin);
        let subscription = Subscription { room, place, cursor: begin, filtered_to: end, blocked_in: u32::MAX };
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
