//! Commands about channels, which are rooms: JOIN, PART, TOPIC, NAMES.

pub(super) mod list;
pub(super) mod masks;
pub(super) mod moderation;
pub(super) mod modes;

use std::borrow::Cow;
use std::collections::BTreeSet;

use compact_str::format_compact;

use super::Call;
use super::messages::unique;
use super::registration::isupport::MAX_TARGETS;
use super::search::TRY_AGAIN;
use crate::chat::change::{Change, Place};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::{Asker, MAX_TEXT};
use crate::chat::id::{ClientId, MemberSlot, Now, RoomId};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::fold;
use crate::chat::query::{Lookup, RoomUse};

impl Hub {
    /// The room of a channel, if it is in memory and the member may know of it.
    pub(in crate::chat::hub::irc) fn channel(&self, asker: Asker, name: &str) -> Option<RoomId> {
        let room = self.shared.rooms.find_typed(name.strip_prefix('#')?)?;
        self.shared.sees(asker.member, room).then_some(room)
    }

    /// As [`Hub::channel`]; answers with 403 if there is none.
    pub(in crate::chat::hub::irc) fn known_channel(&mut self, asker: Asker, name: &str) -> Option<RoomId> {
        let found = self.channel(asker, name);
        match found {
            Some(room) => self.note_subject(asker.id, room),
            None => self.no_such_channel(asker, name),
        }
        found
    }

    /// As [`Hub::known_channel`], for a channel in which the member must be: else it is answered with 442.
    pub(in crate::chat::hub::irc) fn own_channel(&mut self, asker: Asker, name: &str) -> Option<RoomId> {
        let room = self.known_channel(asker, name)?;
        if self.shared.members.is_in(asker.member.slot, room) {
            return Some(room);
        }
        self.numeric(asker.id, 442, &[name], "You're not on that channel");
        None
    }

    /// Notes what the command of a session is about: the room may be gone when an external sequencer commits a change of it.
    pub(in crate::chat::hub::irc) fn note_subject(&mut self, id: ClientId, room: RoomId) {
        if self.journal.is_local() {
            return;
        }
        let channel = format_compact!("#{}", self.shared.rooms.name(room));
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().subject = channel;
        }
    }

    pub(in crate::chat::hub::irc) fn no_such_channel(&mut self, asker: Asker, name: &str) {
        let name = if name.is_empty() || name.contains(' ') { "*" } else { name };
        self.numeric(asker.id, 403, &[name], "No such channel");
    }

    /// Reads the room of a channel from the store first, if it is there and not in memory: then the line is processed again.
    /// Returns whether that is so.
    pub(in crate::chat::hub::irc) fn load_channel(&mut self, asker: Asker, name: &str, line: String) -> bool {
        let Some(name) = name.strip_prefix('#') else { return false };
        let Some(stored) = self.shared.rooms.find_stored_typed(name) else { return false };
        let room = stored.name.to_string();
        self.queue_query(asker.id, Lookup::Room { room, then: RoomUse::Command { line: line.into() } });
        self.defer_answer(asker.id);
        true
    }

    /// JOIN
    pub(in crate::chat::hub::irc) fn irc_join(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if call.text(0) == "0" {
            let rooms: Vec<RoomId> = self.shared.members.rooms(asker.member.slot).collect();
            return rooms.into_iter().for_each(|room| self.part(asker, room, None, call));
        }
        let channels: Vec<&str> = call.text(0).split(',').collect();
        let mut keys = call.text(1).split(',');
        let mut seen = BTreeSet::new();
        for (index, &channel) in channels.iter().enumerate() {
            let key = keys.next().filter(|key| !key.is_empty());
            if !seen.insert(fold(channel)) {
                continue;
            }
            // The line itself counts for the first one.
            self.charge(asker.id, usize::from(index > 0), call.now);
            // The others are joined when this one was read.
            let rest = || {
                let keys: Vec<&str> = call.text(1).split(',').skip(index).collect();
                format!("JOIN {} {}", channels[index..].join(","), keys.join(","))
            };
            if self.load_channel(asker, channel, rest()) {
                return;
            }
            self.join(asker, channel, key, call);
        }
    }

    fn join(&mut self, asker: Asker, channel: &str, key: Option<&str>, call: &Call) {
        let member = asker.member;
        let place = channel.strip_prefix('#').and_then(|name| self.shared.rooms.place(name));
        let Some(place) = place else { return self.no_such_channel(asker, channel) };
        let found = self.shared.rooms.find_place(&place);
        if found.is_some_and(|room| self.shared.members.is_in(member.slot, room)) {
            return;
        }
        // A key for a room without one, or for a new room, is ignored on IRC.
        let wants_key = found.is_some_and(|room| self.shared.rooms[room].rules.settings.key.is_some());
        let key = key.filter(|_| wants_key).map(Box::from);
        if let Some(irc) = self.sessions.irc_mut(asker.id) {
            irc.unfinished_mut().subject = channel.into();
        }
        self.propose_checked(asker.id, Change::Follow { member, place: Box::new(place), key }, call.now);
    }

    /// PART
    pub(in crate::chat::hub::irc) fn irc_part(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        for channel in call.text(0).split(',') {
            if let Some(room) = self.own_channel(asker, channel) {
                self.part(asker, room, call.param(1), call);
            }
        }
    }

    fn part(&mut self, asker: Asker, room: RoomId, reason: Option<&str>, call: &Call) {
        let member = asker.member;
        let found = &self.shared.members[member.slot];
        let has_current = found.sessions().any(|id| !self.sessions[id].encoding.is_irc());
        let reason = reason.map(Box::from);
        let change = match found.room() == Some(room) && has_current {
            false => Change::Unfollow { member, room, reason },
            true if room == RoomId::LOBBY => {
                return self.server_notice(asker.id, "Another session of yours is in #lobby and cannot leave it.");
            }
            true => Change::Move { member, place: Box::new(Place::Lobby), key: None },
        };
        self.propose_checked(asker.id, change, call.now);
    }

    /// TOPIC
    pub(in crate::chat::hub::irc) fn irc_topic(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let name = call.text(0);
        let Some(room) = self.known_channel(asker, name) else { return };
        let member = asker.member;
        let Some(text) = call.param(1) else {
            return self.show_topic(asker, room);
        };
        let text = super::registration::first_bytes(text, MAX_TEXT).trim();
        let text = Some(text).filter(|text| !text.is_empty()).map(Cow::Borrowed);
        self.propose_checked(asker.id, Change::Topic { member, room, text }, call.now);
    }

    fn show_topic(&mut self, asker: Asker, room: RoomId) {
        let found = &self.shared.rooms[room];
        let channel = format!("#{}", found.name);
        if found.rules.settings.secret && !self.shared.members.is_in(asker.member.slot, room) {
            return self.numeric(asker.id, 442, &[&channel], "You're not on that channel");
        }
        let Some(topic) = found.topic.clone() else {
            return self.numeric(asker.id, 331, &[&channel], "No topic is set");
        };
        self.numeric(asker.id, 332, &[&channel], &topic.text);
        self.numeric_without_text(asker.id, 333, &[&channel, &topic.name, &topic.at.to_string()]);
    }

    /// NAMES
    pub(in crate::chat::hub::irc) fn irc_names(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if call.text(0).is_empty() {
            return self.numeric(asker.id, 366, &["*"], "End of /NAMES list");
        }
        let mut channels = unique(call.text(0));
        channels.truncate(MAX_TARGETS);
        for channel in &channels {
            // A session that has not read the names yet must not be disconnected because of them.
            if self.sessions[asker.id].private_bytes() > self.config.backlog_bytes / 4 {
                break;
            }
            if let Some(room) = self.channel(asker, channel)
                && !self.send_names(asker, room, call.now)
            {
                self.numeric(asker.id, 263, &["NAMES"], TRY_AGAIN);
                break;
            }
        }
        // One end for all of them.
        let list = channels.join(",");
        self.numeric(asker.id, 366, &[if list.contains(' ') { "*" } else { &list }], "End of /NAMES list");
    }

    /// Sends the names of a room to a member; returns whether it may search now, if it is not in the room.
    fn send_names(&mut self, asker: Asker, room: RoomId, now: &Now) -> bool {
        let is_in = self.shared.members.is_in(asker.member.slot, room);
        let network = Network::of_client(self.sessions.ip(asker.id));
        if !is_in {
            if !self.searches.allows(network, now.at) {
                return false;
            }
            let steps = self.shared.rooms[room].members.len();
            self.searches.take(network, steps, now.at);
        }
        let invisible: BTreeSet<MemberSlot> = match is_in {
            true => BTreeSet::new(),
            false => {
                let all = self.shared.rooms[room].members.iter().copied();
                all.filter(|&slot| self.is_invisible(slot)).collect()
            }
        };
        let most_unread = self.config.backlog_bytes / 4;
        self.fanout().send_names(asker.id, room, most_unread, |slot| !invisible.contains(&slot));
        true
    }
}
