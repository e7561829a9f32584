//! What readers with IRC clients are told of others: joins, leaves, names, topics, messages.

mod rules;

use std::collections::BTreeSet;

use super::{MAX_LINE, Oracle};
use crate::chat::{Cause, MessageKind, Now};
use crate::simulator::oracle::members::member::Member;
use crate::simulator::oracle::rooms::{Message, OracleRoom};
use crate::simulator::oracle::words::{OPERATOR, POSTER};

/// The id of a message for one member alone: the page that reads it puts nothing else there.
pub(super) const PRIVATE_ID: &str = "0-p";

/// A text in pieces, each of which fits into a line of its own.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > most {
        let end = rest.floor_char_boundary(most);
        // Not much of the line stays empty.
        let space = rest[..end].rfind(' ').filter(|space| space + 1 > most - most / 3);
        let (piece, behind) = rest.split_at(space.map_or(end, |space| space + 1));
        pieces.push(piece);
        rest = behind;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

impl Oracle {
    /// Sends a message to a session with an IRC client.
    #[expect(clippy::too_many_arguments, reason = "all that a message consists of")]
    pub(super) fn irc_message(
        &mut self,
        session: usize,
        author: usize,
        name: &str,
        target: &str,
        kind: MessageKind,
        text: &str,
        id: &str,
        now: Now,
    ) {
        let tags = self.irc_message_tags(session, author, id, now);
        let source = self.irc_source(author, name);
        self.irc_text(session, &tags, &source, target, kind, text);
    }

    /// The tags of a message, which tell whether a program has posted it.
    pub(super) fn irc_message_tags(&self, session: usize, author: usize, id: &str, now: Now) -> String {
        let tags = self.irc_tags(session, Some(id), now);
        match author == POSTER && self.readers[session].has_cap("message-tags") {
            true => format!("{};bot ", tags.trim_end()),
            false => tags,
        }
    }

    /// Sends a text in as many lines as it needs.
    pub(super) fn irc_text(
        &mut self,
        session: usize,
        tags: &str,
        source: &str,
        target: &str,
        kind: MessageKind,
        text: &str,
    ) {
        let (command, before, after) = match kind {
            MessageKind::Said => ("PRIVMSG", "", ""),
            MessageKind::Action => ("PRIVMSG", "\u{1}ACTION ", "\u{1}"),
            MessageKind::Notice => ("NOTICE", "", ""),
        };
        let start = format!(":{source} {command} {target} :{before}");
        for piece in pieces(text, MAX_LINE - start.len() - after.len()) {
            self.irc_send_tagged(session, tags, &format!("{start}{piece}{after}"));
        }
    }

    /// Shows a session a message of a room.
    pub(in crate::simulator::oracle) fn irc_said(
        &mut self,
        session: usize,
        room: usize,
        message: &Message,
        kind: MessageKind,
        now: Now,
    ) {
        let (target, text) = (format!("#{}", self.room_name(room)), &message.spoken[message.text_at..]);
        self.irc_message(
            session,
            message.author,
            &message.name,
            &target,
            kind,
            text,
            &format!("0-{}", message.id),
            now,
        );
    }

    /// Shows a session what a member has whispered to its own.
    pub(in crate::simulator::oracle) fn irc_whisper(
        &mut self,
        session: usize,
        from: usize,
        to: &str,
        (kind, text): (MessageKind, &str),
        now: Now,
    ) {
        let name = self.actor_name(from);
        self.irc_message(session, from, &name, to, kind, text, PRIVATE_ID, now);
    }

    /// Shows the readers of a room what a member does there: its name stands before the line.
    pub(in crate::simulator::oracle) fn irc_in_room(&mut self, room: usize, by: usize, line: &str, now: Now) {
        let name = self.actor_name(by);
        for session in self.irc_readers(room) {
            self.irc_event(session, by, &name, line, now);
        }
    }

    /// Members of a room read that another one has come.
    pub(in crate::simulator::oracle) fn irc_joined(&mut self, who: usize, room: usize, now: Now) {
        for session in self.irc_readers(room) {
            if self.readers[session].member != Some(who) {
                self.send_join(session, who, room, now);
            }
        }
    }

    pub(super) fn send_join(&mut self, session: usize, who: usize, room: usize, now: Now) {
        let (name, channel) = (self.members[who].name.clone(), format!("#{}", self.room_name(room)));
        let line = match self.readers[session].has_cap("extended-join") {
            true => {
                let real_name = self.members[who].identity.real_name.clone().unwrap_or_else(|| name.clone());
                format!("JOIN {channel} * :{real_name}")
            }
            false => format!("JOIN {channel}"),
        };
        self.irc_event(session, who, &name, &line, now);
    }

    /// Members of a room, and the one that leaves it, read that.
    pub(in crate::simulator::oracle) fn irc_parted(&mut self, who: usize, room: usize, reason: Option<&str>, now: Now) {
        let reason = reason.map(|reason| format!(" :{reason}")).unwrap_or_default();
        let line = format!("PART #{}{reason}", self.room_name(room));
        self.irc_in_room(room, who, &line, now);
    }

    /// Members of a room read that one is removed, and that one reads it, too.
    pub(in crate::simulator::oracle) fn irc_kicked(
        &mut self,
        who: usize,
        room: usize,
        by: usize,
        why: Option<&str>,
        now: Now,
    ) {
        let (name, actor) = (self.members[who].name.clone(), self.actor_name(by));
        let line = format!("KICK #{} {name} :{}", self.room_name(room), why.unwrap_or(&actor));
        for session in self.irc_readers(room) {
            match by {
                OPERATOR if self.readers[session].member != Some(who) => {
                    let line = format!(":{} {line}", self.config.name);
                    self.irc_send(session, &line);
                }
                by => self.irc_event(session, by, &actor, &line, now),
            }
        }
    }

    /// The readers of all rooms of a member, each once.
    pub(super) fn irc_neighbours(&mut self, who: usize) -> BTreeSet<usize> {
        let all: Vec<usize> = self.rooms_of(who).into_iter().flat_map(|room| self.irc_readers(room)).collect();
        let readers: BTreeSet<usize> = all.iter().copied().collect();
        self.counts.irc_shared += all.len() - readers.len();
        readers
    }

    /// Members of a room with message tags read tags without a message; of a muted member, only itself.
    pub(in crate::simulator::oracle) fn irc_tagged(&mut self, who: usize, room: usize, tags: &str, now: Now) {
        let source = self.irc_source(who, &self.members[who].name);
        let is_muted = self.is_muted(who, now);
        let line = format!(":{source} TAGMSG #{}", self.room_name(room));
        for session in self.irc_readers(room) {
            let reader = &self.readers[session];
            let reads = match reader.member == Some(who) {
                true => reader.has_cap("echo-message"),
                false => !is_muted,
            };
            if reads && reader.has_cap("message-tags") {
                self.counts.irc_optional += 1;
                let before = self.irc_tags(session, Some(PRIVATE_ID), now);
                self.irc_send_tagged(session, &format!("{};{tags} ", before.trim_end()), &line);
            }
        }
    }

    /// Members of a room with that capability read that messages are deleted; of a muted member, only itself.
    pub(in crate::simulator::oracle) fn irc_redacted(
        &mut self,
        by: usize,
        room: usize,
        (ids, reason): (&[u64], Option<&str>),
        now: Now,
    ) {
        let name = self.actor_name(by);
        let reason = reason.map(|reason| format!(" :{reason}")).unwrap_or_default();
        for &id in ids {
            let line = format!("REDACT #{} 0-{id}{reason}", self.room_name(room));
            for session in self.irc_readers_of(by, room, now) {
                if !self.readers[session].has_cap("draft/message-redaction") {
                    continue;
                }
                self.counts.irc_optional += 1;
                match by {
                    OPERATOR => self.irc_send(session, &format!(":{} {line}", self.config.name)),
                    by => self.irc_event(session, by, &name, &line, now),
                }
            }
        }
    }

    /// All that share a room with a member read that it has left.
    pub(in crate::simulator::oracle) fn irc_quit(&mut self, who: usize, cause: &Cause, now: Now) {
        if self.ending {
            return;
        }
        let reason = match cause {
            Cause::Quit(Some(reason)) => format!("Quit: {reason}"),
            Cause::Quit(None) | Cause::EndOfInput => "Quit".into(),
            Cause::ConnectionLost => "Connection lost".into(),
            Cause::Idle => "Idle".into(),
            Cause::TooSlow => "Too slow to read".into(),
            Cause::Kicked(Some(why)) => format!("Kicked: {why}"),
            Cause::Kicked(None) => "Kicked".into(),
            Cause::Banned => "Banned".into(),
            Cause::OtherProtocol => "Another protocol".into(),
            cause => panic!("a member leaves: {cause:?}"),
        };
        let name = self.members[who].name.clone();
        for session in self.irc_neighbours(who) {
            self.irc_event(session, who, &name, &format!("QUIT :{reason}"), now);
        }
    }

    /// All that share a room with a member read its new name; of a muted one, only itself.
    pub(in crate::simulator::oracle) fn irc_renamed(&mut self, who: usize, old: &str, is_muted: bool, now: Now) {
        let own = self.sessions(who).into_iter().filter(|&session| self.is_irc(session));
        let own: BTreeSet<usize> = own.collect();
        let readers = if is_muted { own.clone() } else { &self.irc_neighbours(who) | &own };
        let new = self.members[who].name.clone();
        for session in readers {
            self.irc_event(session, who, old, &format!("NICK :{new}"), now);
        }
        own.into_iter().for_each(|session| self.irc_mut(session).nick = new.clone());
    }

    /// Sessions with `away-notify` read that a member is away, or back: those in `rooms`, each once.
    pub(in crate::simulator::oracle) fn irc_away(&mut self, who: usize, rooms: &[usize], now: Now) {
        if self.is_muted(who, now) {
            return;
        }
        let Member { name, away, .. } = &self.members[who];
        let (name, line) = (name.clone(), away.as_ref().map_or_else(|| "AWAY".into(), |text| format!("AWAY :{text}")));
        let readers: BTreeSet<usize> = rooms.iter().flat_map(|&room| self.irc_readers(room)).collect();
        for session in readers {
            if self.readers[session].has_cap("away-notify") && self.readers[session].member != Some(who) {
                self.counts.irc_optional += 1;
                self.irc_event(session, who, &name, &line, now);
            }
        }
    }

    /// Sessions that monitor a member, and share no room with it, read whether it is away.
    pub(in crate::simulator::oracle) fn irc_away_elsewhere(&mut self, who: usize, now: Now) {
        if !self.is_muted(who, now) {
            let line = self.members[who].away.as_ref().map_or_else(|| "AWAY".into(), |text| format!("AWAY :{text}"));
            self.irc_show_watchers(who, "away-notify", &line, now);
        }
    }

    /// Whether a reader with an IRC client is in a room in which joins and leaves are summed up for others.
    pub fn awaits_summary(&self, session: usize) -> bool {
        let member = self.readers[session].member.filter(|_| self.is_irc(session));
        let sums = |room: usize| self.rooms[room].as_ref().is_some_and(OracleRoom::has_sum);
        member.is_some_and(|member| self.rooms_of(member).into_iter().any(sums))
    }

    /// The server ends: all members read that, in rooms or not.
    pub(in crate::simulator::oracle) fn irc_ending(&mut self, words: &str) {
        for session in 0..self.readers.len() {
            if self.is_irc(session) && self.readers[session].member.is_some() {
                self.irc_notice(session, words);
            }
        }
    }
}
