//! Keeps the lines that were sent, to be recalled.

use std::collections::{BTreeMap, HashSet, VecDeque};

const MAX_LINES: usize = 1000;

/// The most bytes of all lines together.
const MAX_BYTES: usize = 1024 * 1024;

/// The input history and the current position in it.
///
/// Changes to a recalled line last until the walk through the history ends; the stored line does not change.
#[derive(Default)]
pub struct InputHistory {
    /// The oldest first.
    lines: VecDeque<String>,
    bytes: usize,
    /// The line that is shown; `None` for the unsent line, which comes after the newest.
    at: Option<usize>,
    /// The changed texts of the lines that were visited on this walk.
    edited: BTreeMap<usize, String>,
}

impl InputHistory {
    /// Adds a sent line, unless it is blank or equal to the last one; ends the walk.
    pub fn push(&mut self, line: &str) {
        self.reset();
        if line.trim().is_empty() || line.len() > MAX_BYTES || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        self.lines.push_back(line.into());
        self.bytes += line.len();
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    /// Returns the line before the shown one, whose text is now `current`; `None` at the oldest.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let at = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        Some(self.go(at, current))
    }

    /// Returns the line after the shown one, whose text is now `current`; `None` at the unsent one.
    pub fn newer(&mut self, current: &str) -> Option<&str> {
        let at = self.at? + 1;
        Some(self.go(at, current))
    }

    /// Returns the newest line that contains `text`: of all lines, or of those that are older than the newest line `from`; with
    /// `inclusive` that one counts, too. Of equal lines only the newest counts.
    pub fn find(&self, text: &str, from: Option<&str>, inclusive: bool) -> Option<&str> {
        let mut seen = HashSet::new();
        let mut lines = self.lines.iter().map(String::as_str).rev().filter(|line| seen.insert(*line)).peekable();
        if let Some(from) = from {
            while lines.next_if(|line| *line != from).is_some() {}
            if !inclusive {
                lines.next();
            }
        }
        lines.find(|line| line.contains(text))
    }

    /// Ends the walk: the next one begins at the newest line.
    pub fn reset(&mut self) {
        self.at = None;
        self.edited.clear();
    }

    fn go(&mut self, to: usize, current: &str) -> &str {
        let from = self.at.unwrap_or(self.lines.len());
        if self.lines.get(from).is_some_and(|line| line == current) {
            self.edited.remove(&from);
        } else {
            self.edited.insert(from, current.into());
        }
        self.at = (to < self.lines.len()).then_some(to);
        self.edited.get(&to).or_else(|| self.lines.get(to)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(lines: &[&str]) -> InputHistory {
        let mut recall = InputHistory::default();
        lines.iter().for_each(|line| recall.push(line));
        recall
    }

    #[test]
    fn unsent_line_returns_after_newest() {
        let mut recall = recall(&["one", "two"]);
        assert_eq!(recall.newer("half"), None);
        assert_eq!(recall.older("half"), Some("two"));
        assert_eq!(recall.older("two"), Some("one"));
        assert_eq!(recall.older("one"), None);
        assert_eq!(recall.newer("one"), Some("two"));
        assert_eq!(recall.newer("two"), Some("half"));
        assert_eq!(recall.newer("half"), None);
        assert_eq!(recall.older("whole"), Some("two"));
        assert_eq!(recall.newer("two"), Some("whole"));
    }

    #[test]
    fn changes_to_recalled_lines_end_with_the_walk() {
        let mut recall = recall(&["one", "two"]);
        recall.older("");
        assert_eq!(recall.older("two!"), Some("one"));
        assert_eq!(recall.newer("one"), Some("two!"));
        assert_eq!(recall.older("two"), Some("one"));
        assert_eq!(recall.newer("one"), Some("two"));
        assert_eq!(recall.older("two!"), Some("one"));
        recall.push("three");
        assert_eq!(recall.older(""), Some("three"));
        assert_eq!(recall.older("three"), Some("two"));
        assert_eq!(recall.older("two?"), Some("one"));
        assert_eq!(recall.newer("one"), Some("two?"));
        recall.reset();
        assert_eq!(recall.older(""), Some("three"));
        assert_eq!(recall.older("three"), Some("two"));
    }

    #[test]
    fn blank_and_repeated_lines_are_not_kept() {
        let mut recall = recall(&["one", "", "  ", "one", "two", "one"]);
        assert_eq!(recall.older(""), Some("one"));
        assert_eq!(recall.older("one"), Some("two"));
        assert_eq!(recall.older("two"), Some("one"));
        assert_eq!(recall.older("one"), None);
    }

    #[test]
    fn oldest_lines_are_dropped_at_the_limits() {
        let mut recall = InputHistory::default();
        (0..2 * MAX_LINES).for_each(|n| recall.push(&n.to_string()));
        assert_eq!(recall.lines.len(), MAX_LINES);
        assert_eq!(recall.lines[0], MAX_LINES.to_string());
        for c in ["x", "y", "z"] {
            recall.push(&c.repeat(MAX_BYTES / 2));
        }
        assert_eq!(recall.lines.len(), 2);
        assert_eq!(recall.bytes, recall.lines.iter().map(String::len).sum::<usize>());
    }
}
