//! What a member says of itself, and who is told: SETNAME, and lines about its account.
//!
//! Sources: <https://ircv3.net/specs/extensions/setname>,
//! <https://ircv3.net/specs/extensions/account-notify>

use std::borrow::Cow;

use crate::chat::change::Change;
use crate::chat::encoding::Optional;
use crate::chat::event::{Event, IrcLine, Sender};
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::MAX_REAL_NAME;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, MemberId, Now, RoomId};
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::irc::Caps;

impl Hub {
    /// SETNAME
    pub(in crate::chat::hub::irc) fn irc_setname(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let real_name = call.text(0).trim();
        if real_name.is_empty() || real_name.len() > MAX_REAL_NAME {
            let text = format!("A real name has 1 to {MAX_REAL_NAME} bytes");
            return self.fail(asker.id, "SETNAME", "INVALID_REALNAME", &[], &text);
        }
        let real_name = Some(Cow::Borrowed(real_name));
        self.propose_checked(
            asker.id,
            Change::SetIdentity { member: asker.member, real_name, bot: None, invisible: None },
            call.now,
        );
    }

    /// A member says something else of itself. The real name of a muted member stays; only itself is told otherwise.
    pub(in crate::chat::hub) fn apply_identity(
        &mut self,
        member: MemberId,
        real_name: Option<&str>,
        bot: Option<bool>,
        time: &Now,
    ) {
        if real_name.is_none() && bot.is_none() {
            return;
        }
        let is_muted = self.shared.mutes.holds(member, time.at);
        let identity = self.shared.members.identity_mut(member.slot);
        identity.set_bot(bot.unwrap_or(identity.is_bot()));
        let Some(real_name) = real_name else { return };
        if !is_muted {
            identity.set_real_name(real_name);
        }
        let name = self.name_of(member);
        let from = Sender::Member(&name);
        let line = IrcLine::Command { from, command: "SETNAME", in_room: false, middle: &[], text: Some(real_name) };
        self.show_about(member, (Optional::SetName, Caps::SETNAME), line, time);
    }

    /// Shows that a member is logged in as an account now, or as none.
    pub(in crate::chat::hub) fn show_account(&mut self, member: MemberId, time: &Now) {
        let Shared { members, accounts, .. } = &self.shared;
        if members.get(member).is_none() {
            return;
        }
        let account = accounts.source_of(members, member.slot).account.unwrap_or("*").to_owned();
        let name = self.name_of(member);
        let from = Sender::Member(&name);
        let line = IrcLine::Command { from, command: "ACCOUNT", in_room: false, middle: &[&account], text: None };
        self.show_about(member, (Optional::Account, Caps::ACCOUNT_NOTIFY), line, time);
    }

    /// Shows a line about a member to sessions of IRC with a capability: in its rooms, to those that monitor it, and to its own.
    /// If it is muted, only to its own.
    fn show_about(&mut self, member: MemberId, (optional, cap): (Optional, Caps), line: IrcLine, time: &Now) {
        if !self.shared.mutes.holds(member, time.at) {
            let author = Author { name: 0, ..self.shared.members.author(member.slot) };
            let rooms: Vec<RoomId> = self.shared.members.rooms(member.slot).collect();
            let mut index = 1;
            for room in rooms {
                let kind = EntryKind::Optional(optional, index);
                let mut fanout = self.fanout_by(member, time);
                index += u8::from(fanout.append_irc(room, Some(member.slot), author, kind, &Event::Irc(line)));
            }
            self.show_to_watchers(member, cap, line, time);
        }
        let own: Vec<ClientId> = self.shared.members[member.slot].sessions().collect();
        for id in own {
            if self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(cap)) {
                self.fanout_by(member, time).send(id, &Event::Irc(line));
            }
        }
    }
}
