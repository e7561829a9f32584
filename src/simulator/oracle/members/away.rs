//! Who is away.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::member::Member;
use crate::simulator::oracle::phrases::MAX_TEXT;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    pub(in crate::simulator::oracle) fn refuse_text(&mut self, who: usize) {
        self.answer_to(who, &format!("! That text is too long ({MAX_TEXT} bytes at most)."));
    }

    pub(in crate::simulator::oracle) fn away(&mut self, who: usize, arg: &str) {
        match arg.len() > MAX_TEXT {
            true => self.refuse_text(who),
            false => {
                let text = Some(arg).filter(|arg| !arg.is_empty()).map(String::from);
                self.propose(Proposed::Away { who, text });
            }
        }
    }

    pub(in crate::simulator::oracle) fn commit_away(&mut self, who: usize, text: Option<String>, now: Now) {
        self.members[who].away = text.clone();
        self.keep(who, |account| account.away = text);
        for session in self.sessions(who) {
            let line = self.own_away_line(session, who);
            self.send_line(session, &line);
        }
        self.show_away(who, now);
    }

    /// Programs in the rooms of a member read whether it is away.
    pub(super) fn show_away(&mut self, who: usize, now: Now) {
        let rooms = self.rooms_of(who);
        self.irc_away(who, &rooms, now);
        self.irc_away_elsewhere(who, now);
        rooms.into_iter().for_each(|room| self.show_away_in(room, who, now));
    }

    /// Programs in a room read whether a member is away; of a muted one only its own.
    pub(in crate::simulator::oracle) fn show_away_in(&mut self, room: usize, who: usize, now: Now) {
        let Member { name, away, .. } = &self.members[who];
        let words = match away {
            Some(text) => format!("{name} is away in this room: {text}"),
            None => format!("{name} is back in this room."),
        };
        self.grow(room, &format!("* {words}"));
        let readers = if self.is_muted(who, now) { vec![who] } else { self.room(room).members.clone() };
        for session in readers.into_iter().flat_map(|member| self.sessions(member)).collect::<Vec<_>>() {
            if self.readers[session].program == Some(2) {
                self.counts.shown_away += 1;
                self.send_notice(session, room, &words);
            }
        }
    }

    /// A program reads which of the members in a list are away.
    pub(in crate::simulator::oracle) fn send_away_names(
        &mut self,
        session: usize,
        room: usize,
        list: &[usize],
        now: Now,
    ) {
        let is_away = |&&who: &&usize| self.members[who].away.is_some() && !self.is_muted(who, now);
        let names: Vec<&str> = list.iter().filter(is_away).map(|&who| &*self.members[who].name).collect();
        if self.readers[session].program == Some(2) && !names.is_empty() {
            self.counts.listed_away += 1;
            self.send_notice(session, room, &format!("away: {}", names.join(", ")));
        }
    }

    /// What a session reads of whether its member is away.
    fn own_away_line(&self, session: usize, who: usize) -> String {
        let (Member { name, away, .. }, program) = (&self.members[who], self.readers[session].program.is_some());
        match away {
            Some(text) if program => format!("* {name} is away: {text}"),
            None if program => format!("* {name} is back."),
            Some(text) => format!("* You are away: {text}"),
            None => "* You are back.".into(),
        }
    }

    /// Tells a session that has logged in that its account is away.
    pub(super) fn tell_away(&mut self, session: usize, who: usize) {
        if self.members[who].away.is_some() {
            let line = self.own_away_line(session, who);
            self.send_line(session, &line);
        }
    }

    /// What the author of a whisper reads if its reader is away.
    pub(in crate::simulator::oracle) fn away_line(&mut self, target: usize, now: Now) -> Option<String> {
        if target == OPERATOR || self.is_muted(target, now) {
            return None;
        }
        let text = self.members[target].away.as_ref()?;
        self.counts.told_away += 1;
        Some(format!("* {} is away: {text}", self.members[target].name))
    }
}
