//! Rooms: members, history, announcements.

use std::time::Duration;

use time::Date;

use super::roles::Rank;
use super::rules::{Holder, Rules};
use super::{NOWHERE, OPERATOR, Oracle, POSTER};
use crate::chat::{MessageKind, Now};

/// The state of a room.
pub(super) struct OracleRoom {
    pub name: String,
    /// In the order of the server's sweep.
    pub members: Vec<usize>,
    pub(super) history: Vec<HistoryEntry>,
    /// What was ever shown to the room.
    pub shown: Shown,
    /// The name of the member who has set the topic, and its text.
    pub(super) topic: Option<(String, String)>,
    pub(super) topic_at: i64,
    /// When a member made it.
    pub(super) created: Option<i64>,
    pub(super) rules: Rules,
    /// It is in the store, which keeps it.
    is_stored: bool,
    /// Messages of it were deleted.
    pub(super) has_deleted: bool,
    /// The id of the newest message that is no longer kept.
    pub(super) newest_dropped: u64,
    /// Day lines, with the number of messages before each.
    pub(super) days: Vec<(usize, Date)>,
    pub(super) said: usize,
    day: Option<Date>,
    /// Joins and leaves that are not announced yet.
    sum: Option<(u32, u32)>,
    next_sum: Duration,
    /// Its number among all times that a room became empty.
    emptied: usize,
}

/// Lines of a room, and their bytes without the name of the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub bytes: usize,
    pub lines: usize,
}

/// A message of a room.
#[derive(Clone)]
pub(super) struct Message {
    pub id: u64,
    pub author: usize,
    /// The author's name at that time.
    pub name: String,
    /// The key of the author's name at that time.
    pub key: String,
    /// The time, and a star for an action.
    pub mark: String,
    pub spoken: String,
    /// Where the text begins there.
    pub text_at: usize,
}

/// A message of the history.
pub(super) struct HistoryEntry {
    pub message: Message,
    pub day: Date,
    /// What was shown to the room before it.
    pub begun: Shown,
    /// What it counts toward the limit of the history in bytes.
    pub cost: usize,
}

impl OracleRoom {
    pub fn new(name: &str) -> OracleRoom {
        OracleRoom {
            name: name.into(),
            members: Vec::new(),
            history: Vec::new(),
            shown: Shown::default(),
            topic: None,
            topic_at: 0,
            created: None,
            rules: Rules::default(),
            is_stored: false,
            has_deleted: false,
            newest_dropped: 0,
            days: Vec::new(),
            said: 0,
            day: None,
            sum: None,
            next_sum: Duration::ZERO,
            emptied: 0,
        }
    }

    /// Whether joins and leaves are not announced yet.
    pub fn has_sum(&self) -> bool {
        self.sum.is_some()
    }
}

pub(super) fn day_line(day: Date) -> String {
    format!("* {} {} {} {}", day.weekday(), day.day(), day.month(), day.year())
}

/// The time before a message.
pub(super) fn clock(now: Now) -> String {
    let (hour, minute, second) = now.local.time().as_hms();
    format!("[{hour:02}:{minute:02}:{second:02}]")
}

impl Oracle {
    pub(super) fn room(&mut self, room: usize) -> &mut OracleRoom {
        self.rooms[room].as_mut().expect("a room that exists")
    }

    pub(super) fn find_room(&self, name: &str) -> Option<usize> {
        let called =
            |room: &Option<OracleRoom>| room.as_ref().is_some_and(|room| super::key(&room.name) == super::key(name));
        self.rooms.iter().position(called)
    }

    /// Whether a new room can be made.
    pub(super) fn can_open(&self) -> bool {
        self.rooms.iter().flatten().count() < self.config.max_rooms
            || self.rooms.iter().skip(1).flatten().any(|room| self.is_removable(room))
    }

    /// Whether a room may be removed: it is empty, and keeps no members out, or none of its operators is on the server.
    fn is_removable(&self, room: &OracleRoom) -> bool {
        let is_here = |holder| matches!(holder, Holder::Member(who) if self.members[who].is_member);
        let mut operators = room.rules.roles.iter().filter(|&&(holder, role)| role && is_here(holder));
        room.members.is_empty() && (!room.rules.keep_out() || operators.next().is_none())
    }

    /// Finds or creates a room, whose first operator its creator is; at the limit the least recently used empty room is
    /// removed.
    pub(super) fn open(&mut self, name: &str, creator: usize, now: Now) -> Option<usize> {
        if let Some(room) = self.find_room(name) {
            return Some(room);
        }
        if self.rooms.iter().flatten().count() >= self.config.max_rooms && !self.remove_least_used() {
            return None;
        }
        // A number is never used again, so that it always means the same room.
        self.rooms.push(Some(OracleRoom::new(name)));
        let room = self.rooms.len() - 1;
        self.room(room).created = Some(now.local.unix_timestamp());
        self.give_role(creator, room, true);
        Some(room)
    }

    /// Removes the empty room that was used least recently; `false` if there is none.
    pub(super) fn remove_least_used(&mut self) -> bool {
        let rooms = self.rooms.iter().enumerate().skip(1);
        let empty = rooms.filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let empty = empty.filter(|(_, room)| self.is_removable(room));
        let Some((least_recent, _)) = empty.min_by_key(|(_, room)| room.emptied) else { return false };
        self.remove_room(least_recent);
        true
    }

    fn remove_room(&mut self, number: usize) {
        self.rooms[number] = None;
        self.sums.retain(|(_, room)| *room != number);
    }

    /// The line before the first line of another day.
    pub(super) fn begin_day(&mut self, number: usize, now: Now) {
        if number == NOWHERE {
            return self.begin_console_day(now);
        }
        let today = now.local.date();
        let room = self.room(number);
        let said = room.said;
        if room.day.replace(today).is_some_and(|day| day != today) {
            room.days.push((said, today));
            self.grow(number, &day_line(today));
            for member in self.room(number).members.clone() {
                if self.is_in(member, number) {
                    self.show_day(member, today);
                }
            }
        }
        self.begin_console_day(now);
    }

    pub(super) fn begin_console_day(&mut self, now: Now) {
        let today = now.local.date();
        if self.console.is_some() && self.console_day.replace(today).is_some_and(|day| day != today) {
            self.send_to_console(&day_line(today));
        }
    }

    /// Counts one more line shown to the room.
    pub(super) fn grow(&mut self, room: usize, line: &str) {
        let shown = &mut self.room(room).shown;
        shown.bytes += line.len() + 2;
        shown.lines += 1;
    }

    /// Sends a line to all sessions of a member.
    pub(super) fn send_line_to_sessions(&mut self, who: usize, line: &str) {
        self.sessions(who).into_iter().for_each(|session| self.send_line(session, line));
    }

    /// Sends a notice of a room to a session of a member, if it has not ended.
    pub(super) fn send_notice(&mut self, who: usize, room: usize, words: &str) {
        if let Some(member) = self.readers[who].member.filter(|_| !self.is_irc(who)) {
            self.note_source(who, room);
            let label = self.label(member, room);
            self.send_line(who, &format!("* {label}{words}"));
        }
    }

    /// Sends a notice to the members and their sessions for which `reads` is true.
    pub(super) fn show(&mut self, room: usize, words: &str, now: Now, reads: impl Fn(&Oracle, usize, usize) -> bool) {
        self.begin_day(room, now);
        self.grow(room, &format!("* {words}"));
        for member in self.room(room).members.clone() {
            for session in self.sessions(member) {
                if reads(self, member, session) {
                    self.send_notice(session, room, words);
                }
            }
        }
    }

    pub(super) fn ignores(&self, who: usize, author: usize, author_key: &str) -> bool {
        let ignored = &self.members[who].ignored;
        author != who && ignored.iter().any(|(_, key, person)| *person == Some(author) || key == author_key)
    }

    /// Whether `who` does not read what `author` says now.
    pub(super) fn ignores_now(&self, who: usize, author: usize) -> bool {
        author != OPERATOR && self.ignores(who, author, &self.members[author].key)
    }

    /// At most `most` members, in the order in which they joined the server.
    pub(super) fn names_in(&self, room: usize, most: usize) -> Vec<usize> {
        let room = self.rooms[room].as_ref().expect("a room that exists");
        let mut listed: Vec<usize> = room.members.iter().copied().take(most).collect();
        listed.sort_unstable_by_key(|&member| self.members[member].joined);
        listed
    }

    /// Formats a list of members: names, a number of others, and perhaps the reader.
    pub(super) fn list(&self, others: &[usize], here: usize, you: bool) -> String {
        let names: Vec<&str> = others.iter().map(|&other| &*self.members[other].name).collect();
        let more = here - names.len() - usize::from(you);
        match (names.as_slice(), more, you) {
            ([], 0, _) => "you".into(),
            (names, 0, true) => format!("{} and you", names.join(", ")),
            ([one], 0, false) => (*one).into(),
            ([first @ .., last], 0, false) => format!("{} and {last}", first.join(", ")),
            (names, more, you) => {
                let named: String = names.iter().map(|name| format!("{name}, ")).collect();
                format!("{named}{more} more{}", if you { " and you" } else { "" })
            }
        }
    }

    /// Lets a member leave one of its rooms.
    pub(super) fn exit(&mut self, who: usize, number: usize, cause: &str, now: Now) {
        let room = self.room(number);
        let place = room.members.iter().position(|&member| member == who).expect("a member");
        room.members.swap_remove(place);
        let here = room.members.len();
        let line = format!("{} left{cause} ({here} here)", self.members[who].name);
        self.announce(who, number, &line, (0, 1), now);
        self.emptied += 1;
        let emptied = self.emptied;
        let room = self.room(number);
        if room.members.is_empty() {
            room.emptied = emptied;
        }
        self.remove_if_unkept(number);
    }

    /// A room is in the store from now on, if there is one.
    pub(super) fn store_room(&mut self, number: usize) {
        self.room(number).is_stored |= self.has_store;
    }

    /// Removes a room that is empty and has neither messages nor settings.
    pub(super) fn remove_if_unkept(&mut self, number: usize) {
        let room = self.room(number);
        let is_kept = room.is_stored || !room.history.is_empty() || room.topic.is_some() || room.rules.are_kept();
        if number > 0 && room.members.is_empty() && !is_kept {
            self.remove_room(number);
        }
    }

    /// Tells the other members of a join or a leave, at once or in a summary.
    pub(super) fn announce(&mut self, who: usize, number: usize, line: &str, (joined, left): (u32, u32), now: Now) {
        if self.ending {
            return;
        }
        self.begin_day(number, now);
        self.send_room_event_to_console(number, "* ", line);
        if joined > 0 {
            self.irc_joined(who, number, now);
        }
        let limit = self.config.announce_limit;
        let room = self.room(number);
        if room.members.len() > limit || room.sum.is_some() {
            let is_new = room.sum.is_none();
            let sum = room.sum.get_or_insert_default();
            *sum = (sum.0 + joined, sum.1 + left);
            if is_new {
                self.sums.push_back((now.at + Duration::from_secs(1), number));
            }
            return;
        }
        self.show(number, line, now, |oracle, member, session| member != who && !oracle.readers[session].quiet);
    }

    /// Sends the summaries of joins and leaves that are due.
    pub(super) fn sum_up(&mut self, now: Now) {
        while self.sums.front().is_some_and(|(due, _)| *due <= now.at) {
            let Some((_, number)) = self.sums.pop_front() else { return };
            let Some(room) = self.rooms[number].as_mut() else { continue };
            if now.at < room.next_sum {
                self.sums.push_back((now.at + Duration::from_secs(1), number));
            } else if let Some((joined, left)) = room.sum.take() {
                let here = room.members.len();
                if here == 0 {
                    continue;
                }
                // 5000 such lines a second, to all members together.
                room.next_sum = now.at + Duration::from_millis(here as u64 / 5);
                self.counts.summed += 1;
                let words = format!("{joined} joined, {left} left ({here} here)");
                self.show(number, &words, now, |oracle, _, session| !oracle.readers[session].quiet);
            }
        }
    }

    /// Sends a message to a room. `speaker` is the session that has typed it, if it has not ended.
    pub(super) fn say(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        number: usize,
        kind: MessageKind,
        text: &str,
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
        let message = Message { id: self.messages, author, name: name.clone(), key, mark, spoken, text_at };
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
                if has_echo || Some(session) != speaker {
                    self.send_said(session, number, &message, kind, now);
                }
            }
            return;
        }
        self.deliver(author, speaker, number, kind, message, now);
    }

    /// A program posts lines in a room, under a name that is marked.
    pub(super) fn commit_post(&mut self, room: &str, name: &str, lines: &[String], now: Now) {
        let number = self.find_room(room).expect("a room that exists");
        self.posted.push_back(Some(self.messages + 1));
        for line in lines {
            self.messages += 1;
            let spoken = format!("{name}: {line}");
            let (mark, text_at) = (format!("{} ", clock(now)), spoken.len() - line.len());
            let (name, key) = (name.to_owned(), super::key(name));
            let message = Message { id: self.messages, author: POSTER, name, key, mark, spoken, text_at };
            self.begin_day(number, now);
            self.deliver(POSTER, None, number, MessageKind::Said, message, now);
            self.counts.posted += 1;
        }
        self.remove_if_unkept(number);
    }

    /// Shows a message to all who read a room, and adds it to the history.
    fn deliver(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        number: usize,
        kind: MessageKind,
        message: Message,
        now: Now,
    ) {
        let Message { mark, spoken, .. } = &message;
        let (line, cost) = (format!("{mark}{spoken}"), 96 + message.name.len() + spoken.len() - message.text_at);
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
                if reads {
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
    pub(super) fn drop_old_messages(&mut self, number: usize) {
        let (most, most_bytes) = (self.config.history, self.config.history_bytes);
        let room = self.room(number);
        while room.history.len() > most || room.history.iter().map(|message| message.cost).sum::<usize>() > most_bytes {
            room.newest_dropped = room.history.remove(0).message.id;
        }
    }

    /// Shows an event of a room to the operator, with the room's name unless it is the lobby.
    pub(super) fn send_room_event_to_console(&mut self, room: usize, mark: &str, line: &str) {
        if self.console.is_some() {
            let name = self.room(room).name.clone();
            let place = if room == 0 { String::new() } else { format!("({name}) ") };
            self.send_to_console(&format!("{mark}{place}{line}"));
        }
    }
}
