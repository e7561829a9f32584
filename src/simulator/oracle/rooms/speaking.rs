//! Messages of rooms.

use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::clock;
use crate::simulator::oracle::rooms::{HistoryEntry, Message};
use crate::simulator::oracle::words::{OPERATOR, POSTER, key};

impl Oracle {
    pub(in crate::simulator::oracle) fn ignores(&self, who: usize, author: usize, author_key: &str) -> bool {
        let ignored = &self.members[who].ignored;
        author != who && ignored.iter().any(|(_, key, person)| *person == Some(author) || key == author_key)
    }

    /// Whether `who` does not read what `author` says now.
    pub(in crate::simulator::oracle) fn ignores_now(&self, who: usize, author: usize) -> bool {
        author != OPERATOR && self.ignores(who, author, &self.members[author].key)
    }

    /// Sends a message to a room. `speaker` is the session that has typed it, if it has not ended.
    pub(in crate::simulator::oracle) fn say(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        number: usize,
        kind: MessageKind,
        text: &str,
        now: Now,
    ) {
        self.say_to(author, speaker, number, (kind, text), true, now);
    }

    /// As `say`; unless `on_irc`, IRC clients do not read it.
    pub(in crate::simulator::oracle) fn say_to(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        number: usize,
        (kind, text): (MessageKind, &str),
        on_irc: bool,
        now: Now,
    ) {
        let (name, key) = match author {
            OPERATOR => ("server".to_owned(), "server".to_owned()),
            author => (self.members[author].name.clone(), self.members[author].key.clone()),
        };
        let spoken = format!("{name}{}{text}", kind.separator());
        let text_at = spoken.len() - text.len();
        let mark = format!("{} {}", clock(now), if kind == MessageKind::Action { "* " } else { "" });
        self.messages += 1;
        let message =
            Message { id: self.messages, author, name: name.clone(), key, mark, spoken, text_at, kind, at: now.local };
        let Message { mark, spoken, .. } = &message;
        let must_wait = self.rank(author, Some(number)) < Rank::Voice;
        let holder = self.holder(author);
        let rules = self.rules(number);
        if rules.has("slow") && must_wait {
            rules.spoken.insert(holder, now.at);
        }
        self.begin_day(number, now);
        if author != OPERATOR && self.is_muted(author, now) {
            self.send_room_event_to_console(number, mark, &format!("(muted) {spoken}"));
            for session in self.sessions(author) {
                let has_echo = self.readers[session].echo || self.readers[session].has_cap("echo-message");
                if (has_echo || Some(session) != speaker) && (on_irc || !self.is_irc(session)) {
                    self.send_said(session, number, &message, kind, now);
                }
            }
            return;
        }
        self.deliver((author, speaker), number, message, on_irc, now);
    }

    /// A program posts lines in a room, under a name that is marked.
    pub(in crate::simulator::oracle) fn commit_post(&mut self, room: &str, name: &str, lines: &[String], now: Now) {
        let number = self.find_room(room).expect("a room that exists");
        self.posted.push_back(Some(self.messages + 1));
        for line in lines {
            self.messages += 1;
            let spoken = format!("{name}: {line}");
            let (mark, text_at, kind) = (format!("{} ", clock(now)), spoken.len() - line.len(), MessageKind::Said);
            let (id, author, key) = (self.messages, POSTER, key(name));
            let message =
                Message { id, author, name: name.to_owned(), key, mark, spoken, text_at, kind, at: now.local };
            self.begin_day(number, now);
            self.deliver((POSTER, None), number, message, true, now);
            self.counts.posted += 1;
        }
        self.remove_if_unkept(number);
    }

    /// Shows a message to all who read a room, and adds it to the history.
    fn deliver(
        &mut self,
        (author, speaker): (usize, Option<usize>),
        number: usize,
        message: Message,
        on_irc: bool,
        now: Now,
    ) {
        let Message { mark, spoken, kind, .. } = &message;
        let (line, kind) = (format!("{mark}{spoken}"), *kind);
        let cost = 96 + message.name.len() + spoken.len() - message.text_at;
        self.store_room(number);
        if author != OPERATOR {
            self.send_room_event_to_console(number, mark, spoken);
        }
        for member in self.room(number).members.clone() {
            let is_shared = self.members[member].account.is_some();
            for session in self.sessions(member) {
                let reads = match member == author {
                    true if self.is_irc(session) => self.readers[session].has_cap("echo-message"),
                    true => self.readers[session].echo || is_shared && Some(session) != speaker,
                    false => !self.ignores(member, author, &message.key),
                };
                if reads && (on_irc || !self.is_irc(session)) {
                    self.send_said(session, number, &message, kind, now);
                }
            }
        }
        let room = self.room(number);
        room.said += 1;
        let (day, begun) = (now.local.date(), room.shown);
        room.history.push(HistoryEntry { message, day, begun, cost });
        self.drop_old_messages(number);
        self.grow(number, &line);
    }

    /// Sends a message to a session as it is said.
    fn send_said(&mut self, session: usize, room: usize, message: &Message, kind: MessageKind, now: Now) {
        match self.is_irc(session) {
            true => self.irc_said(session, room, message, kind, now),
            false => self.send_message(session, room, message),
        }
    }

    /// Drops the messages of a room's history that are over its limits.
    pub(in crate::simulator::oracle) fn drop_old_messages(&mut self, number: usize) {
        let (most, most_bytes) = (self.config.history, self.config.history_bytes);
        let room = self.room(number);
        while room.history.len() > most || room.history.iter().map(|message| message.cost).sum::<usize>() > most_bytes {
            room.newest_dropped = room.history.remove(0).message.id;
        }
    }

    /// Sends a message to a session of a member. Programs read its number too.
    pub(super) fn send_message(&mut self, who: usize, room: usize, message: &Message) {
        let Some(member) = self.readers[who].member else { return };
        self.note_source(who, room);
        let Message { id, mark, spoken, .. } = message;
        let number = if self.readers[who].program.is_some() { format!("{id} ") } else { String::new() };
        let label = self.label(member, room);
        self.send_line(who, &format!("{number}{mark}{label}{spoken}"));
    }

    /// The reason why a member cannot speak in a room that it has left before its message was committed.
    pub(in crate::simulator::oracle) fn refuse_absent(&self, who: usize, room: usize) -> Option<String> {
        if self.is_in(who, room) {
            return None;
        }
        let name = self.room_name(room);
        let left = || Some(format!("! You are not in {name}. /follow {name} first; ##{name} says it as text."));
        self.refuse_gone(room).or_else(left)
    }
}
