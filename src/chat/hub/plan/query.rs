//! Plans for `/history` and `/search`.

use super::{Asker, Plan, Report, View, refuse};
use crate::chat::command::{is_blank, split};
use crate::chat::event::Refusal;
use crate::chat::policy::nick::Name;
use crate::chat::query::Lookup;

/// The most messages that one `/history` shows.
const MAX_HISTORY_MESSAGES: usize = 500;
/// The messages that `/history` shows without a number, if the server shows no history on entering.
const DEFAULT_HISTORY_MESSAGES: usize = 20;
/// The most messages that one `/search` shows.
const MAX_SEARCH_RESULTS: usize = 20;

const HISTORY_USAGE: Refusal = Refusal::Usage("/history [n], /history before ID [n]");
const SEARCH_USAGE: Refusal = Refusal::Usage("/search words, /search before ID words");

impl<'s> View<'s, '_> {
    /// `/history` with a store: queries the last messages, or those before the id after `before`.
    pub fn query_history<'l: 's>(&self, asker: Asker, rest: &'l str) -> Plan<'s, 'l> {
        let (room, rest) = match self.room_argument(asker, rest) {
            Ok(found) => found,
            Err(refusal) => return refuse(refusal),
        };
        if let Some(refusal) = self.no_such_room(rest) {
            return refuse(refusal);
        }
        let (word, more) = split(rest);
        let is_before = word.eq_ignore_ascii_case("before");
        let (before, n) = match is_before {
            true => split(more.trim_start()),
            false => ("", rest),
        };
        let before = match before.parse::<u64>() {
            Ok(before) => Some(before),
            Err(_) if is_before => return refuse(HISTORY_USAGE),
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
                _ => return refuse(HISTORY_USAGE),
            },
        };
        Plan::Query(Lookup::History { room: self.room_name(room), before, n: n.min(MAX_HISTORY_MESSAGES) })
    }

    /// `/history` without a store.
    pub fn replay<'l: 's>(&self, asker: Asker, rest: &'l str) -> Plan<'s, 'l> {
        let (room, rest) = match self.room_argument(asker, rest) {
            Ok(found) => found,
            Err(refusal) => return refuse(refusal),
        };
        if let Some(refusal) = self.no_such_room(rest) {
            return refuse(refusal);
        }
        let most = self.config.history;
        match rest {
            "" if most > 0 => Plan::Report(Report::Replay(room, most)),
            n => match n.parse::<usize>() {
                Ok(n) if n > 0 && most > 0 => Plan::Report(Report::Replay(room, n.min(most))),
                _ if split(n).0.eq_ignore_ascii_case("before") => refuse(Refusal::NoStore),
                _ => refuse(Refusal::HistoryRange { most }),
            },
        }
    }

    /// The refusal of a `#room` that does not exist, since `/history` has no text that could begin so.
    fn no_such_room<'l>(&self, rest: &'l str) -> Option<Refusal<'l>> {
        let room = split(rest.strip_prefix('#').filter(|_| self.config.has_followed_rooms())?).0;
        Some(if Name::room(room).is_ok() { Refusal::NoRoom { room } } else { Refusal::BadRoomName })
    }

    /// `/search`: queries the messages that contain the given words.
    pub fn search<'l: 's>(&self, asker: Asker, rest: &'l str) -> Plan<'s, 'l> {
        if !self.has_store {
            return refuse(Refusal::NoStore);
        }
        let (room, rest) = match self.room_argument(asker, rest) {
            Ok(found) => found,
            Err(refusal) => return refuse(refusal),
        };
        let before = rest.split_once(' ').filter(|(word, _)| word.eq_ignore_ascii_case("before"));
        let number = before.and_then(|(_, rest)| {
            let (before, words) = split(rest.trim_start());
            Some((before.parse().ok()?, words)).filter(|(_, words)| !is_blank(words))
        });
        let (before, words) = number.map_or((None, rest), |(before, words)| (Some(before), words));
        if is_blank(words) {
            return refuse(SEARCH_USAGE);
        }
        let words = words.trim().to_owned();
        Plan::Query(Lookup::Search { room: self.room_name(room), words, before, n: MAX_SEARCH_RESULTS })
    }
}
