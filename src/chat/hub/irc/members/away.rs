//! AWAY: a session of IRC is away, and its member is when all its sessions are. Source:
//! <https://modern.ircdocs.horse/#away-message>.
//!
//! `/away` of another session is about the member: all its sessions are away, and it is kept for an account.

use std::borrow::Cow;

use crate::chat::change::Change;
use crate::chat::event::Notice;
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::first_bytes;
use crate::chat::hub::plan::MAX_TEXT;
use crate::chat::id::{ClientId, MemberId, Now};

impl Hub {
    /// AWAY
    pub(in crate::chat::hub::irc) fn irc_away(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let text = Some(first_bytes(call.text(0), MAX_TEXT)).filter(|text| !text.is_empty());
        let member = &self.shared.members[asker.member.slot];
        // Back from an `/away`, too.
        let is_about_member = match text {
            // What those of other nodes have said is not known here.
            Some(_) if self.is_node() && member.has_other_sessions() => false,
            Some(_) => member.sessions().all(|id| id == asker.id || self.is_session_away(id)),
            None => member.away().is_some() || member.session_at(1).is_none(),
        };
        if is_about_member {
            let text = text.map(Cow::Borrowed);
            return self.propose_checked(
                asker.id,
                Change::Away { member: asker.member, text, of_session: true },
                call.now,
            );
        }
        self.note_session_away(asker.id, text);
        let name = self.name_of(asker.member);
        self.fanout().notice(asker.id, Notice::YouAreAway { name: &name, text });
    }

    fn is_session_away(&self, id: ClientId) -> bool {
        self.sessions.irc(id).is_some_and(|irc| irc.unfinished().away.is_some())
    }

    /// Notes whether a session of IRC is away.
    fn note_session_away(&mut self, id: ClientId, text: Option<&str>) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().away = text.map(Into::into);
            irc.free_finished();
        }
    }

    /// A member is away, or back: notes it for its sessions of IRC, and tells them and the others. What one session of IRC has
    /// said, `of`, is about that one and about those that are not of IRC.
    pub(in crate::chat::hub) fn tell_own_away(&mut self, member: MemberId, text: Option<&str>, of: Option<ClientId>) {
        let name = self.shared.members[member.slot].name.clone();
        let sessions: Vec<ClientId> = self.shared.members[member.slot].sessions().collect();
        for id in sessions {
            if self.sessions[id].encoding.is_irc() && of.is_some_and(|of| of != id) {
                continue;
            }
            self.note_session_away(id, text);
            self.fanout().notice(id, Notice::YouAreAway { name: &name, text });
        }
    }

    /// Tells a session that has logged in that its account is away, if that is kept.
    pub(in crate::chat::hub) fn tell_kept_away(&mut self, id: ClientId, member: MemberId) {
        let Some(text) = self.kept_away(member) else { return };
        let name = self.name_of(member);
        self.note_session_away(id, Some(&text));
        self.fanout().notice(id, Notice::YouAreAway { name: &name, text: Some(&text) });
    }

    /// The text of a member that is away, if it is kept for its account.
    fn kept_away(&self, member: MemberId) -> Option<String> {
        let found = self.shared.members.get(member)?;
        let kept = self.shared.accounts.get(found.account()?)?.data.away.is_some();
        found.away().filter(|_| kept).map(str::to_owned)
    }

    /// A session of a member has ended, or one has come: the member is away if those that it has are. In a cluster a member with
    /// sessions of several nodes is not: what those of other nodes have said is not known here.
    pub(in crate::chat::hub) fn update_away(&mut self, member: MemberId, come: Option<ClientId>, now: &Now) {
        let Some(found) = self.shared.members.get(member) else { return };
        if come.is_some() && self.kept_away(member).is_some() {
            return;
        }
        if self.is_node() && (come.is_some() || found.has_other_sessions()) {
            if come.is_some() && found.away().is_some() {
                self.propose(None, Change::Away { member, text: None, of_session: true }, now);
            }
            return;
        }
        let others: Vec<ClientId> = found.sessions().filter(|&id| Some(id) != come).collect();
        if others.is_empty() || !others.iter().all(|&id| self.is_session_away(id)) {
            return;
        }
        let text = match come {
            Some(_) => None,
            None => {
                self.sessions.irc(others[0]).and_then(|irc| irc.unfinished().away.as_ref()).map(|text| text.to_string())
            }
        };
        if found.away().is_some() != text.is_some() {
            let text = text.map(Cow::Owned);
            self.propose(None, Change::Away { member, text, of_session: true }, now);
        }
    }
}
