//! Plans for `/history` and `/search`.

use super::{Asker, Plan, Report, View, refuse};
use crate::chat::command::{is_blank, split};
use crate::chat::event::Refusal;
use crate::chat::policy::nick::Name;
use crate::chat::query::{HistoryRange, Lookup};

/// The most messages that one `/history` shows.
const MAX_HISTORY_MESSAGES: usize = 500;
/// The messages that `/history` shows without a number, if the server shows no history on entering.
const DEFAULT_HISTORY_MESSAGES: usize = 20;
/// The most messages that one `/search` shows.
const MAX_SEARCH_RESULTS: usize = 20;

const HISTORY_USAGE: Refusal =
    Refusal::Usage("/history [n], /history before|after|around ID [n], /history on YYYY-MM-DD [n]");
const SEARCH_USAGE: Refusal = Refusal::Usage("/search words, /search before ID words");

impl<'s> View<'s, '_> {
    /// `/history` with a store.
    pub fn query_history<'l: 's>(&self, asker: Asker, line: &str, rest: &'l str) -> Plan<'s, 'l> {
        if let Some(plan) = self.load_room_argument(asker, line, rest) {
            return plan;
        }
        let (room, rest) = match self.readable_room(asker, rest) {
            Ok(found) => found,
            Err(refusal) => return refuse(refusal),
        };
        if let Some(refusal) = self.no_such_room(rest) {
            return refuse(refusal);
        }
        let Some((range, n)) = parse_range(rest) else { return refuse(HISTORY_USAGE) };
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
        Plan::Query(Lookup::History { room: self.room_name(room), range, n: n.min(MAX_HISTORY_MESSAGES) })
    }

    /// `/history` without a store.
    pub fn replay<'l: 's>(&self, asker: Asker, rest: &'l str) -> Plan<'s, 'l> {
        let (room, rest) = match self.readable_room(asker, rest) {
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
                _ if !matches!(parse_range(rest), Some((HistoryRange::Latest, _))) => refuse(Refusal::NoStore),
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
    pub fn search<'l: 's>(&self, asker: Asker, line: &str, rest: &'l str) -> Plan<'s, 'l> {
        if !self.has_store {
            return refuse(Refusal::NoStore);
        }
        if let Some(plan) = self.load_room_argument(asker, line, rest) {
            return plan;
        }
        let (room, rest) = match self.readable_room(asker, rest) {
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

/// Parses the arguments of `/history` into the range and the text after it, the number of messages.
///
/// `None` if an id or a day is missing or invalid.
fn parse_range(text: &str) -> Option<(HistoryRange, &str)> {
    let (word, more) = split(text);
    let (value, n) = split(more.trim_start());
    let range = match &*word.to_ascii_lowercase() {
        "before" => HistoryRange::Before(value.parse().ok()?),
        "after" => HistoryRange::After { after: value.parse().ok()? },
        "around" => HistoryRange::Around { around: value.parse().ok()? },
        "on" => HistoryRange::On { on: HistoryRange::parse_day(value)? },
        _ => return Some((HistoryRange::Latest, text)),
    };
    Some((range, n))
}
