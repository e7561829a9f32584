//! Kicks, bans and mutes in one room.

use std::time::Duration;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::{for_another, minutes_left, read_minutes, split};
use crate::simulator::oracle::rooms::rules::{Kind, MAX_LISTED, Restriction};
use crate::simulator::oracle::words::{OPERATOR, key};

impl Oracle {
    fn restrictions(&self, room: usize, kind: Kind) -> &[Restriction] {
        let rules = &self.rooms[room].as_ref().expect("a room that exists").rules;
        match kind {
            Kind::Mute => &rules.mutes,
            Kind::Ban => &rules.bans,
        }
    }

    fn restrictions_mut(&mut self, room: usize, kind: Kind) -> &mut Vec<Restriction> {
        match kind {
            Kind::Mute => &mut self.rules(room).mutes,
            Kind::Ban => &mut self.rules(room).bans,
        }
    }

    /// The refusal if a room does not exist any more.
    pub(in crate::simulator::oracle) fn refuse_gone(&self, room: usize) -> Option<String> {
        self.rooms[room].is_none().then(|| "! There is no room . /rooms lists them, /join  makes it.".into())
    }

    /// The reason why a member cannot be kicked from a room.
    pub(in crate::simulator::oracle) fn refuse_room_kick(
        &self,
        by: usize,
        who: usize,
        room: usize,
        typed: &str,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return Some(refusal);
        }
        if !self.members[who].is_member {
            return Some(format!("! Nobody here is called {typed}."));
        }
        let name = &self.members[who].name;
        let absent = || (!self.is_in(who, room)).then(|| format!("! {name} is not in {}.", self.room_name(room)));
        let own = || Self::refuse_self(by, who);
        self.refuse_gone(room).or_else(own).or_else(|| self.refuse_protected(by, who)).or_else(absent)
    }

    /// A member is removed from a room: it goes to the lobby, or no longer follows the room.
    fn remove_from_room(&mut self, who: usize, room: usize, by: usize, kind: &str, why: Option<&str>, now: Now) {
        self.counts.removed_from_room += 1;
        self.irc_kicked(who, room, by, why, now);
        let end = why.map_or(".".into(), |why| format!(": {why}"));
        let words = format!("You were {kind} from {} by {}{end}", self.room_name(room), self.actor_name(by));
        self.tell(who, &words, &words);
        let cause = format!(": {kind}");
        match self.members[who].room == room {
            true => self.go(who, 0, &cause, now),
            false => self.commit_unfollow(who, room, Some(&cause), now),
        }
    }

    pub(in crate::simulator::oracle) fn commit_room_kick(
        &mut self,
        by: usize,
        who: usize,
        room: usize,
        why: Option<&str>,
        now: Now,
    ) {
        self.note_act(by);
        let why = why.filter(|_| !self.is_muted(by, now));
        let (name, place) = (self.members[who].name.clone(), self.room_name(room));
        let reads = by == OPERATOR || self.is_in(by, room);
        self.remove_from_room(who, room, by, "kicked", why, now);
        if !reads {
            // A moderator that is elsewhere.
            let here = self.rooms[room].as_ref().map_or(0, |room| room.members.len());
            for session in self.sessions(by) {
                let is_new = self.readers[session].program != Some(1);
                let label = if is_new { format!("({place}) ") } else { String::new() };
                self.send_line(session, &format!("* {label}{name} left: kicked ({here} here)"));
            }
        }
    }

    /// `/mute #room name [minutes]`, `/ban #room name [minutes]`
    pub(super) fn restrict(&mut self, by: usize, room: usize, kind: Kind, rest: &str, now: Now) {
        let (name, minutes) = split(rest);
        let command = if kind == Kind::Mute { "mute" } else { "ban" };
        let minutes = match read_minutes(minutes) {
            Some(minutes) if !name.is_empty() => minutes,
            _ => return self.answer_to(by, &format!("! Usage: /{command} name [minutes]")),
        };
        if kind == Kind::Ban && room == 0 {
            return self.answer_to(by, "! That does not apply to lobby.");
        }
        match self.find(name) {
            Some(who) => {
                let proposed = Proposed::Restrict { by, who, room, kind, name: name.into(), minutes };
                self.propose_or_refuse(proposed, now);
            }
            None => self.answer_to(by, &format!("! Nobody here is called {name}.")),
        }
    }

    pub(in crate::simulator::oracle) fn refuse_restriction(
        &self,
        by: usize,
        who: usize,
        room: usize,
        kind: Kind,
        typed: &str,
        now: Now,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return Some(refusal);
        }
        if !self.members[who].is_member {
            return Some(format!("! Nobody here is called {typed}."));
        }
        let own = || Self::refuse_self(by, who);
        if let Some(refusal) = self.refuse_gone(room).or_else(own).or_else(|| self.refuse_protected(by, who)) {
            return Some(refusal);
        }
        let list = self.restrictions(room, kind);
        let is_new = self.restriction(list, who, now).is_none();
        let is_full = is_new && list.iter().filter(|entry| entry.holds(now)).count() >= MAX_LISTED;
        is_full.then(|| format!("! The list of {} is full ({MAX_LISTED} names at most).", self.room_name(room)))
    }

    pub(in crate::simulator::oracle) fn commit_restriction(
        &mut self,
        by: usize,
        who: usize,
        room: usize,
        kind: Kind,
        minutes: Option<u64>,
        now: Now,
    ) {
        self.counts.restricted += 1;
        self.note_act(by);
        let (name, key) = (self.members[who].name.clone(), self.members[who].key.clone());
        let until = minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes));
        let holder = self.holder(who);
        let list = self.restrictions_mut(room, kind);
        list.retain(|entry| entry.holds(now) && entry.who != Some(holder) && (entry.who.is_some() || entry.key != key));
        list.push(Restriction { name: name.clone(), key, who: Some(holder), until });
        if kind == Kind::Ban {
            self.take_role(who, room);
        }
        let words = format!("{name} was {} by {}", kind.word(), self.actor_name(by));
        self.irc_restricted(by, room, kind, &name, true, &words, now);
        self.tell_room(by, room, &words, &words, now);
        if kind == Kind::Ban {
            self.store_room(room);
        }
        if kind == Kind::Ban && self.is_in(who, room) {
            self.remove_from_room(who, room, by, "banned", None, now);
        }
    }

    /// `/unmute #room name`, `/unban #room name`
    pub(super) fn lift(&mut self, by: usize, room: usize, kind: Kind, name: &str, now: Now) {
        let key = key(name);
        let refusal = match (kind, name) {
            (Kind::Mute, "") => "! Usage: /unmute name".into(),
            (Kind::Ban, "") => "! Usage: /unban name".into(),
            _ if self.is_restricted(self.restrictions(room, kind), &key, now) => {
                return self.propose_or_refuse(Proposed::Lift { by, room, kind, key }, now);
            }
            (Kind::Mute, name) => format!("! {name} is not muted in {}.", self.room_name(room)),
            (Kind::Ban, name) => format!("! {name} is not banned from {}.", self.room_name(room)),
        };
        self.answer_to(by, &refusal);
    }

    pub(in crate::simulator::oracle) fn commit_lift(
        &mut self,
        by: usize,
        room: usize,
        kind: Kind,
        key: &str,
        now: Now,
    ) {
        let holder = self.names.get(key).map(|&who| self.holder(who));
        let list = self.restrictions_mut(room, kind);
        list.retain(|entry| entry.holds(now));
        let is_meant = |entry: &Restriction| entry.key == key || holder.is_some() && entry.who == holder;
        let Some(name) = list.iter().find(|entry| is_meant(entry)).map(|entry| entry.name.clone()) else { return };
        list.retain(|entry| !is_meant(entry));
        self.counts.lifted += 1;
        self.note_act(by);
        let words = format!("{name} was un{} by {}", kind.word(), self.actor_name(by));
        self.irc_restricted(by, room, kind, &name, false, &words, now);
        self.tell_room(by, room, &words, &words, now);
        if kind == Kind::Ban {
            self.store_room(room);
            self.remove_if_unkept(room);
        }
    }

    /// `/mutes #room`, `/bans #room`
    pub(super) fn list_restrictions(&mut self, asker: usize, room: usize, kind: Kind, page: &str, now: Now) {
        let describe = |entry: &Restriction| {
            let left = for_another(minutes_left(entry.until, now));
            format!("* {} is {}{left}.", entry.name, kind.word())
        };
        let mut lines: Vec<String> =
            self.restrictions(room, kind).iter().filter(|entry| entry.holds(now)).map(describe).collect();
        if kind == Kind::Ban {
            lines.extend(self.listed_masks(room));
        }
        let command = if kind == Kind::Mute { "/mutes" } else { "/bans" };
        let command = format!("{command} #{}", self.room_name(room));
        self.show_page(asker, &command, page, lines, &format!("* Nobody is {}.", kind.word()));
    }
}
