//! Leaving, and the admission queue.

use std::time::Duration;

use crate::chat::{Cause, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::entering::FOREIGN;
use crate::simulator::oracle::phrases::seconds;
use crate::simulator::oracle::words::{ReaderStage, Typed};

impl Oracle {
    pub(in crate::simulator::oracle) fn quit(&mut self, who: usize, reason: &str) {
        self.send_line(who, "* Goodbye.");
        self.readers[who].due = Some(Cause::Quit(Some(reason).filter(|reason| !reason.is_empty()).map(Box::from)));
    }

    /// Checks that the server had a reason to disconnect a reader.
    pub(in crate::simulator::oracle) fn depart(&mut self, who: usize, cause: Cause, now: Now) {
        let due = self.readers[who].due.take();
        let reader = &self.readers[who];
        let (stage, silent) = (reader.stage, now.at.saturating_sub(reader.active));
        let refusal = match &cause {
            Cause::Quit(_) | Cause::Kicked(_) => {
                assert_eq!(due.as_ref(), Some(&cause), "person {who} has to leave");
                None
            }
            Cause::Banned => {
                assert!(self.is_banned(reader.addr.ip(), now), "person {who} is closed as banned");
                Some("! Your address is banned from this server.".into())
            }
            Cause::LoginTimeout => {
                let most = self.config.login_timeout;
                let is_asked = stage == ReaderStage::Asked && !self.awaits_password(who);
                assert!(is_asked && silent >= most, "person {who} had time to think of a name");
                Some(format!("! No nickname was given within {}. Goodbye.", seconds(most)))
            }
            Cause::Idle => {
                let most = self.config.idle_timeout;
                assert!(stage == ReaderStage::Here && silent >= most, "person {who} was silent for {silent:?} only");
                Some(format!("! Nothing was heard from you for {}. Goodbye.", seconds(most)))
            }
            Cause::TooSlow => {
                self.check_drop_allowed(who);
                None
            }
            Cause::EndOfInput => {
                let typed = &self.readers[who].typed;
                // The last line of a banned client is not processed.
                let is_heard = typed.is_empty() || self.is_banned(reader.addr.ip(), now);
                assert!(is_heard, "person {who} is taken to have ended, but not heard: {typed:?}");
                assert!(self.readers[who].uncommitted_changes == 0, "the end of person {who} is not in order");
                assert!(!self.awaits_password(who), "the end of person {who} comes before its password is compared");
                if self.is_irc(who) {
                    self.readers[who].make_unread_optional();
                }
                None
            }
            Cause::WrongPassword => panic!("person {who} was not asked for the password of the server"),
            Cause::ConnectionLost => None,
            Cause::ShutDown => {
                assert!(self.ending, "person {who} is sent away by a server that does not end");
                None
            }
            Cause::Moved => panic!("a move to another room is no disconnect"),
            Cause::OtherProtocol => {
                let typed = std::mem::take(&mut self.readers[who].typed);
                let first = typed.iter().find(|typed| **typed != Typed::Line(String::new()));
                assert_eq!(first, Some(&Typed::Foreign), "person {who} is taken for a program");
                Some(FOREIGN.into())
            }
        };
        if let Some(refusal) = refusal {
            self.send_line(who, &refusal);
        }
        match stage {
            ReaderStage::Waiting(_) => {
                self.line.retain(|&other| other != who);
                self.renumber_soon(now);
            }
            ReaderStage::Asked => self.seats -= 1,
            ReaderStage::Here => {
                self.readers[who].stage = ReaderStage::Gone;
                let member = self.end_session(who);
                let is_kicked = matches!(cause, Cause::Kicked(_));
                if !is_kicked {
                    self.propose(Proposed::Leave { who: member, cause: cause.clone() });
                }
                // The kick is committed before the leave of a slow consumer is.
                if let Some((kicked, at)) = self.members[member].kicked.clone()
                    && !self.has_session(member)
                    && (is_kicked || self.delayed)
                {
                    self.remove(member, &kicked, at);
                }
                self.seats -= 1;
            }
            ReaderStage::Outside | ReaderStage::Gone => unreachable!("person {who} is not there to leave"),
        }
        self.readers[who].stage = ReaderStage::Gone;
        self.readers[who].left = Some((cause, now.at));
        self.admit(now);
    }

    /// Removes a member that has no session any more.
    pub(in crate::simulator::oracle) fn remove(&mut self, who: usize, cause: &Cause, now: Now) {
        self.names.remove(&self.members[who].key);
        self.leave_account(who);
        self.members[who].is_member = false;
        self.mutes.iter_mut().filter(|mute| mute.who == Some(who)).for_each(|mute| mute.who = None);
        let words = match cause {
            Cause::Quit(Some(reason)) => format!(": \"{reason}\""),
            Cause::ConnectionLost => ": connection lost".into(),
            Cause::Idle => ": idle".into(),
            Cause::TooSlow => ": too slow to read".into(),
            Cause::Kicked(_) => ": kicked".into(),
            Cause::Banned => ": banned".into(),
            Cause::OtherProtocol => ": another protocol".into(),
            _ => String::new(),
        };
        self.irc_quit(who, cause, now);
        let name = self.members[who].name.clone();
        self.irc_tell_offline(&name);
        let rooms = self.rooms_of(who);
        self.members[who].followed.clear();
        rooms.into_iter().for_each(|room| self.exit(who, room, &words, now));
    }

    /// Checks that a slow consumer may be dropped.
    pub(in crate::simulator::oracle) fn check_drop_allowed(&mut self, who: usize) {
        self.counts.dropped += 1;
        let (lag, most) = (self.lag(who), self.config.backlog_bytes);
        assert!(lag > most, "person {who} is dropped and lags by {lag} bytes only");
    }

    pub(in crate::simulator::oracle) fn renumber_soon(&mut self, now: Now) {
        if !self.line.is_empty() {
            self.renumber_at.get_or_insert(now.at.max(self.renumbered + Duration::from_secs(1)));
        }
    }

    /// Handles what is due: free places, summaries, and the numbers in the admission queue.
    pub(in crate::simulator::oracle) fn tick(&mut self, now: Now) {
        self.admit(now);
        self.sum_up(now);
        if self.renumber_at.is_some_and(|at| at <= now.at) {
            self.renumber_at = None;
            self.renumbered = now.at;
            for (index, who) in self.line.clone().into_iter().enumerate() {
                let number = index as u32 + 1;
                if self.readers[who].stage != ReaderStage::Waiting(number) {
                    self.readers[who].stage = ReaderStage::Waiting(number);
                    self.tell_number(who, number);
                }
            }
        }
    }

    pub(in crate::simulator::oracle) fn shut_down(&mut self, now: Now) {
        const WORDS: &str = "The server is shutting down.";
        self.ending = true;
        self.send_to_console(&format!("* {WORDS}"));
        self.irc_ending(WORDS);
        for room in 0..self.rooms.len() {
            if self.rooms[room].is_some() {
                // Each member reads this once, in its current room.
                self.show(room, WORDS, now, |oracle, member, _| oracle.members[member].room == room);
            }
        }
        for who in 0..self.readers.len() {
            if matches!(self.readers[who].stage, ReaderStage::Waiting(_) | ReaderStage::Asked) {
                self.send_line(who, &format!("* {WORDS}"));
            }
        }
    }
}
