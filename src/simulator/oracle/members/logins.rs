//! What is typed at a password prompt or with a password, and what a right one leads to.

use crate::chat::{Cause, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::commands::programs::Wanted;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::accounts::{NO_ACCOUNTS, REMOVED};
use crate::simulator::oracle::members::passwords::fail;
use crate::simulator::oracle::members::passwords::{Prompt, Purpose, Request, count_now, refuse_password, too_many};
use crate::simulator::oracle::phrases::split;
use crate::simulator::oracle::words::ReaderStage;

impl Oracle {
    /// Sends a session what it is asked for.
    pub(in crate::simulator::oracle) fn ask(&mut self, session: usize) {
        match self.readers[session].prompt {
            None => self.send_welcome(session),
            Some(Prompt::LoggingIn(_)) => {}
            Some(Prompt::Account { account, .. }) => {
                let name = self.accounts[account].as_ref().map_or(String::new(), |account| account.name.clone());
                self.send_line(session, &format!("* {name} is registered. {}", self.prompt_of(session)));
            }
        }
    }

    /// The session is asked for a nickname from now on.
    pub(in crate::simulator::oracle) fn ask_for_name(&mut self, session: usize) {
        self.readers[session].prompt = None;
        self.ask(session);
    }

    /// The session is asked for the password of an account from now on.
    pub(super) fn ask_for_password(&mut self, session: usize, account: usize) {
        self.readers[session].prompt = Some(Prompt::Account { account, wrong: 0 });
        self.ask(session);
    }

    /// A line at a password prompt, which is no farewell.
    pub(super) fn line_at_prompt(&mut self, session: usize, prompt: Prompt, text: &str, now: Now) {
        let Prompt::Account { account, .. } = prompt else { panic!("person {session} is logged in already") };
        match self.accounts[account].is_some() {
            true => self.give_password(session, Purpose::LogIn(account), text, now),
            false => self.refuse_removed_at_prompt(session),
        }
    }

    fn refuse_removed_at_prompt(&mut self, session: usize) {
        self.send_line(session, REMOVED);
        self.ask_for_name(session);
    }

    /// A session gives a password.
    pub(super) fn give_password(&mut self, session: usize, purpose: Purpose, typed: &str, now: Now) {
        let account = purpose.account();
        let right = account.map(|account| self.accounts[account].as_ref().expect("an account").password.clone());
        let typed = typed.trim().to_owned();
        if account.is_some() && typed.len() > 1024 {
            return self.wrong_password(session, &purpose, now);
        }
        if let Some(wait) = self.password_wait(session, account, now) {
            self.counts.refused_passwords += 1;
            return self.refuse_with_prompt(session, &purpose, &too_many(wait));
        }
        if matches!(purpose, Purpose::Register) {
            let ip = self.readers[session].addr.ip();
            if count_now(&self.failures.registrations, ip, now) >= 30 {
                return self.send_line(session, "! Too many logins at once; try again.");
            }
            fail(&mut self.failures.registrations, ip, now);
        }
        let logs_in = matches!(purpose, Purpose::LogIn(_) | Purpose::Take(_));
        let has_none =
            || account.and_then(|account| self.accounts[account].as_ref()).is_some_and(|found| !found.has_keys);
        let makes_keys = logs_in && has_none();
        self.readers[session].awaits = Some(Request { purpose, typed, right, makes_keys, since: now.at });
        let ip = self.readers[session].addr.ip();
        if !self.turns.contains(&ip) {
            self.turns.push_back(ip);
        }
        self.requests.push((ip, session));
    }

    /// Refuses a password; at a prompt it is due again.
    pub(super) fn refuse_with_prompt(&mut self, session: usize, purpose: &Purpose, refusal: &str) {
        match purpose {
            Purpose::LogIn(_) => {
                let prompt = self.prompt_of(session);
                self.send_line(session, &format!("{refusal} {prompt}"));
            }
            _ => self.send_line(session, refusal),
        }
    }

    /// The end of a refusal after which a password is due.
    pub(super) fn prompt_of(&self, session: usize) -> &'static str {
        if self.readers[session].program.is_some() { "Password:" } else { "Password: (visible as you type)" }
    }

    pub(super) fn right_password(&mut self, session: usize, purpose: Purpose, typed: String, has_keys: bool, now: Now) {
        let who = self.readers[session].member;
        match (purpose, who) {
            (Purpose::LogIn(account), None) => self.log_in_as(session, account, now),
            (Purpose::Register, Some(who)) => {
                let ip = self.readers[session].addr.ip();
                self.propose_or_refuse(Proposed::Register { who, password: typed, has_keys, ip }, now);
            }
            (Purpose::Change(account, password), Some(by)) => {
                self.propose_or_refuse(Proposed::SetPassword { by, account, password, has_keys }, now);
            }
            (Purpose::Unregister(account), Some(by)) => {
                self.propose_or_refuse(Proposed::Unregister { by, account }, now);
            }
            (Purpose::Take(account), Some(who)) => self.take_account(session, who, account, now),
            (purpose, who) => panic!("{purpose:?} of {who:?}"),
        }
    }

    /// A session has given the password of an account, and logs in as it.
    fn log_in_as(&mut self, session: usize, account: usize, now: Now) {
        let Some(found) = &self.accounts[account] else { return self.refuse_removed_at_prompt(session) };
        let name = found.name.clone();
        if found.member.is_none() && !found.followed.is_empty() {
            let followed = found.followed.clone();
            self.readers[session].wanted.get_or_insert_default().follow_too(followed);
        }
        self.readers[session].prompt = Some(Prompt::LoggingIn(account));
        let (room, follow) = self.places(session);
        let join = Proposed::Join { who: session, name, room, follow, account: Some(account) };
        match self.refusal(&join, now) {
            None => self.propose(join),
            Some(refusal) => {
                self.send_line(session, &refusal);
                self.ask_for_name(session);
            }
        }
    }

    /// A member takes the name of an account, or its session goes over to the member of the account.
    fn take_account(&mut self, session: usize, who: usize, account: usize, now: Now) {
        let Some(found) = &self.accounts[account] else { return self.send_line(session, REMOVED) };
        if found.member.is_none() && self.members[who].account.is_none() {
            let (name, ip) = (found.name.clone(), self.readers[session].addr.ip());
            let rename = Proposed::Rename { who, name, account: Some(account), ip };
            return self.propose_or_refuse(rename, now);
        }
        if let Some(refusal) = found.member.and_then(|member| self.refuse_one_more(member)) {
            return self.send_line(session, &refusal);
        }
        self.counts.switched += 1;
        let rooms: Vec<String> = self.rooms_of(who).into_iter().map(|room| self.room_name(room)).collect();
        self.end_session(session);
        self.propose(Proposed::Leave { who, cause: Cause::Quit(None) });
        let reader = &mut self.readers[session];
        (reader.stage, reader.active) = (ReaderStage::Asked, now.at);
        reader.wanted = Some(Wanted::of_member(rooms, self.messages));
        self.log_in_as(session, account, now);
    }

    /// `/register`, `/password`, `/unregister`
    pub(in crate::simulator::oracle) fn account_command(&mut self, who: usize, word: &str, rest: &str, now: Now) {
        let refusal = match (word, self.members[who].account) {
            _ if !self.has_store => NO_ACCOUNTS.into(),
            ("/register", _) if rest.is_empty() => "! Usage: /register PASSWORD".into(),
            ("/register", own) => {
                let bad = || refuse_password(rest).filter(|_| own.is_none());
                match bad().or_else(|| self.refuse_registration(who)) {
                    None => return self.give_password(self.speaker, Purpose::Register, rest, now),
                    Some(refusal) => refusal,
                }
            }
            (_, None) => {
                let name = &self.members[who].name;
                format!("! You have no account. /register PASSWORD makes the nickname {name} yours.")
            }
            ("/password", Some(account)) => {
                let (old, new) = split(rest);
                let new = new.trim();
                match refuse_password(new) {
                    _ if old.is_empty() || new.is_empty() => "! Usage: /password OLD NEW".into(),
                    None => {
                        let purpose = Purpose::Change(account, new.into());
                        return self.give_password(self.speaker, purpose, old, now);
                    }
                    Some(refusal) => refusal,
                }
            }
            (_, Some(_)) if rest.is_empty() => "! Usage: /unregister PASSWORD".into(),
            (_, Some(account)) => match self.refuse_others(account) {
                None => return self.give_password(self.speaker, Purpose::Unregister(account), rest, now),
                Some(refusal) => refusal,
            },
        };
        self.answer_to(who, &refusal);
    }
}
