//! Whispers.

use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::phrases::clock;
use crate::simulator::oracle::words::{OPERATOR, key};

/// What stands before a whisper that is an action on IRC.
pub(in crate::simulator::oracle) fn star(kind: MessageKind) -> &'static str {
    if kind == MessageKind::Action { "* " } else { "" }
}

impl Oracle {
    /// The name in `@bob: text`.
    pub(super) fn addressee<'l>(&self, to: &'l str) -> &'l str {
        if self.has_following() { to.strip_suffix([':', ',']).unwrap_or(to) } else { to }
    }

    pub(super) fn whisper(&mut self, who: usize, to: &str, text: &str, now: Now) {
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

    pub(super) fn reply(&mut self, who: usize, text: &str, now: Now) {
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

    pub(in crate::simulator::oracle) fn whisper_to(
        &mut self,
        who: usize,
        target: usize,
        (kind, text): (MessageKind, &str),
        now: Now,
    ) {
        let from = self.members[who].name.clone();
        let to = if target == OPERATOR { "server".into() } else { self.members[target].name.clone() };
        // On IRC a member may whisper to itself: then it hears it first, and that is no answer.
        if target != who {
            self.show_own_whisper(who, &to, (kind, text), now);
        }
        if target == OPERATOR {
            self.console_whisperer = Some(who);
            self.send_to_console(&format!("{} {from} -> you: {}{text}", clock(now), star(kind)));
        } else if !self.ignores_now(target, who) && !self.is_muted(who, now) {
            self.hear_whisper(target, who, &from, (kind, text), now);
        }
        if target == who {
            self.exclude_from_answer(self.speaker);
            self.show_own_whisper(who, &to, (kind, text), now);
        }
        // Programs of revision 1 do not know it.
        if let Some(line) = self.away_line(target, now).filter(|_| self.readers[self.speaker].program != Some(1)) {
            self.answer_to(who, &line);
        }
    }

    /// Shows the sessions of a member what it has whispered.
    fn show_own_whisper(&mut self, who: usize, to: &str, (kind, text): (MessageKind, &str), now: Now) {
        let shows = |&session: &usize| !self.is_irc(session) || self.readers[session].has_cap("echo-message");
        if self.sessions(who).iter().any(shows) {
            self.begin_day(self.members[who].room, now);
        }
        for session in self.sessions(who) {
            match self.is_irc(session) {
                true if self.readers[session].has_cap("echo-message") => {
                    self.irc_whisper(session, who, to, (kind, text), now);
                }
                true => {}
                false => self.send_line(session, &format!("{} you -> {to}: {text}", clock(now))),
            }
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
}
