//! Store queries of clients, and the display of their answers.
//!
//! A client's next line waits until its query is answered, so that the answers come in the order of the commands.

use crate::chat::query::{Answer, Lookup, Query};
use std::collections::VecDeque;

use crate::chat::change::{Message, MessageKind};
use crate::chat::command::{is_blank, split};
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::store_queue::event_from_message;
use crate::chat::id::Now;
use crate::chat::id::{ClientId, Session};
use crate::chat::policy::nick::fold;
use crate::chat::session::client::SessionStage;

/// The most messages that one `/history` shows.
pub const MAX_HISTORY_MESSAGES: usize = 500;
/// The messages that `/history` shows without a number, if the server shows no history on entering.
const DEFAULT_HISTORY_MESSAGES: usize = 20;
/// The most messages that one `/search` shows.
const MAX_SEARCH_RESULTS: usize = 20;
/// The most bytes of messages that one page shows. Half of the backlog limit is the other bound.
const MAX_PAGE_BYTES: usize = 256 * 1024;

const HISTORY_USAGE: Refusal = Refusal::Usage("/history [n], /history before ID [n]");
const SEARCH_USAGE: Refusal = Refusal::Usage("/search words, /search before ID words");

/// The queries that have not been taken yet; at most one for each client.
pub type Queries = VecDeque<Query>;

/// Messages that are shown together.
struct HistoryPage {
    messages: Vec<Message>,
    /// If set, there are older messages, before this id.
    older: Option<u64>,
}

impl Hub {
    /// Takes the next query.
    pub fn poll_query(&mut self) -> Option<Query> {
        self.store.as_mut()?.queries.pop_front()
    }

    /// Whether the client still waits for the answer to a query.
    pub fn is_awaiting(&self, query: &Query) -> bool {
        self.clients.get(query.asker).is_some_and(|client| client.session == query.session && client.awaits_answer)
    }

    /// Whether there is a query to take.
    pub fn has_queries(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !store.queries.is_empty())
    }

    pub(in crate::chat::hub) fn queue_query(&mut self, asker: ClientId, lookup: Lookup) {
        let Some(store) = &mut self.store else { return };
        let client = &mut self.clients[asker];
        client.awaits_answer = true;
        store.queries.push_back(Query { asker, session: client.session, lookup });
    }

    /// Shows the answer to a query, if the client that asked is still connected.
    pub fn handle_answer(&mut self, query: Query, answer: Answer, now: Now) {
        let Query { asker: id, session, lookup } = query;
        let Some(client) = self.clients.get_mut(id).filter(|client| client.session == session) else { return };
        client.awaits_answer = false;
        match (lookup, answer) {
            (Lookup::History { before, n, .. }, Answer::Messages(found)) => {
                self.show_history_page(id, found, before, n, now)
            }
            (Lookup::Search { words, n, .. }, Answer::Messages(found)) => {
                self.show_search_results(id, found, &words, n)
            }
            (Lookup::Whispers { to }, Answer::Whispers(whispers)) => {
                self.deliver_offline_messages(id, &to, &whispers, now)
            }
            // The messages stay in the store until the next login with that name.
            (Lookup::Whispers { .. }, _) => {}
            (Lookup::Room { room, nickname }, answer) => {
                self.open_queried_room(id, &room, nickname.as_deref(), answer, now)
            }
            // The store fails, but the messages in memory can be shown.
            (Lookup::History { before: None, n, .. }, _)
                if client.stage == SessionStage::InRoom && self.config.history > 0 =>
            {
                self.replay(id, n.min(self.config.history), now);
            }
            _ => self.refuse(id, Refusal::LookupFails),
        }
    }

    /// `/history` with a store: queries the last messages, or those before the id after `before`.
    pub(in crate::chat::hub) fn query_history(&mut self, id: ClientId, rest: &str) {
        let (word, more) = split(rest);
        let is_before = word.eq_ignore_ascii_case("before");
        let (before, n) = match is_before {
            true => split(more.trim_start()),
            false => ("", rest),
        };
        let before = match before.parse::<u64>() {
            Ok(before) => Some(before),
            Err(_) if is_before => return self.refuse(id, HISTORY_USAGE),
            Err(_) => None,
        };
        let usual = match self.config.history {
            0 => DEFAULT_HISTORY_MESSAGES,
            most => most,
        };
        let n = match n.trim() {
            "" => usual,
            n => match n.parse::<usize>() {
                Ok(n) if n > 0 => n,
                _ => return self.refuse(id, HISTORY_USAGE),
            },
        };
        let room = self.room_name(id);
        self.queue_query(id, Lookup::History { room, before, n: n.min(MAX_HISTORY_MESSAGES) });
    }

    /// `/search`: queries the messages that contain the given words.
    pub(in crate::chat::hub) fn search(&mut self, id: ClientId, rest: &str) {
        if self.store.is_none() {
            return self.refuse(id, Refusal::NoStore);
        }
        let before = rest.split_once(' ').filter(|(word, _)| word.eq_ignore_ascii_case("before"));
        let number = before.and_then(|(_, rest)| {
            let (before, words) = split(rest.trim_start());
            Some((before.parse().ok()?, words)).filter(|(_, words)| !is_blank(words))
        });
        let (before, words) = number.map_or((None, rest), |(before, words)| (Some(before), words));
        if is_blank(words) {
            return self.refuse(id, SEARCH_USAGE);
        }
        let (room, words) = (self.room_name(id), words.trim().to_owned());
        self.queue_query(id, Lookup::Search { room, words, before, n: MAX_SEARCH_RESULTS });
    }

    fn room_name(&self, id: ClientId) -> String {
        self.rooms[self.clients[id].room].name.to_string()
    }

    fn show_history_page(&mut self, id: ClientId, found: Vec<Message>, before: Option<u64>, n: usize, now: Now) {
        let HistoryPage { mut messages, older } = self.page(found, n);
        if messages.is_empty() && before.is_none() {
            return self.notice(id, Notice::NoHistory);
        }
        messages.retain(|message| !self.is_ignored_author(id, message));
        self.notice(id, Notice::HistoryBegins { messages: messages.len(), gap: false, before });
        let mut day = now.local.date();
        for message in &messages {
            if std::mem::replace(&mut day, message.at.date()) != day {
                self.notice(id, Notice::Day(day));
            }
            self.send_event(id, &event_from_message(message));
        }
        self.notice(id, Notice::PageEnds { older });
    }

    fn show_search_results(&mut self, id: ClientId, found: Vec<Message>, words: &str, n: usize) {
        let HistoryPage { mut messages, older } = self.page(found, n);
        messages.retain(|message| !self.is_ignored_author(id, message));
        self.notice(id, Notice::FoundBegins { words, messages: messages.len() });
        for message in &messages {
            let &Message { id: number, at, kind, ref name, ref text, .. } = message;
            self.send_event(id, &Event::Found { id: number, at, name, text, action: kind == MessageKind::Action });
        }
        self.notice(id, Notice::FoundEnds { words, older });
    }

    /// Keeps the newest messages that fit into one page, at most `n`.
    fn page(&self, mut messages: Vec<Message>, n: usize) -> HistoryPage {
        let most = MAX_PAGE_BYTES.min(self.config.backlog_bytes / 2);
        let mut bytes = 0;
        let fits = |message: &&Message| {
            bytes += crate::chat::event::LINE_OVERHEAD + message.name.len() + message.text.len();
            bytes <= most
        };
        let shown = messages.iter().rev().take(n).take_while(fits).count();
        let left_out = messages.len() - shown.max(1).min(messages.len());
        messages.drain(..left_out);
        let older = messages.first().filter(|_| left_out > 0).map(|oldest| oldest.id);
        HistoryPage { messages, older }
    }

    /// Whether `id` ignores the author of a stored message, by that name or by the session that has the name now.
    fn is_ignored_author(&self, id: ClientId, message: &Message) -> bool {
        let client = &self.clients[id];
        if client.ignored.is_none() {
            return false;
        }
        let key = fold(&message.name);
        let hash = self.name_hash(&key);
        if hash == client.name_hash {
            return false;
        }
        let owner = self.find_by_key(&key).map_or(Session::NONE, |owner| self.clients[owner].session);
        client.ignores(owner, hash)
    }
}
