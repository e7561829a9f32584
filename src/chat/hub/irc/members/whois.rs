//! What is known of members by name: WHOIS, WHOWAS, USERHOST, ISON.
//!
//! Sources: <https://modern.ircdocs.horse/#whois-message>, RFC 2812, sections 3.6.2, 3.6.3, 4.8 and 4.9.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::chat::hub::Hub;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::fanout::sign;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::reply::in_lines;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{MemberId, Now};
use crate::chat::member::Role;
use crate::chat::policy::nick::key_of;
use crate::chat::policy::peer::show_addr;
use crate::chat::session::irc::Caps;

/// Entries of one answer to WHOWAS at most.
const MAX_WHOWAS: usize = 10;
/// Nicknames of one USERHOST at most.
const MAX_USERHOST: usize = 5;

impl Hub {
    /// WHOIS
    pub(in crate::chat::hub::irc) fn irc_whois(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        // With two parameters, the first one is the server that is asked.
        if call.param(1).is_some() && self.is_other_server(call, 0) {
            return;
        }
        let Some(nick) = call.param(1).or(call.param(0)).filter(|nick| !nick.is_empty()) else {
            return self.numeric(asker.id, 431, &[], "No nickname given");
        };
        let shown = if nick.contains(' ') { "*" } else { nick };
        match self.shared.members.find(nick) {
            Some(member) => self.send_whois(asker, member, call.now),
            None => self.numeric(asker.id, 401, &[shown], "No such nick/channel"),
        }
        self.numeric(asker.id, 318, &[shown], "End of /WHOIS list");
    }

    fn send_whois(&mut self, asker: Asker, member: MemberId, now: &Now) {
        let id = asker.id;
        let found = &self.shared.members[member.slot];
        let (nick, role, is_bot, since) =
            (found.name.clone(), found.role(), self.shared.members.is_bot(member.slot), found.since());
        let source = self.shared.accounts.source_of(&self.shared.members, member.slot);
        let (user, host, real_name) = (source.user.to_owned(), source.host.text(), source.real_name.to_owned());
        let account = source.account.map(str::to_owned);
        let away = self.shown_away(asker.member, member, now).map(str::to_owned);
        let server = self.nodes.elsewhere(&self.shared, member.slot).unwrap_or(&self.config.name).to_owned();
        self.numeric(id, 311, &[&nick, &user, &host, "*"], &real_name);
        for channels in self.shown_channels(asker, member) {
            self.numeric(id, 319, &[&nick], &channels);
        }
        self.numeric(id, 312, &[&nick, &server], "a chat server");
        match role {
            Role::Operator => self.numeric(id, 313, &[&nick], "is an IRC operator"),
            Role::Moderator => self.numeric(id, 313, &[&nick], "is a moderator of all channels"),
            Role::User => {}
        }
        if let Some(away) = away {
            self.numeric(id, 301, &[&nick], &away);
        }
        if let Some(account) = account {
            self.numeric(id, 330, &[&nick, &account], "is logged in as");
        }
        if is_bot {
            self.numeric(id, 335, &[&nick], "is a bot");
        }
        self.send_whois_metadata(asker, member, now);
        if self.is_encrypted(member) {
            self.numeric(id, 671, &[&nick], "is using a secure connection");
        }
        self.send_address(asker, member);
        if let Some(idle) = self.idle_seconds(member.slot, now) {
            let (idle, since) = (idle.to_string(), since.to_string());
            self.numeric(id, 317, &[&nick, &idle, &since], "seconds idle, signon time");
        }
    }

    /// Whether all sessions of a member are known to be encrypted: those of IRC here are.
    fn is_encrypted(&self, member: MemberId) -> bool {
        let found = &self.shared.members[member.slot];
        let mut sessions = found.sessions();
        found.session_at(0).is_some()
            && sessions.all(|id| self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::ENCRYPTED)))
    }

    /// Sends the address of a member to itself and to operators; it is known on the node of the member.
    fn send_address(&mut self, asker: Asker, member: MemberId) {
        if asker.member != member && !self.shared.may(asker.member, Act::SeeAddresses, None) {
            return;
        }
        let session = self.shared.members[member.slot].session_at(0);
        let Some(addr) = session.and_then(|session| self.sessions.addr(session)) else { return };
        let nick = self.name_of(member);
        self.numeric(asker.id, 378, &[&nick], &format!("is connecting from {}", show_addr(addr)));
    }

    /// The channels of a member that another one is shown, with its sign in each, in lines. Those of an invisible member are
    /// shown to who is in them.
    fn shown_channels(&self, asker: Asker, member: MemberId) -> Vec<String> {
        let (members, rooms) = (&self.shared.members, &self.shared.rooms);
        let is_hidden = self.is_invisible(member.slot) && member != asker.member;
        let holder = members.holder(member);
        let shown = members.rooms(member.slot).filter(|&room| {
            members.is_in(asker.member.slot, room) || !is_hidden && self.shared.sees(asker.member, room)
        });
        let shown = shown.map(|room| format!("{}#{}", sign(rooms[room].rules.role(holder)), rooms.name(room)));
        in_lines(shown, ' ', self.space_for_text(asker.id, &[members.name(member)]))
    }

    /// WHOWAS
    pub(in crate::chat::hub::irc) fn irc_whowas(&mut self, call: &Call) {
        let Some(nick) = call.param(0).filter(|nick| !nick.is_empty()) else {
            return self.numeric(call.id, 431, &[], "No nickname given");
        };
        let count = call.param(1).and_then(|count| count.parse().ok()).filter(|&count: &usize| count > 0);
        let hash = key_of(nick).map(|key| self.shared.members.name_hash(&key));
        let found = hash.into_iter().flat_map(|hash| self.past_members.find(hash));
        let found: Vec<_> = found.take(count.unwrap_or(MAX_WHOWAS).min(MAX_WHOWAS)).cloned().collect();
        let shown = if nick.contains(' ') { "*" } else { nick };
        if found.is_empty() {
            self.numeric(call.id, 406, &[shown], "There was no such nickname");
        }
        let server = self.config.name.clone();
        for past in found {
            let nick = &*past.name;
            self.numeric(call.id, 314, &[nick, past.user(), &past.host.text(), "*"], past.real_name());
            let until = OffsetDateTime::from_unix_timestamp(past.until).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            self.numeric(call.id, 312, &[nick, &server], &until.format(&Rfc2822).unwrap_or_default());
        }
        self.numeric(call.id, 369, &[shown], "End of WHOWAS");
    }

    /// USERHOST
    pub(in crate::chat::hub::irc) fn irc_userhost(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let members = &self.shared.members;
        let nicks = call.message.params.iter().take(MAX_USERHOST);
        let found = nicks.filter_map(|nick| members.find(nick)).map(|id| {
            let member = &members[id.slot];
            let star = if member.role() == Role::Operator { "*" } else { "" };
            let sign = if self.shown_away(asker.member, id, call.now).is_some() { '-' } else { '+' };
            format!("{}{star}={sign}{}@{}", member.name, members.user(id.slot), member.host())
        });
        let lines = in_lines(found, ' ', self.space_for_text(asker.id, &[]));
        self.numeric_lines(asker.id, 302, lines);
    }

    /// ISON
    pub(in crate::chat::hub::irc) fn irc_ison(&mut self, call: &Call) {
        let members = &self.shared.members;
        let nicks = call.message.params.iter().flat_map(|param| param.split_ascii_whitespace());
        let found = nicks.filter_map(|nick| members.find(nick)).map(|id| members.name(id));
        let lines = in_lines(found, ' ', self.space_for_text(call.id, &[]));
        self.numeric_lines(call.id, 303, lines);
    }
}
