//! METADATA: keys and values of members and of rooms, and who is told when they change.
//!
//! Source: <https://ircv3.net/specs/extensions/metadata>. Changes are told through outboxes: each session has subscribed to
//! keys of its own.

use super::Call;
use crate::chat::change::{Change, MetadataChange, MetadataTarget, SetMetadata};
use crate::chat::encoding::{Detail, RoomLabel};
use crate::chat::event::{Event, IrcLine, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::check::check;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::irc::metadata::{MAX_VALUE_BYTES, Metadata, is_key};
use crate::chat::policy::nick::fold;
use crate::chat::session::irc::Caps;

/// The most keys to which one session subscribes.
const MAX_SUBSCRIBED: usize = 50;

/// Keys in one line, which has 512 bytes.
const KEYS_PER_LINE: usize = 6;

/// Rooms with more members are not shown in full to who joins: its client is told to ask for that later.
const MAX_SHOWN_ON_JOIN: usize = 100;

/// The value of the capability; the tests compare it with the limits.
pub const METADATA_LIMITS: &str = "max-subs=50,max-keys=20,max-value-bytes=300";

impl Hub {
    /// METADATA
    pub(super) fn irc_metadata(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let keys = &call.message.params[2..];
        match &*call.text(1).to_ascii_uppercase() {
            "SUB" => self.subscribe_keys(asker, keys),
            "UNSUB" => self.unsubscribe_keys(asker, keys),
            "SUBS" => {
                let keys = self.subscribed_keys.names(asker.id).map(|key| key.to_string()).collect();
                self.list_keys(asker.id, 772, keys);
            }
            "GET" => self.get_metadata(asker, keys, call),
            "LIST" => self.list_metadata(asker, call),
            "SYNC" => self.sync_metadata(asker, call),
            "SET" => self.set_metadata(asker, call),
            "CLEAR" => self.change_metadata(asker, MetadataChange::Clear, call),
            _ => {
                let subcommand = call.text(1);
                self.fail(asker.id, "METADATA", "SUBCOMMAND_INVALID", &[subcommand], "Unknown subcommand");
            }
        }
    }

    fn subscribe_keys(&mut self, asker: Asker, keys: &[&str]) {
        let (mut added, mut refused) = (Vec::new(), None);
        for &key in keys {
            if !is_key(key) {
                self.fail_key(asker.id, key);
            } else if self.subscribed_keys.add_key(asker.id, key, key, MAX_SUBSCRIBED) {
                added.push(key.to_owned());
            } else {
                refused = Some(key);
                break;
            }
        }
        let has_added = !added.is_empty();
        self.list_keys(asker.id, 770, added);
        if let Some(key) = refused {
            self.fail(asker.id, "METADATA", "TOO_MANY_SUBS", &[key], "Too many subscriptions");
        }
        let rooms: Vec<RoomId> = self.shared.members.rooms(asker.member.slot).filter(|_| has_added).collect();
        for room in rooms {
            self.sync_later(asker.id, room);
        }
    }

    fn unsubscribe_keys(&mut self, asker: Asker, keys: &[&str]) {
        let mut removed = Vec::new();
        for &key in keys {
            if is_key(key) {
                self.subscribed_keys.remove(asker.id, key);
                removed.push(key.to_owned());
            } else {
                self.fail_key(asker.id, key);
            }
        }
        self.list_keys(asker.id, 771, removed);
    }

    fn list_keys(&mut self, id: ClientId, code: u16, keys: Vec<String>) {
        for keys in keys.chunks(KEYS_PER_LINE) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            self.numeric_without_text(id, code, &keys);
        }
    }

    fn fail_key(&mut self, id: ClientId, key: &str) {
        self.fail(id, "METADATA", "KEY_INVALID", &[key], "Invalid key");
    }

    /// What the target of a command is: `*`, a nickname or a channel; answers if there is no such thing.
    fn metadata_target(&mut self, asker: Asker, name: &str) -> Option<MetadataTarget> {
        let found = match name {
            "*" => Some(MetadataTarget::Member(asker.member)),
            _ if name.starts_with('#') => self.channel(asker, name).map(MetadataTarget::Room),
            _ => self.shared.members.find(name).map(MetadataTarget::Member),
        };
        if found.is_none() {
            self.fail(asker.id, "METADATA", "INVALID_TARGET", &[name], "Invalid target");
        }
        found
    }

    /// As [`Hub::metadata_target`], for a target whose metadata the member is shown. That of a room which not all can enter is
    /// for who is in it.
    fn readable_target(&mut self, asker: Asker, name: &str) -> Option<MetadataTarget> {
        let target = self.metadata_target(asker, name)?;
        let MetadataTarget::Room(room) = target else { return Some(target) };
        let settings = &self.shared.rooms[room].rules.settings;
        let is_closed = settings.invite_only || settings.key.is_some() || settings.secret;
        if is_closed && !self.shared.members.is_in(asker.member.slot, room) {
            let channel = format!("#{}", self.shared.rooms.name(room));
            let text = "Only members of the channel are shown this";
            self.fail(asker.id, "METADATA", "KEY_NO_PERMISSION", &[&channel, "*"], text);
            return None;
        }
        Some(target)
    }

    /// The metadata of a target that a member is shown: nothing of a muted one but its own.
    fn shown_metadata(&self, reader: MemberId, target: MetadataTarget, now: &Now) -> &Metadata {
        const EMPTY: &Metadata = &Metadata::EMPTY;
        match target {
            MetadataTarget::Room(room) => &self.shared.rooms[room].metadata,
            MetadataTarget::Member(member) if member != reader && self.shared.mutes.holds(member, now.at) => EMPTY,
            MetadataTarget::Member(member) => self.shared.members.get(member).map_or(EMPTY, |found| found.metadata()),
        }
    }

    /// How a target is shown.
    fn target_name(&self, target: MetadataTarget) -> String {
        match target {
            MetadataTarget::Room(room) => format!("#{}", self.shared.rooms.name(room)),
            MetadataTarget::Member(member) => self.name_of(member).to_string(),
        }
    }

    fn get_metadata(&mut self, asker: Asker, keys: &[&str], call: &Call) {
        let Some(target) = self.readable_target(asker, call.text(0)) else { return };
        let metadata = self.shown_metadata(asker.member, target, call.now).clone();
        self.show_batch(asker.id, target, |hub, id, name, batch| {
            for &key in keys {
                match is_key(key) {
                    true => hub.send_value(id, name, (key, metadata.get(key)), batch),
                    false => hub.fail_key(id, key),
                }
            }
        });
    }

    fn list_metadata(&mut self, asker: Asker, call: &Call) {
        let Some(target) = self.readable_target(asker, call.text(0)) else { return };
        let metadata = self.shown_metadata(asker.member, target, call.now).clone();
        self.show_batch(asker.id, target, |hub, id, name, batch| {
            metadata.iter().for_each(|(key, value)| hub.send_value(id, name, (key, Some(value)), batch));
        });
    }

    fn sync_metadata(&mut self, asker: Asker, call: &Call) {
        let Some(target) = self.readable_target(asker, call.text(0)) else { return };
        let values = self.subscribed_values(asker, target, call.now);
        self.show_batch(asker.id, target, |hub, id, _, batch| hub.send_values(id, &values, batch));
    }

    fn set_metadata(&mut self, asker: Asker, call: &Call) {
        let (key, value) = (call.text(2), call.text(3));
        if !is_key(key) {
            return self.fail_key(asker.id, key);
        }
        if value.len() > MAX_VALUE_BYTES {
            let text = format!("A value has {MAX_VALUE_BYTES} bytes at most");
            return self.fail(asker.id, "METADATA", "INVALID_VALUE", &[key], &text);
        }
        let change = match value.is_empty() {
            true => MetadataChange::Unset { key: key.into() },
            false => MetadataChange::Set { key: key.into(), value: value.into() },
        };
        self.change_metadata(asker, change, call);
    }

    fn change_metadata(&mut self, asker: Asker, change: MetadataChange, call: &Call) {
        let (id, name) = (asker.id, call.text(0));
        let Some(target) = self.metadata_target(asker, name) else { return };
        let key = match &change {
            MetadataChange::Set { key, .. } | MetadataChange::Unset { key } => key.clone(),
            MetadataChange::Clear => "*".into(),
        };
        let change = Change::SetMetadata(Box::new(SetMetadata { by: asker.member, target, change }));
        match check(&self.shared, &change, call.now.at) {
            Ok(()) => self.propose(Some(id), change, call.now),
            Err(Refusal::TooManyKeys { most }) => {
                let text = format!("No more than {most} keys");
                self.fail(id, "METADATA", "LIMIT_REACHED", &[name], &text);
            }
            Err(_) => {
                let text = "You do not have permission to change that";
                self.fail(id, "METADATA", "KEY_NO_PERMISSION", &[name, &key], text);
            }
        }
    }

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
                    watcher == member.slot
                        || self.share_a_room(watcher, member.slot)
                        || monitoring.binary_search(&id).is_ok()
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
                let is_reader = |&slot: &_| slot != member.slot && self.shared.members.is_in(slot, room);
                if watcher.filter(is_reader).is_some() {
                    self.send_value(id, &name, (key, Some(value)), None);
                }
            }
        }
    }

    /// The values of a target to which a session has subscribed; with a room, those of its other members, too.
    fn subscribed_values(&self, asker: Asker, target: MetadataTarget, now: &Now) -> Vec<Value> {
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

    fn sync_later(&mut self, id: ClientId, room: RoomId) {
        let channel = format!("#{}", self.shared.rooms.name(room));
        self.numeric_without_text(id, 774, &[&channel]);
    }

    /// Sends what `show` does as a batch of metadata.
    fn show_batch(
        &mut self,
        id: ClientId,
        target: MetadataTarget,
        show: impl FnOnce(&mut Hub, ClientId, &str, Option<&str>),
    ) {
        let name = self.target_name(target);
        let batch = self.begin_batch(id, "metadata", &[&name]);
        show(self, id, &name, batch.as_deref());
        self.end_batch(id, batch);
    }

    fn send_values(&mut self, id: ClientId, values: &[Value], batch: Option<&str>) {
        for Value { target, key, value } in values {
            self.send_value(id, target, (key, Some(value)), batch);
        }
    }

    /// Sends the value of a key, or that it has none.
    fn send_value(&mut self, id: ClientId, target: &str, (key, value): (&str, Option<&str>), batch: Option<&str>) {
        let detail = Detail { batch, ..Detail::default() };
        let line = match value {
            Some(_) => IrcLine::Numeric { code: 761, middle: &[target, key, "*"], text: value },
            None => IrcLine::Numeric { code: 766, middle: &[target, key], text: Some("key not set") },
        };
        self.outbound.send_detailed(&mut self.sessions, id, RoomLabel::None, &Event::Irc(line), &detail);
    }

    /// Sends the metadata of a member as a part of WHOIS to a session that knows of it.
    pub(super) fn send_whois_metadata(&mut self, asker: Asker, member: MemberId, now: &Now) {
        if !self.sessions.irc(asker.id).is_some_and(|irc| irc.caps.contains(Caps::METADATA)) {
            return;
        }
        let metadata = self.shown_metadata(asker.member, MetadataTarget::Member(member), now).clone();
        let name = self.name_of(member);
        for (key, value) in metadata.iter() {
            self.numeric(asker.id, 760, &[&name, key, "*"], value);
        }
    }
}

/// One value that a session is shown.
struct Value {
    target: String,
    key: String,
    value: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::irc::metadata::MAX_KEYS;

    #[test]
    fn capability_tells_the_limits() {
        let limits = format!("max-subs={MAX_SUBSCRIBED},max-keys={MAX_KEYS},max-value-bytes={MAX_VALUE_BYTES}");
        assert_eq!(METADATA_LIMITS, limits);
    }
}
