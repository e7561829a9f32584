//! The members' commands.

use std::net::IpAddr;

use super::committing::Proposed;
use super::entering::{SHAPE, name};
use super::passwords::Purpose;
use super::rooms::{OracleRoom, clock};
use super::{OPERATOR, Oracle, key};
use crate::chat::{Help, Lang, Login, MessageKind, Now};

/// The refusal of an invalid room name.
pub(super) const ROOM_SHAPE: &str =
    "! The name of a room is 1 to 48 characters wide: letters and digits of any script, _, - and ., no spaces.";

/// What stands before a whisper that is an action on IRC.
fn star(kind: MessageKind) -> &'static str {
    if kind == MessageKind::Action { "* " } else { "" }
}

pub(super) fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

impl Oracle {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(&key(name)).copied()
    }

    /// Runs a member's line.
    pub(super) fn dispatch_command(&mut self, who: usize, line: &str, now: Now) {
        let room = self.members[who].room;
        let (word, rest) = split(line);
        let arg = rest.trim();
        match &*word.to_lowercase() {
            _ if line.trim().is_empty() => {}
            _ if ["q", "quit", "exit"].contains(&&*line.trim().to_lowercase()) => self.quit(self.speaker, ""),
            _ if line.starts_with("@@") || line.starts_with("//") => {
                self.propose_say(who, room, MessageKind::Said, &line[1..], now)
            }
            _ if line.starts_with('@') => {
                let (to, text) = split(&line[1..]);
                self.whisper(who, to, text, now);
            }
            _ if line.starts_with('#') => match self.parse_hash(who, line) {
                Ok((room, text)) => self.propose_say(who, room, MessageKind::Said, text, now),
                Err(refusal) => self.answer_to(who, &refusal),
            },
            "/say" | "/me" if arg.is_empty() => {
                self.answer_to(who, &format!("! Usage: {} text", word.to_lowercase()));
            }
            "/say" => self.propose_say(who, room, MessageKind::Said, rest, now),
            "/me" => match self.room_argument(who, rest) {
                Ok((_, text)) if text.trim().is_empty() => self.answer_to(who, "! Usage: /me text"),
                Ok((room, text)) => self.propose_say(who, room, MessageKind::Action, text, now),
                Err(refusal) => self.answer_to(who, &refusal),
            },
            "/msg" => {
                let (to, text) = split(rest.trim_start());
                self.whisper(who, to, text, now);
            }
            "/r" => self.reply(who, rest, now),
            "/nick" => self.rename(who, arg, now),
            word @ ("/register" | "/password" | "/unregister") if self.has_following() => {
                self.account_command(who, word, arg, now);
            }
            "/who" => self.who(who, arg, now),
            "/rooms" => {
                let list = self.list_of_rooms(who, self.readers[self.speaker].program.unwrap_or_default() > 1);
                self.answer_to(who, &list);
            }
            "/join" => self.join(who, arg, now),
            "/leave" if room == 0 => self.answer_to(who, "! You are in lobby already."),
            "/leave" => self.propose(Proposed::Move { who, room: "lobby".into(), key: None }),
            "/history" => self.history(who, arg, now),
            "/follow" if self.has_following() => self.follow(who, arg, now),
            "/unfollow" if self.has_following() => self.unfollow(who, arg),
            "/quiet" if self.has_following() => self.set_quiet(who, arg),
            "/away" if self.has_following() => self.away(who, arg),
            word if Self::is_moderation(word) && self.has_following() => self.moderate(who, word, rest, now),
            word if self.has_following() && self.govern(who, word, arg, now) => {}
            "/ignore" => self.ignore(who, arg),
            "/unignore" => self.unignore(who, arg),
            "/echo" => match arg {
                "on" => {
                    self.readers[self.speaker].echo = true;
                    self.answer_to(who, "* You read your own lines from now on.");
                }
                "off" => {
                    self.readers[self.speaker].echo = false;
                    self.answer_to(who, "* You no longer read your own lines.");
                }
                _ => self.answer_to(who, "! Usage: /echo on|off"),
            },
            "/ping" => self.answer_to(who, format!("* pong {arg}").trim_end()),
            "/help" => Lang::En.help(self.help(who)).for_each(|line| self.answer_to(who, &format!("* {line}"))),
            "/motd" => self.send_motd(self.speaker, true),
            "/quit" => {
                let is_silent = self.rooms_of(who).iter().any(|&room| self.refuse_speech(who, room, now).is_some());
                self.counts.dropped_reasons += usize::from(is_silent && !arg.is_empty());
                self.quit(self.speaker, if is_silent || self.is_muted(who, now) { "" } else { arg });
            }
            _ if word.starts_with('/') => {
                self.answer_to(who, &format!("! There is no command {word}. /help lists them."));
            }
            _ => self.propose_say(who, room, MessageKind::Said, line, now),
        }
    }

    /// Which commands `/help` lists.
    fn help(&self, who: usize) -> Help {
        match self.config.login {
            Login::Address => Help::Guest,
            _ if self.members[who].is_moderator => Help::Moderator,
            _ => Help::Member,
        }
    }

    fn propose_say(&mut self, who: usize, room: usize, kind: MessageKind, text: &str, now: Now) {
        self.propose_or_refuse(Proposed::Say { author: who, room, kind, text: text.into() }, now);
    }

    /// The name in `@bob: text`.
    pub(super) fn addressee<'l>(&self, to: &'l str) -> &'l str {
        if self.has_following() { to.strip_suffix([':', ',']).unwrap_or(to) } else { to }
    }

    /// The member that a whisper is for. That of an account can have another name.
    pub(super) fn recipient(&self, to: &str) -> Option<usize> {
        let of_account = || self.accounts[self.find_account(to)?].as_ref()?.member;
        self.find(to).or_else(of_account).filter(|&target| self.has_session(target))
    }

    fn whisper(&mut self, who: usize, to: &str, text: &str, now: Now) {
        let to = self.addressee(to);
        if to.is_empty() || text.trim().is_empty() {
            return self.answer_to(who, "! Usage: @name text");
        }
        match self.recipient(to) {
            Some(target) if target == who => self.answer_to(who, "! That is you."),
            Some(target) => self.whisper_to(who, target, (MessageKind::Said, text), now),
            None if self.console.is_some() && key(to) == "server" => {
                self.whisper_to(who, OPERATOR, (MessageKind::Said, text), now)
            }
            None => self.answer_to(who, &format!("! Nobody here is called {to}.")),
        }
    }

    fn reply(&mut self, who: usize, text: &str, now: Now) {
        match self.members[who].whisperer {
            _ if text.trim().is_empty() => self.answer_to(who, "! Usage: /r text"),
            Some(OPERATOR) => self.whisper_to(who, OPERATOR, (MessageKind::Said, text), now),
            Some(target) if self.has_session(target) => {
                self.whisper_to(who, target, (MessageKind::Said, text), now);
            }
            Some(_) => self.answer_to(who, "! The last person who whispered to you has left."),
            None => self.answer_to(who, "! Nobody has whispered to you yet."),
        }
    }

    pub(super) fn whisper_to(&mut self, who: usize, target: usize, (kind, text): (MessageKind, &str), now: Now) {
        let from = self.members[who].name.clone();
        let to = if target == OPERATOR { "server".into() } else { self.members[target].name.clone() };
        let shows = |&session: &usize| !self.is_irc(session) || self.readers[session].has_cap("echo-message");
        if self.sessions(who).iter().any(shows) {
            self.begin_day(self.members[who].room, now);
        }
        for session in self.sessions(who) {
            match self.is_irc(session) {
                true if self.readers[session].has_cap("echo-message") => {
                    self.irc_whisper(session, who, &to, (kind, text), now);
                }
                true => {}
                false => self.send_line(session, &format!("{} you -> {to}: {text}", clock(now))),
            }
        }
        if target == OPERATOR {
            self.console_whisperer = Some(who);
            self.send_to_console(&format!("{} {from} -> you: {}{text}", clock(now), star(kind)));
        } else if !self.ignores_now(target, who) && !self.is_muted(who, now) {
            self.hear_whisper(target, who, &from, (kind, text), now);
        }
        // Programs of revision 1 do not know it.
        if let Some(line) = self.away_line(target, now).filter(|_| self.readers[self.speaker].program != Some(1)) {
            self.answer_to(who, &line);
        }
    }

    pub(super) fn hear_whisper(
        &mut self,
        target: usize,
        from: usize,
        name: &str,
        (kind, text): (MessageKind, &str),
        now: Now,
    ) {
        self.begin_day(self.members[target].room, now);
        self.members[target].whisperer = Some(from);
        let own = self.members[target].name.clone();
        for session in self.sessions(target) {
            match self.is_irc(session) {
                true => self.irc_whisper(session, from, &own, (kind, text), now),
                false => self.send_line(session, &format!("{} {name} -> you: {}{text}", clock(now), star(kind))),
            }
        }
    }

    fn rename(&mut self, who: usize, text: &str, now: Now) {
        if self.config.login == Login::Address {
            return self.answer_to(who, "! Nicknames are addresses on this server.");
        }
        if text.is_empty() {
            return self.answer_to(who, "! Usage: /nick name");
        }
        let (typed, password) = split(text);
        let password = password.trim();
        let text = match self.find_account(typed) {
            Some(account) if Some(account) == self.members[who].account => typed,
            Some(account) if !password.is_empty() => {
                return self.give_password(self.speaker, Purpose::Take(account), password, now);
            }
            // What may be a password is not shown again.
            None if !password.is_empty() && self.has_store => return self.answer_to(who, &format!("! {SHAPE}")),
            _ => text,
        };
        let new = match name(text) {
            Ok(new) => new,
            Err(why) => return self.answer_to(who, &format!("! {why}")),
        };
        let old = self.members[who].name.clone();
        match self.refuse_name(who, &old, &new, None) {
            Some(refusal) => self.answer_to(who, &refusal),
            None => {
                let ip = self.readers[self.speaker].addr.ip();
                self.propose(Proposed::Rename { who, name: new, account: None, ip });
            }
        }
    }

    /// The reason why a member cannot have a name.
    pub(super) fn refuse_name(&self, who: usize, old: &str, new: &str, account: Option<usize>) -> Option<String> {
        if new == old {
            return Some(format!("! You are called {old} already."));
        }
        match account.map(|account| self.accounts[account].as_ref().map(|account| account.member)) {
            Some(None) => Some(format!("! The nickname {new} is not registered.")),
            Some(Some(Some(_))) => Some(format!("! The nickname {new} is taken.")),
            _ => self.refuse_taken(new, Some(who), account.or(self.members[who].account), false),
        }
    }

    /// A member gets another name.
    pub(super) fn set_name(&mut self, who: usize, new: &str, account: Option<usize>, ip: IpAddr, now: Now) {
        let old = self.members[who].name.clone();
        self.take_name(who, new);
        let line = format!("{old} is now called {new}");
        self.rename_mute(who, ip, now);
        let is_muted = self.is_muted(who, now);
        self.irc_renamed(who, &old, is_muted, now);
        for room in self.rooms_of(who) {
            self.begin_day(room, now);
            match is_muted {
                true => self.sessions(who).into_iter().for_each(|session| self.send_notice(session, room, &line)),
                false => self.show(room, &line, now, |_, _, _| true),
            }
        }
        if let Some(&room) = self.rooms_of(who).first() {
            self.send_room_event_to_console(room, "* ", &line);
        }
        if let Some(account) = account {
            self.counts.account_logins += 1;
            self.bind(who, account, ip, now);
            self.send_line_to_sessions(who, &format!("* You are logged in as {new}."));
        }
    }

    fn who(&mut self, who: usize, arg: &str, now: Now) {
        let arg = arg.strip_prefix('#').unwrap_or(arg);
        let own = self.members[who].room;
        let seen = || self.find_room(arg).filter(|&room| self.sees(who, room));
        let Some(shown) = (if arg.is_empty() { Some(own) } else { seen() }) else {
            return match name(arg) {
                Err(why) if why == SHAPE => self.answer_to(who, ROOM_SHAPE),
                _ => {
                    self.answer_to(who, &format!("! There is no room {arg}. /rooms lists them, /join {arg} makes it."))
                }
            };
        };
        let mut others = self.names_in(shown, self.config.max_listed);
        others.retain(|&other| other != who);
        let room = self.rooms[shown].as_ref().expect("a room that exists");
        let here = room.members.len();
        let place = if shown == own { "here".to_owned() } else { format!("in {}", room.name) };
        let you = self.is_in(who, shown);
        let people = if here > 0 { format!(": {}", self.list(&others, here, you)) } else { String::new() };
        self.answer_to(who, &format!("* {here} {place}{people}."));
        self.send_away_names(self.speaker, shown, &others, now);
    }

    /// The answer to `/rooms`, for programs with the topics.
    pub(super) fn list_of_rooms(&self, asker: usize, topics: bool) -> String {
        let seen = self.rooms.iter().enumerate().filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let mut all: Vec<&OracleRoom> =
            seen.filter(|&(number, _)| self.sees(asker, number)).map(|(_, room)| room).collect();
        all.sort_by(|a, b| b.members.len().cmp(&a.members.len()).then(a.name.cmp(&b.name)));
        let describe = |room: &&OracleRoom| {
            let topic = room.topic.as_ref().filter(|_| topics).map(|(_, text)| format!(", {text}"));
            format!("{} ({}{})", room.name, room.members.len(), topic.unwrap_or_default())
        };
        let list: Vec<String> = all.iter().map(describe).collect();
        format!("* {} room{}: {}", all.len(), if all.len() == 1 { "" } else { "s" }, list.join(", "))
    }

    fn join(&mut self, who: usize, arg: &str, now: Now) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /join room");
        }
        match self.place_and_key(arg) {
            Some((room, key)) => self.propose_or_refuse(Proposed::Move { who, room, key }, now),
            None => self.answer_to(who, ROOM_SHAPE),
        }
    }

    /// The reason why a member cannot go to a room.
    pub(super) fn refuse_room(&self, who: usize, room: &str, key: Option<&str>, now: Now) -> Option<String> {
        match self.find_room(room) {
            Some(found) if found == self.members[who].room => {
                let name = &self.rooms[found].as_ref().expect("a room that exists").name;
                Some(format!("! You are in {name} already."))
            }
            Some(found) if self.members[who].followed.contains(&found) => None,
            Some(found) => self.refuse_entry(who, found, key, now),
            None => self.refuse_making(room, key),
        }
    }

    /// The reason why a member cannot make a room. Who gives a key means another room.
    pub(super) fn refuse_making(&self, room: &str, key: Option<&str>) -> Option<String> {
        match key {
            Some(_) => Some(format!("! There is no room {room}. /rooms lists them, /join {room} makes it.")),
            None => self.refuse_opening(room),
        }
    }

    /// The reason why a room cannot be made.
    pub(super) fn refuse_opening(&self, room: &str) -> Option<String> {
        if self.find_room(room).is_some() {
            return None;
        }
        let most = self.config.max_rooms;
        let full = || format!("! There are {most} rooms already, and no more can be made. /rooms lists them.");
        self.refuse_room_name(room).or_else(|| (!self.can_open()).then(full))
    }

    fn history(&mut self, who: usize, arg: &str, now: Now) {
        let most = self.config.history;
        let (room, n) = match self.readable_room(who, arg, now) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(who, &refusal),
        };
        if let Some(room) = n.strip_prefix('#').filter(|_| self.has_following()) {
            let room = split(room).0;
            let refusal = match name(room) {
                Err(why) if why == SHAPE => ROOM_SHAPE.to_owned(),
                _ => format!("! There is no room {room}. /rooms lists them, /join {room} makes it."),
            };
            return self.answer_to(who, &refusal);
        }
        match n.parse() {
            _ if ["before", "after", "around", "on"].contains(&&*split(n).0.to_lowercase()) => {
                self.answer_to(who, "! This server does not store messages, so there is nothing to look up.");
            }
            _ if most == 0 => self.answer_to(who, "! No history is kept here."),
            _ if n.is_empty() => self.replay(self.speaker, room, most, now),
            Ok(n) if n > 0 => self.replay(self.speaker, room, most.min(n), now),
            _ => self.answer_to(who, &format!("! Usage: /history n, with n from 1 to {most}")),
        }
    }

    fn ignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            let names: Vec<&str> = self.members[who].ignored.iter().map(|(name, ..)| &**name).collect();
            let line = match names.as_slice() {
                [] => "* You ignore nobody.".into(),
                [one] => format!("* You ignore {one}."),
                [first @ .., last] => format!("* You ignore {} and {last}.", first.join(", ")),
            };
            return self.answer_to(who, &line);
        }
        let Some(target) = self.find(arg) else {
            return self.answer_to(who, &format!("! Nobody here is called {arg}."));
        };
        if target == who {
            return self.answer_to(who, "! That is you.");
        }
        let (name, key) = (self.members[target].name.clone(), self.members[target].key.clone());
        let most = self.config.max_ignored;
        let ignored = &mut self.members[who].ignored;
        ignored.retain(|(_, old, person)| *old != key && *person != Some(target));
        let is_full = ignored.len() >= most;
        if !is_full {
            ignored.push((name.clone(), key, Some(target)));
        }
        self.keep_ignored(who);
        if is_full {
            return self.answer_to(who, &format!("! You ignore {most} people already, and no more are possible."));
        }
        self.answer_to(who, &format!("* You no longer read {name}. /unignore {name} ends that."));
    }

    fn unignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /unignore name");
        }
        let target = self.find(arg);
        let now_called = target.map(|target| self.members[target].name.clone());
        let ignored = &mut self.members[who].ignored;
        let meant = |(_, old, person): &(String, String, Option<usize>)| {
            *old == key(arg) || target.is_some() && *person == target
        };
        let line = match ignored.iter().find(|person| meant(person)) {
            Some((name, _, person)) => {
                let name = now_called.filter(|_| *person == target).unwrap_or(name.clone());
                format!("* You read {name} again.")
            }
            None => format!("! You do not ignore {arg}."),
        };
        ignored.retain(|person| !meant(person));
        self.keep_ignored(who);
        self.answer_to(who, &line);
    }
}
