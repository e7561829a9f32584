//! Searches the input history while the user types what to find (Ctrl-R), after GNU Readline.

use super::input_history::InputHistory;

/// A running search. The found line is what the input line shows.
pub struct Search {
    /// The input line before the search, and its cursor.
    before: (String, usize),
    text: String,
    /// How many found lines the user has passed.
    skipped: usize,
    is_found: bool,
}

impl Search {
    /// Begins a search; `text` and `cursor` are the input line.
    pub fn begin(text: &str, cursor: usize) -> Self {
        Search { before: (text.to_owned(), cursor), text: String::new(), skipped: 0, is_found: true }
    }

    /// The question that is shown before the found line.
    pub fn question(&self) -> String {
        let before = if self.is_found { "find" } else { "not found" };
        format!("({before}) {}: ", self.text)
    }

    /// Adds a character; returns the found line, if there is one.
    pub fn add<'a>(&mut self, c: char, history: &'a InputHistory) -> Option<&'a str> {
        self.text.push(c);
        self.find(history)
    }

    /// Removes the last character, and goes back to the newest line; returns the found line, or an empty text if nothing is
    /// searched for.
    pub fn remove<'a>(&mut self, history: &'a InputHistory) -> Option<&'a str> {
        self.text.pop();
        self.skipped = 0;
        self.find(history)
    }

    /// Goes to the next older line; returns the found line, if there is one.
    pub fn next<'a>(&mut self, history: &'a InputHistory) -> Option<&'a str> {
        if self.text.is_empty() || !self.is_found {
            return None;
        }
        self.skipped += 1;
        let found = self.find(history);
        if found.is_none() {
            self.skipped -= 1;
        }
        found
    }

    fn find<'a>(&mut self, history: &'a InputHistory) -> Option<&'a str> {
        if self.text.is_empty() {
            self.is_found = true;
            return Some("");
        }
        let found = history.find(&self.text, self.skipped);
        self.is_found = found.is_some();
        found
    }

    /// Ends the search without a result; returns the input line as it was, and its cursor.
    pub fn cancel(self) -> (String, usize) {
        self.before
    }
}
