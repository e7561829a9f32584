//! The fan-out: appends events to the logs of rooms, queues them in outboxes, and moves cursors.

mod console;
mod history;
mod irc;
mod presence;
mod reading;

pub use self::history::{Entrance, Greeting, Replay, skips};
pub use self::irc::sign;
pub use self::reading::{read_followed, reader, reader_of_current};

use time::Date;

use super::output::outbound::Outbound;
use super::reports::stats::Stats;
use super::rooms::Rooms;
use crate::chat::config::Config;
use crate::chat::encoding::{Detail, Private, RoomLabel};
use crate::chat::event::{Event, LINE_OVERHEAD, MessageKind, Notice, Refusal, Source};
use crate::chat::id::{Author, ClientId, DayNumber, MemberSlot, Now, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::room::logs::Appending;
use crate::chat::room::segment_log::{Entry, EntryKind};
use crate::chat::session::SessionFlags;
use crate::chat::session::table::SessionTable;

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
        room.append(Appending { entry, hint: LINE_OVERHEAD + hint, renders, event }, detail, slow_consumers);
        self.rooms.mark_dirty(id);
    }

    /// Queues `event` for one session, after all that it has not read yet.
    pub fn send(&mut self, id: ClientId, event: &Event) {
        if let Some(Private { kind: MessageKind::Action, .. }) = self.detail.private
            && !self.is_irc(id)
        {
            return self.send_whispered_action(id, event);
        }
        self.outbound.send_detailed(self.sessions, self.members, id, RoomLabel::None, event, &self.detail);
    }

    /// Sends a whisper that is an action on IRC to a session of another encoding, which has no such whispers.
    #[cold]
    fn send_whispered_action(&mut self, id: ClientId, event: &Event) {
        let marked = |text: &str| format!("* {text}");
        match *event {
            Event::Whisper { at, from, text } => {
                self.outbound.send(self.sessions, self.members, id, &Event::Whisper { at, from, text: &marked(text) });
            }
            Event::Whispered { at, to, text } => {
                self.outbound.send(self.sessions, self.members, id, &Event::Whispered { at, to, text: &marked(text) });
            }
            _ => self.outbound.send(self.sessions, self.members, id, event),
        }
    }

    /// As [`Fanout::send`], for an event of a room, with the room's name unless it is the current one.
    pub fn send_in(&mut self, id: ClientId, room: RoomId, event: &Event) {
        match self.sessions[id].encoding.is_irc() {
            false => self.outbound.send_in(self.sessions, self.members, self.rooms, id, room, event),
            true => {
                let label = RoomLabel::Current(self.rooms.name(room));
                self.outbound.send_detailed(self.sessions, self.members, id, label, event, &self.detail);
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
}
