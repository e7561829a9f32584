//! The operator's commands.

use std::net::IpAddr;
use std::time::Duration;

use super::committing::Proposed;
use super::rooms::clock;
use super::talking::split;
use super::{OPERATOR, Oracle, ReaderStage, key};
use crate::chat::{Cause, Now};

/// A mute, also of a member who has left.
pub struct Mute {
    name: String,
    /// The keys of all names since the mute began; the last is that of `name`.
    keys: Vec<String>,
    ip: IpAddr,
    pub who: Option<usize>,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }

    /// Whether a new member of that name and address is the muted one who has left.
    fn awaits(&self, key: &String, ip: IpAddr) -> bool {
        self.who.is_none() && self.ip == ip && self.keys.contains(key)
    }

    fn is_called(&self, key: &str) -> bool {
        self.keys.last().is_some_and(|last| last == key)
    }

    fn rename(&mut self, name: String, key: String) {
        self.name = name;
        self.keys.retain(|old| *old != key);
        self.keys.push(key);
    }
}

fn for_another(minutes: Option<u64>) -> String {
    match minutes {
        None => String::new(),
        Some(1) => " for another 1 minute".into(),
        Some(minutes) => format!(" for another {minutes} minutes"),
    }
}

impl Oracle {
    pub(super) fn is_banned(&self, ip: IpAddr, now: Now) -> bool {
        self.bans.get(&ip).is_some_and(|until| until.is_none_or(|until| until > now.at))
    }

    /// Runs a line of the operator; members who must leave do so when the server reports it.
    pub fn operate(&mut self, line: &str, now: Now) {
        let (word, rest) = split(line);
        match word {
            "/rooms" => {
                let list = self.list_of_rooms(false);
                self.send_to_console(&list);
            }
            "/kick" => self.kick(rest),
            "/ban" => self.ban(rest),
            "/unban" => match rest.parse() {
                Ok(ip) if self.is_banned(ip, now) => self.propose(Proposed::Unban { ip }),
                _ => self.send_to_console(&format!("! {rest} is not a banned address. /bans lists them.")),
            },
            "/mute" => self.mute(rest),
            "/mutes" => self.list_mutes(now),
            "/unmute" => self.unmute(rest, now),
            "/shutdown" => self.ending = true,
            _ if word.starts_with('@') => {
                let name = self.addressee(&word[1..]);
                let Some(target) = self.present(name) else {
                    return self.send_to_console(&format!("! Nobody here is called {name}."));
                };
                let to = self.readers[target].name.clone();
                self.begin_console_day(now);
                self.send_to_console(&format!("{} you -> {to}: {rest}", clock(now)));
                self.hear_whisper(target, OPERATOR, "server", rest, now);
                if let Some(line) = self.away_line(target, now) {
                    self.send_to_console(&line);
                }
            }
            "/whois" if self.has_following() => {
                let answer = self.whois(OPERATOR, rest, now);
                self.send_to_console(&answer);
            }
            "/whois" => self.send_to_console("! There is no command /whois. /help lists them."),
            "/me" => match self.room_argument(OPERATOR, rest) {
                Ok((room, text)) => {
                    self.propose(Proposed::Say { author: OPERATOR, room, action: true, text: text.into() });
                }
                Err(refusal) => self.send_to_console(&refusal),
            },
            _ if line.starts_with('#') => match self.parse_hash(OPERATOR, line) {
                Ok((room, text)) => {
                    self.propose(Proposed::Say { author: OPERATOR, room, action: false, text: text.into() });
                }
                Err(refusal) => self.send_to_console(&refusal),
            },
            _ => self.propose(Proposed::Say { author: OPERATOR, room: 0, action: false, text: line.into() }),
        }
    }

    fn kick(&mut self, rest: &str) {
        let (name, why) = split(rest);
        let Some(&who) = self.names.get(&key(name)) else {
            return self.send_to_console(&format!("! Nobody here is called {name}."));
        };
        let why = Some(why).filter(|why| !why.is_empty()).map(String::from);
        self.propose(Proposed::Kick { who, name: name.into(), why });
    }

    /// A member is kicked. If it has a session, its removal follows when that ends.
    pub(super) fn commit_kick(&mut self, who: usize, why: Option<&str>, now: Now) {
        let cause = Cause::Kicked(why.map(Box::from));
        if self.readers[who].stage != ReaderStage::Here {
            return self.remove(who, &cause, now);
        }
        let words = why.map_or("* You were kicked by the operator.".into(), |why| {
            format!("* You were kicked by the operator: {why}")
        });
        self.send_line(who, &words);
        (self.readers[who].due, self.readers[who].kicked_at) = (Some(cause), Some(now));
    }

    /// A member of that name that has a session.
    fn present(&self, name: &str) -> Option<usize> {
        self.find(name).filter(|&who| self.readers[who].stage == ReaderStage::Here)
    }

    fn ban(&mut self, rest: &str) {
        let (what, minutes) = split(rest);
        let named = self.present(what).map(|who| self.readers[who].addr.ip());
        let Some(ip) = named.or_else(|| what.parse().ok()) else {
            return self.send_to_console(&format!("! Nobody here is called {what}."));
        };
        self.propose(Proposed::Ban { ip, minutes: minutes.parse().ok() });
    }

    pub(super) fn commit_ban(&mut self, ip: IpAddr, minutes: Option<u64>, now: Now) {
        self.bans.insert(ip, minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes)));
        self.send_to_console(&format!("* {ip} is banned{}.", for_another(minutes)));
    }

    pub(super) fn commit_unban(&mut self, ip: IpAddr, now: Now) {
        if self.bans.remove(&ip).is_some_and(|until| until.is_none_or(|until| until > now.at)) {
            self.send_to_console(&format!("* {ip} is no longer banned."));
        }
    }

    fn mute(&mut self, rest: &str) {
        let (name, minutes) = split(rest);
        let Some(who) = self.present(name) else {
            return self.send_to_console(&format!("! Nobody here is called {name}."));
        };
        self.propose(Proposed::Mute { who, name: name.into(), minutes: minutes.parse().ok() });
    }

    pub(super) fn commit_mute(&mut self, who: usize, minutes: Option<u64>, now: Now) {
        let until = minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes));
        let reader = &self.readers[who];
        let (name, key, ip) = (reader.name.clone(), reader.key.clone(), reader.addr.ip());
        self.send_to_console(&format!("* {name} is muted{}.", for_another(minutes)));
        self.mutes.retain(|mute| mute.holds(now) && !mute.awaits(&key, ip));
        let own = self.mutes.iter().position(|mute| mute.who == Some(who));
        let keys = own.map(|place| self.mutes.remove(place).keys).unwrap_or_default();
        let mut mute = Mute { name: String::new(), keys, ip, who: Some(who), until };
        mute.rename(name, key);
        self.mutes.push(mute);
    }

    fn list_mutes(&mut self, now: Now) {
        self.mutes.retain(|mute| mute.holds(now));
        let left = |until: Duration| (until - now.at).as_millis().div_ceil(60_000) as u64;
        let list =
            self.mutes.iter().map(|mute| format!("* {} is muted{}.", mute.name, for_another(mute.until.map(left))));
        let mut lines: Vec<String> = list.collect();
        let (all, most) = (lines.len(), self.config.max_listed);
        lines.truncate(most);
        match all.div_ceil(most) {
            0 => lines.push("* Nobody is muted.".into()),
            1 => {}
            pages => lines.push(format!("* --- page 1 of {pages}; /mutes 2 shows the next one ---")),
        }
        lines.iter().for_each(|line| self.send_to_console(line));
    }

    fn unmute(&mut self, name: &str, now: Now) {
        match self.mutes.iter().any(|mute| mute.holds(now) && mute.is_called(&key(name))) {
            true => self.propose(Proposed::Unmute { key: key(name) }),
            false => self.send_to_console(&format!("! {name} is not muted. /mutes lists who is.")),
        }
    }

    pub(super) fn commit_unmute(&mut self, key: &str, now: Now) {
        if let Some(place) = self.mutes.iter().position(|mute| mute.holds(now) && mute.is_called(key)) {
            self.send_to_console(&format!("* {} is no longer muted.", self.mutes[place].name));
            self.mutes.retain(|mute| mute.holds(now) && !mute.is_called(key));
        }
    }

    /// Whether a member's messages are hidden from the others.
    pub(super) fn is_muted(&self, who: usize, now: Now) -> bool {
        self.mutes.iter().any(|mute| mute.who == Some(who) && mute.holds(now))
    }

    /// A new member has the name and address of a muted one who has left: the mute applies again.
    pub(super) fn take_mute_over(&mut self, who: usize, now: Now) {
        let super::Reader { name, key, addr, .. } = &self.readers[who];
        let same: Vec<Mute> =
            self.mutes.extract_if(.., |mute| mute.awaits(key, addr.ip()) && mute.holds(now)).collect();
        let until = if same.iter().any(|mute| mute.until.is_none()) {
            None
        } else {
            same.iter().filter_map(|mute| mute.until).max()
        };
        if let Some(mut mute) = same.into_iter().next() {
            mute.rename(name.clone(), key.clone());
            self.mutes.push(Mute { who: Some(who), until, ..mute });
        }
    }

    /// A member's mute follows a change of the name.
    pub(super) fn rename_mute(&mut self, who: usize, now: Now) {
        if !self.is_muted(who, now) {
            return self.take_mute_over(who, now);
        }
        let (name, key) = (self.readers[who].name.clone(), self.readers[who].key.clone());
        let ip = self.readers[who].addr.ip();
        self.mutes.retain(|mute| !mute.awaits(&key, ip));
        for mute in self.mutes.iter_mut().filter(|mute| mute.who == Some(who)) {
            mute.rename(name.clone(), key.clone());
        }
    }
}
