//! Kicks, bans and shadow mutes on the server, of the operator and of moderators.

pub(super) mod bans;
pub(super) mod mask;
pub(super) mod masks;
pub(super) mod mutes;
pub(super) mod rank;
pub(super) mod restrictions;
pub(super) mod roles;
pub(super) mod surroundings;
pub(super) mod telling;

use crate::chat::{Cause, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::mask::Mask;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::split;
use crate::simulator::oracle::rooms::rules::Kind;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// Whether a command is one of those about kicks, bans and mutes.
    pub(super) fn is_moderation(word: &str) -> bool {
        ["/kick", "/ban", "/unban", "/bans", "/mute", "/unmute", "/mutes"].contains(&word)
    }

    /// `/kick`, `/ban`, `/unban`, `/bans`, `/mute`, `/unmute`, `/mutes`: in one room or on the server.
    pub(super) fn moderate(&mut self, by: usize, word: &str, rest: &str, now: Now) {
        let (named, rest) = match self.governed_room(by, rest.trim()) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(by, &refusal),
        };
        let acts_on_server = named.is_none() && self.rank(by, None) >= Rank::Moderator;
        let room = (!acts_on_server).then(|| named.unwrap_or(self.current_room(by)));
        let least = if acts_on_server { Rank::Moderator } else { Rank::RoomOperator };
        if let Some(refusal) = self.permit(by, least, room) {
            return self.answer_to(by, &refusal);
        }
        let kind = if word.contains("mute") { Kind::Mute } else { Kind::Ban };
        match (word, room) {
            ("/kick", room) => self.kick(by, room, rest, now),
            ("/ban" | "/unban", Some(room)) if Mask::is_meant_by(split(rest).0) => {
                self.set_mask(by, room, rest, word == "/ban", now);
            }
            ("/ban" | "/mute", Some(room)) => self.restrict(by, room, kind, rest, now),
            ("/unban" | "/unmute", Some(room)) => self.lift(by, room, kind, rest, now),
            (_, Some(room)) => self.list_restrictions(by, room, kind, rest, now),
            ("/ban", None) => self.ban(by, rest, now),
            ("/unban", None) => self.unban(by, rest, now),
            ("/bans", None) => self.list_bans(by, rest, now),
            ("/mute", None) => self.mute(by, rest, now),
            ("/unmute", None) => self.unmute(by, rest, now),
            (_, None) => self.list_mutes(by, rest, now),
        }
    }

    fn kick(&mut self, by: usize, room: Option<usize>, rest: &str, now: Now) {
        let (name, why) = split(rest);
        if name.is_empty() {
            return self.answer_to(by, "! Usage: /kick name [reason]");
        }
        if room == Some(0) {
            return self.answer_to(by, "! That does not apply to lobby.");
        }
        let Some(who) = self.find(name) else {
            return self.answer_to(by, &format!("! Nobody here is called {name}."));
        };
        let why = Some(why.trim()).filter(|why| !why.is_empty()).map(String::from);
        self.propose_or_refuse(Proposed::Kick { by, who, room, name: name.into(), why }, now);
    }

    /// The reason why a member cannot be kicked from the server, or muted.
    pub(super) fn refuse_act(&self, by: usize, who: usize, typed: &str) -> Option<String> {
        let gone = || (!self.members[who].is_member).then(|| format!("! Nobody here is called {typed}."));
        self.permit(by, Rank::Moderator, None).or_else(gone).or_else(|| self.refuse_protected(by, who))
    }

    /// A member is kicked. If it has sessions, its removal follows when the last one ends.
    pub(super) fn commit_kick(&mut self, by: usize, who: usize, why: Option<&str>, now: Now) {
        let end = why.map_or(".".into(), |why| format!(": {why}"));
        let mut actor = "the operator".to_owned();
        if by != OPERATOR {
            actor = self.actor_name(by);
            self.note_act(by);
            let name = self.members[who].name.clone();
            self.send_to_console(&format!("* {name} is kicked by {actor}{end}"));
        }
        let cause = Cause::Kicked(why.map(Box::from));
        if !self.has_session(who) {
            return self.remove(who, &cause, now);
        }
        for session in self.sessions(who) {
            self.irc_killed(session, by, why, now);
            self.send_line(session, &format!("* You were kicked by {actor}{end}"));
            self.readers[session].due = Some(cause.clone());
        }
        self.members[who].kicked = Some((cause, now));
    }
}
