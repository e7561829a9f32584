//! Plans for the operator's moderation commands: kick, ban and mute.

use std::borrow::Cow;

use super::{Plan, View, refuse};
use crate::chat::change::{Change, Kick, Mute};
use crate::chat::command::{is_blank, split};
use crate::chat::event::Refusal;
use crate::chat::id::MemberId;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::key_of;

impl<'s> View<'s, '_> {
    /// The network from which a member comes; `None` if it has no session here.
    fn network_of(&self, member: MemberId) -> Option<Network> {
        let session = self.shared.members[member.slot].session_at(0)?;
        Some(Network::of_client(self.sessions.addr(session)?.ip()))
    }

    /// `/kick name [reason]`
    pub fn kick<'l: 's>(&self, rest: &'l str) -> Plan<'s, 'l> {
        let (name, reason) = split(rest);
        if name.is_empty() {
            return refuse(Refusal::Usage("/kick name [reason]"));
        }
        let Some(member) = self.shared.members.find(name) else {
            return refuse(Refusal::NoSuchMember { name });
        };
        let reason = Some(reason.trim()).filter(|reason| !is_blank(reason)).map(Cow::Borrowed);
        Plan::Propose(Change::Kick { member, kick: Box::new(Kick { name: name.into(), reason }) })
    }

    /// `/ban ADDRESS|name [minutes]`
    pub fn ban<'l: 's>(&self, rest: &'l str) -> Plan<'s, 'l> {
        const USAGE: Refusal = Refusal::Usage("/ban ADDRESS|name [minutes]");
        let (what, minutes) = split(rest);
        let Ok(minutes) = read_minutes(minutes) else { return refuse(USAGE) };
        // A ban by name covers the whole IPv6 site, because the client could come back from its next address.
        let of_member = || self.network_of(self.shared.members.find(what)?);
        match what.parse().ok().or_else(of_member) {
            Some(network) => Plan::Propose(Change::Ban { network, minutes }),
            None if what.is_empty() => refuse(USAGE),
            None => refuse(Refusal::NoSuchMember { name: what }),
        }
    }

    /// `/unban ADDRESS`
    pub fn unban<'l: 's>(&self, what: &'l str) -> Plan<'s, 'l> {
        if what.is_empty() {
            return refuse(Refusal::Usage("/unban ADDRESS"));
        }
        // A ban by name covers the whole IPv6 site of the address.
        let site = what.parse().ok().map(Network::of_client);
        let is_banned = |network: &Network| self.shared.bans.has(*network, self.now.at);
        match what.parse().ok().into_iter().chain(site).find(is_banned) {
            Some(network) => Plan::Propose(Change::Unban { network }),
            None => refuse(Refusal::NotBanned { what }),
        }
    }

    /// `/mute name [minutes]`: only the member sees its own messages from now on. It is not told.
    pub fn mute<'l: 's>(&self, rest: &'l str) -> Plan<'s, 'l> {
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Ok(minutes) if !name.is_empty() => minutes,
            _ => return refuse(Refusal::Usage("/mute name [minutes]")),
        };
        let found = self.shared.members.find(name);
        match found.and_then(|member| Some((member, self.network_of(member)?))) {
            Some((member, network)) => {
                Plan::Propose(Change::Mute { member, mute: Box::new(Mute { name: name.into(), network, minutes }) })
            }
            None => refuse(Refusal::NoSuchMember { name }),
        }
    }

    /// `/unmute name`
    pub fn unmute<'l: 's>(&self, name: &'l str) -> Plan<'s, 'l> {
        if name.is_empty() {
            return refuse(Refusal::Usage("/unmute name"));
        }
        match key_of(name).filter(|key| self.shared.mutes.find(key, self.now.at).is_some()) {
            Some(key) => Plan::Propose(Change::Unmute { key: Cow::Owned(key) }),
            None => refuse(Refusal::NotMuted { name }),
        }
    }
}

/// Parses an optional number of minutes; an error if it is not from 1 to 1,000,000,000.
fn read_minutes(text: &str) -> Result<Option<u64>, ()> {
    match text.trim() {
        "" => Ok(None),
        number => match number.parse() {
            // About 1900 years; the time does not overflow.
            Ok(minutes @ 1..=1_000_000_000) => Ok(Some(minutes)),
            _ => Err(()),
        },
    }
}
