//! MARKREAD: how far a member has read. Source: <https://ircv3.net/specs/extensions/read-marker>.

use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::nodes::kept::Parts;
use crate::chat::hub::plan::Asker;
use crate::chat::id::ClientId;
use crate::chat::irc::timestamp;
use crate::chat::policy::nick::Name;
use crate::chat::session::irc::Caps;
use crate::chat::span::Dated;

/// A marker as it is shown; `None` if nothing was read.
pub fn shown(marker: Option<i64>) -> String {
    marker.map_or_else(|| "*".into(), |at| format!("timestamp={}", timestamp::show(at)))
}

impl Hub {
    /// MARKREAD
    pub(in crate::chat::hub::irc) fn irc_markread(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let Some(target) = call.message.params.given(0) else {
            return self.fail(asker.id, "MARKREAD", "NEED_MORE_PARAMS", &[], "A target is missing");
        };
        if let Some(text) = call.param(1) {
            let at = text.strip_prefix("timestamp=").and_then(timestamp::parse);
            let Some(at) = at.filter(|_| is_target(target)) else {
                return self.fail(asker.id, "MARKREAD", "INVALID_PARAMS", &[target], "No such target, or not a time");
            };
            self.advance_marker(asker, target, at);
            self.note_read_up_to(asker, target, at);
        }
        self.send_marker(asker.id, target, self.shared.members[asker.member.slot].marker(target));
    }

    fn send_marker(&mut self, id: ClientId, target: &str, marker: Option<i64>) {
        self.server_line(id, "MARKREAD", &[target, &shown(marker)], None);
    }

    /// Notes up to when a member has read a target, and tells its other sessions on IRC.
    pub(in crate::chat::hub) fn advance_marker(&mut self, asker: Asker, target: &str, at: i64) {
        let member = &mut self.shared.members[asker.member.slot];
        if !member.markers_mut().advance(target, at) {
            return;
        }
        let (markers, sessions) = (member.markers_mut().clone(), member.sessions().collect::<Vec<_>>());
        self.change_account(asker.member, |account| account.data.markers = markers);
        self.note_private_of(asker.member, Parts::READ);
        sessions.into_iter().filter(|&id| id != asker.id).for_each(|id| self.show_marker(id, target, at));
    }

    /// Shows a session of IRC, if it can be, that its member has read a target elsewhere.
    pub(in crate::chat::hub) fn show_marker(&mut self, id: ClientId, target: &str, at: i64) {
        if self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::READ_MARKER)) {
            self.send_marker(id, target, Some(at));
        }
    }

    /// Notes the newest message of a room that was said up to a time as the last one that an account has read there, as `/read`
    /// does. A message that is no longer in memory is not looked up.
    fn note_read_up_to(&mut self, asker: Asker, target: &str, at: i64) {
        let Some(room) = self.channel(asker, target) else { return };
        let Some(account) = self.shared.members.account(asker.member) else { return };
        let history = self.shared.rooms[room].history();
        let newest = history.last(history.len()).take_while(|message| message.millis() <= at).last();
        if let Some(id) = newest.map(|message| message.id()) {
            self.note_read(asker, account, room, id);
        }
    }
}

/// Whether a room or a member can be called so.
fn is_target(target: &str) -> bool {
    match target.strip_prefix('#') {
        Some(room) => Name::room(room).is_ok(),
        None => Name::new(target).is_ok(),
    }
}
