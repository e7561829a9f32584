//! Applies settings of rooms, invitations, roles, and the deletion of messages.

use log::warn;

use crate::chat::change::{Delete, RoleChange};
use crate::chat::event::{Event, IrcLine, Notice, Sender};
use crate::chat::hub::{Hub, OPERATOR_LOG};
use crate::chat::id::{Author, ClientId, Holder, MemberId, Now, RoomId};
use crate::chat::irc::modes::ChannelMode;
use crate::chat::member::{Role, RoomRole};
use crate::chat::record::Record;
use crate::chat::room::segment_log::{EntryKind, Spread};
use crate::chat::settings::Setting;

impl Hub {
    /// Shows a notice to all who read a room, to the operator, and to the member that has acted. What a member does that is
    /// muted on the server is shown to itself and to the operator.
    pub(super) fn notice_in_room(&mut self, by: MemberId, room: RoomId, notice: Notice, time: &Now) {
        let is_mode = self.mode_changes.as_mut().is_some_and(|changes| match ChannelMode::of(&notice) {
            Some(mode) => {
                changes.push(mode);
                true
            }
            None => false,
        });
        let event = Event::Notice(notice);
        if self.shared.mutes.holds(by, time.at) {
            // With its name, a muted member could say something to the others.
            let mut fanout = self.fanout_by(by, time).skipping_irc(is_mode);
            fanout.begin_day(room, time);
            fanout.send_to_sessions(by.slot, room, &event);
            return fanout.send_to_console_from(room, &event);
        }
        let mut fanout = self.fanout_by(by, time).skipping_irc(is_mode);
        fanout.append(room, Author::NONE, EntryKind::Notice(Spread::default()), 0, &event, time);
        fanout.send_to_console_from(room, &event);
        // A moderator can act in a room that it does not read.
        if by != MemberId::OPERATOR
            && self.shared.members.get(by).is_some()
            && !self.shared.members.is_in(by.slot, room)
        {
            self.fanout_by(by, time).skipping_irc(is_mode).send_to_sessions(by.slot, room, &event);
        }
    }

    pub(super) fn apply_setting(&mut self, by: MemberId, id: RoomId, setting: &Setting, time: Now) {
        let room = &mut self.shared.rooms[id];
        room.rules.settings.set(setting);
        if matches!(setting, Setting::Slow(_)) {
            room.rules.forget_spoken();
        }
        let (actor, room_name) = (self.name_of(by), self.shared.rooms.name(id));
        let value = match setting.number() {
            Some(number) => format!(" {number}"),
            // The key is not logged.
            None => if setting.is_on() { "" } else { " off" }.into(),
        };
        warn!(target: OPERATOR_LOG, "{room_name}: settings changed by {actor}: {}{value}", setting.name());
        self.notice_in_room(by, id, Notice::SettingChanged { by: &actor, setting }, &time);
        self.record_room(id, &time);
        self.remove_if_unkept(id);
    }

    pub(super) fn apply_invite(&mut self, by: MemberId, member: MemberId, room: RoomId, time: Now) {
        self.shared.rooms[room].rules.invite(self.shared.members.holder(member));
        let (actor, name, room_name) =
            (self.name_of(by), self.name_of(member), self.shared.rooms.name(room).to_owned());
        warn!("{room_name}: {name} is invited by {actor}");
        let invited = |to_you| Event::Notice(Notice::Invited { room: &room_name, name: &name, by: &actor, to_you });
        let author = self.shared.members.get(by).map(|member| member.author(by.slot));
        let is_ignored = author.is_some_and(|author| self.shared.members[member.slot].ignores(author));
        if !is_ignored && !self.shared.mutes.holds(by, time.at) {
            let sessions: Vec<ClientId> = self.shared.members[member.slot].sessions().collect();
            sessions.into_iter().for_each(|id| self.fanout_by(by, &time).send(id, &invited(true)));
            self.show_invitation(by, member, room, &time);
        }
        match by == MemberId::OPERATOR {
            true => self.fanout().send_to_console(&invited(false)),
            false => self.send_to_member(by, &invited(false)),
        }
    }

    pub(super) fn apply_room_role(
        &mut self,
        by: MemberId,
        member: MemberId,
        room: RoomId,
        change: RoleChange,
        time: Now,
    ) {
        let members = &self.shared.members;
        let holder = members.holder(member);
        let rules = &mut self.shared.rooms[room].rules;
        match change {
            RoleChange::Give(role) => rules.give_role(holder, role, |id| members.get(id).is_some()),
            RoleChange::Take(_) => rules.take_role(holder),
        }
        let (actor, name) = (self.name_of(by), self.name_of(member));
        let act = match change {
            RoleChange::Give(RoomRole::Operator) => format!("{name} is made an operator by {actor}"),
            RoleChange::Take(RoomRole::Operator) => format!("{name} is no longer an operator, by {actor}"),
            RoleChange::Give(RoomRole::Voice) => format!("{name} is given voice by {actor}"),
            RoleChange::Take(RoomRole::Voice) => format!("{name} no longer has voice, by {actor}"),
        };
        warn!(target: OPERATOR_LOG, "{}: {act}", self.shared.rooms.name(room));
        self.notice_in_room(by, room, Notice::RoleChanged { by: &actor, name: &name, change }, &time);
        // The roles of members without an account end with them.
        if matches!(holder, Holder::Account(_)) {
            let key = self.shared.rooms[room].key.clone();
            self.record_rules(&key, &time);
        }
        self.remove_if_unkept(room);
    }

    pub(super) fn apply_moderator(&mut self, by: MemberId, member: MemberId, given: bool) {
        let role = if given { Role::Moderator } else { Role::User };
        self.shared.members.set_role(member.slot, role);
        self.change_account(member, |account| account.data.moderator = given);
        let (actor, name) = (self.name_of(by), self.name_of(member));
        let act = if given { "made a moderator" } else { "no longer a moderator," };
        warn!(target: OPERATOR_LOG, "{name} is {act} by {actor}");
        let notice = |to_you| Event::Notice(Notice::Moderator { name: &name, by: &actor, given, to_you });
        self.send_to_member(member, &notice(true));
        self.fanout().send_to_console(&notice(false));
        if by != MemberId::OPERATOR {
            self.send_to_member(by, &notice(false));
        }
    }

    pub(super) fn apply_operator(&mut self, client: Option<ClientId>, member: MemberId, given: bool, time: &Now) {
        let before = self.shared.members[member.slot].role();
        self.shared.members.set_oper_role(member.slot, given);
        let found = &self.shared.members[member.slot];
        let (changed, name) = (found.role() != before, found.name.clone());
        let act = if given { "an operator of the server" } else { "no longer an operator of the server" };
        warn!(target: OPERATOR_LOG, "{name} is {act}, by OPER");
        if let Some(id) = client.filter(|_| given) {
            let answer = IrcLine::Numeric { code: 381, middle: &[], text: Some("You are now an IRC operator") };
            self.fanout().send(id, &Event::Irc(answer));
        }
        if changed {
            let mode = IrcLine::Command {
                from: Sender::Member(&name),
                command: "MODE",
                in_room: false,
                middle: &[&name],
                text: Some(if given { "+o" } else { "-o" }),
            };
            self.send_to_irc_sessions(member, &Event::Irc(mode), time);
            let line = format!("{name} is {act} (OPER).");
            self.fanout().send_to_console(&Event::Notice(Notice::Line(&line)));
        }
    }

    pub(super) fn apply_delete(&mut self, delete: &Delete, time: Now) {
        let Delete { by, room, name, ids, reason } = delete;
        self.shared.rooms[*room].delete(ids);
        let (actor, room_name) = (self.name_of(*by), self.shared.rooms.name(*room).to_owned());
        let count = match ids.len() {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        warn!(target: OPERATOR_LOG, "{room_name}: {count} of {name} deleted by {actor}");
        self.notice_in_room(*by, *room, Notice::Deleted { by: &actor, name, ids }, &time);
        self.show_redactions(*by, *room, (ids, reason.as_deref()), &time);
        self.record(|| Record::Delete { room: room_name, ids: ids.clone() });
        self.remove_if_unkept(*room);
    }
}
