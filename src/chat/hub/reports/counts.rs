//! Counts of sessions and members that are kept as these come and go: LUSERS is shown at each login of an IRC client, and must
//! not visit all members.

use crate::chat::hub::Hub;
use crate::chat::id::{ClientId, MemberId, MemberSlot};
use crate::chat::session::irc::Caps;

/// What is counted. It follows from the rest of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that belong to a member.
    sessions: usize,
    /// Invisible members.
    invisible: usize,
}

impl Hub {
    /// Counts everything.
    pub(in crate::chat::hub) fn recount(&self) -> Counts {
        let is_invisible = |slot: &MemberSlot| self.is_invisible(*slot);
        Counts {
            sessions: self.sessions.iter().filter(|(_, session)| session.member.is_some()).count(),
            invisible: self.shared.members.iter().map(|(slot, _)| slot).filter(is_invisible).count(),
        }
    }

    /// Notes how many members there are, if there were never more.
    pub(in crate::chat::hub) fn note_most_members(&mut self) {
        self.stats.most_members = self.stats.most_members.max(self.shared.members.len());
    }

    /// Connections that have not logged in, also those in the admission queue.
    pub(in crate::chat::hub) fn unknown_connections(&self) -> usize {
        let (admitted, waiting) = self.admission.counts();
        (admitted + waiting).saturating_sub(self.counts.sessions)
    }

    /// The number of invisible members.
    pub(in crate::chat::hub) fn invisible_members(&self) -> usize {
        self.counts.invisible
    }

    /// Whether a member is listed only to members that share a room with it (user mode `i` of IRC). Its first session decides, or in
    /// a cluster the session that was the last to say so, on any node.
    pub(in crate::chat::hub) fn is_invisible(&self, slot: MemberSlot) -> bool {
        if self.is_node() {
            return self.shared.members[slot].is_invisible();
        }
        let irc = |id| self.sessions.irc(id);
        self.shared.members[slot].session_at(0).and_then(irc).is_some_and(|irc| irc.caps.contains(Caps::INVISIBLE))
    }

    /// Sets whether a session of IRC is invisible.
    pub(in crate::chat::hub) fn set_invisible(&mut self, id: ClientId, on: bool) {
        let Some(slot) = self.sessions.get(id).and_then(|session| session.member) else { return };
        self.counting_invisible(slot, |hub| {
            if let Some(irc) = hub.sessions.irc_mut(id) {
                irc.caps.set(Caps::INVISIBLE, on);
            }
        });
    }

    /// In a cluster: sets whether a member is invisible, if that is said.
    pub(in crate::chat::hub) fn apply_invisible(&mut self, member: MemberId, on: Option<bool>) {
        if let Some(on) = on.filter(|_| self.is_node()) {
            self.counting_invisible(member.slot, |hub| hub.shared.members[member.slot].set_invisible(on));
        }
    }

    /// Adds a session to those of a member.
    pub(in crate::chat::hub) fn add_session(&mut self, slot: MemberSlot, id: ClientId) {
        self.counts.sessions += 1;
        self.counting_invisible(slot, |hub| {
            hub.shared.members[slot].add_session(id);
            hub.sessions[id].member = Some(slot);
        });
    }

    /// Removes a session from those of a member; returns whether it was the last one.
    pub(in crate::chat::hub) fn remove_session(&mut self, slot: MemberSlot, id: ClientId) -> bool {
        self.counts.sessions -= 1;
        self.counting_invisible(slot, |hub| {
            hub.sessions[id].member = None;
            hub.shared.members[slot].remove_session(id)
        })
    }

    /// Makes a change that may make a member invisible or visible.
    fn counting_invisible<R>(&mut self, slot: MemberSlot, change: impl FnOnce(&mut Hub) -> R) -> R {
        self.counts.invisible -= usize::from(self.is_invisible(slot));
        let result = change(self);
        self.counts.invisible += usize::from(self.is_invisible(slot));
        result
    }
}
