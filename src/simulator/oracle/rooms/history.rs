//! Entering a room, and the history that is shown then or on demand.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::rooms::Shown;
use crate::simulator::oracle::rooms::replay::Replay;

/// The part of a history that a member is shown.
struct View {
    /// The number of older messages that are left out.
    pub first: usize,
    /// How many of the others it reads.
    pub count: usize,
    /// Older messages that a returning member has not read are no longer kept.
    pub gap: bool,
}

impl Oracle {
    /// Adds a member to a room, as its current one or as one that it follows.
    pub(in crate::simulator::oracle) fn enter(
        &mut self,
        who: usize,
        room: usize,
        follows: bool,
        replay: Replay,
        now: Now,
        greeting: impl Fn(&str, usize, &str) -> String + Copy,
    ) {
        self.begin_day(room, now);
        let here = self.room(room).members.len() + 1;
        if !follows {
            self.members[who].room = room;
        }
        let others = self.names_in(room, 12);
        let (irc, others_sessions): (Vec<_>, Vec<_>) =
            self.sessions(who).into_iter().partition(|&session| self.is_irc(session));
        for session in others_sessions {
            let is_only = !follows && self.members[who].followed.is_empty();
            self.greet(session, room, &others, here, replay, is_only, now, greeting);
        }
        if follows {
            self.members[who].followed.push(room);
        }
        self.room(room).members.push(who);
        irc.into_iter().for_each(|session| self.irc_greet(session, room, now));
        let holder = self.holder(who);
        self.rules(room).invited.retain(|&invited| invited != holder);
        let line = format!("{} joined ({here} here)", self.members[who].name);
        self.announce(who, room, &line, (1, 0), now);
        if self.members[who].away.is_some() {
            self.irc_away(who, &[room], now);
            self.show_away_in(room, who, now);
        }
        self.irc_show_metadata_of(who, room, now);
    }

    /// Greets a session in a room, and shows it the history. `is_only`: it reads no other room.
    #[expect(clippy::too_many_arguments, reason = "all that a greeting consists of")]
    pub(in crate::simulator::oracle) fn greet(
        &mut self,
        who: usize,
        room: usize,
        others: &[usize],
        here: usize,
        replay: Replay,
        is_only: bool,
        now: Now,
        greeting: impl Fn(&str, usize, &str) -> String,
    ) {
        let people = self.list(others, here, true);
        let words = greeting(&self.room_name(room), here, &people);
        self.send_line(who, &format!("* {words}"));
        self.send_away_names(who, room, others, now);
        self.send_topic(who, room);
        let is_login = words.ends_with("/help lists the commands.");
        if is_login && !self.readers[who].resumes {
            self.send_motd(who, false);
        }
        // A person that logs in elsewhere than in the lobby reads where it is.
        if is_login && room != 0 && self.readers[who].program.is_none() {
            let name = self.room_name(room);
            self.send_line(who, &format!("* You are in {name}. {here} here: {people}."));
        }
        let shown = self.room(room).shown;
        // What the history spans is unread, too, if it is read from the log.
        let begun = self.room(room).history.first().map_or(shown, |first| first.begun);
        self.readers[who].up_to_date.retain(|(number, _)| *number != room);
        self.readers[who].up_to_date.push((room, if is_only { begun } else { shown }));
        let view = self.view(who, room, self.config.history, replay);
        self.counts.resumed += usize::from(replay.after.is_some() && view.count > 0);
        if view.count > 0 || self.readers[who].program.is_some() {
            self.send_history(who, room, &view, is_only, now);
        }
    }

    /// Shows a session the message of the day; `asked`: it is told if there is none.
    pub(in crate::simulator::oracle) fn send_motd(&mut self, who: usize, asked: bool) {
        self.counts.motds += usize::from(self.config.motd.is_some());
        match self.config.motd.clone() {
            Some(text) => text.split('\n').for_each(|line| self.send_line(who, &format!("* {line}"))),
            None if asked => self.send_line(who, "* There is no message of the day."),
            None => {}
        }
    }

    /// `/history`: shows the last `n` messages again.
    pub(in crate::simulator::oracle) fn replay(&mut self, who: usize, room: usize, n: usize, now: Now) {
        let member = self.member_of(who);
        let view = self.view(who, room, n, Replay::ALL);
        if view.count > 0 {
            let is_only = self.members[member].followed.is_empty() && self.members[member].room == room;
            return self.send_history(who, room, &view, is_only, now);
        }
        // To programs this is a note of the server.
        let label = if self.readers[who].program.is_some() { String::new() } else { self.label(member, room) };
        self.send_line(who, &format!("* {label}Nothing has been said here yet."));
    }

    fn member_of(&self, session: usize) -> usize {
        self.readers[session].member.expect("a session that has a member")
    }

    fn view(&self, who: usize, room: usize, n: usize, replay: Replay) -> View {
        let member = self.member_of(who);
        let room = self.rooms[room].as_ref().expect("a room that exists");
        let (mut first, mut gap) = (room.history.len().saturating_sub(n), false);
        let read = replay.after.map(|after| room.history.iter().filter(|entry| entry.message.id <= after).count());
        first = first.max(read.unwrap_or(0));
        // JSON may need two bytes for one.
        let bytes = match self.readers[who].program {
            Some(_) => replay.bytes.min(self.config.backlog_bytes / 2) / 2,
            None => replay.bytes,
        };
        while room.history[first..].iter().map(|entry| entry.cost).sum::<usize>() > bytes {
            first += 1;
        }
        if let (Some(after), Some(read)) = (replay.after, read) {
            gap = room.newest_dropped > after || first > read;
        }
        let reads = room.history[first..].iter().filter(|entry| {
            let message = &entry.message;
            !self.ignores(member, message.author, &message.key)
        });
        View { first, count: reads.count(), gap }
    }

    fn send_history(&mut self, who: usize, number: usize, view: &View, is_only: bool, now: Now) {
        let View { first, count, gap } = *view;
        let gap = if gap && self.readers[who].program.is_some() { ", after a gap" } else { "" };
        let words = format!("--- the last {count} message{}{gap} ---", if count == 1 { "" } else { "s" });
        self.send_notice(who, number, &words);
        if count > 0 {
            self.counts.thinned_histories += usize::from(self.room(number).has_deleted);
            self.send_history_lines(who, number, first, is_only, now);
        }
        self.send_notice(who, number, "--- you are up to date ---");
    }

    fn send_history_lines(&mut self, who: usize, number: usize, first: usize, is_only: bool, now: Now) {
        let member = self.member_of(who);
        let today = now.local.date();
        let room = self.room(number);
        let before = room.said - room.history.len();
        let messages: Vec<_> = room.history[first..].iter().map(|entry| (entry.message.clone(), entry.day)).collect();
        let days = room.days.clone();
        let mut last = today;
        for (index, (message, day)) in messages.iter().enumerate() {
            let position = before + first + index;
            let begun = days.iter().filter(|(at, _)| *at == position && index > 0).map(|(_, day)| *day);
            let dates: Vec<_> = if index == 0 { vec![*day] } else { begun.collect() };
            for date in dates {
                if date != last {
                    self.send_day(who, date);
                }
                last = date;
            }
            if !self.ignores(member, message.author, &message.key) {
                self.send_message(who, number, message);
            }
        }
        let said = self.room(number).said;
        for (_, date) in days.iter().filter(|(at, _)| *at == said) {
            self.send_day(who, *date);
            last = *date;
        }
        // With several rooms, the log of one does not show that the lines after the history are of today.
        if !is_only {
            self.readers[who].day = Some(today);
            if last != today {
                self.send_day(who, today);
            }
        }
    }

    /// What was shown in a room since a reader was last up to date.
    pub(in crate::simulator::oracle) fn unread_in(&self, who: usize, room: usize) -> Shown {
        let now = self.rooms[room].as_ref().map_or_else(Shown::default, |room| room.shown);
        let before = self.readers[who].up_to_date.iter().find(|(number, _)| *number == room);
        let before = before.map_or_else(Shown::default, |&(_, shown)| shown);
        Shown { bytes: now.bytes - before.bytes, lines: now.lines - before.lines }
    }
}
