//! Warnings that come again and again are logged now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use log::{debug, warn};

/// The same warning is logged again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Different warnings that are remembered at most.
const MAX_WARNINGS: usize = 64;

/// The warnings of the last minute.
#[derive(Default)]
pub struct Repeats {
    logged: BTreeMap<String, Duration>,
}

impl Repeats {
    /// Logs a warning, unless it was logged a short time ago.
    pub fn warn(&mut self, text: String, now: Duration) {
        if !self.note(&text, now) {
            return debug!("{text}");
        }
        warn!("{text}");
    }

    /// Whether the warning is to be logged; notes that it is.
    fn note(&mut self, text: &str, now: Duration) -> bool {
        self.logged.retain(|_, at| now < *at + AGAIN_AFTER);
        if self.logged.contains_key(text) || self.logged.len() == MAX_WARNINGS {
            return false;
        }
        self.logged.insert(text.to_owned(), now);
        true
    }

    /// Forgets all warnings: what they were about is over.
    pub fn forget(&mut self) {
        self.logged.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_warnings_are_logged_once_a_minute() {
        let mut repeats = Repeats::default();
        let mut note = |text: &str, seconds| repeats.note(text, Duration::from_secs(seconds));
        assert!(note("a", 0) && !note("a", 59) && note("b", 59) && note("a", 60));
        repeats.forget();
        assert!(repeats.note("a", Duration::from_secs(61)));
        for number in 0..2 * MAX_WARNINGS {
            repeats.note(&number.to_string(), Duration::from_secs(61));
        }
        assert_eq!(repeats.logged.len(), MAX_WARNINGS);
    }
}
