//! Admission and login: the admission queue, the prompts, and the room that a session resumes.

mod password_queue;
pub(super) mod passwords;
pub(super) mod prompts;

use std::net::IpAddr;

use self::prompts::Prompt;
use super::Hub;
use super::check::check;
use super::plan::{LocalChange, Plan, View};
use crate::chat::change::{Change, Join, Place};
use crate::chat::config::{Login, Mode};
use crate::chat::encoding::Encoding;
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::id::{AccountId, ClientId, Now};
use crate::chat::input::{Close, ResumeRequest};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::host::Host;
use crate::chat::policy::nick::Name;
use crate::chat::policy::peer::{is_unix, show_addr};
use crate::chat::query::{Lookup, RoomUse};
use crate::chat::session::{SessionFlags, SessionStage};

impl Hub {
    /// Starts the login of a new connection, adds it to the admission queue, or refuses it.
    pub(super) fn admit_or_refuse(&mut self, id: ClientId, now: Now) {
        let addr = self.sessions.ip(id);
        let most = self.config.max_per_ip;
        let is_allowed = self.ip_limit.enter(addr, most);
        let is_banned = self.is_banned(addr, now);
        let session = &mut self.sessions[id];
        session.flags.set(SessionFlags::COUNTED, is_allowed && most > 0 && !is_unix(addr));
        let refusal = if !is_allowed {
            Refusal::TooManyFromAddress { most: self.config.max_per_ip }
        } else if is_banned {
            Refusal::Banned
        } else if self.admission.admit_new() {
            return self.start_login(id, now);
        } else if let Some(number) = self.admission.enqueue(id, session.id) {
            session.stage = SessionStage::Waiting;
            return self.fanout().notice(id, Notice::Waiting { number });
        } else if self.config.mode == Mode::P2p {
            Refusal::Busy
        } else {
            Refusal::Full
        };
        self.stats.refused += 1;
        self.fanout().refuse(id, refusal);
        self.sessions[id].stage = SessionStage::Leaving;
        self.outbound.close(id, Close::WhenRead);
    }

    /// Whether an address is banned, by the operator, a moderator or the configuration.
    pub(super) fn is_banned(&self, addr: IpAddr, now: Now) -> bool {
        self.shared.bans.holds(addr, now.at) || self.config.bans(addr)
    }

    /// Starts the login of waiting sessions while there are free places.
    pub(super) fn admit(&mut self, now: Now) {
        while !self.ending
            && let Some(id) = self.admission.admit_next(&self.sessions, now.at)
        {
            self.start_login(id, now);
            self.end_command(id);
        }
    }

    /// Asks an admitted session for the server's password or its nickname, or logs it in by its address.
    fn start_login(&mut self, id: ClientId, now: Now) {
        self.begin_login(id, now);
        match self.config.login {
            Login::Nickname => {
                if self.config.password.is_some() {
                    self.prompts.set(id, Prompt::ServerPassword { wrong: 0 });
                }
                match self.sessions[id].encoding.is_irc() {
                    true => self.register_irc(id, &now),
                    false => self.ask(id),
                }
            }
            Login::Address => match self.view(&now).stored_room(self.resume_requests.get(&id)) {
                Some(room) => self.queue_query(id, Lookup::Room { room, then: RoomUse::LogIn { nickname: None } }),
                None => self.log_in_by_address(id, now),
            },
        }
    }

    /// A session is asked for something from now on, for a limited time.
    pub(super) fn begin_login(&mut self, id: ClientId, now: Now) {
        let session = &mut self.sessions[id];
        session.stage = SessionStage::LoggingIn;
        session.active = now.micros();
        if self.config.login == Login::Nickname {
            self.deadlines.set_login(&mut self.sessions, id, now.at + self.config.login_timeout);
        }
    }

    pub(super) fn log_in_by_address(&mut self, id: ClientId, now: Now) {
        let Some(addr) = self.sessions.addr(id).map(|addr| show_addr(addr).to_string()) else { return };
        // Two listeners can have a client with the same address and port.
        let taken = |name: &String| self.shared.members.find_key(name).is_some();
        let others = (2..).map(|n| format!("{addr}#{n}"));
        let name = std::iter::once(addr.clone()).chain(others).find(|name| !taken(name)).unwrap_or(addr);
        self.log_in(id, Name { key: name.as_str().into(), shown: name.into() }, None, now);
    }

    /// Processes a line that a session sends before its login.
    pub(super) fn line_before_login(&mut self, id: ClientId, text: &str, now: Now) {
        if self.sessions[id].encoding == Encoding::Plain
            && self.config.has_followed_rooms()
            && let Some(request) = ResumeRequest::of_line(text)
        {
            return self.begin_json(id, request);
        }
        let is_waiting = self.sessions[id].stage == SessionStage::Waiting;
        if let Some(prompt) = self.prompts.get(id).filter(|_| !is_waiting) {
            return self.line_at_password_prompt(id, prompt, text, now);
        }
        let view = View {
            config: &self.config,
            shared: &self.shared,
            sessions: &self.sessions,
            node: self.rejoining.node(),
            has_store: self.store.is_some(),
            has_accounts: self.keeps_accounts(),
            keeps_whispers: self.store.is_some() || self.kept.is_some(),
            last_message_id: self.journal.last_message_id(),
            at: self.log_clock.time(now.at),
        };
        let plan = match is_waiting {
            true => view.line_while_waiting(text),
            false => view.nickname(text, self.resume_requests.get(&id)),
        };
        match plan {
            Plan::Reply(event) => self.outbound.send(&mut self.sessions, &self.shared.members, id, &event),
            Plan::Query(lookup) => self.queue_query(id, lookup),
            // In address mode names are not typed.
            Plan::LogIn(name) if self.config.login == Login::Nickname => self.log_in(id, name, None, now),
            Plan::AskPassword(account) => {
                self.prompts.set(id, Prompt::AccountPassword { account, wrong: 0 });
                self.ask(id);
            }
            Plan::Local(LocalChange::Quit(reason)) => self.quit(id, reason, now),
            _ => {}
        }
    }

    /// A session on the plain port asks for JSON, one object in each line, before its login.
    fn begin_json(&mut self, id: ClientId, request: ResumeRequest) {
        let session = &mut self.sessions[id];
        session.set_encoding(Encoding::JsonLine);
        let (number, is_waiting) = (session.id, session.stage == SessionStage::Waiting);
        self.send_hello(id);
        match self.admission.position(number).filter(|_| is_waiting) {
            Some(number) => self.fanout().notice(id, Notice::Waiting { number }),
            None => self.ask(id),
        }
        if request != ResumeRequest::default() {
            self.resume_requests.insert(id, request);
        }
    }

    /// Proposes that the member of a session joins, or that the session belongs to the member of its account.
    pub(super) fn log_in(&mut self, id: ClientId, name: Name, account: Option<AccountId>, now: Now) {
        let (place, follow) = self.places_to_resume(id);
        let addr = self.sessions.ip(id);
        let (network, host) = (Network::of_client(addr), Host::of(addr, self.cloak_key));
        let join = Join { name, place, follow, network, account, host, identity: self.identity_of(id) };
        let change = Change::Join(Box::new(join));
        match (check(&self.shared, &change, now.at), &change) {
            (Err(refusal), Change::Join(join)) => {
                let refusal = if self.is_asked_anew(id, join) { refusal.without_prompt() } else { refusal };
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Refusal(refusal));
                self.handle_refused_join(id, join, &now);
            }
            _ => {
                self.propose(Some(id), change, &now);
                if self.nodes.has_lost_touch() && !self.rejoining.has(id) {
                    self.fanout().notice(id, Notice::LostTouch);
                }
            }
        }
    }

    /// The rooms that a session wants to resume: the one to enter, which is the lobby if it wants none or if no room can
    /// have that name, and those to follow, at most one more than it can.
    fn places_to_resume(&self, id: ClientId) -> (Place<'static>, Vec<Place<'static>>) {
        let is_irc = self.sessions[id].encoding.is_irc();
        let first = if is_irc { Place::Nowhere } else { Place::Lobby };
        // Checked first: most sessions have no request. In p2p mode there is one room.
        if self.resume_requests.is_empty() || self.config.mode == Mode::P2p {
            return (first, Vec::new());
        }
        let Some(ResumeRequest { room, follow, .. }) = self.resume_requests.get(&id) else {
            return (first, Vec::new());
        };
        let rooms = &self.shared.rooms;
        let place = room.as_deref().filter(|_| !is_irc).and_then(|room| rooms.place(room)).unwrap_or(first);
        let mut places = Vec::new();
        for name in follow.iter().filter(|_| self.config.has_followed_rooms()) {
            if places.len() > rooms.limits().follow {
                break;
            }
            match rooms.place(name) {
                Some(followed) if followed != place && !places.contains(&followed) => places.push(followed),
                _ => {}
            }
        }
        (place, places)
    }

    /// Takes the request of a session; returns the id of the last message that it has read, if it resumes and the id
    /// is of this run. Refuses a room name that no room can have.
    pub(super) fn take_read_position(&mut self, id: ClientId) -> Option<u64> {
        if self.resume_requests.is_empty() {
            return None;
        }
        let request = self.resume_requests.remove(&id)?;
        let is_bad = |room: &str| self.shared.rooms.place(room).is_none();
        let is_room_bad = self.config.mode == Mode::Hub && request.room.as_deref().is_some_and(is_bad);
        if is_room_bad || self.config.has_followed_rooms() && request.follow.iter().any(|room| is_bad(room)) {
            self.fanout().refuse(id, Refusal::BadRoomName);
        }
        if is_room_bad {
            return None;
        }
        let read = request.read;
        // An id above the last one was never given, or was lost before it was stored.
        let is_known = |message| self.store.is_none() || message <= self.journal.last_message_id();
        read.filter(|&(run, message)| run == self.run && is_known(message)).map(|(_, message)| message)
    }
}
