//! Rooms: members, history, announcements.

use std::time::Duration;

use time::Date;

use super::{OPERATOR, Oracle, ReaderStage};
use crate::chat::Now;

/// The state of a room.
pub(super) struct OracleRoom {
    pub name: String,
    /// In the order of the server's sweep.
    pub members: Vec<usize>,
    history: Vec<HistoryEntry>,
    /// Bytes ever shown to the room.
    pub bytes: usize,
    /// Day lines, with the number of messages before each.
    days: Vec<(usize, Date)>,
    said: usize,
    day: Option<Date>,
    /// Joins and leaves that are not announced yet.
    sum: Option<(u32, u32)>,
    next_sum: Duration,
    /// Its number among all times that a room became empty.
    emptied: usize,
}

/// A message of the history.
struct HistoryEntry {
    author: usize,
    key: String,
    line: String,
    day: Date,
    /// Bytes shown to the room before it.
    begun: usize,
}

impl OracleRoom {
    pub fn new(name: &str) -> OracleRoom {
        OracleRoom {
            name: name.into(),
            members: Vec::new(),
            history: Vec::new(),
            bytes: 0,
            days: Vec::new(),
            said: 0,
            day: None,
            sum: None,
            next_sum: Duration::ZERO,
            emptied: 0,
        }
    }
}

fn day_line(day: Date) -> String {
    format!("* {} {} {} {}", day.weekday(), day.day(), day.month(), day.year())
}

/// No name equals a day of the week.
pub(super) fn is_day_line(line: &str) -> bool {
    let days = ["Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"];
    days.iter().any(|day| {
        line.strip_prefix("* ").and_then(|line| line.strip_prefix(day)).is_some_and(|line| line.starts_with("day "))
    })
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
        let is_removable = |room: &OracleRoom| room.members.is_empty();
        self.rooms.iter().flatten().count() < self.config.max_rooms
            || self.rooms.iter().skip(1).flatten().any(is_removable)
    }

    /// Finds or creates a room; at the limit the least recently used empty room is removed.
    pub(super) fn open(&mut self, name: &str) -> Option<usize> {
        if let Some(room) = self.find_room(name) {
            return Some(room);
        }
        if self.rooms.iter().flatten().count() >= self.config.max_rooms {
            // The one that was used least recently.
            let rooms = self.rooms.iter().enumerate().skip(1);
            let empty = rooms.filter_map(|(number, room)| Some((number, room.as_ref()?)));
            let empty = empty.filter(|(_, room)| room.members.is_empty());
            let (least_recent, _) = empty.min_by_key(|(_, room)| room.emptied)?;
            self.remove_room(least_recent);
        }
        let free = self.rooms.iter().position(Option::is_none).unwrap_or(self.rooms.len());
        if free == self.rooms.len() {
            self.rooms.push(None);
        }
        self.rooms[free] = Some(OracleRoom::new(name));
        Some(free)
    }

    fn remove_room(&mut self, number: usize) {
        self.rooms[number] = None;
        self.sums.retain(|(_, room)| *room != number);
    }

    /// The line before the first line of another day.
    pub(super) fn begin_day(&mut self, number: usize, now: Now) {
        let today = now.local.date();
        let room = self.room(number);
        let said = room.said;
        if room.day.replace(today).is_some_and(|day| day != today) {
            room.days.push((said, today));
            self.grow(number, &day_line(today));
            for member in self.room(number).members.clone() {
                self.send_line_to_session(member, &day_line(today));
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
    fn grow(&mut self, room: usize, line: &str) {
        let most = self.config.history_bytes;
        let room = self.room(room);
        room.bytes += line.len() + 2;
        let bytes = room.bytes;
        let first = room.history.iter().position(|message| bytes - message.begun <= most);
        room.history.drain(..first.unwrap_or(room.history.len()));
    }

    /// Sends a line to a member, if its session has not ended.
    pub(super) fn send_line_to_session(&mut self, who: usize, line: &str) {
        if self.readers[who].stage == ReaderStage::Here {
            self.send_line(who, line);
        }
    }

    /// Sends a line to all members except one.
    pub(super) fn show(&mut self, room: usize, but: Option<usize>, line: &str, now: Now) {
        self.begin_day(room, now);
        self.grow(room, line);
        for index in 0..self.room(room).members.len() {
            let member = self.room(room).members[index];
            if Some(member) != but {
                self.send_line_to_session(member, line);
            }
        }
    }

    fn ignores(&self, who: usize, author: usize, author_key: &str) -> bool {
        let ignored = &self.readers[who].ignored;
        author != who && ignored.iter().any(|(_, key, person)| *person == author || key == author_key)
    }

    /// Whether `who` does not read what `author` says now.
    pub(super) fn ignores_now(&self, who: usize, author: usize) -> bool {
        author != OPERATOR && self.ignores(who, author, &self.readers[author].key)
    }

    /// Sends the history to a reader who enters (`live`) or asks for it.
    pub(super) fn replay(&mut self, who: usize, n: usize, live: bool, now: Now) {
        let room = self.rooms[self.readers[who].room].as_ref().expect("a room that exists");
        let shown = &room.history[room.history.len().saturating_sub(n)..];
        let reads: Vec<bool> = shown.iter().map(|message| !self.ignores(who, message.author, &message.key)).collect();
        let count = reads.iter().filter(|reads| **reads).count();
        if count == 0 {
            if !live {
                self.send_line(who, "* Nothing has been said here yet.");
            }
            return;
        }
        let mut lines = vec![format!("* --- the last {count} message{} ---", if count == 1 { "" } else { "s" })];
        if shown[0].day != now.local.date() {
            lines.push(day_line(shown[0].day));
        }
        let before = room.said - shown.len();
        for (index, message) in shown.iter().enumerate() {
            let days = room.days.iter().filter(|(at, _)| *at == before + index && index > 0);
            lines.extend(days.map(|(_, day)| day_line(*day)));
            if reads[index] {
                lines.push(message.line.clone());
            }
        }
        lines.extend(room.days.iter().filter(|(at, _)| *at == room.said).map(|(_, day)| day_line(*day)));
        lines.push("* --- you are up to date ---".into());
        for line in lines {
            self.send_line(who, &line);
        }
    }

    /// At most `most` members, those who entered first come first.
    pub(super) fn names_in(&self, room: usize, most: usize) -> Vec<usize> {
        let room = self.rooms[room].as_ref().expect("a room that exists");
        let mut listed: Vec<usize> = room.members.iter().copied().take(most).collect();
        listed.sort_unstable_by_key(|&member| self.readers[member].entered);
        listed
    }

    /// Formats a list of members: names, a number of others, and perhaps the reader.
    pub(super) fn list(&self, others: &[usize], here: usize, you: bool) -> String {
        let names: Vec<&str> = others.iter().map(|&other| &*self.readers[other].name).collect();
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

    /// Lets a reader who is in no room enter one.
    pub(super) fn enter(&mut self, who: usize, room: usize, now: Now, greet: impl FnOnce(&str, usize, &str) -> String) {
        self.begin_day(room, now);
        let here = self.room(room).members.len() + 1;
        self.entries += 1;
        self.readers[who].entered = self.entries;
        self.readers[who].room = room;
        if self.readers[who].stage != ReaderStage::Gone {
            self.greet(who, room, here, now, greet);
        }
        self.room(room).members.push(who);
        let line = format!("{} joined ({here} here)", self.readers[who].name);
        self.announce(who, room, &line, (1, 0), now);
    }

    fn greet(
        &mut self,
        who: usize,
        room: usize,
        here: usize,
        now: Now,
        greet: impl FnOnce(&str, usize, &str) -> String,
    ) {
        let people = self.list(&self.names_in(room, 12), here, true);
        let name = self.room(room).name.clone();
        self.send_line(who, &greet(&name, here, &people));
        let bytes = self.room(room).bytes;
        // What the history spans is unread, too.
        let history: usize = self.room(room).history.first().map_or(0, |message| bytes - message.begun);
        let reader = &mut self.readers[who];
        (reader.stage, reader.up_to_date_at) = (ReaderStage::Here, bytes - history);
        self.replay(who, self.config.history, true, now);
    }

    /// Lets a reader leave its room.
    pub(super) fn exit(&mut self, who: usize, cause: &str, now: Now) {
        let number = self.readers[who].room;
        let room = self.room(number);
        let place = room.members.iter().position(|&member| member == who).expect("a member");
        room.members.swap_remove(place);
        let here = room.members.len();
        let line = format!("{} left{cause} ({here} here)", self.readers[who].name);
        self.announce(who, number, &line, (0, 1), now);
        self.emptied += 1;
        let emptied = self.emptied;
        let room = self.room(number);
        if room.members.is_empty() {
            room.emptied = emptied;
        }
        if number > 0 && room.members.is_empty() && room.history.is_empty() {
            self.remove_room(number);
        }
    }

    fn announce(&mut self, who: usize, number: usize, line: &str, (joined, left): (u32, u32), now: Now) {
        if self.ending {
            return;
        }
        self.begin_day(number, now);
        self.send_room_event_to_console(number, "* ", line);
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
        self.show(number, Some(who), &format!("* {line}"), now);
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
                self.show(number, None, &format!("* {joined} joined, {left} left ({here} here)"), now);
            }
        }
    }

    /// Sends a message to a room.
    pub(super) fn say(&mut self, author: usize, number: usize, action: bool, text: &str, now: Now) {
        let (name, key) = match author {
            OPERATOR => ("server".to_owned(), "server".to_owned()),
            author => (self.readers[author].name.clone(), self.readers[author].key.clone()),
        };
        let spoken = if action { format!("{name} {text}") } else { format!("{name}: {text}") };
        let mark = format!("{} {}", clock(now), if action { "* " } else { "" });
        let line = format!("{mark}{spoken}");
        self.begin_day(number, now);
        if author != OPERATOR && self.is_muted(author, now) {
            self.send_room_event_to_console(number, &mark, &format!("(muted) {spoken}"));
            if self.readers[author].echo {
                self.send_line_to_session(author, &line);
            }
            return;
        }
        if author != OPERATOR {
            self.send_room_event_to_console(number, &mark, &spoken);
        }
        for index in 0..self.room(number).members.len() {
            let member = self.room(number).members[index];
            let reads = if member == author { self.readers[member].echo } else { !self.ignores(member, author, &key) };
            if reads {
                self.send_line_to_session(member, &line);
            }
        }
        let most = self.config.history;
        let room = self.room(number);
        room.said += 1;
        let (day, begun) = (now.local.date(), room.bytes);
        room.history.push(HistoryEntry { author, key, line: line.clone(), day, begun });
        let over = room.history.len().saturating_sub(most);
        room.history.drain(..over);
        self.grow(number, &line);
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
