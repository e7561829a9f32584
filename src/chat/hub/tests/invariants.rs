//! Checks of a hub for the simulator: its invariants.

use std::collections::BTreeSet;

use crate::chat::account::Account;
use crate::chat::change::Change;
use crate::chat::encoding::LogEncoding;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::ClientId;
use crate::chat::id::{Now, RoomId};
use crate::chat::member::{Role, RoomRole};
use crate::chat::policy::nick::{Name, fold};
use crate::chat::record::AccountData;
use crate::chat::room::Room;
use crate::chat::session::{SessionFlags, SessionStage};

/// The number of clients in each state, and the sizes of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub clients: usize,
    pub here: usize,
    /// Members whose sessions have ended and whose leave is not committed.
    pub ghosts: usize,
    pub asked: usize,
    pub waiting: usize,
    pub leaving: usize,
    /// Rooms without members.
    pub empty_rooms: usize,
    pub rooms: usize,
    /// The most rooms that one member follows.
    pub followed: usize,
    /// Bytes of the largest log.
    pub log: usize,
    /// Bytes of the largest outbox.
    pub outbox: usize,
    /// Deadlines that are set.
    pub deadlines: usize,
    /// Networks with counted connections.
    pub addresses: usize,
}

impl Hub {
    /// Counts the sessions, and checks the admission queue and the rooms against them.
    ///
    /// # Errors
    /// Returns the first difference.
    pub(crate) fn census(&self) -> Result<Census, String> {
        let Shared { members, rooms, .. } = &self.shared;
        let mut census = Census {
            clients: self.sessions.len(),
            rooms: rooms.len(),
            deadlines: self.deadlines.pending(),
            addresses: self.ip_limit.networks(),
            ..Census::default()
        };
        let mut members_here = BTreeSet::new();
        for (id, session) in self.sessions.iter() {
            match &session.stage {
                SessionStage::Waiting => census.waiting += 1,
                SessionStage::LoggingIn => census.asked += 1,
                SessionStage::Leaving => census.leaving += 1,
                SessionStage::Console => return Err(format!("{id:?} is a console")),
                SessionStage::Present => {
                    census.here += 1;
                    let Some(slot) = session.member else { return Err(format!("{id:?} has no member")) };
                    members_here.insert(slot);
                    let mut rooms: Vec<RoomId> = members.rooms(slot).collect();
                    let mut read: Vec<RoomId> =
                        self.sessions.subscriptions(session).map(|(_, subscription)| subscription.room).collect();
                    if session.encoding.is_irc() {
                        // No room comes first on IRC.
                        rooms.sort();
                        read.sort();
                    }
                    if rooms != read || !members[slot].sessions().any(|own| own == id) {
                        return Err(format!("{id:?} reads {read:?} and its member is in {rooms:?}"));
                    }
                    census.followed = census.followed.max(members.followed(slot).count());
                }
            }
            let private = session.private_bytes();
            census.outbox = census.outbox.max(private);
            let will_be_dropped = session.pending_disconnect.is_some() || self.outbound.is_noted_slow(id);
            if session.is_blocked() && private > self.config.backlog_bytes && !will_be_dropped {
                return Err(format!("{id:?} is blocked with {private} unsent bytes, and will not be dropped"));
            }
        }
        // Those with IRC clients alone have no current room.
        let outside: Vec<_> = members.iter().filter(|(_, member)| member.room().is_none()).collect();
        let mut in_rooms = outside.len();
        census.ghosts += outside.iter().filter(|(_, member)| member.session_at(0).is_none()).count();
        for (id, room) in rooms.iter() {
            in_rooms += room.members.iter().filter(|&&slot| members[slot].room() == Some(id)).count();
            census.empty_rooms += usize::from(room.members.is_empty());
            census.log = census.log.max(room.held());
            for (place, &slot) in room.members.iter().enumerate() {
                if members.place(slot, id) != Some(place as u32) {
                    return Err(format!("{slot:?} is not where it should be in its room"));
                }
                let is_ghost = members[slot].session_at(0).is_none() && members[slot].room() == Some(id);
                census.ghosts += usize::from(is_ghost);
            }
            if !self.ending
                && room.summary.is_none()
                && id != RoomId::LOBBY
                && room.members.is_empty()
                && !rooms.keeps(room)
            {
                return Err(format!("the room {} has neither members nor history", room.name));
            }
        }
        let admission = (census.here + census.asked, census.waiting);
        if self.admission.counts() != admission {
            return Err(format!(
                "the admission queue counts {:?} admitted and waiting sessions, there are {admission:?}",
                self.admission.counts()
            ));
        }
        let named = members.len();
        if in_rooms != members_here.len() + census.ghosts || named != in_rooms {
            return Err(format!("{} are here, {in_rooms} in rooms, {named} have a name", members_here.len()));
        }
        for slot in members_here {
            let member = &members[slot];
            if member.account().is_none() && member.joins() != 1
                || (member.joins() as usize) < member.sessions().count()
            {
                return Err(format!("{slot:?} has joined {} times", member.joins()));
            }
        }
        if self.prompts.len() > census.asked + census.leaving || self.passwords.pending() > census.clients {
            return Err("a prompt or a password belongs to no session".into());
        }
        Ok(census)
    }

    /// The shared state as text, to compare with that of another hub that has applied the same changes.
    pub(crate) fn shared_summary(&self, now: Now) -> String {
        let Shared { accounts, members, rooms, bans, mutes, .. } = &self.shared;
        let mut text = String::new();
        for (id, room) in rooms.iter() {
            text += &format!("{id:?} {} {:?} {} {:?}:", room.name, room.creator, room.emptied, room.topic());
            text += &room.rules.summary(now.at);
            text += &format!(" {:?}", room.metadata);
            text += &format!(" {:?}", room.history().authors().map(|(id, _)| id).collect::<Vec<u64>>());
            for &slot in &room.members {
                let (member, rooms) = (&members[slot], members.rooms(slot).collect::<Vec<_>>());
                text += &format!(
                    " {} {} {:?} {:?} {:?} {rooms:?} {:?} {:?} {:?} {}",
                    member.name,
                    member.host(),
                    members.identity(slot),
                    member.metadata(),
                    members.id(slot),
                    member.role(),
                    member.away(),
                    member.account(),
                    member.joins()
                );
            }
            text.push('\n');
        }
        for (id, account) in accounts.iter() {
            let Account { name, verifier, scram, data, member } = account;
            // Whom an account ignores, and how far it has read, is not committed.
            let AccountData { since, moderator, followed, away, mute, .. } = data;
            text += &format!(
                "{id:?} {name:?} {verifier} {scram:?} {member:?} {since} {moderator} {followed:?} {away:?} {mute:?}\n"
            );
        }
        text + &format!("{:?} {:?}\n", bans.list(now.at).collect::<Vec<_>>(), mutes.list(now.at))
    }

    /// The names of all members.
    pub(crate) fn member_names(&self) -> BTreeSet<String> {
        self.shared.members.iter().map(|(_, member)| member.name.to_string()).collect()
    }

    /// A message as its readers see it, right after it was applied as this change: its id, room, author and text.
    pub(crate) fn newest_message(&self, change: &Change) -> Option<(u64, String, String, String)> {
        let Change::Say { member, room, text, .. } = change else { return None };
        let name = self.shared.members.get(*member)?.name.to_string();
        let room = self.shared.rooms.name(*room).to_owned();
        Some((self.journal.last_message_id(), room, name, text.to_string()))
    }

    /// The messages that are kept in memory: id, room, author and text.
    pub(crate) fn kept_messages(&self) -> Vec<(u64, String, String, String)> {
        let kept = |room: &Room| {
            let messages = room.history().last(usize::MAX).map(|message| message.to_message(&room.name));
            messages.map(|message| (message.id, message.room, message.name, message.text)).collect::<Vec<_>>()
        };
        self.shared.rooms.iter().flat_map(|(_, room)| kept(room)).collect()
    }

    /// The roles of all members: the room, or nothing for the server, the name, and the role.
    pub(crate) fn roles(&self) -> BTreeSet<(String, String, &'static str)> {
        let Shared { members, rooms, .. } = &self.shared;
        let mut roles = BTreeSet::new();
        for (slot, member) in members.iter() {
            if member.role() == Role::Moderator {
                roles.insert((String::new(), member.name.to_string(), "moderator"));
            }
            let all =
                rooms.iter().filter_map(|(_, room)| Some((room, room.rules.role(members.holder(members.id(slot)))?)));
            roles.extend(all.map(|(room, role)| {
                let role = if role == RoomRole::Operator { "operator" } else { "voice" };
                (room.name.to_string(), member.name.to_string(), role)
            }));
        }
        roles
    }

    /// The bytes of the tables that grow with the number of connections.
    pub(crate) fn spare_bytes(&self) -> usize {
        let rooms: usize = self.shared.rooms.iter().map(|(_, room)| room.members.capacity()).sum();
        self.sessions.capacity_bytes()
            + self.shared.members.capacity_bytes()
            + self.outbound.capacity_bytes()
            + self.disconnects.capacity_bytes()
            + self.deadlines.capacity_bytes()
            + rooms * size_of::<ClientId>()
            + self.ip_limit.networks() * 32
    }

    /// Checks every name, address, cursor and log.
    ///
    /// # Errors
    /// Returns the first difference.
    pub(crate) fn audit(&self) -> Result<(), String> {
        let Shared { members, rooms, .. } = &self.shared;
        for (slot, member) in members.iter() {
            let owner = members.find_key(&fold(&member.name));
            if owner != Some(member.id(slot)) {
                return Err(format!("the name {} of {slot:?} is that of {owner:?}", member.name));
            }
            let own = Some(member.id(slot));
            let alike = Name::stored(&member.name).ok().and_then(|name| members.find_alike(&name, own));
            if let Some(other) = alike {
                return Err(format!("the name {} of {slot:?} looks like {}", member.name, members.name(other)));
            }
            for id in member.sessions() {
                if self.sessions[id].member != Some(slot) {
                    return Err(format!("{id:?} is not a session of {slot:?}"));
                }
                if self.sessions[id].has(SessionFlags::IGNORES) == member.ignored().is_empty() {
                    return Err(format!("{id:?} does not know whether {slot:?} ignores others"));
                }
            }
        }
        if self.counts != self.recount() {
            return Err(format!("{:?} are counted, there are {:?}", self.counts, self.recount()));
        }
        let operators = members.iter().filter(|(_, member)| member.role() == Role::Operator).count();
        if operators != members.operator_count() {
            return Err(format!("{} operators are counted, there are {operators}", members.operator_count()));
        }
        rooms.audit()?;
        for (room_id, room) in rooms.iter() {
            let shapes = room.irc_shapes().into_iter().map(LogEncoding::Irc);
            for encoding in LogEncoding::ALL.into_iter().chain(shapes) {
                let mut cursors = Vec::new();
                for (place, &id) in room.readers().iter().enumerate() {
                    let session = &self.sessions[id];
                    let subscription = self.sessions.subscription(session, room_id);
                    let Some((is_current, subscription)) = subscription.filter(|(_, own)| own.place as usize == place)
                    else {
                        return Err(format!("{id:?} is not where it should be among the readers of {}", room.name));
                    };
                    if session.encoding.of_log(is_current) == encoding {
                        cursors.push(subscription.cursor);
                        if subscription.cursor > room.log(encoding).end() {
                            return Err(format!("{id:?} has read past the end of its room"));
                        }
                    }
                }
                room.audit(encoding, &cursors).map_err(|what| format!("room {}: {what}", room.name))?;
            }
        }
        let counted = self.sessions.iter().filter(|(_, session)| session.has(SessionFlags::COUNTED)).count();
        if self.config.max_per_ip > 0 && counted != self.ip_limit.total() {
            return Err(format!(
                "{counted} connections are counted by address, {} in the index",
                self.ip_limit.total()
            ));
        }
        Ok(())
    }
}
