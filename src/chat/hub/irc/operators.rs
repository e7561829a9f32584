//! What operators of the server have: OPER, KILL, WALLOPS, REHASH.

use std::borrow::Cow;

use super::Call;
use super::registration::first_bytes;
use crate::chat::change::{Change, Kick};
use crate::chat::event::{Event, IrcLine, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::plan::{Asker, MAX_TEXT};
use crate::chat::id::ClientId;
use crate::chat::member::Role;
use crate::chat::policy::cidr::Network;

impl Hub {
    /// OPER: the member is an operator of the server for its stay, with a name and password of `--irc-oper`.
    pub(super) fn irc_oper(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if self.config.irc_opers.is_empty() {
            return self.numeric(asker.id, 491, &[], "No O-lines for your host");
        }
        let network = Network::of_client(self.sessions.ip(asker.id));
        if self.passwords.wait_of_network(network, call.now.at).is_some() {
            return self.numeric(asker.id, 464, &[], "Too many wrong passwords; wait a minute");
        }
        let (name, password) = (call.text(0), call.text(1));
        if !self.config.irc_opers.iter().any(|oper| *oper.name == *name && oper.password.is(password)) {
            self.passwords.note_wrong(network, None, call.now.at);
            return self.numeric(asker.id, 464, &[], "Password incorrect");
        }
        self.propose_checked(asker.id, Change::Operator { member: asker.member, given: true }, call.now);
    }

    /// Refuses what a member may not do on the server; returns whether it may.
    fn permits_on_server(&mut self, asker: Asker, act: Act) -> bool {
        let refused = self.shared.permit(asker.member, act, None);
        match refused {
            Ok(()) => true,
            Err(refusal) => {
                self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Refusal(refusal));
                false
            }
        }
    }

    /// KILL: a kick from the server.
    pub(super) fn irc_kill(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if !self.permits_on_server(asker, Act::ModerateServer) {
            return;
        }
        let name = call.text(0);
        let Some(member) = self.shared.members.find(name) else {
            return self.refuse_irc(asker, Refusal::NoSuchMember { name });
        };
        let reason =
            call.param(1).map(|reason| first_bytes(reason.trim(), MAX_TEXT)).filter(|reason| !reason.is_empty());
        let kick = Kick { by: asker.member, room: None, name: name.into(), reason: reason.map(Cow::Borrowed) };
        self.propose_checked(asker.id, Change::Kick { member, kick: Box::new(kick) }, call.now);
    }

    /// WALLOPS: a message to all operators and moderators of the server.
    pub(super) fn irc_wallops(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if !self.permits_on_server(asker, Act::ModerateServer) {
            return;
        }
        let text = call.text(0).trim();
        if text.is_empty() {
            return self.numeric(asker.id, 461, &["WALLOPS"], "Not enough parameters");
        }
        let name = self.name_of(asker.member);
        let wallops = IrcLine::Command {
            from: Sender::Member(&name),
            command: "WALLOPS",
            in_room: false,
            middle: &[],
            text: Some(text),
        };
        let whisper = Event::Whisper { at: call.now.local, from: &name, text };
        let readers = self.shared.members.iter().filter(|(_, member)| member.role() >= Role::Moderator);
        let mut readers: Vec<ClientId> = readers.flat_map(|(_, member)| member.sessions()).collect();
        if self.shared.mutes.holds(asker.member, call.now.at) {
            readers.retain(|&id| self.sessions[id].member == Some(asker.member.slot));
        } else {
            self.fanout().send_to_console(&whisper);
        }
        for id in readers.into_iter().filter(|&id| id != ClientId::CONSOLE) {
            match self.sessions[id].encoding.is_irc() {
                true => self.reply_by(id, asker.member, wallops, call.now),
                false => self.fanout().send_dated(id, &whisper, call.now),
            }
        }
    }

    /// REHASH: the settings are read again.
    pub(super) fn irc_rehash(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if self.permits_on_server(asker, Act::Reload) {
            let server = self.config.name.clone();
            self.numeric(asker.id, 382, &[&server], "Rehashing");
            self.reload_requests.push(asker.id);
        }
    }
}
