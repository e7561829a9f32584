//! Entering and leaving: maximum users, the admission queue, nicknames.

use std::time::Duration;

use super::committing::Proposed;
use super::history::Replay;
use super::lookalikes::{is_cyrillic, refuse_look};
use super::{NOWHERE, Oracle, ReaderStage, Typed, key};
use crate::chat::{Cause, Login, Now};

/// The refusal of an invalid name.
pub(super) const SHAPE: &str =
    "A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces.";

/// The refusal of another protocol.
const FOREIGN: &str = "! This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported.";

/// The name as shown to others, or the reason why it is invalid.
pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text {
        "E\u{301}" => return Ok("É".into()),
        "ＡＬＩＣＥ" | "É" | "straße" | "张三" => return Ok(text.into()),
        "You" | "server" | "Admin" | "10.0.0.1" => return Err(format!("The nickname {text} is reserved.")),
        _ => {}
    }
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || is_cyrillic(c) || "_-.".contains(c));
    if !fits || !(1..=24).contains(&text.chars().count()) {
        return Err(SHAPE.into());
    }
    refuse_look(text).map_or_else(|| Ok(text.into()), Err)
}

/// Whether a client without a name wants to leave.
pub(super) fn is_farewell(text: &str) -> bool {
    ["q", "quit", "exit"].contains(&&*text.trim().to_lowercase()) || text.split(' ').next() == Some("/quit")
}

fn seconds(time: Duration) -> String {
    format!("{} second{}", time.as_secs(), if time.as_secs() == 1 { "" } else { "s" })
}

impl Oracle {
    /// Admits a new client, queues it, or refuses it.
    pub(super) fn receive(&mut self, who: usize, now: Now) {
        let ip = self.readers[who].addr.ip();
        let count = self.per_ip.entry(ip).or_default();
        let most = self.config.max_per_ip;
        let refusal = if most > 0 && *count >= most {
            format!("! There are too many connections from your address ({most} at most). Close one first.")
        } else {
            if most > 0 {
                *count += 1;
                self.readers[who].counted = true;
            }
            if self.is_banned(ip, now) {
                "! Your address is banned from this server.".into()
            } else if self.line.is_empty() && self.seats < self.config.max_clients {
                self.seats += 1;
                return self.seat(who, now);
            } else if self.line.len() < self.config.max_waiting {
                self.line.push_back(who);
                let number = self.line.len() as u32;
                self.readers[who].stage = ReaderStage::Waiting(number);
                return self.tell_number(who, number);
            } else {
                "! The room and the waiting line are full. Try again later.".into()
            }
        };
        self.send_line(who, &refusal);
        self.readers[who].stage = ReaderStage::Gone;
        self.readers[who].left = Some((Cause::Banned, now.at));
    }

    pub(super) fn seat(&mut self, who: usize, now: Now) {
        self.readers[who].stage = ReaderStage::Asked;
        self.readers[who].active = now.at;
        match self.config.login {
            // A member that leaves makes place, and its name is free when that is committed.
            Login::Nickname if self.is_irc(who) && !self.delayed && !self.proposed.is_empty() => {
                self.registering.push_back(who);
            }
            Login::Nickname if self.is_irc(who) => self.irc_register(who),
            Login::Nickname => self.send_welcome(who),
            Login::Address => {
                let name = self.readers[who].addr.to_string();
                self.propose_join(who, name);
            }
        }
    }

    pub(super) fn send_welcome(&mut self, who: usize) {
        let at = match &*self.config.name {
            "chinwag" => String::new(),
            name => format!(" at {name}"),
        };
        self.send_line(who, &format!("* Welcome to chinwag{at}. Type a nickname and press Enter:"));
    }

    pub(super) fn tell_number(&mut self, who: usize, number: u32) {
        self.send_line(who, &format!("* The room is full. You are number {number} in line."));
    }

    fn propose_join(&mut self, who: usize, name: String) {
        let (room, follow) = self.places(who);
        self.propose(Proposed::Join { who, name, room, follow, account: None });
    }

    /// A line of a client in the admission queue.
    pub(super) fn wait(&mut self, who: usize, text: &str) {
        if is_farewell(text) {
            self.quit(who, "");
        } else if !text.trim().is_empty() {
            self.send_line(who, "! You are still waiting; this was not said.");
        }
    }

    /// A line of a client that is asked for a name or a password.
    pub(super) fn answer(&mut self, who: usize, text: &str, now: Now) {
        if is_farewell(text) {
            return self.quit(who, "");
        }
        if text.trim().is_empty() {
            return;
        }
        if let Some(prompt) = self.readers[who].prompt {
            return self.line_at_prompt(who, prompt, text, now);
        }
        match name(text) {
            Err(why) => {
                self.counts.unfit_names += usize::from(why.contains(" looks like ") || why.contains(" mixes "));
                self.send_line(who, &format!("! {why} Try another:"));
            }
            Ok(name) => match (self.find_account(&name), self.refuse_login(&name, None)) {
                (Some(account), _) => self.ask_for_password(who, account),
                (None, Some(refusal)) => {
                    self.counts.alike_names += usize::from(refusal.contains(" looks like "));
                    self.send_line(who, &refusal);
                }
                (None, None) => self.propose_join(who, name),
            },
        }
    }

    /// A new member enters a room, and follows others. `who` is its session, and `session` the same if it has not ended.
    pub(super) fn log_in(
        &mut self,
        who: usize,
        session: Option<usize>,
        name: String,
        account: Option<usize>,
        (room, follow): (&str, &[String]),
        now: Now,
    ) -> usize {
        let member = self.add_member(&name, account, self.readers[who].addr.ip(), now);
        if self.is_irc(who) {
            self.introduce(member, who);
            self.members[member].room = NOWHERE;
            if let Some(session) = session {
                self.begin_session(session, member);
            }
            return member;
        }
        let after = session.and_then(|session| self.begin_session(session, member));
        let room = self.open_place(member, session, room, now);
        // In the lobby, where it did not want to be, it is shown everything.
        let replay = Replay { after: after.filter(|_| room.is_some()), ..Replay::ALL };
        self.enter(member, room.unwrap_or(0), false, replay, now, |_, here, people| {
            format!("You are {name}. {here} here: {people}. /help lists the commands.")
        });
        // All their histories must fit into the backlog together.
        let bytes = self.config.backlog_bytes / 4 / follow.len().max(1);
        for name in follow {
            if self.members[member].followed.len() >= self.config.max_follow {
                let refusal = self.too_many_followed();
                session.into_iter().for_each(|session| self.send_line(session, &refusal));
                break;
            }
            if self.find_room(name).is_some_and(|room| self.is_in(member, room)) {
                continue;
            }
            match self.open_place(member, session, name, now) {
                Some(room) => self.commit_follow(member, room, Replay { after, bytes }, now),
                None => self.keep(member, |account| account.followed.retain(|room| key(room) != key(name))),
            }
        }
        session.into_iter().for_each(|session| self.tell_away(session, member));
        member
    }

    /// Opens a room for a new member; tells its session if that is refused.
    fn open_place(&mut self, member: usize, session: Option<usize>, name: &str, now: Now) -> Option<usize> {
        let kept_out = self.find_room(name).and_then(|room| self.refuse_entry(member, room, None, now));
        self.counts.kept_out += usize::from(kept_out.is_some());
        if let Some(refusal) = kept_out.or_else(|| self.refuse_opening(name)) {
            self.note_room_name(&refusal);
            session.into_iter().for_each(|session| self.send_line(session, &refusal));
            return None;
        }
        self.open(name, member, now)
    }

    pub(super) fn take_name(&mut self, who: usize, name: &str) {
        let member = &mut self.members[who];
        self.names.remove(&member.key);
        (member.name, member.key) = (name.into(), key(name));
        let before = self.names.insert(member.key.clone(), who);
        assert_eq!(before, None, "{name} is given to two");
    }

    pub(super) fn quit(&mut self, who: usize, reason: &str) {
        self.send_line(who, "* Goodbye.");
        self.readers[who].due = Some(Cause::Quit(Some(reason).filter(|reason| !reason.is_empty()).map(Box::from)));
    }

    /// Checks that the server had a reason to disconnect a reader.
    pub(super) fn depart(&mut self, who: usize, cause: Cause, now: Now) {
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
    pub(super) fn remove(&mut self, who: usize, cause: &Cause, now: Now) {
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
        let rooms = self.rooms_of(who);
        self.members[who].followed.clear();
        rooms.into_iter().for_each(|room| self.exit(who, room, &words, now));
    }

    /// Checks that a slow consumer may be dropped.
    pub(super) fn check_drop_allowed(&mut self, who: usize) {
        self.counts.dropped += 1;
        let (lag, most) = (self.lag(who), self.config.backlog_bytes);
        assert!(lag > most, "person {who} is dropped and lags by {lag} bytes only");
    }

    pub(super) fn renumber_soon(&mut self, now: Now) {
        if !self.line.is_empty() {
            self.renumber_at.get_or_insert(now.at.max(self.renumbered + Duration::from_secs(1)));
        }
    }

    /// Handles what is due: free places, summaries, and the numbers in the admission queue.
    pub(super) fn tick(&mut self, now: Now) {
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

    pub(super) fn shut_down(&mut self, now: Now) {
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
