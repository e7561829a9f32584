//! KICK and INVITE.

use std::borrow::Cow;

use crate::chat::change::{Change, Kick};
use crate::chat::event::{Event, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::first_bytes;
use crate::chat::hub::irc::registration::isupport::MAX_TARGETS;
use crate::chat::hub::plan::{Asker, MAX_TEXT};
use crate::chat::id::RoomId;

impl Hub {
    /// KICK: of one channel, or of as many channels as nicknames.
    pub(in crate::chat::hub::irc) fn irc_kick(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let reason =
            call.param(2).map(|reason| first_bytes(reason.trim(), MAX_TEXT)).filter(|reason| !reason.is_empty());
        let channels: Vec<&str> = call.text(0).split(',').collect();
        for (index, name) in call.text(1).split(',').take(MAX_TARGETS).enumerate() {
            let channel = if channels.len() == 1 { channels.first() } else { channels.get(index) };
            let Some(channel) = channel else { return };
            if let Some(room) = self.moderated_channel(asker, channel, Act::Kick) {
                self.kick_on_irc(asker, room, name, reason, call);
            }
        }
    }

    /// The room of a channel in which the member may do something. Moderators need not be in it.
    fn moderated_channel(&mut self, asker: Asker, channel: &str, act: Act) -> Option<RoomId> {
        let room = match self.shared.may(asker.member, Act::ModerateServer, None) {
            true => self.known_channel(asker, channel)?,
            false => self.own_channel(asker, channel)?,
        };
        match self.shared.permit(asker.member, act, Some(room)) {
            Err(refusal) => {
                self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Refusal(refusal))
            }
            Ok(()) if room == RoomId::LOBBY => self.refuse_irc(asker, Refusal::NotForLobby),
            Ok(()) => return Some(room),
        }
        None
    }

    fn kick_on_irc(&mut self, asker: Asker, room: RoomId, name: &str, reason: Option<&str>, call: &Call) {
        let Some(member) = self.shared.members.find(name) else {
            return self.refuse_irc(asker, Refusal::NoSuchMember { name });
        };
        let kick = Kick { by: asker.member, room: Some(room), name: name.into(), reason: reason.map(Cow::Borrowed) };
        self.propose_checked(asker.id, Change::Kick { member, kick: Box::new(kick) }, call.now);
    }

    /// INVITE; without parameters, the list of the invitations of the member.
    pub(in crate::chat::hub::irc) fn irc_invite(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let Some(name) = call.param(0) else { return self.list_invitations(asker) };
        let Some(channel) = call.param(1) else {
            return self.numeric(asker.id, 461, &["INVITE"], "Not enough parameters");
        };
        let Some(room) = self.moderated_channel(asker, channel, Act::Invite) else { return };
        match self.shared.members.find(name) {
            None => self.refuse_irc(asker, Refusal::NoSuchMember { name }),
            Some(member) => {
                self.propose_checked(asker.id, Change::Invite { by: asker.member, member, room }, call.now);
            }
        }
    }

    fn list_invitations(&mut self, asker: Asker) {
        let holder = self.shared.members.holder(asker.member);
        let rooms = self.shared.rooms.numbers().into_iter();
        let invited: Vec<String> = rooms
            .map(|room| &self.shared.rooms[room])
            .filter(|room| room.rules.is_invited(holder))
            .map(|room| format!("#{}", room.name))
            .collect();
        for channel in &invited {
            self.numeric_without_text(asker.id, 336, &[channel]);
        }
        self.numeric(asker.id, 337, &[], "End of /INVITE list");
    }
}
