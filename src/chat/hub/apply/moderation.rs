//! Applies kicks, bans and mutes.

use std::time::Duration;

use compact_str::CompactString;
use log::warn;

use crate::chat::cause::Cause;
use crate::chat::change::{Ban, Kick, Lift, Mute, Restrict, RestrictionKind};
use crate::chat::encoding::RoomLabel;
use crate::chat::event::{Event, Notice};
use crate::chat::hub::nodes::kept::Key;
use crate::chat::hub::trace::TraceEvent;
use crate::chat::hub::{Hub, OPERATOR_LOG, Shared};
use crate::chat::i18n::Lang;
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::input::Close;
use crate::chat::policy::bans;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::mask::{Mask, MaskEntry, MaskKind};
use crate::chat::policy::mutes::MutedMember;
use crate::chat::policy::restrictions::Restriction;
use crate::chat::record::{BanRecord, MuteRecord, Record};

impl Hub {
    /// The name of a member; an empty text if it has left.
    pub(in crate::chat::hub) fn name_of(&self, member: MemberId) -> CompactString {
        self.shared.members.name(member).into()
    }

    /// Answers the member that has acted on the server. If it is a moderator, the operator reads `told`.
    fn answer_act(&mut self, by: MemberId, own: Notice, told: Notice) {
        if by == MemberId::OPERATOR {
            return self.fanout().send_to_console(&Event::Notice(own));
        }
        self.send_to_member(by, &Event::Notice(own));
        self.fanout().send_to_console(&Event::Notice(told));
    }

    /// Shows an event to the sessions of a member on this node.
    pub(super) fn send_to_member(&mut self, member: MemberId, event: &Event) {
        let sessions = self.shared.members.get(member).map(|member| member.sessions());
        sessions
            .into_iter()
            .flatten()
            .for_each(|id| self.outbound.send(&mut self.sessions, &self.shared.members, id, event));
    }

    /// As [`Hub::send_to_member`]; IRC shows that the member itself has caused it.
    pub(super) fn send_by_member(&mut self, member: MemberId, event: &Event, time: &Now) {
        let sessions = self.shared.members.get(member).map(|member| member.sessions());
        let sessions: Vec<_> = sessions.into_iter().flatten().collect();
        sessions.into_iter().for_each(|id| self.fanout_by(member, time).send(id, event));
    }

    pub(super) fn apply_kick(&mut self, member: MemberId, kick: &Kick, time: Now, now: Now) {
        let Kick { by, room, reason, .. } = kick;
        let (by, why) = (*by, reason.as_deref());
        if let Some(room) = *room {
            // A member that is muted on the server could say something with the reason.
            let why = why.filter(|_| !self.shared.mutes.holds(by, time.at));
            warn!(target: OPERATOR_LOG, "{}", self.act_in_room(room, member, "kicked", by));
            return self.kick_from_room(member, room, by, why, time);
        }
        let (name, actor) = (self.name_of(member), self.name_of(by));
        warn!(target: OPERATOR_LOG, "{name} is kicked by {actor}");
        let cause = Cause::Kicked(why.map(Box::from));
        let moderator = Some(&*actor).filter(|_| by != MemberId::OPERATOR);
        if let Some(by) = moderator {
            self.fanout().send_to_console(&Event::Notice(Notice::KickedBy { name: &name, why, by }));
        }
        while let Some(id) = self.shared.members.get(member).and_then(|member| member.session_at(0)) {
            if self.is_cut_off(id) {
                // Part of its data is dropped already: it leaves as a slow consumer.
                self.end_session(id, Cause::TooSlow, Close::AtOnce, now);
                continue;
            }
            self.fanout_by(by, &time).notice(id, Notice::Kicked { why, by: moderator });
            self.trace.record(|| TraceEvent::Departed(id, cause.clone()));
            self.end_locally(id, &cause, Close::WhenRead, now);
        }
        if self.shared.members.get(member).is_some() {
            self.remove_member(member, &cause, time);
        }
        self.admit(now);
    }

    fn kick_from_room(&mut self, member: MemberId, room: RoomId, by: MemberId, why: Option<&str>, time: Now) {
        let (name, room_name) = (self.name_of(member), self.shared.rooms.name(room).to_owned());
        let reads = by == MemberId::OPERATOR || self.shared.members.is_in(by.slot, room);
        self.remove_from_room(member, room, by, false, why, time);
        if !reads && let Some(moderator) = self.shared.members.get(by) {
            // The room may be removed by now.
            let here = self.shared.rooms.get(room).map_or(0, |room| room.members.len());
            let event = Event::Notice(Notice::Left { name: &name, cause: &Cause::Kicked(None), here });
            let label = RoomLabel::Followed(&room_name);
            moderator.sessions().for_each(|id| {
                self.outbound.send_labelled(&mut self.sessions, &self.shared.members, id, label, &event)
            });
        }
    }

    /// An act in a room, for the log.
    fn act_in_room(&self, room: RoomId, member: MemberId, act: &str, by: MemberId) -> String {
        let Shared { members, rooms, .. } = &self.shared;
        format!("{}: {} is {act} by {}", rooms.name(room), members.name(member), members.name(by))
    }

    /// Removes a member from a room: it goes to the lobby, or no longer follows the room.
    fn remove_from_room(
        &mut self,
        member: MemberId,
        room: RoomId,
        by: MemberId,
        banned: bool,
        why: Option<&str>,
        time: Now,
    ) {
        let (name, actor) = (self.shared.rooms.name(room).to_owned(), self.name_of(by));
        self.show_kick(member, room, by, why, &time);
        let removed = Notice::Removed { room: &name, by: &actor, banned, why };
        for id in self.shared.members[member.slot].sessions().collect::<Vec<_>>() {
            self.fanout_by(by, &time).notice(id, removed);
        }
        let cause = if banned { Cause::Banned } else { Cause::Kicked(None) };
        match self.shared.members[member.slot].room() == Some(room) {
            true => self.move_to(member.slot, RoomId::LOBBY, &cause, time),
            false => self.unfollow(member.slot, room, &cause, time),
        }
    }

    pub(super) fn apply_ban(&mut self, ban: &Ban, time: Now) {
        let Ban { by, network, ref name, minutes, .. } = *ban;
        let until = minutes.map(|minutes| after(minutes, time));
        let entry = bans::Ban { until, name: name.as_deref().map(CompactString::from) };
        self.shared.bans.add(network, entry, time.at);
        let until = minutes.map(|minutes| unix_after(minutes, time));
        let record = || BanRecord { network: network.into(), name: name.as_deref().map(str::to_owned), until };
        self.record(|| Record::Ban(record()));
        self.note_kept(|_| Some(Key::Ban(network)));
        let (actor, address) = (self.name_of(by), network.to_string());
        let both = name.as_deref().map_or_else(|| address.clone(), |name| format!("{address} ({name})"));
        warn!(target: OPERATOR_LOG, "{both} is banned by {actor}");
        let shown = name.as_deref().filter(|_| by != MemberId::OPERATOR).unwrap_or(&address);
        let own = Notice::Ban { what: shown, minutes, by: None };
        self.answer_act(by, own, Notice::Ban { what: &both, minutes, by: Some(&actor) });
        let in_network = |id: &ClientId| self.sessions.addr(*id).is_some_and(|addr| network.contains(addr.ip()));
        let hit = self.sessions.iter().map(|(id, _)| id).filter(in_network).collect();
        self.schedule_banned(hit);
    }

    pub(super) fn apply_unban(&mut self, by: MemberId, network: Network, time: Now) {
        let Some(ban) = self.shared.bans.lift(network, time.at) else { return };
        self.record(|| Record::Unban { network: network.into() });
        self.note_kept(|_| Some(Key::Ban(network)));
        let (actor, address) = (self.name_of(by), network.to_string());
        warn!(target: OPERATOR_LOG, "{address} is no longer banned, by {actor}");
        let shown = ban.name.as_deref().filter(|_| by != MemberId::OPERATOR).unwrap_or(&address);
        let own = Notice::Unbanned { what: shown, by: None };
        self.answer_act(by, own, Notice::Unbanned { what: &address, by: Some(&actor) });
    }

    pub(super) fn apply_mute(&mut self, member: MemberId, mute: &Mute, time: Now) {
        let &Mute { by, network, minutes, .. } = mute;
        let Shared { members, mutes, .. } = &mut self.shared;
        let name = members[member.slot].name.clone();
        let muted = MutedMember { name: &name, member, account: members.account(member), network };
        mutes.add(muted, minutes.map(|minutes| after(minutes, time)), time.at);
        let until = minutes.map(|minutes| unix_after(minutes, time));
        self.change_account(member, |account| account.data.mute = Some(MuteRecord { until }));
        let actor = self.name_of(by);
        warn!(target: OPERATOR_LOG, "{name} is muted by {actor}");
        let own = Notice::Muted { name: &name, minutes, by: None };
        self.answer_act(by, own, Notice::Muted { name: &name, minutes, by: Some(&actor) });
    }

    pub(super) fn apply_unmute(&mut self, by: MemberId, key: &str, time: Now) {
        let accounts = self.shared.mutes.accounts_of(key);
        let Some(name) = self.shared.mutes.lift(key, time.at) else { return };
        for account in accounts {
            self.shared.accounts.get_mut(account).into_iter().for_each(|account| account.data.mute = None);
            self.record_account(account);
        }
        let actor = self.name_of(by);
        warn!(target: OPERATOR_LOG, "{name} is no longer muted, by {actor}");
        let own = Notice::Unmuted { name: &name, by: None };
        self.answer_act(by, own, Notice::Unmuted { name: &name, by: Some(&actor) });
    }

    pub(super) fn apply_restrict(&mut self, member: MemberId, restrict: &Restrict, time: Now) {
        let &Restrict { by, room, kind, minutes, .. } = restrict;
        let (name, actor) = (self.name_of(member), self.name_of(by));
        let until = minutes.map(|minutes| after(minutes, time));
        let holder = self.shared.members.holder(member);
        let restriction = Restriction::new(&name, Some(holder), until);
        let rules = &mut self.shared.rooms[room].rules;
        rules.restrictions_mut(kind).add(restriction, time.at);
        let (act, is_ban) = (restriction_name(kind), kind == RestrictionKind::Ban);
        if is_ban {
            rules.take_role(holder);
        }
        warn!(target: OPERATOR_LOG, "{}", self.act_in_room(room, member, act, by));
        let notice = Notice::Restricted { by: &actor, name: &name, kind, lifted: false };
        self.notice_in_room(by, room, notice, &time);
        if is_ban {
            self.record_room(room, &time);
            if self.shared.members.is_in(member.slot, room) {
                self.remove_from_room(member, room, by, true, None, time);
            }
        }
    }

    pub(super) fn apply_lift(&mut self, lift: &Lift, time: Now) {
        let &Lift { by, room, kind, ref key } = lift;
        let holder = self.shared.members.find_key(key).map(|member| self.shared.members.holder(member));
        let list = self.shared.rooms[room].rules.restrictions_mut(kind);
        let Some(name) = list.lift(key, holder, time.at) else { return };
        let actor = self.name_of(by);
        let (room_name, act) = (self.shared.rooms.name(room), restriction_name(kind));
        warn!(target: OPERATOR_LOG, "{room_name}: {name} is no longer {act}, by {actor}");
        self.notice_in_room(by, room, Notice::Restricted { by: &actor, name: &name, kind, lifted: true }, &time);
        if kind == RestrictionKind::Ban {
            self.record_room(room, &time);
            self.remove_if_unkept(room);
        }
    }

    /// A mask is added to a list of a room, or removed from it. Members in the room that it bans stay, but may not speak.
    pub(super) fn apply_mask(
        &mut self,
        by: MemberId,
        room: RoomId,
        kind: MaskKind,
        mask: &Mask,
        added: bool,
        time: Now,
    ) {
        let actor = self.name_of(by);
        let rules = &mut self.shared.rooms[room].rules;
        match added {
            true => {
                let at = time.local.unix_timestamp();
                rules.add_mask(MaskEntry { kind, mask: mask.clone(), by: actor.clone(), at });
            }
            false => rules.remove_mask(kind, mask),
        }
        let notice = Notice::MaskSet { by: &actor, kind, mask: mask.text(), added };
        warn!(target: OPERATOR_LOG, "{}: {}", self.shared.rooms.name(room), Lang::En.notice(&notice));
        self.notice_in_room(by, room, notice, &time);
        self.record_room(room, &time);
        self.remove_if_unkept(room);
    }
}

fn restriction_name(kind: RestrictionKind) -> &'static str {
    match kind {
        RestrictionKind::Mute => "muted",
        RestrictionKind::Ban => "banned",
    }
}

/// Minutes in seconds: at most 1,900 years, whatever the log of a cluster has.
fn seconds(minutes: u64) -> u64 {
    60 * minutes.min(1_000_000_000)
}

/// The time some minutes later, in Unix seconds.
fn unix_after(minutes: u64, time: Now) -> i64 {
    time.local.unix_timestamp() + seconds(minutes) as i64
}

fn after(minutes: u64, time: Now) -> Duration {
    time.at + Duration::from_secs(seconds(minutes))
}
