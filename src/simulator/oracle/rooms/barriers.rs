//! Whom the rules of a room keep from entering and speaking.

use std::time::Duration;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::{count, minutes_left};
use crate::simulator::oracle::rooms::rules::{Restriction, Rules, Value};
use crate::simulator::oracle::words::{OPERATOR, key};

impl Oracle {
    pub(in crate::simulator::oracle) fn rules_of(&self, room: usize) -> &Rules {
        &self.rooms[room].as_ref().expect("a room that exists").rules
    }

    pub(in crate::simulator::oracle) fn rules(&mut self, room: usize) -> &mut Rules {
        &mut self.room(room).rules
    }

    /// The mute or ban of a member that is in force.
    pub(in crate::simulator::oracle) fn restriction<'r>(
        &self,
        list: &'r [Restriction],
        who: usize,
        now: Now,
    ) -> Option<&'r Restriction> {
        let name = if who == OPERATOR { "server".into() } else { key(&self.members[who].name) };
        let holder = Some(self.holder(who));
        list.iter().find(|entry| entry.holds(now) && (entry.who == holder || entry.key == name))
    }

    /// Whether an entry with this key, or of the member that has this name now, is in force.
    pub(in crate::simulator::oracle) fn is_restricted(&self, list: &[Restriction], key: &str, now: Now) -> bool {
        let holder = self.names.get(key).map(|&who| self.holder(who));
        let is_of = |entry: &Restriction| entry.key == key || holder.is_some() && entry.who == holder;
        list.iter().any(|entry| entry.holds(now) && is_of(entry))
    }

    /// The reason why a member cannot enter a room with this key.
    pub(in crate::simulator::oracle) fn refuse_entry(
        &self,
        who: usize,
        room: usize,
        given: Option<&str>,
        now: Now,
    ) -> Option<String> {
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
    fn refuse_muted(&self, who: usize, room: usize, now: Now) -> Option<String> {
        let found = self.rooms[room].as_ref()?;
        let mute = self.restriction(&found.rules.mutes, who, now)?;
        let left = minutes_left(mute.until, now).map(|minutes| format!(" for another {}", count(minutes, "minute")));
        Some(format!("! You are muted in {}{}.", found.name, left.unwrap_or_default()))
    }

    /// The reason why a member that is in a room cannot speak there.
    pub(in crate::simulator::oracle) fn refuse_speech(&self, who: usize, room: usize, now: Now) -> Option<String> {
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
