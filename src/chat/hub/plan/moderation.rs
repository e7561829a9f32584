//! Plans for kick, ban and mute: on the server, or in one room.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Asker, Plan, Report, View, refuse};
use crate::chat::change::{Ban, Change, Kick, Lift, Mute, Restrict, RestrictionKind};
use crate::chat::command::{is_blank, split};
use crate::chat::event::Refusal;
use crate::chat::hub::check::permissions::Act;
use crate::chat::id::{MemberId, MemberSlot, RoomId};
use crate::chat::member::Role;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::mask::{MAX_MASK, Mask, MaskKind};
use crate::chat::policy::nick::key_of;

impl<'s> View<'s, '_> {
    /// The networks from which a member comes, on all nodes: several if it has several sessions.
    fn networks_of(&self, member: MemberId) -> BTreeSet<Network> {
        let sessions = self.shared.members[member.slot].sessions();
        let here = sessions.filter_map(|id| Some(Network::of_client(self.sessions.addr(id)?.ip())));
        here.chain(self.shared.node_joins.networks_of(member.slot)).collect()
    }

    /// How many others come from one of these networks: members on all nodes of a cluster, sessions of a single process.
    fn others_from(&self, networks: &BTreeSet<Network>, slot: MemberSlot) -> usize {
        if !self.shared.node_joins.is_empty() {
            return self.shared.node_joins.others_from(networks, slot);
        }
        let is_meant = |addr: SocketAddr| networks.contains(&Network::of_client(addr.ip()));
        let others = self.sessions.iter().filter(|(_, session)| session.member.is_some_and(|other| other != slot));
        others.filter(|(id, _)| self.sessions.addr(*id).is_some_and(is_meant)).count()
    }

    /// What a moderation command is about, and the rest of its arguments: one room, or the server (`None`) for moderators
    /// that name no room.
    ///
    /// # Errors
    /// The room cannot be named, or the member may not do that there.
    fn scope<'l: 's>(&self, asker: Asker, rest: &'l str, act: Act) -> Result<(Option<RoomId>, &'l str), Refusal<'s>> {
        let (named, rest) = self.governed_room(asker, rest)?;
        let scope = match named {
            None if asker.role < Role::Moderator => Some(asker.room),
            named => named,
        };
        let act = if scope.is_some() { act } else { Act::ModerateServer };
        self.shared.permit(asker.member, act, scope).map(|()| (scope, rest))
    }

    /// `/kick [#room] name [reason]`
    pub fn kick<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, rest) = self.scope(asker, rest, Act::Kick)?;
        let (name, reason) = split(rest);
        if name.is_empty() {
            return Err(Refusal::Usage("/kick name [reason]"));
        }
        if room == Some(RoomId::LOBBY) {
            return Err(Refusal::NotForLobby);
        }
        let member = self.shared.members.find(name).ok_or(Refusal::NoSuchMember { name })?;
        let reason = Some(reason.trim()).filter(|reason| !is_blank(reason)).map(Cow::Borrowed);
        let kick = Kick { by: asker.member, room, name: name.into(), reason };
        Ok(Plan::Propose(Change::Kick { member, kick: Box::new(kick) }))
    }

    /// `/ban ADDRESS|name [minutes]`, `/ban #room name [minutes]`, `/ban #room MASK`
    pub fn ban<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        const USAGE: Refusal = Refusal::Usage("/ban ADDRESS|name [minutes]");
        let (room, rest) = self.scope(asker, rest, Act::Ban)?;
        if let Some(room) = room {
            if Mask::is_meant_by(split(rest).0) {
                return self.set_mask(asker, room, rest, true);
            }
            return self.restrict(asker, room, RestrictionKind::Ban, rest);
        }
        let (what, minutes) = split(rest);
        let Ok(minutes) = read_minutes(minutes) else { return Err(USAGE) };
        let by = asker.member;
        if let Ok(network) = what.parse() {
            return Ok(Plan::Propose(Change::Ban(Box::new(Ban { by, network, member: None, name: None, minutes }))));
        }
        if what.is_empty() {
            return Err(USAGE);
        }
        // A ban by name covers the whole IPv6 site, because the client could come back from its next address.
        let member = self.shared.members.find(what).ok_or(Refusal::NoSuchMember { name: what })?;
        let networks = self.networks_of(member);
        let first = *networks.first().ok_or(Refusal::NoSuchMember { name: what })?;
        let name = &*self.shared.members[member.slot].name;
        // A ban of its other addresses would not keep the member out.
        if networks.iter().any(|network| network.is_of_unix_peer()) {
            return Err(Refusal::NoAddress { name });
        }
        match self.others_from(&networks, member.slot) {
            0 => {}
            others => {
                let shows = networks.len() == 1 && self.shared.may(asker.member, Act::SeeAddresses, None);
                return Err(Refusal::SharedAddress { name, others, network: shows.then_some(first) });
            }
        }
        let ban = |network| {
            let name = Some(Cow::Owned(name.to_owned()));
            Change::Ban(Box::new(Ban { by, network, member: Some(member), name, minutes }))
        };
        Ok(match networks.len() {
            1 => Plan::Propose(ban(first)),
            _ => Plan::ProposeEach(networks.into_iter().map(ban).collect()),
        })
    }

    /// `/unban ADDRESS|name`, `/unban #room name`, `/unban #room MASK`
    pub fn unban<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, what) = self.scope(asker, rest, Act::Ban)?;
        if let Some(room) = room {
            if Mask::is_meant_by(split(what).0) {
                return self.set_mask(asker, room, what, false);
            }
            return self.lift(asker, room, RestrictionKind::Ban, what, "/unban name");
        }
        if what.is_empty() {
            return Err(Refusal::Usage("/unban ADDRESS|name"));
        }
        // A ban by name covers the whole IPv6 site of the address.
        let site = what.parse().ok().map(Network::of_client);
        let is_banned = |network: &Network| self.shared.bans.has(*network, self.at);
        // Others could find out an address by trying.
        let may_name = self.shared.may(asker.member, Act::BanAddress, None);
        let named = || what.parse().ok().into_iter().chain(site).filter(|_| may_name);
        if let Some(network) = named().find(|network| self.config.bans.contains(network)) {
            // A ban of the operator on the same network can be lifted when the configuration does not name it any more.
            return Err(Refusal::ConfiguredBan { network });
        }
        let by_address = named().find(is_banned);
        let networks = match by_address {
            Some(network) => vec![network],
            None => self.shared.bans.find_name(what, self.at).collect(),
        };
        let unban = |network| Change::Unban { by: asker.member, network };
        match *networks {
            [] => Err(Refusal::NotBanned { what }),
            [network] => Ok(Plan::Propose(unban(network))),
            _ => Ok(Plan::ProposeEach(networks.into_iter().map(unban).collect())),
        }
    }

    /// `/bans [page]`, `/bans #room [page]`
    pub fn bans<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, page) = self.scope(asker, rest, Act::Ban)?;
        Ok(Plan::Report(match room {
            Some(room) => Report::Restrictions(room, RestrictionKind::Ban, page),
            None => Report::Bans(page),
        }))
    }

    /// `/mute name [minutes]`: only the member sees its own messages from now on, and is not told.
    /// `/mute #room name [minutes]`: the member may not speak in the room, and all are told.
    pub fn mute<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, rest) = self.scope(asker, rest, Act::Mute)?;
        if let Some(room) = room {
            return self.restrict(asker, room, RestrictionKind::Mute, rest);
        }
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Ok(minutes) if !name.is_empty() => minutes,
            _ => return Err(Refusal::Usage("/mute name [minutes]")),
        };
        let network = |member| Some((member, *self.networks_of(member).first()?));
        let found = self.shared.members.find(name).and_then(network);
        let (member, network) = found.ok_or(Refusal::NoSuchMember { name })?;
        let mute = Mute { by: asker.member, name: name.into(), network, minutes };
        Ok(Plan::Propose(Change::Mute { member, mute: Box::new(mute) }))
    }

    /// `/unmute name`, `/unmute #room name`
    pub fn unmute<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, name) = self.scope(asker, rest, Act::Mute)?;
        if let Some(room) = room {
            return self.lift(asker, room, RestrictionKind::Mute, name, "/unmute name");
        }
        if name.is_empty() {
            return Err(Refusal::Usage("/unmute name"));
        }
        let key = key_of(name).filter(|key| self.shared.mutes.find(key, self.at).is_some());
        let key = Cow::Owned(key.ok_or(Refusal::NotMuted { name })?);
        Ok(Plan::Propose(Change::Unmute { by: asker.member, key }))
    }

    /// `/mutes [page]`, `/mutes #room [page]`
    pub fn mutes<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (room, page) = self.scope(asker, rest, Act::Mute)?;
        Ok(Plan::Report(match room {
            Some(room) => Report::Restrictions(room, RestrictionKind::Mute, page),
            None => Report::Mutes(page),
        }))
    }

    /// A mute in a room, or a ban from it.
    fn restrict<'l: 's>(
        &self,
        asker: Asker,
        room: RoomId,
        kind: RestrictionKind,
        rest: &'l str,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let usage = match kind {
            RestrictionKind::Mute => "/mute name [minutes]",
            RestrictionKind::Ban => "/ban name [minutes]",
        };
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Ok(minutes) if !name.is_empty() => minutes,
            _ => return Err(Refusal::Usage(usage)),
        };
        if kind == RestrictionKind::Ban && room == RoomId::LOBBY {
            return Err(Refusal::NotForLobby);
        }
        let member = self.shared.members.find(name).ok_or(Refusal::NoSuchMember { name })?;
        let restrict = Restrict { by: asker.member, room, kind, name: name.into(), minutes };
        Ok(Plan::Propose(Change::Restrict { member, restrict: Box::new(restrict) }))
    }

    /// A ban from a room by a mask, or its end.
    fn set_mask<'l: 's>(
        &self,
        asker: Asker,
        room: RoomId,
        rest: &'l str,
        add: bool,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let (word, more) = split(rest);
        if !is_blank(more) {
            return Err(Refusal::Usage(if add { "/ban MASK" } else { "/unban MASK" }));
        }
        let mask = Mask::new(word).ok_or(Refusal::BadMask { most: MAX_MASK })?;
        Ok(Plan::Propose(Change::SetMask { by: asker.member, room, kind: MaskKind::Ban, mask, add }))
    }

    /// The end of a mute in a room, or of a ban from it.
    fn lift<'l: 's>(
        &self,
        asker: Asker,
        room: RoomId,
        kind: RestrictionKind,
        name: &'l str,
        usage: &'static str,
    ) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        if name.is_empty() {
            return Err(Refusal::Usage(usage));
        }
        let place = &self.shared.rooms[room];
        let list = place.rules.restrictions(kind);
        let members = &self.shared.members;
        let holder = |key: &str| members.find_key(key).map(|member| members.holder(member));
        let is_listed = |key: &String| list.find_key(key, holder(key), self.at).is_some();
        match key_of(name).filter(is_listed) {
            Some(key) => {
                let lift = Lift { by: asker.member, room, kind, key: Cow::Owned(key) };
                Ok(Plan::Propose(Change::Lift(Box::new(lift))))
            }
            None => Err(Refusal::NotRestricted { name, room: &place.name, kind }),
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

/// A plan, or the refusal that it is.
pub fn or_refuse<'s, 'l>(plan: Result<Plan<'s, 'l>, Refusal<'s>>) -> Plan<'s, 'l> {
    plan.unwrap_or_else(refuse)
}
