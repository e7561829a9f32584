//! The members' commands.

pub(super) mod ignoring;
pub(super) mod operating;
pub(super) mod programs;
pub(super) mod queries;
pub(super) mod whispers;

use crate::chat::{Help, Lang, Login, MessageKind, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::phrases::{ROOM_SHAPE, SHAPE, split};

impl Oracle {
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

    pub(super) fn history(&mut self, who: usize, arg: &str, now: Now) {
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

    fn set_quiet(&mut self, who: usize, arg: &str) {
        let on = match &*arg.to_lowercase() {
            "on" => true,
            "off" => false,
            _ => return self.answer_to(who, "! Usage: /quiet on|off"),
        };
        // Programs go on reading who joins and leaves.
        self.readers[self.speaker].quiet = on && self.readers[self.speaker].program.is_none();
        let words = if on { "no longer read" } else { "read again" };
        self.answer_to(who, &format!("* You {words} who joins and leaves."));
    }
}
