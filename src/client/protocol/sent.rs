//! Remembers the lines that were sent and of which it is not known whether they have arrived.
//!
//! The server processes lines in their order. So its answer to one of them confirms all that were sent before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::policy::nick::fold;

/// The most lines that are remembered.
const MAX_LINES: usize = 1000;

/// Where a line was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentTo {
    /// In this room.
    Room(String),
    /// To this person.
    Person(String),
}

impl SentTo {
    /// A room, by any spelling of its name.
    pub fn room(name: &str) -> Self {
        SentTo::Room(fold(name))
    }

    /// A person, by any spelling of the name.
    pub fn person(name: &str) -> Self {
        SentTo::Person(fold(name))
    }
}

/// A line whose arrival is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentLine {
    /// As it was typed.
    pub line: String,
    pub to: SentTo,
    text: String,
    at: Duration,
}

/// The lines whose arrival is not confirmed, the oldest first.
#[derive(Debug, Default)]
pub struct SentLines {
    lines: VecDeque<SentLine>,
    /// How many of them the answer to the current `/ping` confirms.
    pinged: usize,
}

impl SentLines {
    /// Adds a line that is sent now; `text` is what others read of it.
    pub fn push(&mut self, line: &str, to: SentTo, text: &str, now: Duration) {
        self.lines.push_back(SentLine { line: line.to_owned(), to, text: text.to_owned(), at: now });
        if self.lines.len() > MAX_LINES {
            self.confirm(1);
        }
    }

    /// A text of ours has arrived.
    pub fn arrived(&mut self, to: &SentTo, text: &str) {
        if let Some(at) = self.lines.iter().position(|line| line.to == *to && line.text == text) {
            self.confirm(at + 1);
        }
    }

    /// A `/ping` is sent now.
    pub fn pinged(&mut self) {
        self.pinged = self.lines.len();
    }

    /// Whether a `/ping` has been sent after the oldest line.
    pub fn is_pinged(&self) -> bool {
        self.pinged > 0
    }

    /// The answer to the `/ping` has come.
    pub fn ponged(&mut self) {
        self.confirm(self.pinged);
    }

    fn confirm(&mut self, count: usize) {
        self.lines.drain(..count.min(self.lines.len()));
        self.pinged = self.pinged.saturating_sub(count);
    }

    /// How many lines are not confirmed, and when the oldest of them was sent.
    pub fn unconfirmed(&self) -> Option<(usize, Duration)> {
        self.lines.front().map(|line| (self.lines.len(), line.at))
    }

    /// Takes all lines: the connection on which they were sent is lost, and what has arrived is known.
    pub fn take(&mut self) -> impl Iterator<Item = SentLine> {
        self.pinged = 0;
        std::mem::take(&mut self.lines).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(sent: &mut SentLines) -> Vec<String> {
        sent.take().map(|line| line.line).collect()
    }

    fn sent(lines: &[&str]) -> SentLines {
        let mut sent = SentLines::default();
        lines.iter().for_each(|line| sent.push(line, SentTo::room("Den"), line, Duration::ZERO));
        sent
    }

    #[test]
    fn answer_confirms_all_lines_before_it() {
        let mut lines = sent(&["one", "two", "three", "two"]);
        lines.arrived(&SentTo::room("den"), "two");
        assert_eq!(left(&mut lines), ["three", "two"]);
        let mut lines = sent(&["one", "two"]);
        lines.arrived(&SentTo::room("lobby"), "one");
        lines.arrived(&SentTo::person("den"), "one");
        lines.arrived(&SentTo::room("den"), "other");
        assert_eq!(left(&mut lines), ["one", "two"]);
    }

    #[test]
    fn pong_confirms_lines_before_its_ping() {
        let mut lines = sent(&["one", "two", "three"]);
        lines.pinged();
        lines.push("four", SentTo::person("bob"), "four", Duration::from_secs(1));
        lines.arrived(&SentTo::room("den"), "two");
        lines.ponged();
        assert_eq!(lines.unconfirmed(), Some((1, Duration::from_secs(1))));
        lines.ponged();
        assert_eq!(left(&mut lines), ["four"]);
        assert_eq!(lines.unconfirmed(), None);
    }

    #[test]
    fn remembered_lines_are_limited() {
        let mut lines = SentLines::default();
        (0..3 * MAX_LINES).for_each(|_| lines.push("x", SentTo::room("den"), "x", Duration::ZERO));
        assert_eq!(lines.unconfirmed(), Some((MAX_LINES, Duration::ZERO)));
    }
}
