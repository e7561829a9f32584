//! What sessions of IRC are told of members besides what all sessions are told.

use crate::chat::cause::Cause;
use crate::chat::encoding::{Optional, Private};
use crate::chat::event::{Event, IrcLine, MessageKind, Sender};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, MemberId, Now, RoomId};
use crate::chat::room::segment_log::{EntryKind, Spread};
use crate::chat::session::irc::Caps;

impl Hub {
    /// Shows the readers of a room on IRC that a member leaves it. Must be called before it leaves.
    pub(in crate::chat::hub) fn show_part(&mut self, member: MemberId, room: RoomId, reason: Option<&str>, time: &Now) {
        self.show_leaving(member, room, member, "PART", (&[], reason), time);
    }

    /// As [`Hub::show_part`], for a member that another one removes from the room.
    pub(in crate::chat::hub) fn show_kick(
        &mut self,
        member: MemberId,
        room: RoomId,
        by: MemberId,
        why: Option<&str>,
        time: &Now,
    ) {
        let (name, actor) = (self.name_of(member), self.name_of(by));
        let why = why.unwrap_or(&actor).to_owned();
        let author = Author { name: 0, ..self.shared.members.author(member.slot) };
        let line = IrcLine::Command {
            from: if by == MemberId::OPERATOR { Sender::Server } else { Sender::Member(&actor) },
            command: "KICK",
            in_room: true,
            middle: &[&name],
            text: Some(&why),
        };
        let kind = EntryKind::Presence(Spread::default());
        self.fanout_by(by, time).append_irc(room, Some(member.slot), author, kind, &Event::Irc(line));
    }

    fn show_leaving(
        &mut self,
        member: MemberId,
        room: RoomId,
        by: MemberId,
        command: &str,
        (middle, text): (&[&str], Option<&str>),
        time: &Now,
    ) {
        if !self.shared.rooms[room].has_irc_readers() {
            return;
        }
        let name = self.name_of(member);
        let line = IrcLine::Command { from: Sender::Member(&name), command, in_room: true, middle, text };
        let kind = EntryKind::Presence(Spread::default());
        self.fanout_by(by, time).append_irc(room, None, Author::NONE, kind, &Event::Irc(line));
    }

    /// Shows the readers of the rooms of a member on IRC that it leaves the server. Must be called before it leaves.
    pub(in crate::chat::hub) fn show_quit(&mut self, member: MemberId, cause: &Cause, time: &Now) {
        let Shared { members, rooms, .. } = &self.shared;
        if self.ending || !members.rooms(member.slot).any(|room| rooms[room].has_irc_readers()) {
            return;
        }
        let rooms: Vec<RoomId> = members.rooms(member.slot).collect();
        let (name, reason) = (self.name_of(member), quit_reason(cause));
        let line = IrcLine::Command {
            from: Sender::Member(&name),
            command: "QUIT",
            in_room: false,
            middle: &[],
            text: Some(&reason),
        };
        let mut index = 1;
        for room in rooms {
            let kind = EntryKind::Presence(Spread(index));
            let told = self.fanout_by(member, time).append_irc(room, None, Author::NONE, kind, &Event::Irc(line));
            index += u8::from(told);
        }
    }

    /// Shows the readers of a room with message tags the tags that a member sends without a message.
    pub(in crate::chat::hub) fn apply_tag(
        &mut self,
        client: Option<ClientId>,
        member: MemberId,
        room: RoomId,
        tags: &str,
        time: &Now,
    ) {
        let (name, author) = (self.name_of(member), self.shared.members.author(member.slot));
        let is_muted = self.shared.mutes.holds(member, time.at);
        let id = self.committed_id(time);
        let private = Private { kind: MessageKind::Said, id, target: None };
        let line =
            IrcLine::Command { from: Sender::Member(&name), command: "TAGMSG", in_room: true, middle: &[], text: None };
        let kind = EntryKind::Optional(Optional::Tags, 0);
        if !is_muted {
            let mut fanout = self.fanout_by(member, time).tagged(Some(tags)).privately(private);
            fanout.append_irc(room, Some(member.slot), author, kind, &Event::Irc(line));
        }
        if let Some(id) = client
            && self.echoes(id)
            && self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::MESSAGE_TAGS))
        {
            self.fanout_by(member, time).tagged(Some(tags)).privately(private).send_in(id, room, &Event::Irc(line));
        }
    }

    /// Shows the readers of a room with `invite-notify` that a member is invited to it.
    pub(in crate::chat::hub) fn show_invitation(&mut self, by: MemberId, member: MemberId, room: RoomId, time: &Now) {
        let (name, actor, channel) =
            (self.name_of(member), self.name_of(by), format!("#{}", self.shared.rooms.name(room)));
        let author = self.shared.members.get(by).map_or(Author::NONE, |found| found.author(by.slot));
        let line = IrcLine::Command {
            from: if by == MemberId::OPERATOR { Sender::Server } else { Sender::Member(&actor) },
            command: "INVITE",
            in_room: false,
            middle: &[&name, &channel],
            text: None,
        };
        let kind = EntryKind::Optional(Optional::Invite, 0);
        let slot = Some(by.slot).filter(|_| by != MemberId::OPERATOR);
        self.fanout_by(by, time).append_irc(room, slot, author, kind, &Event::Irc(line));
    }

    /// Sends an event to the sessions of IRC of a member.
    pub(in crate::chat::hub) fn send_to_irc_sessions(&mut self, member: MemberId, event: &Event, time: &Now) {
        let sessions = self.shared.members.get(member).map(|member| member.sessions());
        let sessions: Vec<_> =
            sessions.into_iter().flatten().filter(|&id| self.sessions[id].encoding.is_irc()).collect();
        for id in sessions {
            self.fanout_by(member, time).send(id, event);
        }
    }
}

/// The reason of a QUIT.
fn quit_reason(cause: &Cause) -> String {
    match cause {
        Cause::Quit(Some(reason)) => format!("Quit: {reason}"),
        Cause::Quit(None) | Cause::EndOfInput => "Quit".into(),
        Cause::Moved => "Another room".into(),
        Cause::ConnectionLost => "Connection lost".into(),
        Cause::Idle => "Idle".into(),
        Cause::TooSlow => "Too slow to read".into(),
        Cause::Kicked(None) => "Kicked".into(),
        Cause::Kicked(Some(why)) => format!("Kicked: {why}"),
        Cause::Banned => "Banned".into(),
        Cause::LoginTimeout => "No nickname in time".into(),
        Cause::OtherProtocol => "Another protocol".into(),
        Cause::WrongPassword => "Wrong password".into(),
        Cause::ShutDown => "The server is shutting down".into(),
    }
}
