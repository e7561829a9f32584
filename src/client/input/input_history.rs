//! The lines that were sent, to be sent again.

use std::collections::{BTreeMap, VecDeque};

/// The most lines that are kept.
const MAX_LINES: usize = 1000;

/// The most bytes that they have together.
const MAX_BYTES: usize = 1024 * 1024;

/// The input history, and where one walks in it.
///
/// What is changed on a recalled line is kept as long as the walk lasts, and the record as it was.
#[derive(Default)]
pub struct Recall {
    /// The oldest first.
    lines: VecDeque<String>,
    bytes: usize,
    /// The line that is shown; below the newest one is the line that has not been sent.
    at: Option<usize>,
    /// What the lines that were left behind on this walk look like.
    edited: BTreeMap<usize, String>,
}

impl Recall {
    /// Keeps a line that was sent, unless it is blank or the same as the last one; ends the walk.
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

    /// The line before the one that is shown, which now reads `current`; none before the oldest.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let at = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        Some(self.go(at, current))
    }

    /// The line after the one that is shown, which now reads `current`; none after the unsent one.
    pub fn newer(&mut self, current: &str) -> Option<&str> {
        let at = self.at? + 1;
        Some(self.go(at, current))
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

    fn recall(lines: &[&str]) -> Recall {
        let mut recall = Recall::default();
        lines.iter().for_each(|line| recall.push(line));
        recall
    }

    #[test]
    fn the_unsent_line_comes_back_at_the_bottom() {
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
    fn what_is_changed_on_a_recalled_line_lasts_for_the_walk_only() {
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
    fn neither_blank_lines_nor_the_same_again_are_kept() {
        let mut recall = recall(&["one", "", "  ", "one", "two", "one"]);
        assert_eq!(recall.older(""), Some("one"));
        assert_eq!(recall.older("one"), Some("two"));
        assert_eq!(recall.older("two"), Some("one"));
        assert_eq!(recall.older("one"), None);
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let mut recall = Recall::default();
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
