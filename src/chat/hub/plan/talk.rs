//! Plans for messages, whispers, names, and what a member reads.

use std::borrow::Cow;

use super::{Asker, LocalChange, Plan, Report, View, check_text, refuse};
use crate::chat::change::Change;
use crate::chat::command::{is_blank, split};
use crate::chat::event::{MessageKind, Refusal};
use crate::chat::hub::Shared;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::table::OPERATOR;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::record::WHISPERS_PER_NAME;

/// The longest offline message in bytes. All messages stored for one name fit into the backlog of one session.
const MAX_OFFLINE_MESSAGE: usize = 4096;

/// A message of a member in a room.
pub fn say<'s, 'l>(asker: Asker, room: RoomId, text: &'l str, kind: MessageKind) -> Plan<'s, 'l> {
    Plan::Propose(Change::Say { member: asker.member, room, text: Cow::Borrowed(text), kind, tags: None })
}

/// `/quiet on|off`
pub fn quiet<'s, 'l>(choice: &'l str) -> Plan<'s, 'l> {
    match split(choice).0.to_ascii_lowercase().as_str() {
        "on" => Plan::Local(LocalChange::Quiet(true)),
        "off" => Plan::Local(LocalChange::Quiet(false)),
        _ => refuse(Refusal::Usage("/quiet on|off")),
    }
}

/// `/away [text]`
pub fn away<'s, 'l>(asker: Asker, text: &'l str) -> Plan<'s, 'l> {
    let text = Some(text).filter(|text| !is_blank(text));
    match check_text(text.unwrap_or_default()) {
        Ok(()) => {
            let text = text.map(Cow::Borrowed);
            Plan::Propose(Change::Away { member: asker.member, text, of_session: false })
        }
        Err(refusal) => refuse(refusal),
    }
}

/// `/echo on|off`
pub fn echo<'s, 'l>(choice: &'l str) -> Plan<'s, 'l> {
    match split(choice).0.to_ascii_lowercase().as_str() {
        "on" => Plan::Local(LocalChange::Echo(true)),
        "off" => Plan::Local(LocalChange::Echo(false)),
        _ => refuse(Refusal::Usage("/echo on|off")),
    }
}

impl<'s> View<'s, '_> {
    /// Finds a member that has a session here or on another node, or the operator at this console, as the recipient of a whisper.
    pub fn recipient(&self, name: &str) -> Option<MemberId> {
        let key = key_of(name)?;
        let Shared { members, accounts, .. } = self.shared;
        let operator = members.operator().filter(|_| key == OPERATOR);
        // The member of an account can have another nickname.
        let of_account = || accounts.get(accounts.find_key(&key)?)?.member;
        let found = members.find_key(&key).or_else(of_account);
        let console = operator.filter(|operator| members[operator.slot].session_at(0).is_some());
        found.filter(|&id| self.is_reached(id)).or(console)
    }

    /// Whether a member has a session, here or on another node.
    fn is_reached(&self, id: MemberId) -> bool {
        let Shared { members, node_joins, .. } = self.shared;
        members.get(id).is_some_and(|member| member.session_at(0).is_some())
            || !node_joins.is_empty() && node_joins.nodes_of(id.slot).any(|node| Some(node) != self.node)
    }

    /// `/me text`, `/me #room text`
    pub fn action<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        match self.room_argument(asker, text) {
            Ok((_, text)) if is_blank(text) => refuse(Refusal::Usage("/me text")),
            Ok((room, text)) => say(asker, room, text, MessageKind::Action),
            Err(refusal) => refuse(refusal),
        }
    }

    /// `/whois name`
    pub fn whois<'l: 's>(&self, name: &'l str) -> Plan<'s, 'l> {
        match self.shared.members.find(name) {
            _ if name.is_empty() => refuse(Refusal::Usage("/whois name")),
            Some(member) => Plan::Report(Report::Whois(member)),
            None => refuse(Refusal::NoSuchMember { name }),
        }
    }

    /// `@name text`, `@name: text`, `@name, text`
    pub fn whisper<'l: 's>(&self, asker: Asker, to: &'l str, text: &'l str) -> Plan<'s, 'l> {
        let to = match self.config.has_followed_rooms() {
            true => to.strip_suffix([':', ',']).unwrap_or(to),
            false => to,
        };
        if to.is_empty() || is_blank(text) {
            return refuse(Refusal::Usage("@name text"));
        }
        match self.recipient(to) {
            Some(target) if target == asker.member && Some(target) != self.shared.members.operator() => {
                refuse(Refusal::Yourself)
            }
            Some(target) if target != asker.member => Plan::Whisper { to: target, text },
            None if self.stores_whispers(to) && Some(asker.member) != self.shared.members.operator() => {
                self.store_whisper(to, text)
            }
            _ => refuse(Refusal::NoSuchMember { name: to }),
        }
    }

    /// A whisper to a name that no member has.
    fn store_whisper<'l: 's>(&self, to: &'l str, text: &'l str) -> Plan<'s, 'l> {
        let Ok(name) = Name::new(to) else { return refuse(Refusal::NoSuchMember { name: to }) };
        let longest = MAX_OFFLINE_MESSAGE.min(self.config.backlog_bytes / 2 / WHISPERS_PER_NAME);
        if text.len() > longest {
            return refuse(Refusal::TooLong { most: longest });
        }
        Plan::StoreWhisper { to: name, text }
    }

    /// `/r text`
    pub fn reply<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if is_blank(text) {
            return refuse(Refusal::Usage("/r text"));
        }
        let members = &self.shared.members;
        let own = &members[asker.member.slot];
        let Some(whisperer) = own.whisperer() else { return refuse(Refusal::NoWhisperYet) };
        if let Some(node) = own.whisperer_node() {
            return Plan::WhisperToConsole { node, text };
        }
        match members.get(whisperer) {
            Some(_) if self.is_reached(whisperer) => Plan::Whisper { to: whisperer, text },
            _ => refuse(Refusal::WhispererLeft),
        }
    }

    /// `/ignore name`, or `/ignore` for the list
    pub fn ignore<'l: 's>(&self, asker: Asker, name: &'l str) -> Plan<'s, 'l> {
        if name.is_empty() {
            return Plan::Report(Report::Ignored);
        }
        match (self.shared.members.find(name), Name::typed_poster(name)) {
            (None, Some(poster)) => Plan::Local(LocalChange::IgnorePoster(poster)),
            (None, None) => refuse(Refusal::NoSuchMember { name }),
            (Some(target), _) if target == asker.member => refuse(Refusal::Yourself),
            (Some(target), _) => Plan::Local(LocalChange::Ignore(target)),
        }
    }
}
