//! METADATA: keys and values of members and of rooms. Source: <https://ircv3.net/specs/extensions/metadata>.

use super::metadata_news::Value;
use crate::chat::change::{Change, MetadataChange, MetadataTarget, SetMetadata};
use crate::chat::encoding::{Detail, RoomLabel};
use crate::chat::event::{Event, IrcLine, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::check::check;
use crate::chat::hub::irc::Call;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::irc::metadata::{MAX_VALUE_BYTES, Metadata, is_key};
use crate::chat::session::irc::Caps;

/// The most keys to which one session subscribes.
const MAX_SUBSCRIBED: usize = 50;

/// Keys in one line, which has 512 bytes.
const KEYS_PER_LINE: usize = 6;

/// The value of the capability; the tests compare it with the limits.
pub const METADATA_LIMITS: &str = "max-subs=50,max-keys=20,max-value-bytes=300";

impl Hub {
    /// METADATA
    pub(in crate::chat::hub::irc) fn irc_metadata(&mut self, call: &Call) {
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
    pub(in crate::chat::hub::irc) fn shown_metadata(
        &self,
        reader: MemberId,
        target: MetadataTarget,
        now: &Now,
    ) -> &Metadata {
        const EMPTY: &Metadata = &Metadata::EMPTY;
        match target {
            MetadataTarget::Room(room) => &self.shared.rooms[room].metadata,
            MetadataTarget::Member(member) if member != reader && self.shared.mutes.holds(member, now.at) => EMPTY,
            MetadataTarget::Member(member) => self.shared.members.get(member).map_or(EMPTY, |found| found.metadata()),
        }
    }

    /// How a target is shown.
    pub(in crate::chat::hub::irc) fn target_name(&self, target: MetadataTarget) -> String {
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
        match check(&self.shared, &change, self.log_clock.time(call.now.at)) {
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

    pub(in crate::chat::hub::irc) fn sync_later(&mut self, id: ClientId, room: RoomId) {
        let channel = format!("#{}", self.shared.rooms.name(room));
        self.numeric_without_text(id, 774, &[&channel]);
    }

    /// Sends what `show` does as a batch of metadata.
    pub(in crate::chat::hub::irc) fn show_batch(
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

    pub(in crate::chat::hub::irc) fn send_values(&mut self, id: ClientId, values: &[Value], batch: Option<&str>) {
        for Value { target, key, value } in values {
            self.send_value(id, target, (key, Some(value)), batch);
        }
    }

    /// Sends the value of a key, or that it has none.
    pub(in crate::chat::hub::irc) fn send_value(
        &mut self,
        id: ClientId,
        target: &str,
        (key, value): (&str, Option<&str>),
        batch: Option<&str>,
    ) {
        let detail = Detail { batch, ..Detail::default() };
        let line = match value {
            Some(_) => IrcLine::Numeric { code: 761, middle: &[target, key, "*"], text: value },
            None => IrcLine::Numeric { code: 766, middle: &[target, key], text: Some("key not set") },
        };
        self.outbound.send_detailed(
            &mut self.sessions,
            &self.shared.members,
            id,
            RoomLabel::None,
            &Event::Irc(line),
            &detail,
        );
    }

    /// Sends the metadata of a member as a part of WHOIS to a session that knows of it.
    pub(in crate::chat::hub::irc) fn send_whois_metadata(&mut self, asker: Asker, member: MemberId, now: &Now) {
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
