//! What a room is shown besides its messages: days, notices, joins and leaves.

use std::time::Duration;

use time::Date;

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::phrases::day_line;
use crate::simulator::oracle::words::NOWHERE;

impl Oracle {
    /// The line before the first line of another day.
    pub(in crate::simulator::oracle) fn begin_day(&mut self, number: usize, now: Now) {
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

    pub(in crate::simulator::oracle) fn begin_console_day(&mut self, now: Now) {
        let today = now.local.date();
        if self.console.is_some() && self.console_day.replace(today).is_some_and(|day| day != today) {
            self.send_to_console(&day_line(today));
        }
    }

    /// Counts one more line shown to the room.
    pub(in crate::simulator::oracle) fn grow(&mut self, room: usize, line: &str) {
        let shown = &mut self.room(room).shown;
        shown.bytes += line.len() + 2;
        shown.lines += 1;
    }

    /// Sends a line to all sessions of a member.
    pub(in crate::simulator::oracle) fn send_line_to_sessions(&mut self, who: usize, line: &str) {
        self.sessions(who).into_iter().for_each(|session| self.send_line(session, line));
    }

    /// Sends a notice of a room to a session of a member, if it has not ended.
    pub(in crate::simulator::oracle) fn send_notice(&mut self, who: usize, room: usize, words: &str) {
        if let Some(member) = self.readers[who].member.filter(|_| !self.is_irc(who)) {
            self.note_source(who, room);
            let label = self.label(member, room);
            self.send_line(who, &format!("* {label}{words}"));
        }
    }

    /// Sends a notice to the members and their sessions for which `reads` is true.
    pub(in crate::simulator::oracle) fn show(
        &mut self,
        room: usize,
        words: &str,
        now: Now,
        reads: impl Fn(&Oracle, usize, usize) -> bool,
    ) {
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

    /// At most `most` members, in the order in which they joined the server.
    pub(in crate::simulator::oracle) fn names_in(&self, room: usize, most: usize) -> Vec<usize> {
        let room = self.rooms[room].as_ref().expect("a room that exists");
        let mut listed: Vec<usize> = room.members.iter().copied().take(most).collect();
        listed.sort_unstable_by_key(|&member| self.members[member].joined);
        listed
    }

    /// Formats a list of members: names, a number of others, and perhaps the reader.
    pub(in crate::simulator::oracle) fn list(&self, others: &[usize], here: usize, you: bool) -> String {
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
    pub(in crate::simulator::oracle) fn sum_up(&mut self, now: Now) {
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

    /// Shows an event of a room to the operator, with the room's name unless it is the lobby.
    pub(in crate::simulator::oracle) fn send_room_event_to_console(&mut self, room: usize, mark: &str, line: &str) {
        if self.console.is_some() {
            let name = self.room(room).name.clone();
            let place = if room == 0 { String::new() } else { format!("({name}) ") };
            self.send_to_console(&format!("{mark}{place}{line}"));
        }
    }

    /// What stands before a line of a room that is not the reader's current one.
    pub(in crate::simulator::oracle) fn label(&self, who: usize, room: usize) -> String {
        if self.members[who].room == room { String::new() } else { format!("({}) ", self.room_name(room)) }
    }

    /// Shows a member the line of a day that has begun in one of its rooms: with several rooms, only once.
    fn show_day(&mut self, who: usize, today: Date) {
        for session in self.sessions(who) {
            let reader = &mut self.readers[session];
            if !self.members[who].followed.is_empty() {
                if reader.day.is_some_and(|shown| today <= shown) {
                    continue;
                }
                reader.day = Some(today);
            }
            self.send_day(session, today);
        }
    }

    /// Sends a session the line of a day. Programs read times instead.
    pub(super) fn send_day(&mut self, session: usize, day: Date) {
        if self.readers[session].program.is_none() && !self.is_irc(session) {
            self.send_line(session, &day_line(day));
        }
    }
}
