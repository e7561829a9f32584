//! What IRC sessions do with older messages: CHATHISTORY, MARKREAD, REDACT, and the history of a room that they enter.

use std::time::Duration;

use super::{MAX_LINE, Oracle};
use crate::chat::Now;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::rooms::Message;
use crate::simulator::oracle::words::{OPERATOR, Optional, POSTER, key};

/// Messages of one answer at most.
const MAX_MESSAGES: usize = 100;

impl Oracle {
    /// Sends a standard reply.
    pub(super) fn irc_fail(&mut self, who: usize, rest: &str) {
        let line = format!(":{} FAIL {rest}", self.config.name);
        self.irc_send(who, &line);
    }

    /// `CHATHISTORY LATEST #room * n`
    pub(super) fn irc_chathistory(&mut self, who: usize, member: usize, params: &[String]) {
        let (target, n) = (&params[1], params[3].parse::<usize>().expect("a number"));
        let room = target.strip_prefix('#').and_then(|name| self.find_room(name));
        match room.filter(|&room| self.is_in(member, room)) {
            Some(room) => {
                let messages = self.readable(member, room, usize::MAX);
                let first = messages.len().saturating_sub(n.min(MAX_MESSAGES));
                self.show_messages(who, room, &messages[first..]);
            }
            None => {
                let text = "Messages could not be retrieved";
                self.irc_fail(who, &format!("CHATHISTORY INVALID_TARGET LATEST {target} :{text}"));
            }
        }
    }

    /// Shows a session that reads batches and times, and does not ask itself, the last messages of a room that it enters.
    pub(super) fn replay_on_irc(&mut self, session: usize, member: usize, room: usize) {
        let reader = &self.readers[session];
        let wants = reader.has_cap("batch") && reader.has_cap("server-time") && !reader.has_cap("draft/chathistory");
        let messages = self.readable(member, room, self.config.history.min(MAX_MESSAGES));
        if !wants || messages.is_empty() {
            return;
        }
        let (begin, may_stop) = (reader.expected.len(), self.may_be_cut(session, 4));
        self.show_messages(session, room, &messages);
        if may_stop {
            let end = self.readers[session].expected.len();
            self.readers[session].optional.push(Optional { place: begin..end, instead: Vec::new() });
        }
    }

    /// Those of the last `n` messages of a room that a member does not ignore.
    fn readable(&self, member: usize, room: usize, n: usize) -> Vec<Message> {
        let history = &self.rooms[room].as_ref().expect("a room that exists").history;
        let messages = history[history.len().saturating_sub(n)..].iter().map(|entry| &entry.message);
        messages.filter(|message| !self.ignores(member, message.author, &message.key)).cloned().collect()
    }

    /// Shows as many of the last messages as fit into a page.
    fn show_messages(&mut self, session: usize, room: usize, messages: &[Message]) {
        self.counts.irc_histories += 1;
        let (most, mut bytes) = ((256 * 1024).min(self.config.backlog_bytes / 2), 0);
        let fits = messages.iter().rev().enumerate().take_while(|(index, message)| {
            bytes += 96 + message.name.len() + message.spoken.len() - message.text_at;
            *index == 0 || bytes <= most
        });
        let first = messages.len() - fits.count();
        let server = self.config.name.clone();
        let has_batches = self.readers[session].has_cap("batch");
        let target = format!("#{}", self.room_name(room));
        if has_batches {
            self.irc_send(session, &format!(":{server} BATCH + chathistory {target}"));
        }
        for message in &messages[first..] {
            let at = Now { at: Duration::ZERO, local: message.at };
            let tags = self.irc_message_tags(session, message.author, &format!("0-{}", message.id), at);
            let tags = match (has_batches, tags.strip_prefix('@')) {
                (false, _) => tags,
                (true, Some(others)) => format!("@batch=;{others}"),
                (true, None) => "@batch= ".into(),
            };
            let source = match self.find(&message.name) {
                Some(author) => self.irc_source(author, &message.name),
                None if self.console.is_some() && message.author == OPERATOR => {
                    self.irc_source(OPERATOR, &message.name)
                }
                None if message.author == POSTER => self.irc_source(POSTER, &message.name),
                None => format!("{name}!{name}@unknown.cloak", name = message.name),
            };
            self.irc_text(session, &tags, &source, &target, message.kind, &message.spoken[message.text_at..]);
        }
        if has_batches {
            self.irc_send(session, &format!(":{server} BATCH -"));
        }
    }

    /// `MARKREAD target [timestamp=...]`
    pub(super) fn irc_markread(&mut self, who: usize, member: usize, params: &[String]) {
        let target = &params[0];
        if let Some(at) = params.get(1) {
            let is_target = match target.strip_prefix('#') {
                Some(room) => self.place(room).is_some(),
                None => name(target).is_ok(),
            };
            if !is_target {
                let text = "No such target, or not a time";
                return self.irc_fail(who, &format!("MARKREAD INVALID_PARAMS {target} :{text}"));
            }
            let marker = self.members[member].markers.entry(key(target)).or_default();
            if *marker < *at {
                marker.clone_from(at);
            }
        }
        let line = format!(":{} MARKREAD {target} {}", self.config.name, self.marker(member, target));
        self.irc_send(who, &line);
    }

    /// Up to when a member has read a target.
    pub(super) fn marker(&self, member: usize, target: &str) -> String {
        self.members[member].markers.get(&key(target)).map_or_else(|| "*".into(), String::clone)
    }

    /// `REDACT #room id [reason]`
    pub(super) fn irc_redact(&mut self, who: usize, member: usize, params: &[String], now: Now) {
        let (target, msgid) = (&params[0], &params[1]);
        let room = target.strip_prefix('#').and_then(|name| self.find_room(name));
        let is_member = || self.find(target).is_some();
        let Some(room) = room.filter(|&room| self.sees(member, room)) else {
            return match !target.starts_with('#') && is_member() {
                true => self.no_message(who, target, msgid),
                false => {
                    let text = "You cannot delete messages there";
                    self.irc_fail(who, &format!("REDACT INVALID_TARGET {target} :{text}"));
                }
            };
        };
        let Some(id) = msgid.strip_prefix("0-").and_then(|id| id.parse().ok()) else {
            return self.no_message(who, target, msgid);
        };
        let reason = params.get(2).cloned();
        let may_any = self.rank(member, Some(room)) >= Rank::RoomOperator;
        match self.author_of(room, id) {
            Some(author) if may_any || author == member => {
                self.counts.irc_redactions += 1;
                self.irc_note_channel(who, room);
                // With the lines of a message that belong to this one.
                let found = self.room(room);
                let last = found.multiline.iter().find(|&&(first, _)| first == id).map_or(id, |&(_, last)| last);
                let is_kept = |line: &u64| *line == id || found.history.iter().any(|entry| entry.message.id == *line);
                let ids = (id..=last).filter(is_kept).collect();
                self.propose_deletion(member, room, (ids, reason), now);
            }
            Some(_) => {
                let text = "You may not delete this message";
                self.irc_fail(who, &format!("REDACT REDACT_FORBIDDEN {target} {msgid} :{text}"));
            }
            None if self.is_muted(member, now) && (1..=self.messages).contains(&id) => {
                // It must believe that its message is deleted.
                if self.readers[who].has_cap("draft/message-redaction") {
                    let reason = reason.map(|reason| format!(" :{reason}")).unwrap_or_default();
                    let line = format!("REDACT #{} {msgid}{reason}", self.room_name(room));
                    let name = self.members[member].name.clone();
                    self.irc_event(who, member, &name, &line, now);
                }
            }
            None => self.no_message(who, target, msgid),
        }
    }

    fn no_message(&mut self, who: usize, target: &str, msgid: &str) {
        let text = "There is no such message, or it is no longer known";
        self.irc_fail(who, &format!("REDACT UNKNOWN_MSGID {target} {msgid} :{text}"));
    }

    /// Whether a session may have so much to read that an answer is cut, which happens at a part of the backlog.
    pub(super) fn may_be_cut(&self, session: usize, part: usize) -> bool {
        // What it is sent is longer than what is compared here, where ids are left out.
        2 * self.unread_bytes(session) + MAX_LINE > self.config.backlog_bytes / part
    }
}
