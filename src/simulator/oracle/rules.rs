//! The rules of a room: its settings and lists, and whom they keep from entering and speaking.

use std::collections::HashMap;
use std::time::Duration;

use super::masks::Mask;
use super::roles::Rank;
use super::{OPERATOR, Oracle, key};
use crate::chat::Now;

/// The settings by name, in the order in which they are shown.
pub(super) const SETTINGS: [&str; 7] = ["key", "invite-only", "moderated", "secret", "topic-lock", "limit", "slow"];

/// The most entries of a list of a room.
pub(super) const MAX_LISTED: usize = 100;

/// The value of a setting that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    On,
    Number(u32),
    Word(String),
}

/// Who has roles and restrictions: an account, or a member without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Member(usize),
    Account(usize),
}

/// A mute in a room, or a ban from it.
pub(super) struct Restriction {
    pub name: String,
    pub key: String,
    /// Nothing, if the account was removed.
    pub who: Option<Holder>,
    pub until: Option<Duration>,
}

impl Restriction {
    pub fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }
}

/// The settings and lists of one room.
#[derive(Default)]
pub(super) struct Rules {
    /// Settings that are off are missing.
    pub settings: HashMap<&'static str, Value>,
    /// Who has a role, in the order in which it was given; `true` for operators, `false` for voice.
    pub roles: Vec<(Holder, bool)>,
    pub invited: Vec<Holder>,
    pub bans: Vec<Restriction>,
    pub mutes: Vec<Restriction>,
    /// Bans by masks, each with the name of who has set it.
    pub masks: Vec<(Mask, String)>,
    /// When members without a role have spoken last, since slow mode was changed.
    pub spoken: HashMap<Holder, Duration>,
}

impl Rules {
    pub fn has(&self, setting: &str) -> bool {
        self.settings.contains_key(setting)
    }

    pub fn number(&self, setting: &str) -> Option<u32> {
        match self.settings.get(setting) {
            Some(&Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// What a member has here belongs to its account from now on; the higher of two roles stays.
    pub fn adopt(&mut self, member: usize, account: usize) {
        let (from, to) = (Holder::Member(member), Holder::Account(account));
        self.invited.iter_mut().filter(|holder| **holder == from).for_each(|holder| *holder = to);
        if let Some(at) = self.spoken.remove(&from) {
            let last = self.spoken.entry(to).or_insert(at);
            *last = at.max(*last);
        }
        let restrictions = self.mutes.iter_mut().chain(&mut self.bans);
        restrictions.filter(|entry| entry.who == Some(from)).for_each(|entry| entry.who = Some(to));
        if let Some(role) = self.take_role(from)
            && self.role(to) < Some(role)
        {
            self.take_role(to);
            self.roles.push((to, role));
        }
    }

    /// An account was removed: its member has its restrictions; without one, they hold for their names alone.
    pub fn forget(&mut self, account: usize, member: Option<usize>) {
        let (holder, to) = (Holder::Account(account), member.map(Holder::Member));
        if let Some(at) = self.spoken.remove(&holder)
            && let Some(to) = to
        {
            self.spoken.insert(to, at);
        }
        self.take_role(holder);
        self.invited.retain(|&other| other != holder);
        let restrictions = self.mutes.iter_mut().chain(&mut self.bans);
        restrictions.filter(|entry| entry.who == Some(holder)).for_each(|entry| entry.who = to);
    }

    /// The role of an account or a member: operator (`true`) or voice.
    pub fn role(&self, holder: Holder) -> Option<bool> {
        self.roles.iter().find(|(other, _)| *other == holder).map(|&(_, role)| role)
    }

    /// Takes a role, and returns it.
    pub fn take_role(&mut self, holder: Holder) -> Option<bool> {
        let role = self.role(holder);
        self.roles.retain(|&(other, _)| other != holder);
        role
    }

    /// Whether they keep an empty room.
    pub fn are_kept(&self) -> bool {
        !self.settings.is_empty()
    }

    /// Whether anything may keep members out.
    pub fn keep_out(&self) -> bool {
        // A ban that is over counts until the list is changed.
        !self.settings.is_empty() || !self.bans.is_empty() || !self.masks.is_empty()
    }
}

/// Time that is left, in minutes.
pub(super) fn minutes_left(until: Option<Duration>, now: Now) -> Option<u64> {
    until.map(|until| (until - now.at).as_millis().div_ceil(60_000) as u64)
}

pub(super) fn count(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

impl Oracle {
    pub(super) fn rules_of(&self, room: usize) -> &Rules {
        &self.rooms[room].as_ref().expect("a room that exists").rules
    }

    pub(super) fn rules(&mut self, room: usize) -> &mut Rules {
        &mut self.room(room).rules
    }

    /// The mute or ban of a member that is in force.
    pub(super) fn restriction<'r>(&self, list: &'r [Restriction], who: usize, now: Now) -> Option<&'r Restriction> {
        let name = if who == OPERATOR { "server".into() } else { key(&self.members[who].name) };
        let holder = Some(self.holder(who));
        list.iter().find(|entry| entry.holds(now) && (entry.who == holder || entry.key == name))
    }

    /// Whether an entry with this key, or of the member that has this name now, is in force.
    pub(super) fn is_restricted(&self, list: &[Restriction], key: &str, now: Now) -> bool {
        let holder = self.names.get(key).map(|&who| self.holder(who));
        let is_of = |entry: &Restriction| entry.key == key || holder.is_some() && entry.who == holder;
        list.iter().any(|entry| entry.holds(now) && is_of(entry))
    }

    /// The reason why a member cannot enter a room with this key.
    pub(super) fn refuse_entry(&self, who: usize, room: usize, given: Option<&str>, now: Now) -> Option<String> {
        if room == 0 || self.rank(who, Some(room)) >= Rank::RoomOperator {
            return None;
        }
        let found = self.rooms[room].as_ref().expect("a room that exists");
        let (name, rules) = (&found.name, &found.rules);
        let is_invited = rules.invited.contains(&self.holder(who));
        if self.restriction(&rules.bans, who, now).is_some() {
            return Some(format!("! You are banned from {name}."));
        }
        if !is_invited && self.is_masked(who, room, false) {
            return Some(format!("! You are banned from {name}."));
        }
        if let Some(Value::Word(wanted)) = rules.settings.get("key").filter(|_| !is_invited) {
            match given {
                None => return Some(format!("! {name} needs a key: /join {name} KEY")),
                Some(given) if given != wanted => return Some(format!("! That is not the key of {name}.")),
                Some(_) => {}
            }
        }
        if rules.has("invite-only") && !is_invited {
            return Some(format!("! {name} is invite-only. One of its operators can invite you."));
        }
        let most = rules.number("limit").filter(|&most| !is_invited && found.members.len() >= most as usize)?;
        Some(format!("! {name} is full ({} at most).", count(most.into(), "member")))
    }

    /// The refusal if a member is muted in a room.
    pub(super) fn refuse_muted(&self, who: usize, room: usize, now: Now) -> Option<String> {
        let found = self.rooms[room].as_ref()?;
        let mute = self.restriction(&found.rules.mutes, who, now)?;
        let left = minutes_left(mute.until, now).map(|minutes| format!(" for another {}", count(minutes, "minute")));
        Some(format!("! You are muted in {}{}.", found.name, left.unwrap_or_default()))
    }

    /// The reason why a member that is in a room cannot speak there.
    pub(super) fn refuse_speech(&self, who: usize, room: usize, now: Now) -> Option<String> {
        if let Some(refusal) = self.refuse_muted(who, room, now) {
            return Some(refusal);
        }
        let found = self.rooms[room].as_ref()?;
        let (name, rules) = (&found.name, &found.rules);
        if self.rank(who, Some(room)) >= Rank::Voice {
            return None;
        }
        if self.is_masked(who, room, true) {
            return Some(format!("! You are muted in {name}."));
        }
        if rules.has("moderated") {
            let operators = if room == 0 { "moderators" } else { "its operators" };
            return Some(format!("! {name} is moderated: only {operators} and members with voice speak there."));
        }
        let every = rules.number("slow")?;
        let next = *rules.spoken.get(&self.holder(who))? + Duration::from_secs(every.into());
        let wait = next.checked_sub(now.at).filter(|wait| !wait.is_zero())?.as_millis().div_ceil(1000) as u64;
        let (every, wait) = (count(every.into(), "second"), count(wait, "second"));
        Some(format!("! {name} is in slow mode: one message in {every}. Wait another {wait}."))
    }
}
