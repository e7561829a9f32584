//! Roles: moderators of the server, operators and voices of rooms, and what each rank may do.

use std::collections::BTreeSet;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::rooms::rules::{Holder, MAX_LISTED};
use crate::simulator::oracle::words::OPERATOR;

/// The refusal of what only the operator may do.
const ONLY_OPERATOR: &str = "! Only the operator of the server can do that.";

impl Oracle {
    /// The rank of a member in a room, or on the server. A member that has left has none.
    pub(in crate::simulator::oracle) fn rank(&self, who: usize, room: Option<usize>) -> Rank {
        if who == OPERATOR {
            return Rank::Operator;
        }
        if !self.members[who].is_member {
            return Rank::Member;
        }
        if self.members[who].is_moderator {
            return Rank::Moderator;
        }
        match room.and_then(|room| self.role(who, room)) {
            Some(true) => Rank::RoomOperator,
            Some(false) => Rank::Voice,
            None => Rank::Member,
        }
    }

    /// The role of a member in a room: operator (`true`) or voice.
    pub(in crate::simulator::oracle) fn role(&self, who: usize, room: usize) -> Option<bool> {
        self.rooms[room].as_ref()?.rules.role(self.holder(who))
    }

    /// The refusal if a member's rank is too low.
    pub(in crate::simulator::oracle) fn permit(&self, who: usize, least: Rank, room: Option<usize>) -> Option<String> {
        if self.rank(who, room) >= least {
            return None;
        }
        if least == Rank::Operator {
            return Some(ONLY_OPERATOR.into());
        }
        let operated = room.filter(|&room| room != 0 && least <= Rank::RoomOperator);
        Some(match operated.and_then(|room| self.rooms[room].as_ref()) {
            Some(room) => format!("! Only operators of {} can do that.", room.name),
            None => "! Only moderators can do that.".into(),
        })
    }

    /// The refusal if a member acts against a moderator.
    pub(super) fn refuse_protected(&self, by: usize, who: usize) -> Option<String> {
        let is_protected = self.members[who].is_moderator && by != OPERATOR;
        let name = &self.members[who].name;
        is_protected.then(|| format!("! {name} is a moderator. Only the operator of the server can do that."))
    }

    /// The refusal if an operator of a room acts against itself.
    pub(super) fn refuse_self(by: usize, who: usize) -> Option<String> {
        (by == who).then(|| "! That is you.".into())
    }

    /// Whether a member is shown that a room exists.
    pub(in crate::simulator::oracle) fn sees(&self, who: usize, room: usize) -> bool {
        let found = self.rooms[room].as_ref().expect("a room that exists");
        !found.rules.has("secret") || self.rank(who, Some(room)) >= Rank::RoomOperator || self.is_in(who, room)
    }

    /// `/op`, `/deop`, `/voice`, `/devoice`
    pub(in crate::simulator::oracle) fn change_role(&mut self, by: usize, word: &str, rest: &str, now: Now) {
        let (role, given) = (word.ends_with("op"), !word.starts_with("/de"));
        match self.room_and_member(by, rest, &format!("{word} name"), !role) {
            Ok((room, who)) => self.propose_or_refuse(Proposed::Role { by, who, room, role, given }, now),
            Err(refusal) => self.answer_to(by, &refusal),
        }
    }

    /// The reason why a role cannot be given or taken.
    pub(in crate::simulator::oracle) fn refuse_role(
        &self,
        by: usize,
        who: usize,
        room: usize,
        role: bool,
        given: bool,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)).or_else(|| self.refuse_gone(room)) {
            return Some(refusal);
        }
        if room == 0 && role {
            return Some("! That does not apply to lobby.".into());
        }
        if !self.members[who].is_member {
            return Some("! Nobody here is called .".into());
        }
        let (name, place, has) = (&self.members[who].name, self.room_name(room), self.role(who, room));
        let (roles, own) = (&self.rooms[room].as_ref()?.rules.roles, self.holder(who));
        let mut others = roles.iter().filter(|(other, _)| *other != own && self.may_return(*other));
        let refusal = match (given, role) {
            (true, _) if !self.is_in(who, room) => format!("{name} is not in {place}."),
            (true, _) if has == Some(true) => format!("{name} is an operator of {place} already."),
            (true, false) if has == Some(false) => format!("{name} has voice in {place} already."),
            (true, _) if others.clone().count() >= MAX_LISTED => {
                format!("The list of {place} is full ({MAX_LISTED} names at most).")
            }
            (false, true) if has != Some(true) => format!("{name} is not an operator of {place}."),
            (false, false) if has != Some(false) => format!("{name} has no voice in {place}."),
            (false, true) if by == who && !others.any(|&(_, role)| role) => {
                format!("You are the only operator of {place}. /op another member first.")
            }
            _ => return None,
        };
        Some(format!("! {refusal}"))
    }

    /// Gives a member a role in place of the one that it has.
    pub(in crate::simulator::oracle) fn give_role(&mut self, who: usize, room: usize, role: bool) {
        let mut roles = std::mem::take(&mut self.rules(room).roles);
        roles.retain(|&(other, _)| other != self.holder(who) && self.may_return(other));
        roles.push((self.holder(who), role));
        self.rules(room).roles = roles;
    }

    /// Whether a role still means anything: the member is on the server, or it is an account.
    fn may_return(&self, holder: Holder) -> bool {
        match holder {
            Holder::Member(who) => self.members[who].is_member,
            Holder::Account(_) => true,
        }
    }

    /// The name of a member that is on the server, or of an account.
    pub(in crate::simulator::oracle) fn holder_name(&self, holder: Holder) -> Option<String> {
        let member = match holder {
            Holder::Member(who) => who,
            Holder::Account(account) => {
                let account = self.accounts[account].as_ref()?;
                match account.member {
                    Some(who) => who,
                    None => return Some(account.name.clone()),
                }
            }
        };
        Some(&self.members[member]).filter(|member| member.is_member).map(|member| member.name.clone())
    }

    pub(in crate::simulator::oracle) fn take_role(&mut self, who: usize, room: usize) {
        let holder = self.holder(who);
        self.rules(room).take_role(holder);
    }

    pub(in crate::simulator::oracle) fn commit_role(
        &mut self,
        by: usize,
        who: usize,
        room: usize,
        role: bool,
        given: bool,
        now: Now,
    ) {
        self.counts.roles_given += usize::from(given);
        self.counts.moderator_acts += usize::from(by != OPERATOR && self.members[by].is_moderator);
        if given {
            self.give_role(who, room, role)
        } else {
            self.take_role(who, room)
        }
        let (actor, name) = (self.actor_name(by), self.members[who].name.clone());
        let words = match (given, role) {
            (true, true) => format!("{actor} made {name} an operator"),
            (false, true) => format!("{actor} took the operator role from {name}"),
            (true, false) => format!("{actor} gave {name} voice"),
            (false, false) => format!("{actor} took voice from {name}"),
        };
        let is_operator = role;
        let role = if !given {
            "none"
        } else if role {
            "op"
        } else {
            "voice"
        };
        let mode = format!("{}{} {name}", if given { '+' } else { '-' }, if is_operator { 'o' } else { 'v' });
        self.irc_act(by, room, "MODE", &mode, now);
        self.tell_room(by, room, &words, &format!("{actor} gives {name} the role {role}"), now);
    }

    /// `/mod name`, `/unmod name` of the operator
    pub(in crate::simulator::oracle) fn change_moderator(&mut self, given: bool, name: &str, now: Now) {
        if name.is_empty() {
            return self.send_to_console(&format!("! Usage: {} name", if given { "/mod" } else { "/unmod" }));
        }
        match self.find(name) {
            Some(who) => self.propose_or_refuse(Proposed::Moderator { who, given }, now),
            None => self.send_to_console(&format!("! Nobody here is called {name}.")),
        }
    }

    pub(in crate::simulator::oracle) fn refuse_moderator(&self, who: usize, given: bool) -> Option<String> {
        let reader = &self.members[who];
        match (reader.is_moderator, given) {
            _ if !reader.is_member => Some("! Nobody here is called .".into()),
            (true, true) => Some(format!("! {} is a moderator already.", reader.name)),
            (false, false) => Some(format!("! {} is not a moderator.", reader.name)),
            _ => None,
        }
    }

    pub(in crate::simulator::oracle) fn commit_moderator(&mut self, who: usize, given: bool) {
        self.counts.roles_given += usize::from(given);
        self.members[who].is_moderator = given;
        self.keep(who, |account| account.is_moderator = given);
        let words = if given { "server made you a moderator." } else { "server took the moderator role from you." };
        self.tell(who, words, words);
        for session in self.sessions(who).into_iter().filter(|&session| self.is_irc(session)).collect::<Vec<_>>() {
            self.send_line(session, &format!("* {words}"));
        }
        let name = &self.members[who].name;
        let words = if given { "is now a moderator." } else { "is no longer a moderator." };
        self.send_to_console(&format!("* {name} {words}"));
    }

    /// All roles of members that are on the server: the room, or nothing for the server, the name, and the role.
    pub fn roles(&self) -> BTreeSet<(String, String, &'static str)> {
        let mut roles = BTreeSet::new();
        for member in self.members.iter().filter(|member| member.is_member && member.is_moderator) {
            roles.insert((String::new(), member.name.clone(), "moderator"));
        }
        for room in self.rooms.iter().flatten() {
            for &(holder, role) in &room.rules.roles {
                let who = match holder {
                    Holder::Member(who) => Some(who),
                    Holder::Account(account) => self.accounts[account].as_ref().and_then(|account| account.member),
                };
                let role = if role { "operator" } else { "voice" };
                let member = who.map(|who| &self.members[who]).filter(|member| member.is_member);
                roles.extend(member.map(|member| (room.name.clone(), member.name.clone(), role)));
            }
        }
        roles
    }
}
