//! Passwords: prompts for them, commands with them, and the limits on wrong ones.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crate::chat::scram_keys::ScramKeys;
use crate::chat::{Now, PasswordAnswer};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::phrases::{count, is_farewell};
use crate::simulator::oracle::words::ReaderStage;

const MINUTE: Duration = Duration::from_secs(60);

/// What a session is asked for, unless it is a nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The password of an account, of which so many were wrong.
    Account { account: usize, wrong: usize },
    /// Nothing: it logs in as the account.
    LoggingIn(usize),
}

/// What a password is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    LogIn(usize),
    Register,
    Change(usize, String),
    Unregister(usize),
    Take(usize),
}

impl Purpose {
    pub fn account(&self) -> Option<usize> {
        match *self {
            Purpose::Register => None,
            Purpose::LogIn(account)
            | Purpose::Change(account, _)
            | Purpose::Unregister(account)
            | Purpose::Take(account) => Some(account),
        }
    }
}

/// A password that was typed, and the right one at that time.
#[derive(Clone, Debug)]
pub struct Request {
    pub purpose: Purpose,
    pub typed: String,
    pub right: Option<String>,
    /// Keys are made of it if it is right.
    pub makes_keys: bool,
    pub since: Duration,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    Right { has_keys: bool },
    Wrong,
    Failed,
}

impl Compared {
    pub fn of(answer: &PasswordAnswer) -> Compared {
        match answer {
            PasswordAnswer::Right { scram, .. } => Compared::Right { has_keys: scram.is_some() },
            PasswordAnswer::Wrong => Compared::Wrong,
            PasswordAnswer::Failed => Compared::Failed,
        }
    }
}

/// Wrong passwords: the time of the first one, and how many there were in the minute since.
#[derive(Default)]
pub struct Failures {
    pub networks: HashMap<IpAddr, (Duration, u32)>,
    pub accounts: HashMap<usize, (Duration, u32)>,
    /// Registrations are counted in the same way.
    pub registrations: HashMap<IpAddr, (Duration, u32)>,
}

pub(super) fn fail<K: Eq + Hash>(failures: &mut HashMap<K, (Duration, u32)>, key: K, now: Now) {
    let found = failures.entry(key).or_insert((now.at, 0));
    if found.0 + MINUTE <= now.at {
        *found = (now.at, 0);
    }
    found.1 += 1;
}

/// The wrong passwords of the last minute.
pub(super) fn count_now<K: Eq + Hash>(failures: &HashMap<K, (Duration, u32)>, key: K, now: Now) -> u32 {
    failures.get(&key).filter(|(since, _)| *since + MINUTE > now.at).map_or(0, |&(_, count)| count)
}

/// The time until another password is compared.
pub(in crate::simulator::oracle) fn wait<K: Eq + Hash>(
    failures: &HashMap<K, (Duration, u32)>,
    key: K,
    most: u32,
    now: Now,
) -> Option<Duration> {
    let &(since, count) = failures.get(&key)?;
    (since + MINUTE).checked_sub(now.at).filter(|wait| count >= most && !wait.is_zero())
}

/// What the simulated process stores of a password.
pub fn verifier(password: &str) -> String {
    format!("#{password}")
}

/// The keys that it makes of a password.
pub fn scram(password: &str) -> String {
    ScramKeys::made_up(password, b"").to_string()
}

pub(super) fn too_many(wait: Duration) -> String {
    format!("! Too many wrong passwords. Try again in {}.", count(wait.as_millis().div_ceil(1000) as u64, "second"))
}

/// The refusal of a text that cannot be a password.
pub(super) fn refuse_password(text: &str) -> Option<String> {
    let is_bad = text.trim().len() > 1024 || text.contains(' ') || text.starts_with('/') || is_farewell(text);
    is_bad.then(|| {
        "! A password is one word of 1 to 1024 bytes. q, quit, exit and words that begin with / are commands.".into()
    })
}

impl Oracle {
    /// Whether a session waits for its password to be compared.
    pub fn awaits_password(&self, session: usize) -> bool {
        self.readers[session].awaits.is_some()
    }

    /// Whether a session is asked for a password.
    pub fn is_at_password_prompt(&self, session: usize) -> bool {
        matches!(self.readers[session].prompt, Some(Prompt::Account { .. }))
    }

    pub(super) fn password_wait(&self, session: usize, account: Option<usize>, now: Now) -> Option<Duration> {
        let ip = self.readers[session].addr.ip();
        let of_account = || {
            let account = account?;
            let is_known = self.accounts[account].as_ref()?.last_ip == Some(ip);
            wait(&self.failures.accounts, account, 60, now).filter(|_| !is_known)
        };
        wait(&self.failures.networks, ip, 5, now).or_else(of_account)
    }

    /// Whether a password must wait for those that are compared: if these are all wrong, it is one too many.
    fn must_wait(&self, session: usize, account: Option<usize>, now: Now) -> bool {
        let ip = self.readers[session].addr.ip();
        let asked = self.taken.iter().filter(|(_, other, _)| *other == ip).count() as u32;
        let of_account =
            self.taken.iter().filter(|(_, _, other)| account.is_some() && *other == account).count() as u32;
        let is_full = |wrong: u32, taken: u32, most: u32| taken > 0 && wrong + taken >= most;
        is_full(count_now(&self.failures.networks, ip, now), asked, 5)
            || account.is_some_and(|account| is_full(count_now(&self.failures.accounts, account, now), of_account, 60))
    }

    fn end_password(&mut self, session: usize, now: Now) -> Request {
        let reader = &mut self.readers[session];
        let request = reader.awaits.take().expect("a password that is compared");
        if reader.stage == ReaderStage::Asked {
            reader.active += now.at - request.since;
        }
        reader.committed_at = now.at;
        request
    }

    /// The session whose password is compared next; refuses those that must wait.
    ///
    /// The addresses take turns.
    pub fn poll_password(&mut self, now: Now) -> Option<usize> {
        for _ in 0..self.turns.len() {
            let ip = self.turns.pop_front()?;
            let session = self.poll_from(ip, now);
            if self.requests.iter().any(|(other, _)| *other == ip) {
                self.turns.push_back(ip);
            }
            if session.is_some() {
                return session;
            }
        }
        None
    }

    fn poll_from(&mut self, ip: IpAddr, now: Now) -> Option<usize> {
        while let Some(at) = self.requests.iter().position(|(other, _)| *other == ip) {
            let (_, session) = self.requests.remove(at);
            let reader = &self.readers[session];
            if reader.stage == ReaderStage::Gone {
                continue;
            }
            let account = reader.awaits.as_ref().expect("a password that waits").purpose.account();
            let Some(wait) = self.password_wait(session, account, now) else {
                if self.must_wait(session, account, now) {
                    self.requests.insert(0, (ip, session));
                    return None;
                }
                self.taken.push_back((session, ip, account));
                self.compared.push_back(session);
                return Some(session);
            };
            self.counts.refused_passwords += 1;
            let purpose = self.end_password(session, now).purpose;
            self.refuse_with_prompt(session, &purpose, &too_many(wait));
        }
        None
    }

    /// The passwords that are compared must be compared again.
    pub fn return_passwords(&mut self) {
        self.taken.clear();
        while let Some(session) = self.compared.pop_back() {
            let ip = self.readers[session].addr.ip();
            self.turns.retain(|turn| *turn != ip);
            self.turns.push_front(ip);
            self.requests.insert(0, (ip, session));
        }
    }

    /// A password was compared.
    pub fn handle_password(&mut self, compared: Compared, now: Now) {
        let session = self.compared.pop_front().expect("a password that is compared");
        self.taken.pop_front();
        if self.readers[session].stage == ReaderStage::Gone {
            return;
        }
        let Request { purpose, typed, right, makes_keys, .. } = self.end_password(session, now);
        let is_right = right.is_none_or(|right| right == typed);
        self.speaker = session;
        match compared {
            Compared::Failed => {
                let refusal = "! Passwords cannot be checked at present. Try again later.";
                self.refuse_with_prompt(session, &purpose, refusal);
            }
            Compared::Wrong => {
                assert!(!is_right, "the password {typed:?} of person {session} is right");
                self.wrong_password(session, &purpose, now);
            }
            Compared::Right { has_keys } => {
                assert!(is_right, "the password {typed:?} of person {session} is wrong");
                if let Purpose::LogIn(account) | Purpose::Take(account) = purpose {
                    assert_eq!(has_keys, makes_keys, "the keys of account {account}");
                    if makes_keys && self.refuse_keys(account, &typed).is_none() {
                        self.propose(Proposed::SetKeys { account, password: typed.clone() });
                    }
                }
                self.right_password(session, purpose, typed, has_keys, now);
            }
        }
    }

    pub(super) fn wrong_password(&mut self, session: usize, purpose: &Purpose, now: Now) {
        self.counts.wrong_passwords += 1;
        fail(&mut self.failures.networks, self.readers[session].addr.ip(), now);
        purpose.account().into_iter().for_each(|account| fail(&mut self.failures.accounts, account, now));
        let prompt = self.prompt_of(session);
        match &mut self.readers[session].prompt {
            Some(Prompt::Account { wrong, .. }) if matches!(purpose, Purpose::LogIn(_)) => {
                *wrong += 1;
                if *wrong < 3 {
                    return self.send_line(session, &format!("! Wrong password. {prompt}"));
                }
                self.send_line(session, "! Wrong password.");
                self.ask_for_name(session);
            }
            _ => self.send_line(session, "! Wrong password."),
        }
    }
}
