//! What was missed while the connection was down.
//!
//! After a reconnect the server shows its last messages again. Lines of others are as they were read, so that the
//! history begins with the end of what was seen. Our own were shown when they were sent: at a time and in a place
//! that are a guess, and perhaps they never arrived. They are matched by what they say.

#[cfg(test)]
mod model_tests;
mod overlap;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use self::overlap::{Overlap, overlap};
use super::session::Echo;
use super::shape::{Notice, Shape};

/// Messages that are remembered.
pub const MAX_SEEN: usize = 10_000;

/// Not known to have reached the server.
const NEVER: u64 = u64::MAX;

/// A message that was shown.
#[derive(Clone, Copy)]
struct Entry {
    /// Hashes of the name, of the whole line, and of who says what.
    name: u64,
    line: u64,
    said: u64,
    /// Whether it is a line of ours that was shown when it was sent.
    mine: bool,
    /// Which message was the next to be shown when the server was known to have this one.
    settled: u64,
}

/// A line of ours of which it is not known whether it has arrived.
struct Unconfirmed {
    /// As the how manieth message it was shown, and as the how manieth of ours it was sent.
    shown: u64,
    number: u64,
    line: String,
}

/// What came of a reconnect.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Which lines of the history are to be shown, in order.
    pub from: Vec<usize>,
    /// Whether perhaps more was missed than the history holds.
    pub gap: bool,
    /// Lines of ours that have not arrived, as they are to be typed to say them again.
    pub unsaid: Vec<String>,
}

/// The messages shown in the present room.
///
/// Text of ours must be given as the server will show it, without control characters.
#[derive(Default)]
pub struct Seen {
    keys: RandomState,
    entries: VecDeque<Entry>,
    /// Messages that are no longer remembered; the first that is has this number.
    forgotten: u64,
    unconfirmed: VecDeque<Unconfirmed>,
    sent: u64,
}

/// A line of the history.
enum Line {
    Message(Entry),
    Day,
    Other,
}

impl Seen {
    /// We are in another room, whose history follows.
    pub fn clear(&mut self) {
        *self = Seen { keys: self.keys.clone(), sent: self.sent, forgotten: self.next(), ..Seen::default() };
    }

    /// A line of the server's is shown; all but messages are passed over.
    pub fn shown(&mut self, line: &str, shape: &Shape) {
        if let Line::Message(entry) = self.understand(line, shape) {
            self.push(entry);
        }
    }

    /// A line of ours is shown while it is on its way.
    pub fn sent(&mut self, name: &str, echo: Echo) {
        let (text, action) = match echo {
            Echo::Said(text) => (text, false),
            Echo::Action(text) => (text, true),
        };
        self.sent += 1;
        let unconfirmed = Unconfirmed { shown: self.next(), number: self.sent, line: echo.line() };
        self.unconfirmed.push_back(unconfirmed);
        let (name, said) = (self.keys.hash_one(name), self.keys.hash_one((name, action, text)));
        self.push(Entry { name, line: 0, said, mine: true, settled: NEVER });
    }

    /// How many lines of ours have been sent: what to give to [`Seen::confirmed`] when a ping that is sent now
    /// has come back.
    pub fn mark(&self) -> u64 {
        self.sent
    }

    /// The server has carried out the first `mark` lines of ours.
    pub fn confirmed(&mut self, mark: u64) {
        let next = self.next();
        let confirmed = self.unconfirmed.partition_point(|line| line.number <= mark);
        for line in self.unconfirmed.drain(..confirmed) {
            self.entries[(line.shown - self.forgotten) as usize].settled = next;
        }
    }

    /// Compares what was shown with the lines of the history, those between its first and its last line; with none
    /// if the server showed no history.
    ///
    /// From then on the history is what was shown.
    pub fn missed(&mut self, history: &[String], own_name: &str) -> Missed {
        let lines: Vec<Line> = history.iter().map(|line| self.understand(line, &Shape::of(line))).collect();
        let mut own: HashSet<u64> = self.entries.iter().filter(|entry| entry.mine).map(|entry| entry.name).collect();
        own.insert(self.keys.hash_one(own_name));

        let others = self.entries.iter().zip(self.forgotten..).filter(|(entry, _)| !own.contains(&entry.name));
        let (seen, places): (Vec<u64>, Vec<u64>) = others.map(|(entry, place)| (entry.line, place)).unzip();
        let is_other = |entry: &&Entry| !own.contains(&entry.name);
        let read: Vec<u64> = messages(&lines).filter(is_other).map(|entry| entry.line).collect();
        let found = overlap(&seen, &read);

        let mut copies: HashMap<u64, usize> = HashMap::new();
        messages(&lines).filter(|entry| own.contains(&entry.name)).for_each(|entry| {
            *copies.entry(entry.said).or_default() += 1;
        });
        let settled = self.entries.iter().filter(|entry| entry.settled != NEVER && own.contains(&entry.name)).count();
        let window = Window::new(&found, &places, copies.values().sum::<usize>() >= settled);
        let unsaid = self.match_own(&own, &window, &mut copies);

        let from = to_show(&lines, &own, found.len, copies);
        // Where all of the history is ours, others may have spoken before.
        let gap = found.len == 0 && !seen.is_empty() && messages(&lines).next().is_some();
        self.clear();
        messages(&lines).for_each(|&entry| self.push(entry));
        Missed { from, gap, unsaid }
    }

    /// Takes from the copies of our lines in the history those that were shown; returns the lines that never arrived.
    fn match_own(&self, own: &HashSet<u64>, window: &Window, copies: &mut HashMap<u64, usize>) -> Vec<String> {
        let mut take = |said: u64| match copies.get_mut(&said) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let entries = self.entries.iter().zip(self.forgotten..);
        let settled = entries.filter(|(entry, _)| entry.settled != NEVER && own.contains(&entry.name));
        let (inside, around): (Vec<_>, Vec<_>) = settled.partition(|&(_, place)| window.holds(place));
        inside.iter().for_each(|(entry, _)| _ = take(entry.said));

        let said = |line: &Unconfirmed| self.entries[(line.shown - self.forgotten) as usize].said;
        // Lines arrive in the order of sending: with one all before it have.
        let mut arrived = 0;
        let outside = self.unconfirmed.partition_point(|line| !window.holds(line.shown));
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
        around.iter().filter(|(entry, _)| !window.is_after(entry.settled)).for_each(|(entry, _)| _ = take(entry.said));
        self.unconfirmed.iter().skip(arrived).map(|line| line.line.clone()).collect()
    }

    fn understand(&self, line: &str, shape: &Shape) -> Line {
        let (name, text, action) = match *shape {
            Shape::Said { name, text, .. } => (name, text, false),
            Shape::Action { name, text, .. } => (name, text, true),
            Shape::Notice(Notice::Day(_)) => return Line::Day,
            _ => return Line::Other,
        };
        let (said, line) = (self.keys.hash_one((name, action, text)), self.keys.hash_one(line));
        Line::Message(Entry { name: self.keys.hash_one(name), line, said, mine: false, settled: 0 })
    }

    /// The number of the message that is shown next.
    fn next(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    fn push(&mut self, mut entry: Entry) {
        if !entry.mine {
            entry.settled = self.next();
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

/// Which of the messages shown the history covers, as far as the others' lines tell.
struct Window {
    /// What was shown after this one is in the history, if it has arrived.
    after: Option<u64>,
    /// What the server had before it showed this one is older than the history.
    before: Option<u64>,
}

impl Window {
    /// `places` are those of the others' lines; `all_own`: the history has room for all of ours that arrived.
    fn new(found: &Overlap, places: &[u64], all_own: bool) -> Window {
        let first = places.len() - found.run;
        let after = match places.get(first) {
            // It begins before all that was shown.
            Some(_) if first == 0 && !found.is_exact() => Some(0),
            Some(&place) => Some(place),
            None => (places.is_empty() && all_own).then_some(0),
        };
        let older = first.checked_sub(1).filter(|_| found.is_exact());
        Window { after, before: older.map(|older| places[older]) }
    }

    fn holds(&self, place: u64) -> bool {
        self.after.is_some_and(|after| place >= after)
    }

    fn is_after(&self, settled: u64) -> bool {
        self.before.is_some_and(|before| settled <= before)
    }
}

fn messages(lines: &[Line]) -> impl Iterator<Item = &Entry> {
    lines.iter().filter_map(|line| match line {
        Line::Message(entry) => Some(entry),
        _ => None,
    })
}

/// The lines to be shown: others' after the first `seen`, of our own as many as `copies` has, those being the last.
fn to_show(lines: &[Line], own: &HashSet<u64>, seen: usize, mut copies: HashMap<u64, usize>) -> Vec<usize> {
    let mut others = messages(lines).filter(|entry| !own.contains(&entry.name)).count();
    let mut from = Vec::new();
    // A day is told only if something of it is shown.
    let mut shown_of_day = false;
    for (index, line) in lines.iter().enumerate().rev() {
        let show = match line {
            Line::Message(entry) if own.contains(&entry.name) => {
                copies.get_mut(&entry.said).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
            }
            Line::Message(_) => {
                others -= 1;
                others >= seen
            }
            Line::Day => std::mem::take(&mut shown_of_day),
            Line::Other => true,
        };
        if show {
            from.push(index);
            shown_of_day |= !matches!(line, Line::Day);
        }
    }
    from.reverse();
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seen: &mut Seen, lines: &[&str]) {
        lines.iter().for_each(|line| seen.shown(line, &Shape::of(line)));
    }

    fn missed(seen: &mut Seen, history: &[&str]) -> Missed {
        let history: Vec<String> = history.iter().map(|&line| line.into()).collect();
        seen.missed(&history, "me")
    }

    #[test]
    fn without_a_history_all_that_was_not_confirmed_is_unsaid() {
        let mut seen = Seen::default();
        seen.sent("me", Echo::Said("one"));
        let mark = seen.mark();
        seen.sent("me", Echo::Said("/two"));
        seen.sent("me", Echo::Action("waves"));
        seen.confirmed(mark);
        shown(&mut seen, &["[12:00:00] bob: hi"]);
        let unsaid = vec!["/say /two".to_string(), "/me waves".to_string()];
        assert_eq!(missed(&mut seen, &[]), Missed { unsaid, ..Missed::default() });
        // It is told once.
        assert_eq!(missed(&mut seen, &[]), Missed::default());
    }

    #[test]
    fn a_line_said_twice_of_which_one_arrived_is_unsaid_once() {
        let mut seen = Seen::default();
        shown(&mut seen, &["[12:00:00] bob: hi"]);
        seen.sent("me", Echo::Said("hello"));
        seen.confirmed(seen.mark());
        seen.sent("me", Echo::Said("hello"));
        let history = ["[12:00:00] bob: hi", "[12:00:01] me: hello", "[12:00:09] bob: you there?"];
        let expected = Missed { from: vec![2], gap: false, unsaid: vec!["hello".into()] };
        assert_eq!(missed(&mut seen, &history), expected);
    }

    #[test]
    fn lines_under_a_former_name_are_still_ours() {
        let mut seen = Seen::default();
        seen.sent("ann", Echo::Said("hello"));
        shown(&mut seen, &["[12:00:00] bob: hi"]);
        assert_eq!(missed(&mut seen, &["[12:00:00] ann: hello", "[12:00:00] bob: hi"]), Missed::default());
    }

    #[test]
    fn notices_are_no_messages_and_another_room_is_another_matter() {
        let mut seen = Seen::default();
        shown(&mut seen, &["[12:00:00] bob: hi", "* bob left (1 here)", "[12:00:00] bob -> you: psst"]);
        assert_eq!(missed(&mut seen, &["[12:00:00] bob: hi"]), Missed::default());
        seen.clear();
        let expected = Missed { from: vec![0], ..Missed::default() };
        assert_eq!(missed(&mut seen, &["[12:00:00] bob: hi"]), expected);
    }

    #[test]
    fn no_more_is_remembered_than_the_bound() {
        let mut seen = Seen::default();
        seen.sent("me", Echo::Said("forgotten"));
        for number in 0..MAX_SEEN {
            shown(&mut seen, &[&format!("[12:00:00] bob: {number}")]);
        }
        assert_eq!((seen.entries.len(), seen.unconfirmed.len()), (MAX_SEEN, 0));
        seen.sent("me", Echo::Said("kept"));
        seen.confirmed(seen.mark());
        let history = [&*format!("[12:00:00] bob: {}", MAX_SEEN - 1), "[12:00:01] me: kept", "[12:00:02] bob: new"];
        assert_eq!(missed(&mut seen, &history), Missed { from: vec![2], ..Missed::default() });
    }
}
