//! The members' commands.

use super::committing::Proposed;
use super::entering::{SHAPE, name};
use super::rooms::{OracleRoom, clock};
use super::{OPERATOR, Oracle, ReaderStage, key};
use crate::chat::{Help, Lang, Login, Now};

/// The refusal of an invalid room name.
pub(super) const ROOM_SHAPE: &str =
    "! The name of a room is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces.";

pub(super) fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

impl Oracle {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(&key(name)).copied()
    }

    /// Runs a member's line.
    pub(super) fn dispatch_command(&mut self, who: usize, line: &str, now: Now) {
        let room = self.readers[who].room;
        let (word, rest) = split(line);
        let arg = rest.trim();
        match &*word.to_lowercase() {
            _ if line.trim().is_empty() => {}
            _ if ["q", "quit", "exit"].contains(&&*line.trim().to_lowercase()) => self.quit(who, ""),
            _ if line.starts_with("@@") || line.starts_with("//") => {
                self.propose_say(who, room, false, &line[1..], now)
            }
            _ if line.starts_with('@') => {
                let (to, text) = split(&line[1..]);
                self.whisper(who, to, text, now);
            }
            _ if line.starts_with('#') => match self.parse_hash(who, line) {
                Ok((room, text)) => self.propose_say(who, room, false, text, now),
                Err(refusal) => self.send_line(who, &refusal),
            },
            "/say" | "/me" if arg.is_empty() => {
                self.send_line(who, &format!("! Usage: {} text", word.to_lowercase()));
            }
            "/say" => self.propose_say(who, room, false, rest, now),
            "/me" => match self.room_argument(who, rest) {
                Ok((_, text)) if text.trim().is_empty() => self.send_line(who, "! Usage: /me text"),
                Ok((room, text)) => self.propose_say(who, room, true, text, now),
                Err(refusal) => self.send_line(who, &refusal),
            },
            "/msg" => {
                let (to, text) = split(rest.trim_start());
                self.whisper(who, to, text, now);
            }
            "/r" => self.reply(who, rest, now),
            "/nick" => self.rename(who, arg),
            "/who" => self.who(who, arg),
            "/rooms" => {
                let list = self.list_of_rooms(who, self.readers[who].program.unwrap_or_default() > 1);
                self.send_line(who, &list);
            }
            "/join" => self.join(who, arg, now),
            "/leave" if room == 0 => self.send_line(who, "! You are in lobby already."),
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
                    self.readers[who].echo = true;
                    self.send_line(who, "* You read your own lines from now on.");
                }
                "off" => {
                    self.readers[who].echo = false;
                    self.send_line(who, "* You no longer read your own lines.");
                }
                _ => self.send_line(who, "! Usage: /echo on|off"),
            },
            "/ping" => self.send_line(who, format!("* pong {arg}").trim_end()),
            "/help" => Lang::En.help(self.help(who)).for_each(|line| self.send_line(who, &format!("* {line}"))),
            "/quit" => {
                let is_silent = self.rooms_of(who).iter().any(|&room| self.refuse_speech(who, room, now).is_some());
                self.counts.dropped_reasons += usize::from(is_silent && !arg.is_empty());
                self.quit(who, if is_silent || self.is_muted(who, now) { "" } else { arg });
            }
            _ if word.starts_with('/') => {
                self.send_line(who, &format!("! There is no command {word}. /help lists them."));
            }
            _ => self.propose_say(who, room, false, line, now),
        }
    }

    /// Which commands `/help` lists.
    fn help(&self, who: usize) -> Help {
        match self.config.login {
            Login::Address => Help::Guest,
            _ if self.readers[who].is_moderator => Help::Moderator,
            _ => Help::Member,
        }
    }

    fn propose_say(&mut self, who: usize, room: usize, action: bool, text: &str, now: Now) {
        self.propose_or_refuse(Proposed::Say { author: who, room, action, text: text.into() }, now);
    }

    /// The name in `@bob: text`.
    pub(super) fn addressee<'l>(&self, to: &'l str) -> &'l str {
        if self.has_following() { to.strip_suffix([':', ',']).unwrap_or(to) } else { to }
    }

    fn whisper(&mut self, who: usize, to: &str, text: &str, now: Now) {
        let to = self.addressee(to);
        if to.is_empty() || text.trim().is_empty() {
            return self.send_line(who, "! Usage: @name text");
        }
        match self.find(to).filter(|&target| self.readers[target].stage == ReaderStage::Here) {
            Some(target) if target == who => self.send_line(who, "! That is you."),
            Some(target) => self.whisper_to(who, target, text, now),
            None if self.console.is_some() && key(to) == "server" => self.whisper_to(who, OPERATOR, text, now),
            None => self.send_line(who, &format!("! Nobody here is called {to}.")),
        }
    }

    fn reply(&mut self, who: usize, text: &str, now: Now) {
        match self.readers[who].whisperer {
            _ if text.trim().is_empty() => self.send_line(who, "! Usage: /r text"),
            Some(OPERATOR) => self.whisper_to(who, OPERATOR, text, now),
            Some(target) if self.readers[target].stage == ReaderStage::Here => self.whisper_to(who, target, text, now),
            Some(_) => self.send_line(who, "! The last person who whispered to you has left."),
            None => self.send_line(who, "! Nobody has whispered to you yet."),
        }
    }

    fn whisper_to(&mut self, who: usize, target: usize, text: &str, now: Now) {
        let from = self.readers[who].name.clone();
        let to = if target == OPERATOR { "server".into() } else { self.readers[target].name.clone() };
        self.begin_day(self.readers[who].room, now);
        self.send_line(who, &format!("{} you -> {to}: {text}", clock(now)));
        if target == OPERATOR {
            self.console_whisperer = Some(who);
            self.send_to_console(&format!("{} {from} -> you: {text}", clock(now)));
        } else if !self.ignores_now(target, who) && !self.is_muted(who, now) {
            self.hear_whisper(target, who, &from, text, now);
        }
        // Programs of revision 1 do not know it.
        if let Some(line) = self.away_line(target, now).filter(|_| self.readers[who].program != Some(1)) {
            self.send_line(who, &line);
        }
    }

    pub(super) fn hear_whisper(&mut self, target: usize, from: usize, name: &str, text: &str, now: Now) {
        self.begin_day(self.readers[target].room, now);
        self.readers[target].whisperer = Some(from);
        self.send_line(target, &format!("{} {name} -> you: {text}", clock(now)));
    }

    fn rename(&mut self, who: usize, text: &str) {
        if self.config.login == Login::Address {
            return self.send_line(who, "! Nicknames are addresses on this server.");
        }
        if text.is_empty() {
            return self.send_line(who, "! Usage: /nick name");
        }
        let new = match name(text) {
            Ok(new) => new,
            Err(why) => return self.send_line(who, &format!("! {why}")),
        };
        let old = self.readers[who].name.clone();
        match self.refuse_name(who, &old, &new) {
            Some(refusal) => self.send_line(who, &refusal),
            None => self.propose(Proposed::Rename { who, name: new }),
        }
    }

    /// The reason why a member cannot have a name.
    pub(super) fn refuse_name(&self, who: usize, old: &str, new: &str) -> Option<String> {
        match new == old {
            true => Some(format!("! You are called {old} already.")),
            false => self.refuse_taken(new, Some(who)),
        }
    }

    /// A member gets another name.
    pub(super) fn set_name(&mut self, who: usize, new: &str, now: Now) {
        let old = self.readers[who].name.clone();
        self.take_name(who, new);
        let line = format!("{old} is now called {new}");
        self.rename_mute(who, now);
        let is_muted = self.is_muted(who, now);
        for room in self.rooms_of(who) {
            self.begin_day(room, now);
            match is_muted {
                true => self.send_notice(who, room, &line),
                false => self.show(room, &line, now, |_, _| true),
            }
        }
        self.send_room_event_to_console(self.readers[who].room, "* ", &line);
    }

    fn who(&mut self, who: usize, arg: &str) {
        let arg = arg.strip_prefix('#').unwrap_or(arg);
        let own = self.readers[who].room;
        let seen = || self.find_room(arg).filter(|&room| self.sees(who, room));
        let Some(shown) = (if arg.is_empty() { Some(own) } else { seen() }) else {
            return match name(arg) {
                Err(why) if why == SHAPE => self.send_line(who, ROOM_SHAPE),
                _ => {
                    self.send_line(who, &format!("! There is no room {arg}. /rooms lists them, /join {arg} makes it."))
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
        self.send_line(who, &format!("* {here} {place}{people}."));
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
            return self.send_line(who, "! Usage: /join room");
        }
        match self.place_and_key(arg) {
            Some((room, key)) => self.propose_or_refuse(Proposed::Move { who, room, key }, now),
            None => self.send_line(who, ROOM_SHAPE),
        }
    }

    /// The reason why a member cannot go to a room.
    pub(super) fn refuse_room(&self, who: usize, room: &str, key: Option<&str>, now: Now) -> Option<String> {
        match self.find_room(room) {
            Some(found) if found == self.readers[who].room => {
                let name = &self.rooms[found].as_ref().expect("a room that exists").name;
                Some(format!("! You are in {name} already."))
            }
            Some(found) if self.readers[who].followed.contains(&found) => None,
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
        let (room, n) = match self.room_argument(who, arg) {
            Ok(found) => found,
            Err(refusal) => return self.send_line(who, &refusal),
        };
        if let Some(room) = n.strip_prefix('#').filter(|_| self.has_following()) {
            let room = split(room).0;
            let refusal = match name(room) {
                Err(why) if why == SHAPE => ROOM_SHAPE.to_owned(),
                _ => format!("! There is no room {room}. /rooms lists them, /join {room} makes it."),
            };
            return self.send_line(who, &refusal);
        }
        match n.parse() {
            _ if most == 0 => self.send_line(who, "! No history is kept here."),
            _ if n.is_empty() => self.replay(who, room, most, now),
            Ok(n) if n > 0 => self.replay(who, room, most.min(n), now),
            _ => self.send_line(who, &format!("! Usage: /history n, with n from 1 to {most}")),
        }
    }

    fn ignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            let names: Vec<&str> = self.readers[who].ignored.iter().map(|(name, ..)| &**name).collect();
            let line = match names.as_slice() {
                [] => "* You ignore nobody.".into(),
                [one] => format!("* You ignore {one}."),
                [first @ .., last] => format!("* You ignore {} and {last}.", first.join(", ")),
            };
            return self.send_line(who, &line);
        }
        let Some(target) = self.find(arg) else {
            return self.send_line(who, &format!("! Nobody here is called {arg}."));
        };
        if target == who {
            return self.send_line(who, "! That is you.");
        }
        let (name, key) = (self.readers[target].name.clone(), self.readers[target].key.clone());
        let most = self.config.max_ignored;
        let ignored = &mut self.readers[who].ignored;
        ignored.retain(|(_, old, person)| *old != key && *person != target);
        if ignored.len() >= most {
            return self.send_line(who, &format!("! You ignore {most} people already, and no more are possible."));
        }
        ignored.push((name.clone(), key, target));
        self.send_line(who, &format!("* You no longer read {name}. /unignore {name} ends that."));
    }

    fn unignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            return self.send_line(who, "! Usage: /unignore name");
        }
        let target = self.find(arg);
        let now_called = target.map(|target| self.readers[target].name.clone());
        let ignored = &mut self.readers[who].ignored;
        let meant = |(_, old, person): &(String, String, usize)| *old == key(arg) || Some(*person) == target;
        let line = match ignored.iter().find(|person| meant(person)) {
            Some((name, _, person)) => {
                let name = now_called.filter(|_| Some(*person) == target).unwrap_or(name.clone());
                format!("* You read {name} again.")
            }
            None => format!("! You do not ignore {arg}."),
        };
        ignored.retain(|person| !meant(person));
        self.send_line(who, &line);
    }
}
