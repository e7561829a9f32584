//! WHO of a channel or a member, and WHOIS.

use super::vocabulary::{Identity, Target};
use super::{MAX_LINE, Oracle, lines_of};
use crate::chat::Now;
use crate::simulator::oracle::members::member::Member;

impl Oracle {
    fn sign(&self, member: usize, room: usize) -> &'static str {
        match self.role(member, room) {
            Some(true) => "@",
            Some(false) => "+",
            None => "",
        }
    }

    fn shown_away(&self, reader: usize, member: usize, now: Now) -> Option<String> {
        let is_shown = reader == member || !self.is_muted(member, now);
        self.members[member].away.clone().filter(|_| is_shown)
    }

    /// `WHO #room`, `WHO name`
    pub(super) fn irc_who(&mut self, who: usize, member: usize, mask: &str, now: Now) {
        let most = 1000.min(self.config.backlog_bytes / 4 / 512).max(1);
        let (room, mut found) = match mask.strip_prefix('#') {
            Some(name) => {
                let room = self.find_room(name).filter(|&room| self.sees(member, room));
                (room, room.map(|room| self.room(room).members.clone()).unwrap_or_default())
            }
            None => (None, self.find(mask).into_iter().collect()),
        };
        let is_cut = found.len() > most;
        found.truncate(most);
        for other in found {
            let away = if self.shown_away(member, other, now).is_some() { "G" } else { "H" };
            let sign = room.map_or("", |room| self.sign(other, room));
            let channel = room.map_or("*".into(), |room| format!("#{}", self.room_name(room)));
            let Member { name, identity: Identity { user, host, real_name }, .. } = &self.members[other];
            let (server, real_name) = (&self.config.name, real_name.as_ref().unwrap_or(name));
            let line = format!("{channel} {user} {host} {server} {name} {away}{sign} :0 {real_name}");
            self.irc_numeric(who, 352, &line);
        }
        if is_cut {
            self.irc_numeric(who, 416, &format!("WHO {mask} :Only the first {most} are shown"));
        }
        self.irc_numeric(who, 315, &format!("{mask} :End of /WHO list"));
    }

    /// `WHOIS name`
    pub(super) fn irc_whois(&mut self, who: usize, member: usize, nick: &str, now: Now) {
        match self.find(nick) {
            Some(other) => self.send_whois(who, member, other, now),
            None => self.irc_numeric(who, 401, &format!("{nick} :No such nick/channel")),
        }
        self.irc_numeric(who, 318, &format!("{nick} :End of /WHOIS list"));
    }

    fn send_whois(&mut self, who: usize, member: usize, other: usize, now: Now) {
        let Member { name, identity: Identity { user, host, real_name }, since, is_moderator, .. } =
            &self.members[other];
        let (name, since, is_moderator) = (name.clone(), since.unix_timestamp(), *is_moderator);
        let first = format!("{name} {user} {host} * :{}", real_name.as_ref().unwrap_or(&name));
        self.irc_numeric(who, 311, &first);
        let rooms = self.rooms_of(other).into_iter();
        let rooms = rooms.filter(|&room| self.is_in(member, room) || self.sees(member, room));
        let rooms: Vec<String> =
            rooms.map(|room| format!("{}#{}", self.sign(other, room), self.room_name(room))).collect();
        let around = format!(":{} 319 {} {name} :", self.config.name, self.irc_nick(who)).len();
        for rooms in lines_of(&rooms, MAX_LINE - around) {
            self.irc_numeric(who, 319, &format!("{name} :{rooms}"));
        }
        self.irc_numeric(who, 312, &format!("{name} {} :a chat server", self.config.name));
        if is_moderator {
            self.irc_numeric(who, 313, &format!("{name} :is a moderator of all channels"));
        }
        if let Some(away) = self.shown_away(member, other, now) {
            self.irc_numeric(who, 301, &format!("{name} :{away}"));
        }
        if self.readers[who].has_cap("draft/metadata-3") {
            for (key, value) in self.shown_metadata(member, Target::Member(other), now) {
                self.irc_numeric(who, 760, &format!("{name} {key} * :{value}"));
            }
        }
        let sessions = self.sessions(other);
        let is_encrypted = |&session: &usize| self.readers[session].irc.as_ref().is_some_and(|irc| irc.is_encrypted);
        if !sessions.is_empty() && sessions.iter().all(is_encrypted) {
            self.irc_numeric(who, 671, &format!("{name} :is using a secure connection"));
        }
        let Some(&first) = sessions.first() else { return };
        if other == member {
            let addr = self.readers[first].addr;
            self.irc_numeric(who, 378, &format!("{name} :is connecting from {addr}"));
        }
        // Readers leave out for how long it was silent.
        self.irc_numeric(who, 317, &format!("{name} 0 {since} :seconds idle, signon time"));
    }
}
