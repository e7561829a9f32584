//! Entering and leaving: maximum users, the admission queue, nicknames.

use crate::chat::{Cause, Login, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::lookalikes::{is_cyrillic, refuse_look};
use crate::simulator::oracle::phrases::{SHAPE, is_farewell};
use crate::simulator::oracle::rooms::replay::Replay;
use crate::simulator::oracle::words::{NOWHERE, ReaderStage, key};

/// The refusal of another protocol.
pub(super) const FOREIGN: &str = "! This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported.";

/// The name as shown to others, or the reason why it is invalid.
pub(in crate::simulator::oracle) fn name(text: &str) -> Result<String, String> {
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

impl Oracle {
    /// Admits a new client, queues it, or refuses it.
    pub(in crate::simulator::oracle) fn receive(&mut self, who: usize, now: Now) {
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

    pub(in crate::simulator::oracle) fn seat(&mut self, who: usize, now: Now) {
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

    pub(in crate::simulator::oracle) fn tell_number(&mut self, who: usize, number: u32) {
        self.send_line(who, &format!("* The room is full. You are number {number} in line."));
    }

    fn propose_join(&mut self, who: usize, name: String) {
        let (room, follow) = self.places(who);
        self.propose(Proposed::Join { who, name, room, follow, account: None });
    }

    /// A line of a client in the admission queue.
    pub(in crate::simulator::oracle) fn wait(&mut self, who: usize, text: &str) {
        if is_farewell(text) {
            self.quit(who, "");
        } else if !text.trim().is_empty() {
            self.send_line(who, "! You are still waiting; this was not said.");
        }
    }

    /// A line of a client that is asked for a name or a password.
    pub(in crate::simulator::oracle) fn answer(&mut self, who: usize, text: &str, now: Now) {
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
    pub(in crate::simulator::oracle) fn log_in(
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
            self.irc_tell_online(member);
            self.members[member].room = NOWHERE;
            if let Some(session) = session {
                self.begin_session(session, member);
            }
            return member;
        }
        self.irc_tell_online(member);
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
}
