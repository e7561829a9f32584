//! MONITOR: sessions that are told when members come and go.

use std::collections::BTreeSet;

use super::Oracle;
use crate::chat::Now;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::words::{ReaderStage, key};

impl Oracle {
    /// `MONITOR + names`, `- names`, `C`, `L`, `S`
    pub(super) fn irc_monitor(&mut self, who: usize, params: &[String]) {
        let names: Vec<&str> = params.get(1).map_or("", |names| names).split(',').collect();
        match &*params[0] {
            "+" => {
                let mut added = Vec::new();
                for typed in names {
                    // A name that no member can have now, since it looks like another one, can be monitored.
                    let is_alike = |why: &String| why.contains(" looks like ") || why.contains(" mixes ");
                    let name = name(typed).or_else(|why| if is_alike(&why) { Ok(typed.to_owned()) } else { Err(why) });
                    match name {
                        Ok(name) => {
                            let list = &mut self.irc_mut(who).monitored;
                            list.entry(key(&name)).or_insert_with(|| name.clone());
                            added.push(name);
                        }
                        Err(_) => self.irc_numeric(who, 432, &format!("{typed} :Erroneous nickname")),
                    }
                }
                self.send_presence(who, added);
            }
            "-" => names.into_iter().for_each(|name| drop(self.irc_mut(who).monitored.remove(&key(name)))),
            "C" => self.irc_mut(who).monitored.clear(),
            "L" => {
                let names: Vec<String> = self.irc_mut(who).monitored.values().cloned().collect();
                if !names.is_empty() {
                    self.irc_numeric(who, 732, &format!(":{}", names.join(",")));
                }
                self.irc_numeric(who, 733, ":End of MONITOR list");
            }
            "S" => {
                let names = self.irc_mut(who).monitored.values().cloned().collect();
                self.send_presence(who, names);
            }
            other => panic!("MONITOR {other} is not typed"),
        }
    }

    fn send_presence(&mut self, who: usize, names: Vec<String>) {
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        for name in names {
            match self.find(&name) {
                Some(member) => online.push(self.irc_source(member, &self.members[member].name)),
                None => offline.push(name),
            }
        }
        for (code, names) in [(730, online), (731, offline)] {
            if !names.is_empty() {
                self.irc_numeric(who, code, &format!(":{}", names.join(",")));
            }
        }
    }

    /// The sessions that monitor a name.
    pub(super) fn watchers(&self, key: &str) -> Vec<usize> {
        let watches = |session: &usize| {
            let reader = &self.readers[*session];
            reader.stage == ReaderStage::Here && reader.irc.as_ref().is_some_and(|irc| irc.monitored.contains_key(key))
        };
        (0..self.readers.len()).filter(watches).collect()
    }

    /// A member has taken a name that no member had.
    pub(in crate::simulator::oracle) fn irc_tell_online(&mut self, member: usize) {
        let source = self.irc_source(member, &self.members[member].name);
        for session in self.watchers(&self.members[member].key) {
            self.counts.irc_monitored += 1;
            self.irc_numeric(session, 730, &format!(":{source}"));
        }
    }

    /// No member has this name any more.
    pub(in crate::simulator::oracle) fn irc_tell_offline(&mut self, name: &str) {
        if self.ending {
            return;
        }
        for session in self.watchers(&key(name)) {
            self.counts.irc_monitored += 1;
            self.irc_numeric(session, 731, &format!(":{name}"));
        }
    }

    /// Shows a line of a member to sessions with `extended-monitor` and a capability that monitor it, and do not read it in a
    /// room.
    pub(super) fn irc_show_watchers(&mut self, member: usize, cap: &str, line: &str, now: Now) {
        let rooms: BTreeSet<usize> = self.rooms_of(member).into_iter().collect();
        let name = self.members[member].name.clone();
        for session in self.watchers(&self.members[member].key) {
            let reader = &self.readers[session];
            let has_caps = reader.has_cap("extended-monitor") && reader.has_cap(cap);
            let is_elsewhere = reader.member.is_some_and(|watcher| {
                watcher != member && self.rooms_of(watcher).iter().all(|room| !rooms.contains(room))
            });
            if has_caps && is_elsewhere {
                self.counts.irc_monitored += 1;
                self.irc_event(session, member, &name, line, now);
            }
        }
    }
}
