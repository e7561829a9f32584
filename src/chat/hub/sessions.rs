//! Login and the end of a session: admission, nicknames, entering and leaving rooms.

use std::collections::hash_map;
use std::net::IpAddr;

use compact_str::CompactString;
use log::info;

use super::Hub;
use super::deadlines::{Deadline, DeadlineKind};
use super::plan::resume::HistoryView;
#[cfg(test)]
use super::tests::invariants::TraceEvent;
use crate::chat::command::{Command, is_blank};
use crate::chat::config::{Login, Mode};
use crate::chat::event::PendingDisconnect;
use crate::chat::event::{Cause, Encoding, Event, Notice, People, Refusal};
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::input::Close;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::Name;
use crate::chat::room::PresenceSummary;
use crate::chat::session::client::{Client, SessionStage};
use crate::util::shrink;

/// Names that the welcome line lists at most.
const MAX_WELCOME_NAMES: usize = 12;

impl Hub {
    /// Starts the login of a new connection, adds it to the admission queue, or refuses it.
    pub(super) fn admit_or_refuse(&mut self, id: ClientId, now: Now) {
        let (addr, session) = (self.clients[id].ip(), self.clients[id].session);
        self.clients[id].counted = self.count_connection(addr);
        let refusal = if !self.clients[id].counted {
            Refusal::TooManyFromAddress { most: self.config.max_per_ip }
        } else if self.bans.holds(addr, now.at) {
            Refusal::Banned
        } else if self.admission.admit_new() {
            return self.start_login(id, now);
        } else if let Some(number) = self.admission.enqueue(id, session) {
            self.clients[id].stage = SessionStage::Waiting(number);
            return self.notice(id, Notice::Waiting { number });
        } else if self.config.mode == Mode::P2p {
            Refusal::Busy
        } else {
            Refusal::Full
        };
        self.stats.refused += 1;
        self.refuse(id, refusal);
        self.clients[id].stage = SessionStage::Leaving;
        self.closing.push_back((id, Close::WhenRead));
    }

    /// Counts a connection from `addr`. Returns `false`, without counting it, if the per-IP limit is reached.
    fn count_connection(&mut self, addr: IpAddr) -> bool {
        if self.config.max_per_ip == 0 {
            return true;
        }
        let count = self.connections_per_ip.entry(Network::of_client(addr)).or_default();
        let free = *count < self.config.max_per_ip;
        *count += usize::from(free);
        free
    }

    pub(super) fn uncount_connection(&mut self, addr: IpAddr) {
        if let hash_map::Entry::Occupied(mut count) = self.connections_per_ip.entry(Network::of_client(addr)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        shrink::map(&mut self.connections_per_ip);
    }

    /// Asks an admitted client for its nickname, or logs it in by its address.
    fn start_login(&mut self, id: ClientId, now: Now) {
        let client = &mut self.clients[id];
        client.stage = SessionStage::LoggingIn;
        client.active = now.micros();
        match self.config.login {
            Login::Nickname => {
                self.set_deadline(Deadline { id, kind: DeadlineKind::Login }, now.at + self.config.login_timeout);
                self.notice(id, Notice::Welcome);
            }
            Login::Address => {
                if !self.query_stored_room(id, None) {
                    self.log_in_by_address(id, now);
                }
            }
        }
    }

    pub(super) fn log_in_by_address(&mut self, id: ClientId, now: Now) {
        let addr = self.clients[id].addr().to_string();
        // Two listeners can have a client with the same address and port.
        let taken = |name: &String| self.find_by_key(name).is_some();
        let others = (2..).map(|n| format!("{addr}#{n}"));
        let name = std::iter::once(addr.clone()).chain(others).find(|name| !taken(name)).unwrap_or(addr);
        self.log_in(id, Name { key: name.as_str().into(), shown: name.into() }, now);
    }

    pub(super) fn line_while_waiting(&mut self, id: ClientId, text: &str, now: Now) {
        if is_leaving(text) {
            self.quit(id, "", now);
        } else if !is_blank(text) {
            self.refuse(id, Refusal::StillWaiting);
        }
    }

    /// Processes the line that a client sends at the nickname prompt.
    pub(super) fn process_nickname(&mut self, id: ClientId, text: &str, now: Now) {
        if is_leaving(text) {
            return self.quit(id, "", now);
        }
        if is_blank(text) {
            return;
        }
        match Name::new(text) {
            Err(why) => self.refuse(id, Refusal::BadName { why, name: text.trim(), asked: true }),
            Ok(name) if self.find_by_key(&name.key).is_some() => {
                self.refuse(id, Refusal::Taken { name: &name.shown, asked: true });
            }
            Ok(_) if self.query_stored_room(id, Some(text)) => {}
            Ok(name) => self.log_in(id, name, now),
        }
    }

    fn log_in(&mut self, id: ClientId, name: Name, now: Now) {
        let name_hash = self.name_hash(&name.key);
        let client = &mut self.clients[id];
        client.name = name.shown;
        client.name_hash = name_hash;
        client.active = now.micros();
        self.nicknames.insert(&self.clients, id);
        let client = &self.clients[id];
        self.mutes.carry_over(&client.name, name_hash, client.session, client.ip(), now.at);
        info!("{} logged in from {} ({} here)", client.name, client.addr(), self.nicknames.len());
        if !self.config.idle_timeout.is_zero() {
            self.set_deadline(Deadline { id, kind: DeadlineKind::Idle }, now.at + self.config.idle_timeout);
        }
        if self.config.login == Login::Nickname {
            self.notice(id, Notice::NameSet);
        }
        let (room, after) = self.take_resume_request(id);
        self.enter(id, room, after, now, |name, room, people, p2p| match p2p {
            true => Notice::EnteredPeer { name },
            false => Notice::Entered { name, room, people },
        });
        self.request_offline_messages(id);
    }

    /// Adds a client that is in no room to a room: greets it, shows it the history, and announces it to the other
    /// members.
    ///
    /// With `after`, only the messages that are newer than message `after` are shown.
    pub(super) fn enter(
        &mut self,
        id: ClientId,
        room_id: RoomId,
        after: Option<u64>,
        now: Now,
        greeting: impl for<'a> FnOnce(&'a str, &'a str, People<'a>, bool) -> Notice<'a>,
    ) {
        self.begin_day(room_id, now);
        let (name, encoding) = (self.clients[id].name.clone(), self.clients[id].encoding);
        let room = &mut self.rooms[room_id];
        room.open_log(encoding, self.renders.of(encoding), self.last_stamp);
        let room_name = room.name.clone();
        let here = room.members.len() + 1;
        let end = room.log(encoding).end();
        let HistoryView { begin, messages, day, gap } = self.history_for(id, room_id, self.config.history, after);

        if let Some(outbox) = &mut self.clients[id].outbox {
            outbox.release();
        }
        let others = self.nicknames_in(room_id, MAX_WELCOME_NAMES);
        let names: Vec<&str> = others.iter().map(|name| &**name).collect();
        let people = People { here, names: &names, you: true };
        let p2p = self.config.mode == Mode::P2p;
        self.send_event_first(id, &Event::Notice(greeting(&name, &room_name, people, p2p)));
        // A WebSocket client needs the end of the history even if the history is empty.
        let has_history = messages > 0 || encoding != Encoding::Plain;
        if has_history {
            self.send_event_first(id, &Event::Notice(Notice::HistoryBegins { messages, gap, before: None }));
            if let Some(day) = day.filter(|&day| day != now.local.date()) {
                self.send_event_first(id, &Event::Notice(Notice::Day(day)));
            }
        }

        // Each entry gets its own stamp, because members are sorted by it.
        self.last_stamp += 1;
        let room = &mut self.rooms[room_id];
        let place = room.add(id);
        room.enter_log(encoding, begin);
        self.rooms.note_entered(room_id);
        let client = &mut self.clients[id];
        client.stage = SessionStage::InRoom;
        client.room = room_id;
        client.place = place;
        client.cursor = begin;
        client.filtered_to = end;
        client.entered = self.last_stamp;
        client.blocked_in = u32::MAX;
        if client.blocked {
            self.note_blocked(id);
        }
        if has_history {
            self.notice(id, Notice::HistoryEnds);
        }
        self.announce(
            id,
            room_id,
            &Event::Notice(Notice::Joined { name: &name, here }),
            PresenceSummary { joined: 1, left: 0 },
            now,
        );
    }

    /// The names of up to `most` members of a room, sorted by the time of entering.
    ///
    /// In a larger room any `most` members are taken, not the earliest.
    pub(super) fn nicknames_in(&self, room: RoomId, most: usize) -> Vec<CompactString> {
        let members = self.rooms[room].members.iter().take(most);
        let mut listed: Vec<&Client> = members.map(|&id| &self.clients[id]).collect();
        listed.sort_unstable_by_key(|client| client.entered);
        listed.into_iter().map(|client| client.name.clone()).collect()
    }

    /// Removes a client from its room; `cause` is what the other members read.
    ///
    /// Unread lines of the room are lost unless [`Hub::move_unread_to_outbox`] was called before.
    pub(super) fn leave_room(&mut self, id: ClientId, cause: &Cause, now: Now) {
        let client = &self.clients[id];
        let (room_id, place, name) = (client.room, client.place, client.name.clone());
        let room = &mut self.rooms[room_id];
        room.leave_log(client.encoding, client.cursor);
        if let Some(moved) = room.remove(place) {
            let client = &mut self.clients[moved];
            client.place = place;
            // The sweep may have passed its new place already.
            self.flush_queue.push(moved, client);
        }
        let here = self.rooms[room_id].members.len();
        self.clients[id].stage = SessionStage::Leaving;
        self.announce(
            id,
            room_id,
            &Event::Notice(Notice::Left { name: &name, cause, here }),
            PresenceSummary { joined: 0, left: 1 },
            now,
        );
        if let Some(room) = self.rooms.note_left(room_id) {
            self.release_creator(room.creator);
        }
    }

    pub(super) fn quit(&mut self, id: ClientId, reason: &str, now: Now) {
        let shown = !is_blank(reason) && !self.is_muted(id, now);
        let cause = Cause::Quit(shown.then(|| reason.into()));
        self.notice(id, Notice::Goodbye);
        self.end_session(id, cause, Close::WhenRead, now);
    }

    /// Ends a session for any cause.
    ///
    /// Calling it again does nothing, except that [`Close::AtOnce`] drops the unsent data.
    pub(super) fn end_session(&mut self, id: ClientId, cause: Cause, close: Close, now: Now) {
        let Some(client) = self.clients.get(id) else { return };
        // Part of its data is dropped already, so it is closed as a slow consumer whatever the cause.
        let (cause, close) = match client.pending_disconnect {
            Some(PendingDisconnect::TooSlow) if client.stage != SessionStage::Leaving => {
                (Cause::TooSlow, Close::AtOnce)
            }
            _ => (cause, close),
        };
        #[cfg(test)]
        self.heard.push(TraceEvent::Departed(id, cause.clone()));
        let (stage, addr) = (client.stage, client.addr());
        match stage {
            SessionStage::Leaving => {
                if close == Close::AtOnce {
                    // The unsent data is dropped. The mark keeps this client from counting as up to date.
                    let client = &mut self.clients[id];
                    (client.outbox, client.pending_disconnect) = (None, Some(PendingDisconnect::TooSlow));
                    self.closing.push_back((id, close));
                }
                return;
            }
            SessionStage::Waiting(_) => self.admission.leave(now.at),
            SessionStage::LoggingIn => self.admission.release(),
            SessionStage::InRoom => {
                let (name, session) = (client.name.clone(), client.session);
                self.cancel_deliveries(id);
                self.mutes.leave(session);
                self.nicknames.remove(&self.clients, id);
                info!("{name} left: {}, {addr} ({} here)", reason(&cause), self.nicknames.len());
                if close == Close::WhenRead {
                    self.move_unread_to_outbox(id);
                }
                self.leave_room(id, &cause, now);
                self.admission.release();
                // A request from a web page must not end the server.
                if self.config.mode == Mode::P2p && cause != Cause::OtherProtocol {
                    self.send_to_operator(&Event::Notice(Notice::PeerLeft { name: &name }));
                    self.ending = true;
                }
            }
        }
        self.disconnected += 1;
        self.stats.dropped += u64::from(cause == Cause::TooSlow);
        self.stats.left[cause.number()] += 1;
        let client = &mut self.clients[id];
        client.stage = SessionStage::Leaving;
        if close == Close::AtOnce {
            client.outbox = None;
        }
        self.closing.push_back((id, close));
        self.admit(now);
    }

    /// Starts the login of waiting clients while there are free places.
    fn admit(&mut self, now: Now) {
        while !self.ending
            && let Some(id) = self.admission.admit_next(&self.clients, now.at)
        {
            self.start_login(id, now);
        }
    }
}

/// The cause in the log. Clients read the texts of `i18n` instead.
fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Quit(None) => "quit".into(),
        Cause::Quit(Some(reason)) => format!("quit ({reason})"),
        Cause::EndOfInput => "end of input".into(),
        Cause::Moved => "another room".into(),
        Cause::ConnectionLost => "connection lost".into(),
        Cause::Idle => "idle".into(),
        Cause::TooSlow => "too slow to read".into(),
        Cause::Kicked(None) => "kicked".into(),
        Cause::Kicked(Some(why)) => format!("kicked ({why})"),
        Cause::Banned => "banned".into(),
        Cause::LoginTimeout => "no nickname in time".into(),
        Cause::OtherProtocol => "another protocol".into(),
        Cause::ShutDown => "server shut down".into(),
    }
}

/// Whether a client that is not logged in yet types a quit command.
fn is_leaving(text: &str) -> bool {
    matches!(Command::parse(text), Command::Quit(_))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::config::Config;
    use crate::chat::{Input, Lang};
    use crate::wire::plain::Plain;

    fn now() -> Now {
        let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
    }

    #[test]
    fn members_are_listed_in_the_order_of_entering() {
        // With summaries only, no line separates one join from the next.
        let config = Config { announce_limit: 0, ..Config::default() };
        let mut hub = Hub::new(config, Box::new(Plain { lang: Lang::En }));
        for slot in 0..4 {
            let id = ClientId::new(slot);
            hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
            hub.handle_line(id, Input::Line(&format!("p{slot}")), now());
        }
        // The last member moves to the first place in the room.
        hub.handle_connection_lost(ClientId::new(0), now());
        assert_eq!(hub.nicknames_in(RoomId::LOBBY, 10), ["p1", "p2", "p3"]);
    }

    #[test]
    fn incomplete_line_after_end_of_input_gets_no_reply() {
        let mut hub = Hub::new(Config::default(), Box::new(Plain { lang: Lang::En }));
        let id = ClientId::new(0);
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
        hub.handle_end_of_input(id, now());
        let unsent = hub.clients[id].private_bytes();
        hub.handle_line(id, Input::NotUtf8, now());
        assert_eq!(hub.clients[id].private_bytes(), unsent);
    }
}
