//! Mutes on the server.

use std::net::IpAddr;
use std::time::Duration;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::member::Member;
use crate::simulator::oracle::phrases::{for_another, later, minutes_left, read_minutes, split};
use crate::simulator::oracle::words::key;

/// A mute, also of a member who has left.
pub struct Mute {
    pub name: String,
    /// The keys of all names since the mute began; the last is that of `name`.
    pub keys: Vec<String>,
    pub ip: IpAddr,
    pub who: Option<usize>,
    /// Its account; the mute waits for that then, whatever the name and the address.
    pub account: Option<usize>,
    pub until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }

    /// Whether a new member of that name and address is the muted one who has left.
    fn awaits(&self, key: &String, ip: IpAddr) -> bool {
        self.who.is_none() && self.account.is_none() && self.ip == ip && self.keys.contains(key)
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

/// The end of the mute that lasts longest.
pub(in crate::simulator::oracle) fn longest(mutes: &[Mute]) -> Option<Duration> {
    let is_endless = mutes.iter().any(|mute| mute.until.is_none());
    mutes.iter().filter_map(|mute| mute.until).max().filter(|_| !is_endless)
}

impl Oracle {
    pub(super) fn mute(&mut self, by: usize, rest: &str, now: Now) {
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Some(minutes) if !name.is_empty() => minutes,
            _ => return self.answer_to(by, "! Usage: /mute name [minutes]"),
        };
        match self.present(name) {
            Some(who) => {
                let ip = *self.addresses(who).first().expect("a session");
                self.propose_or_refuse(Proposed::Mute { by, who, name: name.into(), ip, minutes }, now);
            }
            None => self.answer_to(by, &format!("! Nobody here is called {name}.")),
        }
    }

    pub(in crate::simulator::oracle) fn commit_mute(
        &mut self,
        by: usize,
        who: usize,
        ip: IpAddr,
        minutes: Option<u64>,
        now: Now,
    ) {
        let Member { name, key, account, .. } = &self.members[who];
        let (name, key, account) = (name.clone(), key.clone(), *account);
        let (left, actor) = (for_another(minutes), self.actor_name(by));
        self.answer_act(by, &format!("{name} is muted{left}."), &format!("{name} is muted by {actor}{left}."));
        self.mutes.retain(|mute| mute.holds(now) && !mute.awaits(&key, ip));
        let own = self.mutes.iter().position(|mute| mute.who == Some(who));
        let keys = own.map(|place| self.mutes.remove(place).keys).unwrap_or_default();
        let mut mute = Mute { name: String::new(), keys, ip, who: Some(who), account, until: later(minutes, now) };
        mute.rename(name, key);
        self.mutes.push(mute);
    }

    pub(super) fn list_mutes(&mut self, asker: usize, page: &str, now: Now) {
        self.mutes.retain(|mute| mute.holds(now));
        let describe = |mute: &Mute| format!("* {} is muted{}.", mute.name, for_another(minutes_left(mute.until, now)));
        let lines = self.mutes.iter().map(describe).collect();
        self.show_page(asker, "/mutes", page, lines, "* Nobody is muted.");
    }

    pub(super) fn unmute(&mut self, by: usize, name: &str, now: Now) {
        let is_muted = self.mutes.iter().any(|mute| mute.holds(now) && mute.is_called(&key(name)));
        match name {
            "" => self.answer_to(by, "! Usage: /unmute name"),
            name if is_muted => self.propose_or_refuse(Proposed::Unmute { by, key: key(name) }, now),
            name => self.answer_to(by, &format!("! {name} is not muted. /mutes lists who is.")),
        }
    }

    pub(in crate::simulator::oracle) fn commit_unmute(&mut self, by: usize, key: &str, now: Now) {
        if let Some(place) = self.mutes.iter().position(|mute| mute.holds(now) && mute.is_called(key)) {
            let (name, actor) = (self.mutes[place].name.clone(), self.actor_name(by));
            self.mutes.retain(|mute| mute.holds(now) && !mute.is_called(key));
            self.answer_act(
                by,
                &format!("{name} is no longer muted."),
                &format!("{actor} decided that {name} is no longer muted."),
            );
        }
    }

    /// Whether a member's messages are hidden from the others.
    pub(in crate::simulator::oracle) fn is_muted(&self, who: usize, now: Now) -> bool {
        self.mutes.iter().any(|mute| mute.who == Some(who) && mute.holds(now))
    }

    /// A new member has the name and address of a muted one who has left: the mute applies again.
    pub(in crate::simulator::oracle) fn take_mute_over(&mut self, who: usize, ip: IpAddr, now: Now) {
        let Member { name, key, .. } = &self.members[who];
        let same: Vec<Mute> = self.mutes.extract_if(.., |mute| mute.awaits(key, ip) && mute.holds(now)).collect();
        let until = longest(&same);
        if let Some(mut mute) = same.into_iter().next() {
            mute.rename(name.clone(), key.clone());
            self.mutes.push(Mute { who: Some(who), until, ..mute });
        }
    }

    /// A member has logged in as an account: it is muted if the account is, and a mute of the member holds for the account.
    pub(in crate::simulator::oracle) fn adopt_mute(&mut self, who: usize, account: usize, now: Now) {
        let is_meant = |mute: &mut Mute| mute.who == Some(who) || mute.account == Some(account);
        let own: Vec<Mute> = self.mutes.extract_if(.., is_meant).filter(|mute| mute.holds(now)).collect();
        let until = longest(&own);
        if let Some(mute) = own.into_iter().next() {
            self.mutes.push(Mute { who: Some(who), account: Some(account), until, ..mute });
        }
    }

    /// An account is removed: its mute holds for its member, if it has one.
    pub(in crate::simulator::oracle) fn forget_mute(&mut self, account: usize, ip: Option<IpAddr>) {
        self.mutes.retain(|mute| mute.account != Some(account) || mute.who.is_some());
        for mute in self.mutes.iter_mut().filter(|mute| mute.account == Some(account)) {
            (mute.account, mute.ip) = (None, ip.unwrap_or(mute.ip));
        }
    }

    /// A member's mute follows a change of the name.
    pub(in crate::simulator::oracle) fn rename_mute(&mut self, who: usize, ip: IpAddr, now: Now) {
        if !self.is_muted(who, now) {
            return self.take_mute_over(who, ip, now);
        }
        let (name, key) = (self.members[who].name.clone(), self.members[who].key.clone());
        self.mutes.retain(|mute| !mute.awaits(&key, ip));
        for mute in self.mutes.iter_mut().filter(|mute| mute.who == Some(who)) {
            mute.rename(name.clone(), key.clone());
        }
    }
}
