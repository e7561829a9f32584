//! Finds the messages that were missed while the connection was down.
//!
//! After a reconnect the server shows its last messages again. The lines of others are equal to the lines that were
//! read, so the history begins with the end of the known messages. Our own lines were shown when they were sent: their
//! time and place are a guess, and perhaps they never arrived. They are matched by their text.

#[cfg(test)]
mod model_tests;
mod overlap;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use self::overlap::{Overlap, overlap};
use super::session::Echo;
use super::shape::{LineShape, ServerNotice};

/// The number of messages that are remembered.
pub const MAX_SEEN: usize = 10_000;

/// The value of `confirmed_at` for a line that is not known to have reached the server.
const NEVER: u64 = u64::MAX;

/// A message that was shown.
#[derive(Clone, Copy)]
struct SeenMessage {
    /// Hashes of the name, of the whole line, and of name, kind and text together.
    name: u64,
    line: u64,
    said: u64,
    /// Whether it is one of our lines that was shown when it was sent.
    mine: bool,
    /// The number of the next message at the time when the server was known to have this one.
    confirmed_at: u64,
}

/// One of our lines that may not have arrived.
struct UnconfirmedLine {
    /// Its number among the shown messages, and its number among our sent lines.
    shown: u64,
    number: u64,
    line: String,
}

/// The result of comparing the history after a reconnect with the known messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MissedMessages {
    /// The indexes of the history lines to show, in order.
    pub to_show: Vec<usize>,
    /// Whether more may have been missed than the history contains.
    pub gap: bool,
    /// Our lines that did not arrive, in the form in which they can be sent again.
    pub undelivered: Vec<String>,
}

/// The messages shown in the current room.
///
/// Our own text must be given as the server will show it, without control characters.
#[derive(Default)]
pub struct SeenMessages {
    keys: RandomState,
    entries: VecDeque<SeenMessage>,
    /// The number of messages that were dropped; it is also the number of the first one that is kept.
    forgotten: u64,
    unconfirmed: VecDeque<UnconfirmedLine>,
    sent: u64,
}

/// A line of the history.
enum HistoryLine {
    Message(SeenMessage),
    Day,
    Other,
}

impl SeenMessages {
    /// Forgets all messages on entering another room, whose history follows.
    pub fn clear(&mut self) {
        *self = SeenMessages {
            keys: self.keys.clone(),
            sent: self.sent,
            forgotten: self.next(),
            ..SeenMessages::default()
        };
    }

    /// Records a line of the server if it is a message.
    pub fn record_shown(&mut self, line: &str, shape: &LineShape) {
        if let HistoryLine::Message(entry) = self.parse(line, shape) {
            self.push(entry);
        }
    }

    /// Records one of our lines that is shown when it is sent.
    pub fn record_sent(&mut self, name: &str, echo: Echo) {
        let (text, action) = match echo {
            Echo::Said(text) => (text, false),
            Echo::Action(text) => (text, true),
        };
        self.sent += 1;
        let unconfirmed = UnconfirmedLine { shown: self.next(), number: self.sent, line: echo.line() };
        self.unconfirmed.push_back(unconfirmed);
        let (name, said) = (self.keys.hash_one(name), self.keys.hash_one((name, action, text)));
        self.push(SeenMessage { name, line: 0, said, mine: true, confirmed_at: NEVER });
    }

    /// Returns the number of our lines sent so far: the argument for [`SeenMessages::confirm`] when a `/ping` sent now
    /// is answered.
    pub fn sent_count(&self) -> u64 {
        self.sent
    }

    /// Records that the server has processed the first `count` of our lines.
    pub fn confirm(&mut self, count: u64) {
        let next = self.next();
        let confirmed = self.unconfirmed.partition_point(|line| line.number <= count);
        for line in self.unconfirmed.drain(..confirmed) {
            self.entries[(line.shown - self.forgotten) as usize].confirmed_at = next;
        }
    }

    /// Compares the known messages with the lines of the history, without its first and last line; `history` is empty
    /// if the server showed none.
    ///
    /// Afterwards the history is what is known.
    pub fn compare(&mut self, history: &[String], own_name: &str) -> MissedMessages {
        let lines: Vec<HistoryLine> = history.iter().map(|line| self.parse(line, &LineShape::parse(line))).collect();
        let mut own: HashSet<u64> = self.entries.iter().filter(|entry| entry.mine).map(|entry| entry.name).collect();
        own.insert(self.keys.hash_one(own_name));

        let others = self.entries.iter().zip(self.forgotten..).filter(|(entry, _)| !own.contains(&entry.name));
        let (seen, places): (Vec<u64>, Vec<u64>) = others.map(|(entry, place)| (entry.line, place)).unzip();
        let is_other = |entry: &&SeenMessage| !own.contains(&entry.name);
        let read: Vec<u64> = messages(&lines).filter(is_other).map(|entry| entry.line).collect();
        let found = overlap(&seen, &read);

        let mut copies: HashMap<u64, usize> = HashMap::new();
        messages(&lines).filter(|entry| own.contains(&entry.name)).for_each(|entry| {
            *copies.entry(entry.said).or_default() += 1;
        });
        let confirmed =
            self.entries.iter().filter(|entry| entry.confirmed_at != NEVER && own.contains(&entry.name)).count();
        let coverage = HistoryCoverage::new(&found, &places, copies.values().sum::<usize>() >= confirmed);
        let undelivered = self.match_own(&own, &coverage, &mut copies);

        let to_show = lines_to_show(&lines, &own, found.len, copies);
        // If all messages of the history are ours, others may have spoken before it.
        let gap = found.len == 0 && !seen.is_empty() && messages(&lines).next().is_some();
        self.clear();
        messages(&lines).for_each(|&entry| self.push(entry));
        MissedMessages { to_show, gap, undelivered }
    }

    /// Removes from `copies` our lines in the history that were shown; returns the lines that did not arrive.
    fn match_own(
        &self,
        own: &HashSet<u64>,
        coverage: &HistoryCoverage,
        copies: &mut HashMap<u64, usize>,
    ) -> Vec<String> {
        let mut take = |said: u64| match copies.get_mut(&said) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let entries = self.entries.iter().zip(self.forgotten..);
        let confirmed = entries.filter(|(entry, _)| entry.confirmed_at != NEVER && own.contains(&entry.name));
        let (inside, around): (Vec<_>, Vec<_>) = confirmed.partition(|&(_, place)| coverage.holds(place));
        inside.iter().for_each(|(entry, _)| _ = take(entry.said));

        let said = |line: &UnconfirmedLine| self.entries[(line.shown - self.forgotten) as usize].said;
        // Lines arrive in the order of sending: if one arrived, all before it did.
        let mut arrived = 0;
        let outside = self.unconfirmed.partition_point(|line| !coverage.holds(line.shown));
        for (index, line) in self.unconfirmed.iter().enumerate().skip(outside) {
            if take(said(line)) {
                arrived = index + 1;
            }
        }
        for (index, line) in self.unconfirmed.iter().enumerate().take(outside).rev() {
            if take(said(line)) {
                arrived = arrived.max(index + 1);
            }
        }
        around
            .iter()
            .filter(|(entry, _)| !coverage.is_after(entry.confirmed_at))
            .for_each(|(entry, _)| _ = take(entry.said));
        self.unconfirmed.iter().skip(arrived).map(|line| line.line.clone()).collect()
    }

    fn parse(&self, line: &str, shape: &LineShape) -> HistoryLine {
        let (name, text, action) = match *shape {
            LineShape::Said { name, text, .. } => (name, text, false),
            LineShape::Action { name, text, .. } => (name, text, true),
            LineShape::Notice(ServerNotice::Day(_)) => return HistoryLine::Day,
            _ => return HistoryLine::Other,
        };
        let (said, line) = (self.keys.hash_one((name, action, text)), self.keys.hash_one(line));
        HistoryLine::Message(SeenMessage { name: self.keys.hash_one(name), line, said, mine: false, confirmed_at: 0 })
    }

    /// Returns the number of the next message.
    fn next(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    fn push(&mut self, mut entry: SeenMessage) {
        if !entry.mine {
            entry.confirmed_at = self.next();
        }
        self.entries.push_back(entry);
        if self.entries.len() > MAX_SEEN {
            self.entries.pop_front();
            self.forgotten += 1;
            if self.unconfirmed.front().is_some_and(|line| line.shown < self.forgotten) {
                self.unconfirmed.pop_front();
            }
        }
    }
}

/// The part of the known messages that the history covers, as far as the lines of others show it.
struct HistoryCoverage {
    /// Messages shown from this one on are in the history if they have arrived.
    after: Option<u64>,
    /// Messages that the server had before it showed this one are older than the history.
    before: Option<u64>,
}

impl HistoryCoverage {
    /// `places` are the numbers of the matched lines of others; `all_own`: the history has room for all our lines that
    /// arrived.
    fn new(found: &Overlap, places: &[u64], all_own: bool) -> HistoryCoverage {
        let first = places.len() - found.run;
        let after = match places.get(first) {
            // The history begins before all known messages.
            Some(_) if first == 0 && !found.is_exact() => Some(0),
            Some(&place) => Some(place),
            None => (places.is_empty() && all_own).then_some(0),
        };
        let older = first.checked_sub(1).filter(|_| found.is_exact());
        HistoryCoverage { after, before: older.map(|older| places[older]) }
    }

    fn holds(&self, place: u64) -> bool {
        self.after.is_some_and(|after| place >= after)
    }

    fn is_after(&self, confirmed_at: u64) -> bool {
        self.before.is_some_and(|before| confirmed_at <= before)
    }
}

fn messages(lines: &[HistoryLine]) -> impl Iterator<Item = &SeenMessage> {
    lines.iter().filter_map(|line| match line {
        HistoryLine::Message(entry) => Some(entry),
        _ => None,
    })
}

/// Returns the lines to show: of others, those after the first `seen`; of our own, the last ones, as many as `copies`
/// counts.
fn lines_to_show(
    lines: &[HistoryLine],
    own: &HashSet<u64>,
    seen: usize,
    mut copies: HashMap<u64, usize>,
) -> Vec<usize> {
    let mut others = messages(lines).filter(|entry| !own.contains(&entry.name)).count();
    let mut to_show = Vec::new();
    // A date is shown only if a message of that day is.
    let mut shown_of_day = false;
    for (index, line) in lines.iter().enumerate().rev() {
        let show = match line {
            HistoryLine::Message(entry) if own.contains(&entry.name) => {
                copies.get_mut(&entry.said).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
            }
            HistoryLine::Message(_) => {
                others -= 1;
                others >= seen
            }
            HistoryLine::Day => std::mem::take(&mut shown_of_day),
            HistoryLine::Other => true,
        };
        if show {
            to_show.push(index);
            shown_of_day |= !matches!(line, HistoryLine::Day);
        }
    }
    to_show.reverse();
    to_show
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seen: &mut SeenMessages, lines: &[&str]) {
        lines.iter().for_each(|line| seen.record_shown(line, &LineShape::parse(line)));
    }

    fn compare(seen: &mut SeenMessages, history: &[&str]) -> MissedMessages {
        let history: Vec<String> = history.iter().map(|&line| line.into()).collect();
        seen.compare(&history, "me")
    }

    #[test]
    fn without_history_unconfirmed_lines_are_undelivered() {
        let mut seen = SeenMessages::default();
        seen.record_sent("me", Echo::Said("one"));
        let mark = seen.sent_count();
        seen.record_sent("me", Echo::Said("/two"));
        seen.record_sent("me", Echo::Action("waves"));
        seen.confirm(mark);
        record(&mut seen, &["[12:00:00] bob: hi"]);
        let undelivered = vec!["/say /two".to_string(), "/me waves".to_string()];
        assert_eq!(compare(&mut seen, &[]), MissedMessages { undelivered, ..MissedMessages::default() });
        // The result is given once.
        assert_eq!(compare(&mut seen, &[]), MissedMessages::default());
    }

    #[test]
    fn line_sent_twice_and_delivered_once_is_undelivered_once() {
        let mut seen = SeenMessages::default();
        record(&mut seen, &["[12:00:00] bob: hi"]);
        seen.record_sent("me", Echo::Said("hello"));
        seen.confirm(seen.sent_count());
        seen.record_sent("me", Echo::Said("hello"));
        let history = ["[12:00:00] bob: hi", "[12:00:01] me: hello", "[12:00:09] bob: you there?"];
        let expected = MissedMessages { to_show: vec![2], gap: false, undelivered: vec!["hello".into()] };
        assert_eq!(compare(&mut seen, &history), expected);
    }

    #[test]
    fn lines_under_former_name_are_own() {
        let mut seen = SeenMessages::default();
        seen.record_sent("ann", Echo::Said("hello"));
        record(&mut seen, &["[12:00:00] bob: hi"]);
        assert_eq!(compare(&mut seen, &["[12:00:00] ann: hello", "[12:00:00] bob: hi"]), MissedMessages::default());
    }

    #[test]
    fn notices_and_other_rooms_are_not_compared() {
        let mut seen = SeenMessages::default();
        record(&mut seen, &["[12:00:00] bob: hi", "* bob left (1 here)", "[12:00:00] bob -> you: psst"]);
        assert_eq!(compare(&mut seen, &["[12:00:00] bob: hi"]), MissedMessages::default());
        seen.clear();
        let expected = MissedMessages { to_show: vec![0], ..MissedMessages::default() };
        assert_eq!(compare(&mut seen, &["[12:00:00] bob: hi"]), expected);
    }

    #[test]
    fn remembered_messages_are_limited() {
        let mut seen = SeenMessages::default();
        seen.record_sent("me", Echo::Said("forgotten"));
        for number in 0..MAX_SEEN {
            record(&mut seen, &[&format!("[12:00:00] bob: {number}")]);
        }
        assert_eq!((seen.entries.len(), seen.unconfirmed.len()), (MAX_SEEN, 0));
        seen.record_sent("me", Echo::Said("kept"));
        seen.confirm(seen.sent_count());
        let history = [&*format!("[12:00:00] bob: {}", MAX_SEEN - 1), "[12:00:01] me: kept", "[12:00:02] bob: new"];
        assert_eq!(compare(&mut seen, &history), MissedMessages { to_show: vec![2], ..MissedMessages::default() });
    }
}
