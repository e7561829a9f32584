//! The commands of IRC sessions.

use std::collections::BTreeSet;

use super::{IrcCommand, Oracle};
use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::words::{OPERATOR, key};

/// The commands that are typed, with the least number of their parameters.
const COMMANDS: &[(&str, usize)] = &[
    ("PRIVMSG", 0),
    ("NOTICE", 0),
    ("PING", 0),
    ("PONG", 0),
    ("JOIN", 1),
    ("PART", 1),
    ("NICK", 0),
    ("QUIT", 0),
    ("CAP", 1),
    ("USER", 4),
    ("TOPIC", 1),
    ("NAMES", 0),
    ("LUSERS", 0),
    ("MOTD", 0),
    ("AWAY", 0),
    ("KICK", 2),
    ("INVITE", 0),
    ("MODE", 1),
    ("TAGMSG", 1),
    ("SETNAME", 1),
    ("BATCH", 1),
    ("CHATHISTORY", 4),
    ("MARKREAD", 1),
    ("METADATA", 2),
    ("REDACT", 2),
    ("MONITOR", 1),
    ("WHO", 1),
    ("WHOIS", 1),
];

/// Those that a session has before it is registered.
const EARLY: &[&str] = &["PING", "PONG", "NICK", "QUIT", "CAP", "USER"];

/// The command and its parameters; the last one may have spaces.
fn parse(line: &str) -> (String, Vec<String>) {
    let line = if line.starts_with('@') { line.split_once(' ').map_or("", |(_, rest)| rest) } else { line };
    let (head, last) = line.split_once(" :").map_or((line, None), |(head, last)| (head, Some(last)));
    let mut words = head.split(' ').filter(|word| !word.is_empty()).map(String::from);
    let command = words.next().unwrap_or_default();
    (command, words.chain(last.map(String::from)).collect())
}

impl Oracle {
    pub(super) fn irc_command(&mut self, who: usize, line: &str, now: Now) {
        let (typed, params) = parse(line);
        let command = typed.to_uppercase();
        let is_registered = self.readers[who].member.is_some();
        let Some((_, least)) = COMMANDS.iter().find(|(known, _)| *known == command) else {
            return match is_registered {
                true => self.irc_numeric(who, 421, &format!("{typed} :Unknown command")),
                false => self.irc_numeric(who, 451, ":You have not registered"),
            };
        };
        let targets = params.first().filter(|_| is_registered && ["JOIN", "PART", "PRIVMSG"].contains(&&*command));
        if let Some(targets) = targets.filter(|targets| targets.contains(',')) {
            let each = |target: &str| line.replacen(&**targets, target, 1);
            let mut targets: Vec<&str> = targets.split(',').collect();
            if command != "PART" {
                // Each counts once.
                let mut seen = BTreeSet::new();
                targets.retain(|target| seen.insert(key(target)));
            }
            self.irc_rest.extend(targets.into_iter().map(|target| (who, each(target))));
            return self.irc_continue(now);
        }
        self.irc_mut(who).given.name = command.clone();
        if !is_registered && !EARLY.contains(&&*command) {
            return self.irc_numeric(who, 451, ":You have not registered");
        }
        if params.len() < *least {
            return self.irc_numeric(who, 461, &format!("{command} :Not enough parameters"));
        }
        let first = params.first().cloned().unwrap_or_default();
        match &*command {
            "PING" if params.is_empty() => self.irc_numeric(who, 461, "PING :Not enough parameters"),
            "PING" => {
                let line = format!(":{server} PONG {server} :{first}", server = self.config.name);
                self.irc_send(who, &line);
            }
            "PONG" => {}
            "NICK" => self.irc_rename(who, &params, now),
            "USER" => self.irc_user(who, &params),
            "CAP" => self.irc_cap(who, &params),
            "QUIT" => self.irc_leave(who, &first, now),
            "LUSERS" => self.irc_lusers(who),
            "MOTD" => self.irc_motd(who),
            command => {
                let member = self.readers[who].member.expect("a member");
                match command {
                    "TAGMSG" => self.irc_send_tags(who, member, line, &first, now),
                    "SETNAME" if first.trim().is_empty() || first.trim().len() > 150 => {
                        let text = "A real name has 1 to 150 bytes";
                        let line = format!(":{} FAIL SETNAME INVALID_REALNAME :{text}", self.config.name);
                        self.irc_send(who, &line);
                    }
                    "SETNAME" => {
                        let first = first.trim().to_owned();
                        self.propose_or_refuse(Proposed::Introduce { who: member, real_name: first }, now);
                    }
                    "PRIVMSG" | "NOTICE" => {
                        let kind = if command == "NOTICE" { MessageKind::Notice } else { MessageKind::Said };
                        if !self.collect_line(who, member, kind, line, &params) {
                            self.irc_send_message(who, member, kind, &params, now);
                        }
                    }
                    "AWAY" => {
                        let text = Some(first).filter(|text| !text.is_empty());
                        self.propose_or_refuse(Proposed::Away { who: member, text }, now);
                    }
                    "BATCH" => self.irc_batch(who, member, line, &params, now),
                    "CHATHISTORY" => self.irc_chathistory(who, member, &params),
                    "MARKREAD" => self.irc_markread(who, member, &params),
                    "METADATA" => self.irc_metadata(who, member, &params, now),
                    "REDACT" => self.irc_redact(who, member, &params, now),
                    "MONITOR" => self.irc_monitor(who, &params),
                    "WHO" => self.irc_who(who, member, &first, now),
                    "WHOIS" => self.irc_whois(who, member, &first, now),
                    command => self.irc_channel_command(who, member, command, &params, now),
                }
            }
        }
    }

    /// Processes the rest of a command about several targets, each when what came before it is committed, or proposed if the
    /// server commits nothing itself.
    pub(in crate::simulator::oracle) fn irc_continue(&mut self, now: Now) {
        // A MODE is not continued in a room that its last change has removed.
        if self.irc_modes.as_ref().is_some_and(|changes| self.rooms[changes.room].is_none()) {
            self.irc_rest.clear();
        }
        while (self.delayed || self.proposed.is_empty())
            && let Some((who, line)) = self.irc_rest.pop_front()
        {
            self.speaker = who;
            self.irc_command(who, &line, now);
            self.irc_set_command(who, IrcCommand::default());
        }
    }

    fn irc_send_tags(&mut self, who: usize, member: usize, line: &str, target: &str, now: Now) {
        if !self.readers[who].has_cap("message-tags") {
            return self.irc_numeric(who, 421, "TAGMSG :Unknown command");
        }
        let tags = super::labels::client_tags(line);
        match target.strip_prefix('#').and_then(|room| self.find_room(room)).filter(|&room| self.sees(member, room)) {
            None => self.irc_numeric(who, 403, &format!("{target} :No such channel")),
            Some(room) if !self.is_in(member, room) => {
                self.irc_numeric(who, 404, &format!("{target} :Cannot send to channel (+n)"));
            }
            Some(room) => {
                self.irc_note_channel(who, room);
                if let Some(tags) = tags {
                    self.propose_or_refuse(Proposed::Tag { who: member, room, tags }, now);
                }
            }
        }
    }

    fn irc_leave(&mut self, who: usize, reason: &str, now: Now) {
        let member = self.readers[who].member;
        let is_silent = member.is_some_and(|member| {
            self.is_muted(member, now)
                || self.rooms_of(member).iter().any(|&room| self.refuse_speech(member, room, now).is_some())
        });
        self.counts.dropped_reasons += usize::from(is_silent && !reason.is_empty());
        self.quit(who, if is_silent { "" } else { reason });
    }

    fn irc_send_message(&mut self, who: usize, member: usize, kind: MessageKind, params: &[String], now: Now) {
        // A NOTICE is never answered.
        let answers = kind != MessageKind::Notice;
        let Some(target) = params.first() else {
            return self.irc_refuse(who, answers, 411, ":No recipient given (PRIVMSG)");
        };
        let text = params.get(1).map_or("", |text| text);
        let (kind, text) = match text.strip_prefix("\u{1}ACTION ").filter(|_| answers) {
            Some(action) => (MessageKind::Action, action.strip_suffix('\u{1}').unwrap_or(action)),
            None => (kind, text),
        };
        if text.trim().is_empty() {
            return self.irc_refuse(who, answers, 412, ":No text to send");
        }
        let around = if kind == MessageKind::Action { 9 } else { 0 };
        let source = self.irc_source(member, &self.members[member].name).len();
        if source + target.len() + text.len() + around + 12 > super::MAX_LINE {
            let text = ":Input line was too long: others are shown your name and host before it";
            return self.irc_refuse(who, answers, 417, text);
        }
        let role = target.strip_prefix(['@', '+']).filter(|channel| channel.starts_with('#'));
        let channel = role.unwrap_or(target);
        match channel.strip_prefix('#') {
            Some(room) => match self.find_room(room).filter(|&room| self.sees(member, room)) {
                Some(room) if self.is_in(member, room) => {
                    self.counts.irc_messages += 1;
                    self.irc_note_channel(who, room);
                    let text = text.into();
                    let proposed = match role {
                        Some(_) => {
                            let operators = target.starts_with('@');
                            Proposed::SayToRole { author: member, room, operators, kind, text }
                        }
                        None => Proposed::Say { author: member, room, kind, text },
                    };
                    if answers || self.refuse_speech(member, room, now).is_none() {
                        self.propose_or_refuse(proposed, now);
                    }
                }
                Some(_) => self.irc_refuse(who, answers, 404, &format!("{channel} :Cannot send to channel (+n)")),
                None => self.irc_refuse(who, answers, 403, &format!("{channel} :No such channel")),
            },
            None => match self.recipient(target) {
                Some(to) => self.whisper_to(member, to, (kind, text), now),
                None if self.console.is_some() && key(target) == "server" => {
                    self.whisper_to(member, OPERATOR, (kind, text), now);
                }
                None => self.irc_refuse(who, answers, 401, &format!("{target} :No such nick/channel")),
            },
        }
    }

    pub(super) fn irc_refuse(&mut self, who: usize, answers: bool, code: u16, text: &str) {
        if answers {
            self.irc_numeric(who, code, text);
        }
    }
}
