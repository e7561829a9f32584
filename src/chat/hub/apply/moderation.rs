//! Applies kicks, bans and mutes.

use std::time::Duration;

use log::warn;

use crate::chat::cause::Cause;
use crate::chat::change::Mute;
use crate::chat::event::{Event, Notice};
use crate::chat::hub::trace::TraceEvent;
use crate::chat::hub::{Hub, OPERATOR_LOG, Shared};
use crate::chat::id::{ClientId, MemberId, Now};
use crate::chat::input::Close;
use crate::chat::policy::cidr::Network;
use crate::chat::record::Record;
use crate::chat::session::{PendingDisconnect, SessionStage};

impl Hub {
    pub(super) fn apply_kick(&mut self, member: MemberId, reason: Option<&str>, time: Now, now: Now) {
        let cause = Cause::Kicked(reason.map(Box::from));
        while let Some(id) = self.shared.members.get(member).and_then(|member| member.session_at(0)) {
            if self.is_cut_off(id) {
                // Part of its data is dropped already: it leaves as a slow consumer.
                self.end_session(id, Cause::TooSlow, Close::AtOnce, now);
                continue;
            }
            self.fanout().notice(id, Notice::Kicked { why: reason });
            self.trace.record(|| TraceEvent::Departed(id, cause.clone()));
            self.end_locally(id, &cause, Close::WhenRead, now);
        }
        if self.shared.members.get(member).is_some() {
            self.remove_member(member, &cause, time);
        }
        self.admit(now);
    }

    pub(super) fn apply_ban(&mut self, network: Network, minutes: Option<u64>, time: Now) {
        self.shared.bans.add(network, minutes.map(|minutes| after(minutes, time)), time.at);
        let until = minutes.map(|minutes| time.local.unix_timestamp() + 60 * minutes as i64);
        self.record(|| Record::Ban { network: network.into(), until });
        warn!(target: OPERATOR_LOG, "{network} is banned");
        self.fanout().send_to_console(&Event::Notice(Notice::Ban { network, minutes }));
        let in_network = |id: &ClientId| self.sessions.addr(*id).is_some_and(|addr| network.contains(addr.ip()));
        let mut hit: Vec<ClientId> = self.sessions.iter().map(|(id, _)| id).filter(in_network).collect();
        // Waiting sessions first, or one of them would get the place of a banned member.
        hit.sort_by_key(|&id| !matches!(self.sessions[id].stage, SessionStage::Waiting));
        for id in hit {
            let session = &self.sessions[id];
            if !session.is_leaving() && session.pending_disconnect.is_none() {
                self.disconnects.schedule(&mut self.sessions, id, PendingDisconnect::Banned);
            }
        }
    }

    pub(super) fn apply_unban(&mut self, network: Network, time: Now) {
        if !self.shared.bans.lift(network, time.at) {
            return;
        }
        self.record(|| Record::Unban { network: network.into() });
        warn!(target: OPERATOR_LOG, "{network} is no longer banned");
        self.fanout().send_to_console(&Event::Notice(Notice::Unbanned { network }));
    }

    pub(super) fn apply_mute(&mut self, member: MemberId, mute: &Mute, time: Now) {
        let &Mute { network, minutes, .. } = mute;
        let Shared { members, mutes, .. } = &mut self.shared;
        let name = members[member.slot].name.clone();
        mutes.add(&name, member, network, minutes.map(|minutes| after(minutes, time)), time.at);
        warn!(target: OPERATOR_LOG, "{name} is muted");
        self.fanout().send_to_console(&Event::Notice(Notice::Muted { name: &name, minutes }));
    }

    pub(super) fn apply_unmute(&mut self, key: &str, time: Now) {
        let Some(name) = self.shared.mutes.lift(key, time.at) else { return };
        warn!(target: OPERATOR_LOG, "{name} is no longer muted");
        self.fanout().send_to_console(&Event::Notice(Notice::Unmuted { name: &name }));
    }
}

fn after(minutes: u64, time: Now) -> Duration {
    time.at + Duration::from_secs(60 * minutes)
}
