//! Queries about stored messages, and the display of their answers.
//!
//! A session's next line waits until its query is answered, so that the answers come in the order of the commands.

use std::borrow::Cow;

use log::info;

use crate::chat::change::{Change, Delete, Place};
use crate::chat::config::Login;
use crate::chat::event::{Event, LINE_OVERHEAD, Notice, Refusal};
use crate::chat::hub::login::prompts::Prompt;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, Now};
use crate::chat::input::Input;
use crate::chat::irc::message_id::MessageId;
use crate::chat::member::{Ignored, Member};
use crate::chat::policy::nick::{Name, fold};
use crate::chat::query::{Answer, DeleteChoice, HistoryRange, Lookup, Query, RoomUse};
use crate::chat::record::Message;
use crate::chat::record::Record;
use crate::chat::session::{SessionFlags, SessionStage};

/// The most bytes of messages that one page shows. Half of the backlog limit is the other bound.
const MAX_PAGE_BYTES: usize = 256 * 1024;

/// Messages that are shown together.
pub(in crate::chat::hub) struct HistoryPage {
    pub messages: Vec<Message>,
    /// If set, there are older messages, before this id.
    pub older: Option<u64>,
    /// If set, there are newer messages, after this id.
    pub newer: Option<u64>,
}

impl Hub {
    /// Takes the next query.
    pub fn poll_query(&mut self) -> Option<Query> {
        self.store.as_mut()?.pop_query()
    }

    /// Whether the session still waits for the answer to a query.
    pub fn is_awaiting(&self, query: &Query) -> bool {
        let session = self.sessions.get(query.origin.client);
        session.is_some_and(|session| session.id == query.origin.session && session.has(SessionFlags::AWAITS_ANSWER))
    }

    /// Whether there is a query to take.
    pub fn has_queries(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.has_queries())
    }

    pub(in crate::chat::hub) fn queue_query(&mut self, asker: ClientId, lookup: Lookup) {
        let Some(store) = &mut self.store else { return };
        let session = &mut self.sessions[asker];
        session.flags.insert(SessionFlags::AWAITS_ANSWER);
        // Its own messages are shown, also if it has taken a name that it ignores.
        let member = session.member.map(|slot| &self.shared.members[slot]);
        let others = |member: &Member| {
            let ignored = member.ignored().iter();
            ignored.filter(|ignored| ignored.author.name != member.name_hash).cloned().collect()
        };
        let ignored = member.map_or_else(Vec::new, others);
        store.push_query(Query { origin: self.sessions.origin(asker), lookup, ignored });
    }

    /// Shows the answer to a query, if the session that asked is still connected.
    pub fn handle_answer(&mut self, query: Query, answer: Answer, now: Now) {
        let Query { origin, lookup, ignored } = query;
        let id = origin.client;
        let Some(session) = self.sessions.find(origin) else { return };
        session.flags.remove(SessionFlags::AWAITS_ANSWER);
        let is_present = session.member.is_some();
        self.resume_command(id);
        match (lookup, answer) {
            (Lookup::Span { room, span, n }, answer) => {
                self.answer_chathistory(id, &room, (span, n), answer, &ignored);
            }
            (Lookup::History { room, range, n }, Answer::History { before, after }) => {
                let page = self.page(before, after, range.counts(n));
                self.show_history_page(id, &room, page, &ignored, range, now)
            }
            (Lookup::Search { room, words, n, .. }, Answer::Messages(found)) => {
                self.show_search_results(id, &room, found, &ignored, &words, n)
            }
            (Lookup::Whispers { to }, Answer::Whispers(whispers)) => {
                self.deliver_offline_messages(id, &to, &whispers, now)
            }
            // The messages stay in the store until the next login with that name.
            (Lookup::Whispers { .. }, _) => {}
            (Lookup::Delete { room, which }, Answer::Messages(found)) => {
                self.delete_found(id, &room, &which, &found, now)
            }
            (Lookup::Room { room, then }, answer) => self.open_queried_room(id, &room, &then, answer, now),
            // The store fails, but the messages in memory can be shown.
            (Lookup::History { room, range: HistoryRange::Latest, n }, _)
                if is_present
                    && self.config.history > 0
                    && let Some(room) = self.shared.rooms.find(&fold(&room)) =>
            {
                let n = n.min(self.config.history);
                self.fanout().replay(id, room, n, now);
            }
            _ => self.fanout().refuse(id, Refusal::LookupFails),
        }
        self.end_command(id);
    }

    fn show_history_page(
        &mut self,
        id: ClientId,
        room: &str,
        page: HistoryPage,
        ignored: &[Ignored],
        range: HistoryRange,
        now: Now,
    ) {
        let HistoryPage { mut messages, older, newer } = page;
        if messages.is_empty() && range == HistoryRange::Latest {
            return self.send_about(id, room, &Event::Notice(Notice::NoHistory));
        }
        let (from, to) = ids_of_page(range, &messages, older.is_some(), newer.is_some());
        let gap = self.has_gap(from, to);
        messages.retain(|message| !self.is_by_any(ignored, message));
        if gap && !self.sessions[id].encoding.is_json() {
            self.send_about(id, room, &Event::Notice(Notice::SomeMissing));
        }
        let begins = Notice::HistoryBegins { messages: messages.len(), gap, range };
        self.send_about(id, room, &Event::Notice(begins));
        let mut day = now.local.date();
        for message in &messages {
            self.fanout().send_day(id, &mut day, message.at.date());
            self.send_about(id, room, &message.event());
        }
        let other = Some(room).filter(|_| !self.is_current(id, room));
        self.send_about(id, room, &Event::Notice(Notice::PageEnds { room: other, older, newer }));
    }

    /// Whether a room is the current one of a session, or the session has none any more.
    fn is_current(&self, id: ClientId, room: &str) -> bool {
        let current = self.sessions[id].current.as_ref().map(|current| self.shared.rooms.name(current.room));
        current.is_none_or(|name| name == room)
    }

    /// Queues an event about a room of which only the name is known, as it was when the query was made.
    fn send_about(&mut self, id: ClientId, room: &str, event: &Event) {
        let label = self.sessions[id].encoding.of_log(self.is_current(id, room)).label(room);
        self.outbound.send_labelled(&mut self.sessions, &self.shared.members, id, label, event);
    }

    fn show_search_results(
        &mut self,
        id: ClientId,
        room: &str,
        found: Vec<Message>,
        ignored: &[Ignored],
        words: &str,
        n: usize,
    ) {
        let HistoryPage { mut messages, older, .. } = self.page(found, Vec::new(), (n, 0));
        messages.retain(|message| !self.is_by_any(ignored, message));
        let begins = Notice::FoundBegins { words, messages: messages.len() };
        self.send_about(id, room, &Event::Notice(begins));
        for message in &messages {
            let &Message { id: number, at, kind, ref name, ref text, .. } = message;
            self.send_about(id, room, &Event::Found { id: number, at, name, text, kind });
        }
        let other = Some(room).filter(|_| !self.is_current(id, room));
        self.send_about(id, room, &Event::Notice(Notice::FoundEnds { room: other, words, older }));
    }

    /// Keeps the messages that fit into one page: the last ones of `before` and the first ones of `after`, at most that many
    /// of each.
    pub(in crate::chat::hub) fn page(
        &self,
        before: Vec<Message>,
        after: Vec<Message>,
        counts: (usize, usize),
    ) -> HistoryPage {
        let bytes = MAX_PAGE_BYTES.min(self.config.backlog_bytes / 2);
        let bytes_before = bytes * counts.0 / (counts.0 + counts.1).max(1);
        let begin = before.len() - fitting(before.iter().rev(), counts.0, bytes_before);
        let end = fitting(after.iter(), counts.1, bytes - bytes_before);
        let (older, mut messages) = (before[..begin].last().map(|message| message.id), before);
        let newer = after.get(end).map(|message| message.id);
        messages.drain(..begin);
        messages.extend(after.into_iter().take(end));
        // If none is shown, the page lies between two ids.
        let older = older.map(|older| messages.first().map_or(older + 1, |oldest| oldest.id));
        let newer = newer.map(|newer| messages.last().map_or(newer - 1, |newest| newest.id));
        HistoryPage { messages, older, newer }
    }

    /// Whether the author of a stored message is among the ignored members, by that name or by the member that has the
    /// name now.
    pub(in crate::chat::hub) fn is_by_any(&self, ignored: &[Ignored], message: &Message) -> bool {
        if ignored.is_empty() {
            return false;
        }
        let Shared { members, .. } = &self.shared;
        let key = fold(&message.name);
        let author = Author { member: members.find_key(&key), name: members.name_hash(&key) };
        ignored.iter().any(|ignored| ignored.is_of(author))
    }

    /// Proposes to delete the messages that were found for a member.
    fn delete_found(&mut self, id: ClientId, room: &str, which: &DeleteChoice, found: &[Message], now: Now) {
        let Some(slot) = self.sessions[id].member else { return };
        let (by, place) = (self.shared.members.id(slot), self.shared.rooms.find(&fold(room)));
        match (place, found.last(), which) {
            (Some(room), Some(newest), _) => {
                let ids = found.iter().map(|message| message.id).collect();
                let delete = Delete { by, room, name: Cow::Borrowed(&newest.name), ids, reason: None };
                self.propose_checked(id, Change::Delete(Box::new(delete)), &now);
            }
            (None, ..) => self.fanout().refuse(id, Refusal::NoRoom { room }),
            (_, None, &DeleteChoice::Id(number)) if self.sessions[id].encoding.is_irc() => {
                let msgid = MessageId::Room { run: self.run, id: number };
                self.no_message(id, &format!("#{room}"), &msgid.to_string());
            }
            (_, None, &DeleteChoice::Id(number)) => self.fanout().refuse(id, Refusal::NoMessage { id: number, room }),
            (_, None, DeleteChoice::Of { name, .. }) => {
                self.fanout().refuse(id, Refusal::NothingToDelete { name: Some(name), room });
            }
        }
    }

    /// Handles the answer to the query for a stored room: loads the room, and moves or logs the session in.
    fn open_queried_room(&mut self, id: ClientId, room: &str, then: &RoomUse, answer: Answer, now: Now) {
        let session = &self.sessions[id];
        let member = session.member;
        if member.is_none() && session.stage != SessionStage::LoggingIn {
            return;
        }
        let opened = match answer {
            Answer::Messages(messages) => self.load_stored(room, &messages),
            _ => Err(Refusal::LookupFails),
        };
        match (then, member, opened) {
            (RoomUse::LogIn { nickname }, None, opened) => {
                if let Err(refusal) = opened {
                    self.fanout().refuse(id, refusal);
                }
                self.note_looked_up(id, room);
                match (self.prompts.get(id), nickname) {
                    (Some(Prompt::LoggingIn(account)), _) => self.log_in_as(id, account, now),
                    (_, Some(nickname)) if self.config.login == Login::Nickname => {
                        self.line_before_login(id, nickname, now);
                    }
                    _ => self.log_in_by_address(id, now),
                }
            }
            (_, Some(_), Err(refusal)) => self.fanout().refuse(id, refusal),
            (RoomUse::Command { line }, Some(_), Ok(_)) if self.sessions[id].encoding.is_irc() => {
                self.irc_line(id, Input::Line(line), &now);
            }
            (RoomUse::Command { line }, Some(slot), Ok(_)) => self.line_of_member(self.asker(id, slot), line, &now),
            (_, Some(slot), Ok(name)) => {
                let (member, place) = (self.shared.members.id(slot), Box::new(Place::Named(Cow::Owned(name))));
                let change = match then {
                    RoomUse::Follow { key } => Change::Follow { member, place, key: key.clone() },
                    RoomUse::Join { key } => Change::Move { member, place, key: key.clone() },
                    RoomUse::LogIn { .. } | RoomUse::Command { .. } => return,
                };
                self.propose_checked(id, change, &now);
            }
            (_, None, _) => {}
        }
    }

    /// A room that a session wants to resume was looked up: it is not looked up again, though it may have left memory.
    fn note_looked_up(&mut self, id: ClientId, room: &str) {
        let most = 1 + self.shared.rooms.limits().follow;
        if let Some(request) = self.resume_requests.get_mut(&id) {
            let key = fold(room);
            let names: Vec<&str> = request.rooms().take(most).collect();
            let position = names.iter().rev().position(|name| fold(name) == key);
            request.looked_up = position.map_or(usize::MAX, |position| request.looked_up.max(position + 1));
        }
    }

    /// Loads a stored room into memory, unless it is there already; returns its name.
    ///
    /// A room without settings whose messages were all pruned is forgotten.
    fn load_stored(&mut self, room: &str, messages: &[Message]) -> Result<Name, Refusal<'static>> {
        let Ok(name) = Name::room(room) else { return Err(Refusal::BadRoomName) };
        if self.shared.rooms.find(&name.key).is_some() {
            return Ok(name);
        }
        if let Some(stored) = self.shared.rooms.find_stored_mut(&name.key)
            && messages.last().map_or(0, |message| message.id) < std::mem::take(&mut stored.newest_post)
        {
            // A message was posted while the store was read.
            return Err(Refusal::LookupFails);
        }
        let has_settings = self.shared.rooms.find_stored(&name.key).is_some_and(|room| room.has_settings());
        if messages.is_empty() && !has_settings {
            self.forget_stored(&name.key);
            return Ok(name);
        }
        let opened = self.shared.rooms.load(&name, &self.shared.members)?;
        self.release_creator(opened.released);
        let missing = self.store.as_ref().and_then(|store| store.gaps().newest());
        self.restore_messages(opened.room, messages, missing);
        Ok(name)
    }

    /// Removes a room that is in the store and not in memory.
    fn forget_stored(&mut self, key: &str) {
        if let Some(stored) = self.shared.rooms.remove_stored(key) {
            self.record(|| Record::RoomGone { name: stored.name.into() });
            self.release_creator(stored.creator);
        }
    }

    /// All messages of these rooms were pruned from the store: removes the rooms that are not in memory.
    ///
    /// In a cluster each node prunes its own store, which decides nothing about rooms: they are removed from it alone.
    pub fn handle_pruned_rooms(&mut self, names: &[String]) {
        for name in names {
            let key = fold(name);
            if self.is_node() && self.shared.rooms.find(&key).is_none() {
                self.record(|| Record::RoomGone { name: name.clone() });
            }
            if self.shared.rooms.find_stored(&key).is_some() {
                info!("room {name} is removed: all its messages were pruned");
                self.forget_stored(&key);
            }
        }
    }
}

/// The ids that a page covers, from one on and below another: messages that are missing among them would be on it.
fn ids_of_page(range: HistoryRange, messages: &[Message], has_older: bool, has_newer: bool) -> (u64, u64) {
    let (first, last) = (messages.first().map(|message| message.id), messages.last().map(|message| message.id));
    let from = match range {
        HistoryRange::After { after } => after + 1,
        HistoryRange::On { .. } => first.unwrap_or(u64::MAX),
        _ if !has_older => 0,
        HistoryRange::Latest => first.unwrap_or(u64::MAX),
        HistoryRange::Before(id) | HistoryRange::Around { around: id } => first.unwrap_or(id),
    };
    let to = match range {
        HistoryRange::Latest => u64::MAX,
        HistoryRange::Before(id) => id,
        _ if !has_newer => u64::MAX,
        _ => last.map_or(from, |last| last + 1),
    };
    (from, to)
}

/// The number of the first messages that fit into `bytes` bytes, at most `most`, but at least one if there is one.
fn fitting<'a>(messages: impl Iterator<Item = &'a Message>, most: usize, bytes: usize) -> usize {
    let (mut taken, mut is_first) = (0, true);
    let fits = |message: &&Message| {
        taken += LINE_OVERHEAD + message.name.len() + message.text.len();
        std::mem::take(&mut is_first) || taken <= bytes
    };
    messages.take(most).take_while(fits).count()
}
