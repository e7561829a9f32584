//! MONITOR: who is told when members come and go, and, with `extended-monitor`, of other changes.
//!
//! Sources: <https://ircv3.net/specs/extensions/monitor>, <https://ircv3.net/specs/extensions/extended-monitor>

use crate::chat::event::{Event, IrcLine, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::isupport::MAX_MONITORED;
use crate::chat::hub::irc::reply::in_lines;
use crate::chat::id::{ClientId, MemberId, Now};
use crate::chat::policy::nick::{Name, fold, key_of};
use crate::chat::session::irc::Caps;

impl Hub {
    /// MONITOR
    pub(in crate::chat::hub::irc) fn irc_monitor(&mut self, call: &Call) {
        let id = call.id;
        match call.text(0) {
            "+" => self.monitor(id, call.text(1)),
            "-" => {
                for key in call.text(1).split(',').filter_map(key_of) {
                    self.monitors.remove(id, &key);
                }
            }
            "C" | "c" => self.monitors.clear(id),
            "L" | "l" => self.list_monitored(id),
            "S" | "s" => {
                let names = self.monitors.names(id).map(|name| name.to_string()).collect();
                self.send_presence(id, names);
            }
            _ => self.numeric(id, 461, &["MONITOR"], "Not enough parameters"),
        }
    }

    /// Adds names to those that a session monitors, and tells which of them are here.
    fn monitor(&mut self, id: ClientId, targets: &str) {
        let mut added = Vec::new();
        let targets: Vec<&str> = targets.split(',').filter(|target| !target.is_empty()).collect();
        for (index, &target) in targets.iter().enumerate() {
            // Only names are monitored, since a member that takes another name may not wish to be followed.
            let Ok(name) = Name::stored(target) else {
                let shown = if target.contains(' ') { "*" } else { target };
                self.numeric(id, 432, &[shown], "Erroneous nickname");
                continue;
            };
            if !self.monitors.add(id, &name, MAX_MONITORED) {
                let most = MAX_MONITORED.to_string();
                let refused = targets[index..].join(",").replace(' ', "");
                self.send_presence(id, added);
                return self.numeric(id, 734, &[&most, &refused], "Monitor list is full");
            }
            added.push(name.shown.into());
        }
        self.send_presence(id, added);
    }

    fn list_monitored(&mut self, id: ClientId) {
        let names = self.monitors.names(id).map(|name| name.to_string());
        for line in in_lines(names, ',', self.space_for_text(id, &[])) {
            self.numeric(id, 732, &[], &line);
        }
        self.numeric(id, 733, &[], "End of MONITOR list");
    }

    /// Tells a session which of these names belong to members that are here.
    fn send_presence(&mut self, id: ClientId, names: Vec<String>) {
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        for name in names {
            match self.shared.members.find(&name) {
                Some(member) => online.push(self.shared.members.full_name(member.slot).into()),
                None => offline.push(name),
            }
        }
        for (code, names) in [(730, online), (731, offline)] {
            for line in in_lines(names, ',', self.space_for_text(id, &[])) {
                self.numeric(id, code, &[], &line);
            }
        }
    }

    /// Tells the sessions that monitor a folded name that a member has it now.
    pub(in crate::chat::hub) fn tell_online(&mut self, member: MemberId, key: &str) {
        if !self.monitors.is_empty() {
            let name = self.shared.members.full_name(member.slot);
            self.tell_watchers(key, 730, &name);
        }
    }

    /// Tells the sessions that monitor a name that no member has it any more.
    pub(in crate::chat::hub) fn tell_offline(&mut self, name: &str) {
        // When the server ends, all leave.
        if !self.monitors.is_empty() && !self.ending {
            self.tell_watchers(&fold(name), 731, name);
        }
    }

    /// A member has the name with the folded form `key` in place of the name `old`.
    pub(in crate::chat::hub) fn tell_renamed(&mut self, member: MemberId, old: &str, key: &str) {
        if !self.monitors.is_empty() && fold(old) != key {
            self.tell_offline(old);
            self.tell_online(member, key);
        }
    }

    fn tell_watchers(&mut self, key: &str, code: u16, text: &str) {
        for id in self.monitors.watchers(key) {
            self.numeric(id, code, &[], text);
        }
    }

    /// Shows a line of a member to the sessions with `extended-monitor` and another capability that monitor it, and do not
    /// read it in a room already.
    pub(in crate::chat::hub::irc) fn show_to_watchers(
        &mut self,
        member: MemberId,
        cap: Caps,
        line: IrcLine,
        time: &Now,
    ) {
        if self.monitors.is_empty() {
            return;
        }
        let key = fold(self.shared.members.name(member));
        for id in self.monitors.watchers(&key) {
            let has_caps = self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::EXTENDED_MONITOR | cap));
            let watcher = self.sessions[id].member.filter(|_| has_caps);
            let is_other = |watcher| watcher != member.slot && !self.share_a_room(watcher, member.slot);
            if watcher.is_some_and(is_other) {
                self.fanout_by(member, time).send(id, &Event::Irc(line));
            }
        }
    }

    /// Shows the sessions that monitor a member whether it is away, unless it is muted.
    pub(in crate::chat::hub) fn tell_away_to_watchers(&mut self, member: MemberId, time: &Now) {
        if self.monitors.is_empty() || self.shared.mutes.holds(member, time.at) {
            return;
        }
        let (name, away) = (self.name_of(member), self.shared.members[member.slot].away().map(str::to_owned));
        let text = away.as_deref();
        let from = Sender::Member(&name);
        let line = IrcLine::Command { from, command: "AWAY", in_room: false, middle: &[], text };
        self.show_to_watchers(member, Caps::AWAY_NOTIFY, line, time);
    }
}
