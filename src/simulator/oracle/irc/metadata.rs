//! METADATA: keys and values of members and rooms, and the sessions that have subscribed to keys.

use super::Oracle;
use crate::chat::Now;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::irc::vocabulary::{Metadata, Target};
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::words::ReaderStage;

impl Oracle {
    pub(super) fn irc_metadata(&mut self, who: usize, member: usize, params: &[String], now: Now) {
        let (name, keys) = (&params[0], &params[2..]);
        match &*params[1] {
            "SUB" => {
                self.irc_mut(who).subscribed.extend(keys.iter().cloned());
                self.irc_numeric(who, 770, &keys.join(" "));
                for room in self.rooms_of(member) {
                    self.irc_numeric(who, 774, &format!("#{}", self.room_name(room)));
                }
            }
            "UNSUB" => {
                for key in keys {
                    self.irc_mut(who).subscribed.remove(key);
                }
                self.irc_numeric(who, 771, &keys.join(" "));
            }
            "SUBS" => {
                let keys: Vec<String> = self.irc_mut(who).subscribed.iter().cloned().collect();
                if !keys.is_empty() {
                    self.irc_numeric(who, 772, &keys.join(" "));
                }
            }
            "SET" | "CLEAR" => {
                let Some(target) = self.metadata_target(who, member, name) else { return };
                let key = keys.first().cloned();
                let value = keys.get(1).cloned().filter(|value| !value.is_empty());
                if self.refuse_metadata(member, target).is_some() {
                    let shown = key.as_deref().unwrap_or("*");
                    let text = "You do not have permission to change that";
                    return self.irc_fail(who, &format!("METADATA KEY_NO_PERMISSION {name} {shown} :{text}"));
                }
                self.propose(Proposed::Metadata { by: member, target, key, value });
            }
            asks => {
                let Some(target) = self.readable_target(who, member, name) else { return };
                let (name, shown) = (self.target_name(target), self.shown_metadata(member, target, now));
                let values: Vec<(String, String, Option<String>)> = match asks {
                    "GET" => keys.iter().map(|key| (name.clone(), key.clone(), shown.get(key).cloned())).collect(),
                    "LIST" => shown.into_iter().map(|(key, value)| (name.clone(), key, Some(value))).collect(),
                    _ => self.subscribed_values(who, member, target, now),
                };
                self.show_values(who, target, &values);
            }
        }
    }

    fn metadata_target(&mut self, who: usize, member: usize, name: &str) -> Option<Target> {
        let found = match name.strip_prefix('#') {
            _ if name == "*" => Some(Target::Member(member)),
            Some(room) => self.find_room(room).filter(|&room| self.sees(member, room)).map(Target::Room),
            None => self.find(name).map(Target::Member),
        };
        if found.is_none() {
            self.irc_fail(who, &format!("METADATA INVALID_TARGET {name} :Invalid target"));
        }
        found
    }

    fn readable_target(&mut self, who: usize, member: usize, name: &str) -> Option<Target> {
        let target = self.metadata_target(who, member, name)?;
        let Target::Room(room) = target else { return Some(target) };
        let rules = self.rules_of(room);
        let is_closed = ["invite-only", "key", "secret"].iter().any(|setting| rules.has(setting));
        if is_closed && !self.is_in(member, room) {
            let text = "Only members of the channel are shown this";
            self.irc_fail(who, &format!("METADATA KEY_NO_PERMISSION #{} * :{text}", self.room_name(room)));
            return None;
        }
        Some(target)
    }

    fn target_name(&self, target: Target) -> String {
        match target {
            Target::Member(member) => self.members[member].name.clone(),
            Target::Room(room) => format!("#{}", self.room_name(room)),
        }
    }

    /// What a member is shown: nothing of a muted one but its own.
    pub(super) fn shown_metadata(&self, reader: usize, target: Target, now: Now) -> Metadata {
        match target {
            Target::Room(room) => self.rooms[room].as_ref().expect("a room that exists").metadata.clone(),
            Target::Member(member) if member != reader && self.is_muted(member, now) => Metadata::new(),
            Target::Member(member) => self.members[member].metadata.clone(),
        }
    }

    /// The reason why a member cannot change metadata.
    pub(in crate::simulator::oracle) fn refuse_metadata(&self, by: usize, target: Target) -> Option<String> {
        match target {
            _ if !self.members[by].is_member => Some("! Nobody here is called .".into()),
            Target::Member(member) => (member != by).then(|| "! Only moderators can do that.".into()),
            Target::Room(room) => self.refuse_gone(room).or_else(|| self.permit(by, Rank::RoomOperator, Some(room))),
        }
    }

    /// A value that a session is shown.
    fn send_value(&mut self, who: usize, name: &str, key: &str, value: Option<&str>, tags: &str) {
        let (server, nick) = (self.config.name.clone(), self.irc_nick(who));
        let rest = match value {
            Some(value) => format!("761 {nick} {name} {key} * :{value}"),
            None => format!("766 {nick} {name} {key} :key not set"),
        };
        self.irc_send_tagged(who, tags, &format!(":{server} {rest}"));
    }

    fn show_values(&mut self, who: usize, target: Target, values: &[(String, String, Option<String>)]) {
        let (server, name) = (self.config.name.clone(), self.target_name(target));
        let tags = if self.readers[who].has_cap("batch") { "@batch= " } else { "" };
        if !tags.is_empty() {
            self.irc_send(who, &format!(":{server} BATCH + metadata {name}"));
        }
        for (name, key, value) in values {
            self.send_value(who, name, key, value.as_deref(), tags);
        }
        if !tags.is_empty() {
            self.irc_send(who, &format!(":{server} BATCH -"));
        }
    }

    /// The values to which a session has subscribed, of a target and, if that is a room, of its other members.
    fn subscribed_values(
        &self,
        who: usize,
        reader: usize,
        target: Target,
        now: Now,
    ) -> Vec<(String, String, Option<String>)> {
        let keys = self.readers[who].irc.iter().flat_map(|irc| irc.subscribed.iter());
        let keys: Vec<&String> = keys.collect();
        let mut targets = vec![target];
        if let Target::Room(room) = target {
            let members = self.rooms[room].iter().flat_map(|room| room.members.iter().copied());
            targets.extend(members.filter(|&member| member != reader).map(Target::Member));
        }
        let (mut values, mut bytes) = (Vec::new(), 0);
        for target in targets {
            let (name, shown) = (self.target_name(target), self.shown_metadata(reader, target, now));
            for &key in &keys {
                let Some(value) = shown.get(key) else { continue };
                bytes += 2 * name.len() + key.len() + value.len() + 64;
                if bytes > self.config.backlog_bytes / 4 {
                    return values;
                }
                values.push((name.clone(), key.clone(), Some(value.clone())));
            }
        }
        values
    }

    /// A session is in a room from now on.
    pub(super) fn sync_on_join(&mut self, session: usize, member: usize, room: usize, now: Now) {
        let values = self.subscribed_values(session, member, Target::Room(room), now);
        if !values.is_empty() {
            self.show_values(session, Target::Room(room), &values);
        }
    }

    /// The sessions that have subscribed to a key.
    fn subscribers(&self, key: &str) -> Vec<usize> {
        let subscribes = |session: &usize| {
            let reader = &self.readers[*session];
            reader.stage == ReaderStage::Here && reader.irc.as_ref().is_some_and(|irc| irc.subscribed.contains(key))
        };
        (0..self.readers.len()).filter(subscribes).collect()
    }

    /// Members of a room read the metadata of one that enters it.
    pub(in crate::simulator::oracle) fn irc_show_metadata_of(&mut self, member: usize, room: usize, now: Now) {
        if self.ending || self.is_muted(member, now) || self.room(room).members.len() > 100 {
            return;
        }
        let (name, metadata) = (self.members[member].name.clone(), self.members[member].metadata.clone());
        for (key, value) in metadata {
            for session in self.subscribers(&key) {
                let watcher = self.readers[session].member.expect("a member");
                if watcher != member && self.is_in(watcher, room) && !self.ignores_now(watcher, member) {
                    self.send_value(session, &name, &key, Some(&value), "");
                }
            }
        }
    }

    /// A member changes metadata: one key, or without a key all of them. `session` is the one that has typed it.
    pub(in crate::simulator::oracle) fn commit_metadata(
        &mut self,
        (by, session): (usize, Option<usize>),
        target: Target,
        (key, value): (Option<String>, Option<String>),
        now: Now,
    ) {
        self.counts.irc_metadata += 1;
        let is_muted = self.is_muted(by, now);
        let mut unused = Metadata::new();
        let metadata = match target {
            Target::Member(member) => &mut self.members[member].metadata,
            Target::Room(_) if is_muted => &mut unused,
            Target::Room(room) => &mut self.rooms[room].as_mut().expect("a room that exists").metadata,
        };
        let clears = key.is_none();
        let changed: Vec<String> = key.map_or_else(|| metadata.keys().cloned().collect(), |key| vec![key]);
        let news: Vec<String> = changed.iter().filter(|key| metadata.get(*key) != value.as_ref()).cloned().collect();
        for key in &changed {
            match &value {
                Some(value) => drop(metadata.insert(key.clone(), value.clone())),
                None => drop(metadata.remove(key)),
            }
        }
        let name = self.target_name(target);
        if let Some(session) = session {
            match clears {
                true => {
                    let values: Vec<_> = changed.iter().map(|key| (name.clone(), key.clone(), None)).collect();
                    self.show_values(session, target, &values);
                }
                false => self.send_value(session, &name, &changed[0], value.as_deref(), ""),
            }
        }
        for key in news.iter().filter(|_| !is_muted) {
            for watcher in self.subscribers(key) {
                if Some(watcher) != session && self.is_told(watcher, target) {
                    self.send_value(watcher, &name, key, value.as_deref(), "");
                }
            }
        }
    }

    /// Whether a session that has subscribed to a key of a target is told of its new value.
    fn is_told(&self, session: usize, target: Target) -> bool {
        let watcher = self.readers[session].member.expect("a member");
        match target {
            Target::Room(room) => self.is_in(watcher, room),
            Target::Member(member) if member == watcher => true,
            Target::Member(member) => {
                let shares = self.rooms_of(member).into_iter().any(|room| self.is_in(watcher, room));
                (shares || self.watchers(&self.members[member].key).contains(&session))
                    && !self.ignores_now(watcher, member)
            }
        }
    }
}
