//! Applies changes of metadata, and sends them to the sessions that have subscribed to its keys.
//!
//! They are told through their outboxes, since each session has subscribed to keys of its own.

use crate::chat::change::{MetadataChange, MetadataTarget, SetMetadata};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, MemberSlot, Now, RoomId};
use crate::chat::irc::metadata::Metadata;
use crate::chat::policy::nick::fold;

/// Rooms with more members are not shown in full to who joins: its client is told to ask for that later.
const MAX_SHOWN_ON_JOIN: usize = 100;

/// One value that a session is shown.
pub struct Value {
    pub target: String,
    pub key: String,
    pub value: String,
}

impl Hub {
    /// The metadata of a member or of a room changes. What a muted member says of a room is told to itself alone.
    pub(in crate::chat::hub) fn apply_metadata(&mut self, client: Option<ClientId>, set: &SetMetadata, time: &Now) {
        let SetMetadata { by, target, ref change } = *set;
        let is_muted = self.shared.mutes.holds(by, time.at);
        let mut unused = Metadata::default();
        let metadata = match target {
            MetadataTarget::Member(member) => self.shared.members[member.slot].metadata_mut(),
            MetadataTarget::Room(_) if is_muted => &mut unused,
            MetadataTarget::Room(room) => &mut self.shared.rooms[room].metadata,
        };
        let changed: Vec<(String, Option<&str>)> = match change {
            MetadataChange::Set { key, value } => vec![(key.to_string(), Some(value))],
            MetadataChange::Unset { key } => vec![(key.to_string(), None)],
            MetadataChange::Clear => metadata.iter().map(|(key, _)| (key.to_owned(), None)).collect(),
        };
        let is_new = |(key, value): &(String, Option<&str>)| metadata.get(key) != *value;
        let news: Vec<(String, Option<&str>)> = changed.iter().filter(|entry| is_new(entry)).cloned().collect();
        changed.iter().for_each(|(key, value)| metadata.set(key, *value));
        match (client, change) {
            (None, _) => {}
            (Some(id), MetadataChange::Clear) => self.show_batch(id, target, |hub, id, name, batch| {
                changed.iter().for_each(|(key, value)| hub.send_value(id, name, (key, *value), batch));
            }),
            (Some(id), _) => {
                let name = self.target_name(target);
                changed.iter().for_each(|(key, value)| self.send_value(id, &name, (key, *value), None));
            }
        }
        if !is_muted {
            news.iter().for_each(|(key, value)| self.tell_metadata(client, target, (key, *value)));
        }
    }

    /// Tells the sessions that have subscribed to a key of its new value: those that are in the room, or that share a room with
    /// the member, are its own or monitor it. `client`, which has set it, is answered already.
    fn tell_metadata(&mut self, client: Option<ClientId>, target: MetadataTarget, value: (&str, Option<&str>)) {
        let name = self.target_name(target);
        let monitoring = match target {
            MetadataTarget::Member(_) => self.monitors.watchers(&fold(&name)),
            MetadataTarget::Room(_) => Vec::new(),
        };
        for id in self.subscribed_keys.watchers(value.0) {
            let Some(watcher) = self.sessions.get(id).and_then(|session| session.member) else { continue };
            let is_told = match target {
                MetadataTarget::Room(room) => self.shared.members.is_in(watcher, room),
                MetadataTarget::Member(member) => {
                    let sees = self.share_a_room(watcher, member.slot) || monitoring.binary_search(&id).is_ok();
                    watcher == member.slot || sees && !self.ignores(watcher, member.slot)
                }
            };
            if is_told && Some(id) != client {
                self.send_value(id, &name, value, None);
            }
        }
    }

    /// A session is in a room now: it is shown the values to which it has subscribed, or told to ask for them later.
    pub(in crate::chat::hub) fn sync_on_join(&mut self, id: ClientId, room: RoomId, time: &Now) {
        if self.subscribed_keys.names(id).next().is_none() {
            return;
        }
        let Some(slot) = self.sessions[id].member else { return };
        if self.shared.rooms[room].members.len() > MAX_SHOWN_ON_JOIN {
            return self.sync_later(id, room);
        }
        let (asker, target) = (self.asker(id, slot), MetadataTarget::Room(room));
        let values = self.subscribed_values(asker, target, time);
        if !values.is_empty() {
            self.show_batch(id, target, |hub, id, _, batch| hub.send_values(id, &values, batch));
        }
    }

    /// Shows the members of a room the metadata of one that enters it, unless they are many.
    pub(in crate::chat::hub) fn show_metadata_of(&mut self, member: MemberId, room: RoomId, time: &Now) {
        let found = &self.shared.members[member.slot];
        let (readers, metadata) = (&self.shared.rooms[room].members, found.metadata());
        if metadata.is_empty() || self.shared.mutes.holds(member, time.at) || readers.len() > MAX_SHOWN_ON_JOIN {
            return;
        }
        let (name, metadata) = (found.name.to_string(), metadata.clone());
        for (key, value) in metadata.iter() {
            for id in self.subscribed_keys.watchers(key) {
                let watcher = self.sessions.get(id).and_then(|session| session.member);
                let is_reader = |&slot: &_| {
                    slot != member.slot && self.shared.members.is_in(slot, room) && !self.ignores(slot, member.slot)
                };
                if watcher.filter(is_reader).is_some() {
                    self.send_value(id, &name, (key, Some(value)), None);
                }
            }
        }
    }

    /// The values of a target to which a session has subscribed; with a room, those of its other members, too.
    pub(in crate::chat::hub::irc) fn subscribed_values(
        &self,
        asker: Asker,
        target: MetadataTarget,
        now: &Now,
    ) -> Vec<Value> {
        let members: Vec<MemberId> = match target {
            MetadataTarget::Member(_) => Vec::new(),
            MetadataTarget::Room(room) => {
                let all = self.shared.rooms[room].members.iter().filter(|&&slot| slot != asker.member.slot);
                all.map(|&slot| self.shared.members.id(slot)).collect()
            }
        };
        // As many as a client can be sent at once.
        let (mut bytes, most) = (0, self.config.backlog_bytes / 4);
        let mut values = Vec::new();
        for target in std::iter::once(target).chain(members.into_iter().map(MetadataTarget::Member)) {
            let metadata = self.shown_metadata(asker.member, target, now);
            if metadata.is_empty() {
                continue;
            }
            let name = self.target_name(target);
            for key in self.subscribed_keys.names(asker.id) {
                let Some(value) = metadata.get(key) else { continue };
                bytes += 2 * name.len() + key.len() + value.len() + 64;
                if bytes > most {
                    return values;
                }
                values.push(Value { target: name.clone(), key: key.to_string(), value: value.into() });
            }
        }
        values
    }

    /// Whether a member ignores another one.
    fn ignores(&self, reader: MemberSlot, other: MemberSlot) -> bool {
        self.shared.members[reader].ignores(self.shared.members.author(other))
    }
}
