//! What sessions of IRC alone are shown, and what only the logs of IRC have.

use compact_str::format_compact;

use super::Fanout;
use crate::chat::encoding::{Encoding, IrcShape, RoomLabel};
use crate::chat::event::{Event, IrcLine, LINE_OVERHEAD, Notice, Sender};
use crate::chat::hub::irc::history::markers::shown;
use crate::chat::hub::irc::reply::{each_line, space_for_text};
use crate::chat::id::{Author, ClientId, MemberSlot, Now, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::room::logs::Appending;
use crate::chat::room::segment_log::{Entry, EntryKind, Spread};
use crate::chat::session::irc::{Caps, IrcSession};

/// The sign of a role before a name: `@` for operators, `+` for members with voice.
pub fn sign(role: Option<RoomRole>) -> &'static str {
    match role {
        Some(RoomRole::Operator) => "@",
        Some(RoomRole::Voice) => "+",
        None => "",
    }
}

impl Fanout<'_> {
    /// Lets a session of IRC enter a room: its own JOIN, the topic, and the names.
    pub fn greet_irc(&mut self, id: ClientId, slot: MemberSlot, room_id: RoomId) {
        let Encoding::Irc(shape) = self.sessions[id].encoding else { return };
        let caps = self.sessions.irc(id).map_or(Caps::empty(), |irc| irc.caps);
        if self.sessions[id].current.is_some() {
            // Lines of other rooms that it has not read come first.
            self.move_unread_to_outbox(id);
        }
        let (stamp, encoding) = (self.outbound.stamp(), Encoding::Irc(shape).of_log(false));
        let room = &mut self.rooms[room_id];
        room.open_log(encoding, self.outbound.render(encoding.encoding()), stamp);
        let end = room.log(encoding).end();
        let room = &self.rooms[room_id];
        let channel = format!("#{}", room.name);
        let joined = Event::Notice(Notice::Joined { name: &self.members[slot].name, here: room.members.len() });
        let label = RoomLabel::Current(&room.name);
        self.outbound.send_detailed(self.sessions, self.members, id, label, &joined, &self.detail);
        if let Some(topic) = &room.topic {
            let topic_line = IrcLine::Numeric { code: 332, middle: &[&channel], text: Some(&topic.text) };
            self.outbound.send(self.sessions, self.members, id, &Event::Irc(topic_line));
            let at = topic.at.to_string();
            let set_by = IrcLine::Numeric { code: 333, middle: &[&channel, &topic.name, &at], text: None };
            self.outbound.send(self.sessions, self.members, id, &Event::Irc(set_by));
        }
        if caps.contains(Caps::READ_MARKER) {
            let marker = shown(self.members[slot].marker(&channel));
            let middle = [&*channel, &*marker];
            let (from, command) = (Sender::Server, "MARKREAD");
            let line = IrcLine::Command { from, command, in_room: false, middle: &middle, text: None };
            self.outbound.send(self.sessions, self.members, id, &Event::Irc(line));
        }
        if !caps.contains(Caps::NO_IMPLICIT_NAMES) {
            self.send_names(id, room_id, self.config.backlog_bytes / 2, |_| true);
            let end = IrcLine::Numeric { code: 366, middle: &[&channel], text: Some("End of /NAMES list") };
            self.outbound.send(self.sessions, self.members, id, &Event::Irc(end));
        }
        self.subscribe(id, room_id, false, end, end);
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
    pub(super) fn append_irc_at(
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
        let appending = Appending { entry, hint: LINE_OVERHEAD, renders, event };
        self.rooms[room].append_to_irc(appending, &self.detail, slow_consumers);
        if !self.waits_for_summary(room, kind) {
            self.rooms.mark_dirty(room);
        }
        let sessions = slot.into_iter().flat_map(|slot| self.members[slot].sessions());
        let own: Vec<ClientId> = sessions.filter(|&id| self.is_irc(id)).collect();
        own.into_iter().for_each(|id| self.pass_newest(id, room));
    }

    /// Shows a session of IRC its own message, if it asked for that.
    pub fn echo(&mut self, id: ClientId, room: RoomId, event: &Event) {
        if self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::ECHO_MESSAGE)) {
            self.send_in(id, room, event);
        }
    }

    /// Appends a message of several lines to the logs of IRC. The sessions of its author do not read it; with an account, only
    /// the one that has sent it does not, `speaker`.
    pub fn append_lines(
        &mut self,
        room: RoomId,
        (slot, author): (MemberSlot, Author),
        (is_of_account, speaker): (bool, Option<ClientId>),
        event: &Event,
    ) {
        if !is_of_account {
            self.append_irc(room, Some(slot), author, EntryKind::Message, event);
            return;
        }
        let speaker = speaker.filter(|&id| self.is_irc(id));
        // Its cursor moves past the message, so it must be at the end.
        speaker.into_iter().for_each(|id| self.move_unread_to_outbox(id));
        if self.append_irc(room, None, author, EntryKind::Message, event) {
            speaker.into_iter().for_each(|id| self.pass_newest(id, room));
        }
    }

    /// Shows the sessions of a member what it has whispered. The one that has typed it, `speaker`, reads it on IRC only if it
    /// asked for that.
    pub fn send_own_whisper(&mut self, slot: MemberSlot, speaker: ClientId, event: &Event, time: &Now) {
        let members = self.members;
        for id in members[slot].sessions() {
            let has_echo = |irc: &IrcSession| irc.caps.contains(Caps::ECHO_MESSAGE);
            if id != speaker || self.sessions.irc(id).is_none_or(has_echo) {
                self.send_dated(id, event, time);
            }
        }
    }

    /// A session of IRC reads lines of another shape from now on; `skips` are the optional lines that it does not read.
    pub fn set_shape(&mut self, id: ClientId, shape: IrcShape, skips: u8) {
        let Encoding::Irc(before) = self.sessions[id].encoding else { return };
        if shape == before && skips == self.sessions[id].skips() {
            return;
        }
        // What it has not read yet comes before the answer, and is read as before.
        self.move_unread_to_outbox(id);
        self.sessions[id].set_skips(skips);
        if shape == before {
            return;
        }
        let mut rooms = Vec::new();
        while let Some(room) = self.sessions.room_at(id, 0) {
            self.unsubscribe(id, room);
            rooms.push(room);
        }
        self.sessions[id].encoding = Encoding::Irc(shape);
        for room_id in rooms {
            let (stamp, encoding) = (self.outbound.stamp(), Encoding::Irc(shape).of_log(false));
            let room = &mut self.rooms[room_id];
            room.open_log(encoding, self.outbound.render(encoding.encoding()), stamp);
            let end = room.log(encoding).end();
            self.subscribe(id, room_id, false, end, end);
        }
    }

    /// Sends the names of the members of a room that `shows` allows, without the end of NAMES (RFC 1459, section 4.2.5). A member
    /// has one role here, so that all its signs (`multi-prefix`) are the one. It stops when more than `most_unread` bytes wait for the session,
    /// which would be disconnected otherwise.
    pub fn send_names(
        &mut self,
        id: ClientId,
        room_id: RoomId,
        most_unread: usize,
        shows: impl Fn(MemberSlot) -> bool,
    ) {
        let with_hosts = self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::USERHOST_IN_NAMES));
        let room = &self.rooms[room_id];
        let channel = format!("#{}", room.name);
        let kind = if room.rules.settings.secret { "@" } else { "=" };
        let nick = self.sessions.nick(self.members, id);
        let most = space_for_text(&self.config.name, nick, &[kind, &channel]);
        let (members, has_roles) = (self.members, !room.rules.roles().is_empty());
        let words = room.members.iter().filter(|&&slot| shows(slot)).map(|&slot| {
            let role = if has_roles { room.rules.role(members[slot].holder(slot)) } else { None };
            match with_hosts {
                true => format_compact!("{}{}", sign(role), members.full_name(slot)),
                false => format_compact!("{}{}", sign(role), members[slot].name),
            }
        });
        for names in each_line(words, ' ', most) {
            if self.sessions[id].private_bytes() > most_unread {
                break;
            }
            let line = IrcLine::Numeric { code: 353, middle: &[kind, &channel], text: Some(&names) };
            self.outbound.send(self.sessions, self.members, id, &Event::Irc(line));
        }
    }
}
