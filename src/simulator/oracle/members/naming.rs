//! Other names of members.

use std::net::IpAddr;

use crate::chat::{Login, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::members::passwords::Purpose;
use crate::simulator::oracle::phrases::{SHAPE, split};
use crate::simulator::oracle::words;

impl Oracle {
    pub(in crate::simulator::oracle) fn rename(&mut self, who: usize, text: &str, now: Now) {
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
    pub(in crate::simulator::oracle) fn refuse_name(
        &self,
        who: usize,
        old: &str,
        new: &str,
        account: Option<usize>,
    ) -> Option<String> {
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
    pub(in crate::simulator::oracle) fn set_name(
        &mut self,
        who: usize,
        new: &str,
        account: Option<usize>,
        ip: IpAddr,
        now: Now,
    ) {
        let old = self.members[who].name.clone();
        self.take_name(who, new);
        let line = format!("{old} is now called {new}");
        self.rename_mute(who, ip, now);
        let is_muted = self.is_muted(who, now);
        self.irc_renamed(who, &old, is_muted, now);
        if words::key(&old) != words::key(new) {
            self.irc_tell_offline(&old);
            self.irc_tell_online(who);
        }
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
}
