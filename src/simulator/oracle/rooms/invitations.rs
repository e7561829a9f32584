//! Invitations to rooms.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::rooms::rules::MAX_LISTED;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// `/invite [#room] name`
    pub(in crate::simulator::oracle) fn invite(&mut self, by: usize, rest: &str, now: Now) {
        match self.room_and_member(by, rest, "/invite name", false) {
            Ok((room, who)) => self.propose_or_refuse(Proposed::Invite { by, who, room }, now),
            Err(refusal) => self.answer_to(by, &refusal),
        }
    }

    pub(in crate::simulator::oracle) fn refuse_invitation(
        &self,
        by: usize,
        who: usize,
        room: usize,
        now: Now,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return Some(refusal);
        }
        if !self.members[who].is_member {
            return Some("! Nobody here is called .".into());
        }
        let is_there = || self.is_in(who, room);
        let name = &self.members[who].name;
        let there = || is_there().then(|| format!("! {name} is in {} already.", self.room_name(room)));
        let banned = || {
            self.restriction(&self.rules_of(room).bans, who, now)?;
            Some(format!("! {name} is banned from {}. /unban {name} first.", self.room_name(room)))
        };
        self.refuse_gone(room).or_else(there).or_else(banned)
    }

    pub(in crate::simulator::oracle) fn commit_invitation(&mut self, by: usize, who: usize, room: usize, now: Now) {
        self.counts.invited += 1;
        self.note_act(by);
        let holder = self.holder(who);
        let invited = &mut self.rules(room).invited;
        invited.retain(|&other| other != holder);
        if invited.len() >= MAX_LISTED {
            invited.remove(0);
        }
        invited.push(holder);
        let (actor, name, place) = (self.actor_name(by), self.members[who].name.clone(), self.room_name(room));
        let program = format!("{name} is invited to {place} by {actor}");
        let is_hidden = by != OPERATOR && (self.has_ignored(who, by) || self.is_muted(by, now));
        if !is_hidden {
            self.irc_invited(who, by, room, now);
            self.tell(who, &format!("{actor} invites you to {place}: /join {place}"), &program);
        }
        self.irc_shows_invitation(who, by, room, now);
        self.tell(by, &format!("{name} is invited to {place}."), &program);
    }

    /// Whether an ignored name or person is that of a member, which may be oneself.
    fn has_ignored(&self, who: usize, author: usize) -> bool {
        let (key, ignored) = (&self.members[author].key, &self.members[who].ignored);
        ignored.iter().any(|(_, name, person)| *person == Some(author) || name == key)
    }
}
