//! Roles: moderators of the server, operators and voices of rooms, and what each rank may do.

use std::collections::BTreeSet;

use super::committing::Proposed;
use super::rules::{Holder, MAX_LISTED};
use super::talking::{ROOM_SHAPE, split};
use super::{OPERATOR, Oracle};
use crate::chat::Now;

/// The refusal of what only the operator may do.
const ONLY_OPERATOR: &str = "! Only the operator of the server can do that.";

/// What a member may do in a room, or on the server; each rank may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Member,
    Voice,
    RoomOperator,
    Moderator,
    Operator,
}

/// What a person can see of its room.
pub struct Surroundings {
    /// Its name; empty for the operator.
    pub own: String,
    /// It is a moderator of the server.
    pub moderates: bool,
    /// It may not speak in one of its rooms.
    pub is_silent: bool,
    /// It may govern its current room.
    pub operates: bool,
    /// Addresses that are banned from the server.
    pub banned: Vec<String>,
    /// Operators of rooms.
    pub operators: Vec<String>,
    /// The others there.
    pub names: Vec<String>,
    pub rooms_with_key: Vec<String>,
    /// Mutes and bans in its room, or in all rooms for the operator: the room and the name.
    pub restricted: Vec<(String, String)>,
}

impl Oracle {
    /// The rank of a member in a room, or on the server. A member that has left has none.
    pub(super) fn rank(&self, who: usize, room: Option<usize>) -> Rank {
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
    pub(super) fn role(&self, who: usize, room: usize) -> Option<bool> {
        self.rooms[room].as_ref()?.rules.role(self.holder(who))
    }

    /// The refusal if a member's rank is too low.
    pub(super) fn permit(&self, who: usize, least: Rank, room: Option<usize>) -> Option<String> {
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
    pub(super) fn sees(&self, who: usize, room: usize) -> bool {
        let found = self.rooms[room].as_ref().expect("a room that exists");
        !found.rules.has("secret") || self.rank(who, Some(room)) >= Rank::RoomOperator || self.is_in(who, room)
    }

    pub(super) fn actor_name(&self, by: usize) -> String {
        if by == OPERATOR { "server".into() } else { self.members[by].name.clone() }
    }

    /// The current room; the operator's is the lobby.
    pub(super) fn current_room(&self, who: usize) -> usize {
        if who == OPERATOR { 0 } else { self.members[who].room }
    }

    /// Answers the member whose line is processed, or the operator.
    pub(super) fn answer_to(&mut self, who: usize, line: &str) {
        if who == OPERATOR { self.send_to_console(line) } else { self.send_line(self.speaker, line) }
    }

    /// Tells a member or the operator of a change; programs that do not know such events are not told.
    pub(super) fn tell(&mut self, who: usize, words: &str, program: &str) {
        if who == OPERATOR {
            return self.send_to_console(&format!("* {words}"));
        }
        for session in self.sessions(who) {
            if let Some(words) = self.words_for(session, words, program) {
                self.send_line(session, &format!("* {words}"));
            }
        }
    }

    /// The words that a session reads; nothing if its program does not know such events.
    pub(super) fn words_for<'l>(&self, session: usize, words: &'l str, program: &'l str) -> Option<&'l str> {
        match self.readers[session].program {
            _ if self.is_irc(session) => None,
            None => Some(words),
            Some(1) => None,
            Some(_) => Some(program),
        }
    }

    /// Tells all members of a room, the operator, and the member that has acted. A member that is muted on the server
    /// acts for itself and the operator only.
    pub(super) fn tell_room(&mut self, by: usize, room: usize, words: &str, program: &str, now: Now) {
        self.begin_day(room, now);
        if by != OPERATOR && self.is_muted(by, now) {
            self.counts.hidden_acts += 1;
            self.tell_in(by, room, words, program);
            return self.send_room_event_to_console(room, "* ", words);
        }
        self.grow(room, &format!("* {words}"));
        for member in self.room(room).members.clone() {
            self.tell_in(member, room, words, program);
        }
        self.send_room_event_to_console(room, "* ", words);
        if by != OPERATOR && !self.is_in(by, room) {
            self.tell_in(by, room, words, program);
        }
    }

    /// Tells a member of a change in a room.
    pub(super) fn tell_in(&mut self, who: usize, room: usize, words: &str, program: &str) {
        if self.is_in(who, room) {
            self.sessions(who).into_iter().for_each(|session| self.note_source(session, room));
        }
        let label = self.label(who, room);
        self.tell(who, &format!("{label}{words}"), &format!("{label}{program}"));
    }

    /// Splits the arguments of an operator's command into the room that they may begin with, and the rest.
    pub(super) fn governed_room<'l>(&self, who: usize, rest: &'l str) -> Result<(Option<usize>, &'l str), String> {
        let Some(named) = rest.strip_prefix('#').filter(|_| self.has_following()) else { return Ok((None, rest)) };
        let (name, more) = split(named);
        let may_name_any = self.rank(who, None) >= Rank::Moderator;
        match self.find_room(name) {
            Some(room) if may_name_any || self.is_in(who, room) => Ok((Some(room), more.trim_start())),
            Some(room) if self.sees(who, room) => {
                let name = self.room_name(room);
                Err(format!("! You are not in {name}. /join {name} or /follow {name} first."))
            }
            None if self.place(name).is_none() => Err(ROOM_SHAPE.into()),
            _ => Err(format!("! There is no room {name}. /rooms lists them, /join {name} makes it.")),
        }
    }

    /// The room and the member that an operator's command is about.
    pub(super) fn room_and_member(
        &self,
        by: usize,
        rest: &str,
        usage: &str,
        is_for_lobby: bool,
    ) -> Result<(usize, usize), String> {
        let (room, rest) = self.governed_room(by, rest)?;
        let room = room.unwrap_or(self.current_room(by));
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return Err(refusal);
        }
        let name = split(rest).0;
        if name.is_empty() {
            return Err(format!("! Usage: {usage}"));
        }
        if room == 0 && !is_for_lobby {
            return Err("! That does not apply to lobby.".into());
        }
        self.find(name).map(|who| (room, who)).ok_or(format!("! Nobody here is called {name}."))
    }

    /// `/op`, `/deop`, `/voice`, `/devoice`
    pub(super) fn change_role(&mut self, by: usize, word: &str, rest: &str, now: Now) {
        let (role, given) = (word.ends_with("op"), !word.starts_with("/de"));
        match self.room_and_member(by, rest, &format!("{word} name"), !role) {
            Ok((room, who)) => self.propose_or_refuse(Proposed::Role { by, who, room, role, given }, now),
            Err(refusal) => self.answer_to(by, &refusal),
        }
    }

    /// The reason why a role cannot be given or taken.
    pub(super) fn refuse_role(&self, by: usize, who: usize, room: usize, role: bool, given: bool) -> Option<String> {
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
    pub(super) fn give_role(&mut self, who: usize, room: usize, role: bool) {
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
    pub(super) fn holder_name(&self, holder: Holder) -> Option<String> {
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

    pub(super) fn take_role(&mut self, who: usize, room: usize) {
        let holder = self.holder(who);
        self.rules(room).take_role(holder);
    }

    pub(super) fn commit_role(&mut self, by: usize, who: usize, room: usize, role: bool, given: bool, now: Now) {
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
    pub(super) fn change_moderator(&mut self, given: bool, name: &str, now: Now) {
        if name.is_empty() {
            return self.send_to_console(&format!("! Usage: {} name", if given { "/mod" } else { "/unmod" }));
        }
        match self.find(name) {
            Some(who) => self.propose_or_refuse(Proposed::Moderator { who, given }, now),
            None => self.send_to_console(&format!("! Nobody here is called {name}.")),
        }
    }

    pub(super) fn refuse_moderator(&self, who: usize, given: bool) -> Option<String> {
        let reader = &self.members[who];
        match (reader.is_moderator, given) {
            _ if !reader.is_member => Some("! Nobody here is called .".into()),
            (true, true) => Some(format!("! {} is a moderator already.", reader.name)),
            (false, false) => Some(format!("! {} is not a moderator.", reader.name)),
            _ => None,
        }
    }

    pub(super) fn commit_moderator(&mut self, who: usize, given: bool) {
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

    /// What a person can see of its room, so that it types commands that mean something.
    pub fn surroundings(&self, session: usize, now: Now) -> Surroundings {
        let who = if session == OPERATOR { None } else { self.readers[session].member };
        let is_here = who.is_some();
        let who = who.unwrap_or(OPERATOR);
        let room = self.rooms.get(if is_here { self.members[who].room } else { 0 }).and_then(Option::as_ref);
        let others = room.map_or(&[][..], |room| &room.members).iter().filter(|&&member| member != who);
        let has_key = |name: &String| self.find_room(name).is_some_and(|room| self.rules_of(room).has("key"));
        let rooms = self.rooms.iter().flatten().map(|room| room.name.clone());
        let restricted = self.rooms.iter().enumerate().filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let restricted = restricted.filter(|&(number, _)| match is_here {
            true => number == self.members[who].room,
            false => session == OPERATOR || number == 0,
        });
        let restricted = restricted.flat_map(|(_, room)| {
            let entries = room.rules.mutes.iter().chain(&room.rules.bans);
            let masks = room.rules.masks.iter().map(|(mask, _)| mask.text());
            entries.map(|entry| entry.name.clone()).chain(masks).map(|name| (room.name.clone(), name))
        });
        let rooms_of = if is_here { self.rooms_of(who) } else { Vec::new() };
        let roles = self.rooms.iter().flatten().flat_map(|room| &room.rules.roles);
        let operators = roles.filter(|&&(_, role)| role).filter_map(|&(holder, _)| self.holder_name(holder));
        Surroundings {
            banned: self.banned_addresses(now).map(|ip| ip.to_string()).collect(),
            operators: operators.collect(),
            own: if is_here { self.members[who].name.clone() } else { String::new() },
            moderates: is_here && self.members[who].is_moderator,
            is_silent: rooms_of.into_iter().any(|room| self.refuse_speech(who, room, now).is_some()),
            restricted: restricted.collect(),
            operates: is_here && self.rank(who, Some(self.members[who].room)) >= Rank::RoomOperator,
            names: others.map(|&member| self.members[member].name.clone()).collect(),
            rooms_with_key: rooms.filter(has_key).collect(),
        }
    }

    /// A member of that name that has a session.
    pub(super) fn present(&self, name: &str) -> Option<usize> {
        self.find(name).filter(|&who| self.has_session(who))
    }
}
