//! How the acts of moderators are told.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// Answers the member whose line is processed, or the operator.
    pub(in crate::simulator::oracle) fn answer_to(&mut self, who: usize, line: &str) {
        if who == OPERATOR { self.send_to_console(line) } else { self.send_line(self.speaker, line) }
    }

    /// Tells a member or the operator of a change; programs that do not know such events are not told.
    pub(in crate::simulator::oracle) fn tell(&mut self, who: usize, words: &str, program: &str) {
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
    pub(in crate::simulator::oracle) fn words_for<'l>(
        &self,
        session: usize,
        words: &'l str,
        program: &'l str,
    ) -> Option<&'l str> {
        match self.readers[session].program {
            _ if self.is_irc(session) => None,
            None => Some(words),
            Some(1) => None,
            Some(_) => Some(program),
        }
    }

    /// Tells all members of a room, the operator, and the member that has acted. A member that is muted on the server
    /// acts for itself and the operator only.
    pub(in crate::simulator::oracle) fn tell_room(
        &mut self,
        by: usize,
        room: usize,
        words: &str,
        program: &str,
        now: Now,
    ) {
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
    pub(in crate::simulator::oracle) fn tell_in(&mut self, who: usize, room: usize, words: &str, program: &str) {
        if self.is_in(who, room) {
            self.sessions(who).into_iter().for_each(|session| self.note_source(session, room));
        }
        let label = self.label(who, room);
        self.tell(who, &format!("{label}{words}"), &format!("{label}{program}"));
    }

    /// Answers the member that has acted on the server; of a moderator the operator reads, too.
    pub(super) fn answer_act(&mut self, by: usize, own: &str, told: &str) {
        self.note_act(by);
        if by == OPERATOR {
            return self.send_to_console(&format!("* {own}"));
        }
        self.send_line_to_sessions(by, &format!("* {own}"));
        self.send_to_console(&format!("* {told}"));
    }

    /// Shows a page of a list.
    pub(super) fn show_page(&mut self, asker: usize, command: &str, page: &str, lines: Vec<String>, empty: &str) {
        let most = self.config.max_listed;
        let pages = lines.len().div_ceil(most).max(1);
        let page = if page.trim().is_empty() { Ok(1) } else { page.trim().parse() };
        let Some(page) = page.ok().filter(|page| (1..=pages).contains(page)) else {
            return self.answer_to(asker, &format!("! Usage: {command} n, with n from 1 to {pages}"));
        };
        if lines.is_empty() {
            self.answer_to(asker, empty);
        }
        lines.iter().skip((page - 1) * most).take(most).for_each(|line| self.answer_to(asker, line));
        if page < pages {
            let next = page + 1;
            let line = format!("* --- page {page} of {pages}; {command} {next} shows the next one ---");
            self.answer_to(asker, &line);
        } else if pages > 1 {
            self.answer_to(asker, &format!("* --- page {page} of {pages} ---"));
        }
    }

    /// Counts what a moderator does.
    pub(in crate::simulator::oracle) fn note_act(&mut self, by: usize) {
        self.counts.moderator_acts += usize::from(by != OPERATOR && self.members[by].is_moderator);
    }
}
