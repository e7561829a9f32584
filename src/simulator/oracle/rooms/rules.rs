//! The rules of a room: its settings and lists.

use std::collections::HashMap;
use std::time::Duration;

use crate::chat::Now;
use crate::simulator::oracle::moderation::mask::Mask;

/// The settings by name, in the order in which they are shown.
pub(super) const SETTINGS: [&str; 7] = ["key", "invite-only", "moderated", "secret", "topic-lock", "limit", "slow"];

/// The most entries of a list of a room.
pub(in crate::simulator::oracle) const MAX_LISTED: usize = 100;

/// The value of a setting that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    On,
    Number(u32),
    Word(String),
}

/// Who has roles and restrictions: an account, or a member without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    Member(usize),
    Account(usize),
}

/// A mute in a room, or a ban from it.
pub struct Restriction {
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
pub struct Rules {
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

/// A mute in a room, or a ban from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mute,
    Ban,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Mute => "muted",
            Kind::Ban => "banned",
        }
    }
}
