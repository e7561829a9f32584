//! Searches the input history while the user types what to find (Ctrl-R), after GNU Readline.

use super::input_history::InputHistory;

/// A running search. The found line is what the input line shows.
pub struct Search {
    /// The input line before the search, and its cursor.
    before: (String, usize),
    text: String,
    /// The line that was found last.
    found: Option<String>,
    is_found: bool,
}

impl Search {
    /// Begins a search; `text` and `cursor` are the input line.
    pub fn begin(text: &str, cursor: usize) -> Self {
        Search { before: (text.to_owned(), cursor), text: String::new(), found: None, is_found: true }
    }

    /// The question that is shown before the found line.
    pub fn question(&self) -> String {
        let before = if self.is_found { "find" } else { "not found" };
        format!("({before}) {}: ", self.text)
    }

    /// Adds a character; returns the newest line that has the text, from the found one on.
    pub fn add(&mut self, c: char, history: &InputHistory) -> Option<&str> {
        self.text.push(c);
        let from = self.found.take();
        let found = history.find(&self.text, from.as_deref(), true).map(str::to_owned);
        self.take(found, from)
    }

    /// Removes the last character, and goes back to the newest line that has the text; an empty text if none is left.
    pub fn remove(&mut self, history: &InputHistory) -> Option<&str> {
        self.text.pop();
        let found = match self.text.as_str() {
            "" => Some(String::new()),
            text => history.find(text, None, true).map(str::to_owned),
        };
        self.take(found, None)
    }

    /// Goes to the next older line that has the text.
    pub fn next(&mut self, history: &InputHistory) -> Option<&str> {
        let from = self.found.take().filter(|_| !self.text.is_empty());
        let found = from.as_deref().and_then(|from| history.find(&self.text, Some(from), false)).map(str::to_owned);
        self.take(found, from)
    }

    /// Notes what was found; if nothing was, the line found before stays.
    fn take(&mut self, found: Option<String>, before: Option<String>) -> Option<&str> {
        self.is_found = found.is_some();
        self.found = found.or(before);
        self.found.as_deref().filter(|_| self.is_found)
    }

    /// Ends the search without a result; returns the input line as it was, and its cursor.
    pub fn cancel(self) -> (String, usize) {
        self.before
    }
}
