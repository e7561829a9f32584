//! What readers with IRC clients are told of mutes, bans and invitations in rooms.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::rooms::rules::Kind;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// The sessions with IRC clients that read what a member does in a room: of one that is muted on the server, only its own.
    /// A moderator that is elsewhere reads it, too.
    pub(in crate::simulator::oracle::irc) fn irc_readers_of(&self, by: usize, room: usize, now: Now) -> Vec<usize> {
        let mut readers = self.irc_readers(room);
        if by != OPERATOR {
            let own: Vec<usize> = self.sessions(by).into_iter().filter(|&session| self.is_irc(session)).collect();
            match self.is_muted(by, now) {
                true => readers = own,
                false if !self.is_in(by, room) => readers.extend(own),
                false => {}
            }
        }
        readers
    }

    /// Shows what a member does in a room; the name of the channel stands behind the command.
    pub(in crate::simulator::oracle) fn irc_act(
        &mut self,
        by: usize,
        room: usize,
        command: &str,
        rest: &str,
        now: Now,
    ) {
        if command == "MODE" && self.note_mode_change(by, room, rest) {
            return;
        }
        let (name, line) = (self.actor_name(by), format!("{command} #{} {rest}", self.room_name(room)));
        for session in self.irc_readers_of(by, room, now) {
            self.irc_event(session, by, &name, &line, now);
        }
    }

    /// Shows what a member does in a room, for which IRC has no command.
    pub(in crate::simulator::oracle) fn irc_note(&mut self, by: usize, room: usize, words: &str, now: Now) {
        let line = format!(":{} NOTICE #{} :{words}", self.config.name, self.room_name(room));
        for session in self.irc_readers_of(by, room, now) {
            self.irc_send(session, &line);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that a restriction consists of")]
    pub(in crate::simulator::oracle) fn irc_restricted(
        &mut self,
        by: usize,
        room: usize,
        kind: Kind,
        name: &str,
        added: bool,
        words: &str,
        now: Now,
    ) {
        match kind {
            Kind::Mute => self.irc_note(by, room, words, now),
            Kind::Ban => {
                self.irc_act(by, room, "MODE", &format!("{}b {name}!*@*", if added { '+' } else { '-' }), now);
            }
        }
    }

    /// A session reads who has kicked it from the server, if that is a moderator.
    pub(in crate::simulator::oracle) fn irc_killed(&mut self, session: usize, by: usize, why: Option<&str>, now: Now) {
        if by != OPERATOR && self.is_irc(session) {
            let (actor, nick) = (self.actor_name(by), self.irc_nick(session));
            self.irc_event(session, by, &actor, &format!("KILL {nick} :{}", why.unwrap_or("no reason given")), now);
        }
    }

    /// A member reads that it is invited.
    pub(in crate::simulator::oracle) fn irc_invited(&mut self, who: usize, by: usize, room: usize, now: Now) {
        let (name, actor) = (self.members[who].name.clone(), self.actor_name(by));
        let line = format!("INVITE {name} #{}", self.room_name(room));
        for session in self.sessions(who) {
            if self.is_irc(session) {
                self.irc_event(session, by, &actor, &line, now);
            }
        }
    }

    /// Those in the room with `invite-notify` read of an invitation, and the member that has invited.
    pub(in crate::simulator::oracle) fn irc_shows_invitation(&mut self, who: usize, by: usize, room: usize, now: Now) {
        let (name, actor, channel) =
            (self.members[who].name.clone(), self.actor_name(by), format!("#{}", self.room_name(room)));
        if by != OPERATOR {
            for session in self.sessions(by) {
                if self.is_irc(session) {
                    self.irc_numeric(session, 341, &format!("{name} {channel}"));
                }
            }
            if self.is_muted(by, now) {
                return;
            }
        }
        for session in self.irc_readers(room) {
            if !self.readers[session].has_cap("invite-notify") || self.readers[session].member == Some(by) {
                continue;
            }
            let line = format!("INVITE {name} {channel}");
            match by {
                OPERATOR => self.irc_send(session, &format!(":{} {line}", self.config.name)),
                by => self.irc_event(session, by, &actor, &line, now),
            }
        }
    }
}
