//! Registered names and what is kept for them.

use std::net::IpAddr;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::member::Account;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::count;
use crate::simulator::oracle::rooms::replay::Replay;
use crate::simulator::oracle::words::{OPERATOR, key};

pub(super) const REMOVED: &str = "! The account was removed.";

pub(super) const NO_ACCOUNTS: &str = "! This server has no accounts, since it stores nothing.";

fn refuse_sessions(others: u64) -> String {
    format!("! The account has {} at present. Close them first.", count(others, "other connection"))
}

/// The refusal of a name that is that of an account.
pub(super) fn refuse_registered(name: &str) -> String {
    format!("! The nickname {name} is registered. If it is yours: /nick {name} PASSWORD")
}

impl Oracle {
    /// The reason why a session cannot log in.
    pub(in crate::simulator::oracle) fn refuse_login(&self, name: &str, account: Option<usize>) -> Option<String> {
        if let Some(account) = account {
            match &self.accounts[account] {
                None => return Some(REMOVED.into()),
                Some(Account { member: Some(member), .. }) => return self.refuse_one_more(*member),
                Some(_) => {}
            }
        }
        match account {
            None => self.refuse_taken(name, None, None, true),
            // Its owner is not kept out by a name that looks like it.
            Some(_) => {
                let is_taken = self.names.contains_key(&key(name));
                is_taken.then(|| format!("! The nickname {name} is taken. Try another:"))
            }
        }
    }

    /// The reason why the member of an account cannot have one more session.
    pub(super) fn refuse_one_more(&self, member: usize) -> Option<String> {
        let joins = self.members[member].joins as u64;
        Some(refuse_sessions(joins)).filter(|_| joins >= 20)
    }

    /// One more session of an account that has a member: it reads what that member reads.
    pub(in crate::simulator::oracle) fn log_in_again(
        &mut self,
        who: usize,
        session: Option<usize>,
        member: usize,
        now: Now,
    ) -> usize {
        self.members[member].joins += 1;
        let ip = self.readers[who].addr.ip();
        self.keep(member, |account| account.last_ip = Some(ip));
        let Some(session) = session else { return member };
        self.counts.second_sessions += 1;
        let rooms = self.rooms_of(member);
        self.begin_day(rooms[0], now);
        let asked = self.asked_rooms(session);
        let after = self.begin_session(session, member);
        let bytes = self.config.backlog_bytes / 4 / rooms.len();
        for (index, &room) in rooms.iter().enumerate() {
            let follows = index > 0;
            if follows {
                self.readers[session].day = Some(now.local.date());
                self.begin_day(room, now);
            }
            let after = after.filter(|_| asked.contains(&key(&self.room_name(room))));
            let replay = Replay { after, bytes: if follows { bytes } else { usize::MAX } };
            let here = self.room(room).members.len();
            let mut others = self.names_in(room, 12);
            others.retain(|&other| other != member);
            let name = self.members[member].name.clone();
            self.greet(session, room, &others, here, replay, !follows, now, |room, here, people| match follows {
                true => format!("You follow {room}. {here} here: {people}."),
                false => format!("You are {name}. {here} here: {people}. /help lists the commands."),
            });
        }
        self.tell_away(session, member);
        member
    }

    /// A member has left the server: its account has none.
    pub(super) fn leave_account(&mut self, who: usize) {
        self.keep(who, |account| account.member = None);
    }

    /// A member becomes that of an account.
    pub(super) fn bind(&mut self, who: usize, account: usize, ip: IpAddr, now: Now) {
        self.members[who].account = Some(account);
        let most = self.config.max_ignored;
        let kept = self.accounts[account].as_mut().expect("an account");
        let member = &mut self.members[who];
        for name in &kept.ignored {
            let is_new = member.ignored.iter().all(|(_, own, _)| *own != key(name));
            if is_new && member.ignored.len() < most {
                member.ignored.push((name.clone(), key(name), None));
            }
        }
        (kept.member, kept.last_ip) = (Some(who), Some(ip));
        kept.ignored = member.ignored.iter().map(|(name, ..)| name.clone()).collect();
        kept.is_moderator |= member.is_moderator;
        member.is_moderator = kept.is_moderator;
        let was_away = member.away.is_some();
        match &member.away {
            Some(text) => kept.away = Some(text.clone()),
            None => member.away = kept.away.clone(),
        }
        let changes_away = was_away != member.away.is_some();
        self.adopt_mute(who, account, now);
        for room in self.members[who].followed.clone() {
            self.keep_followed(who, room, true);
        }
        for room in self.rooms.iter_mut().flatten() {
            room.rules.adopt(who, account);
        }
        if changes_away {
            self.show_away(who, now);
        }
    }

    /// The reason why a member cannot register.
    pub(in crate::simulator::oracle) fn refuse_registration(&self, who: usize) -> Option<String> {
        if let Some(account) = self.members[who].account {
            let name = self.accounts[account].as_ref().map_or("", |account| &account.name);
            return Some(format!("! You are registered already, as {name}."));
        }
        let name = &self.members[who].name;
        let most = self.config.max_accounts;
        match self.find_alike_account(name, None) {
            Some(name) => Some(refuse_registered(name)),
            None if self.accounts.iter().flatten().count() >= most => {
                Some(format!("! This server has {} already, and no more can be made.", count(most as u64, "account")))
            }
            None => None,
        }
    }

    pub(in crate::simulator::oracle) fn commit_registration(
        &mut self,
        who: usize,
        password: String,
        has_keys: bool,
        ip: IpAddr,
        now: Now,
    ) {
        self.counts.registered += 1;
        let (name, key) = (self.members[who].name.clone(), self.members[who].key.clone());
        let (followed, ignored) = (Vec::new(), Vec::new());
        self.accounts.push(Some(Account {
            name: name.clone(),
            key,
            password,
            has_keys,
            member: None,
            last_ip: None,
            is_moderator: false,
            followed,
            ignored,
            away: None,
        }));
        self.bind(who, self.accounts.len() - 1, ip, now);
        let words = format!("* {name} is registered now: who logs in as {name} is asked for the password.");
        self.send_line_to_sessions(who, &words);
    }

    /// The refusal if an account was removed.
    pub(in crate::simulator::oracle) fn refuse_removed(&self, account: usize) -> Option<String> {
        self.accounts[account].is_none().then(|| REMOVED.into())
    }

    /// The refusal if an account has more than one session.
    pub(super) fn refuse_others(&self, account: usize) -> Option<String> {
        let member = self.accounts[account].as_ref()?.member?;
        let others = self.members[member].joins as u64 - 1;
        let others = Some(others).filter(|&others| others > 0)?;
        Some(refuse_sessions(others))
    }

    /// The reason why an account cannot be removed.
    pub(in crate::simulator::oracle) fn refuse_removal(&self, by: usize, account: usize) -> Option<String> {
        let is_own = by != OPERATOR && self.members[by].is_member && self.members[by].account == Some(account);
        let permit = || self.permit(by, Rank::Operator, None).filter(|_| !is_own);
        self.refuse_removed(account).or_else(permit).or_else(|| self.refuse_others(account))
    }

    pub(in crate::simulator::oracle) fn commit_password(&mut self, account: usize, password: String, has_keys: bool) {
        let changed = self.account(account);
        (changed.password, changed.has_keys) = (password, has_keys);
        if let Some(member) = changed.member {
            self.send_line_to_sessions(member, "* The password is changed.");
        }
    }

    /// The reason why keys of this password are not stored.
    pub(in crate::simulator::oracle) fn refuse_keys(&self, account: usize, password: &str) -> Option<String> {
        match &self.accounts[account] {
            None => Some(REMOVED.into()),
            Some(found) => (found.password != password).then(|| "! Wrong password.".into()),
        }
    }

    pub(in crate::simulator::oracle) fn commit_keys(&mut self, account: usize) {
        let before = std::mem::replace(&mut self.account(account).has_keys, true);
        self.counts.late_keys += usize::from(!before);
    }

    pub(in crate::simulator::oracle) fn commit_removal(&mut self, by: usize, account: usize) {
        self.counts.unregistered += 1;
        let removed = self.accounts[account].take().expect("an account");
        if let Some(who) = removed.member {
            let member = &mut self.members[who];
            (member.account, member.is_moderator) = (None, false);
        }
        for room in self.rooms.iter_mut().flatten() {
            room.rules.forget(account, removed.member);
        }
        self.forget_mute(account, removed.last_ip);
        let words = format!("* {} is no longer registered.", removed.name);
        removed.member.into_iter().for_each(|member| self.send_line_to_sessions(member, &words));
        if by == OPERATOR {
            self.send_to_console(&words);
        }
    }

    /// `/unregister name` of the operator
    pub(in crate::simulator::oracle) fn remove_account(&mut self, name: &str, now: Now) {
        let refusal = match self.find_account(name) {
            _ if !self.has_store => NO_ACCOUNTS.into(),
            _ if name.is_empty() => "! Usage: /unregister name".into(),
            None => format!("! The nickname {name} is not registered."),
            Some(account) => {
                if self.refuse_others(account).is_some()
                    && let Some(who) = self.account(account).member
                {
                    let kick = Proposed::Kick { by: OPERATOR, who, room: None, name: name.into(), why: None };
                    self.propose(kick);
                    return self.propose(Proposed::Unregister { by: OPERATOR, account });
                }
                return self.propose_or_refuse(Proposed::Unregister { by: OPERATOR, account }, now);
            }
        };
        self.send_to_console(&refusal);
    }
}
