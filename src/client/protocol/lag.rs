//! How long the server takes to answer, asked when something has been said: an idle client asks nothing.

use std::time::Duration;

/// Between two questions, since they count among the lines that the server lets one write.
const PAUSE: Duration = Duration::from_secs(5);

/// An answer that has not come within this time is shown to be late.
const LATE: Duration = Duration::from_secs(1);

/// What a question says before its number.
const MARK: &str = "lag ";

/// The time between a `/ping` and its answer.
#[derive(Debug, Default)]
pub struct Lag {
    number: u64,
    /// When the last question was put.
    asked: Option<Duration>,
    /// No answer has come.
    open: bool,
    /// When the next one is to be put.
    ask_at: Option<Duration>,
    last: Option<Duration>,
}

impl Lag {
    /// The connection is a new one.
    pub fn reset(&mut self) {
        *self = Lag { number: self.number, ..Lag::default() };
    }

    /// Something has been sent whose arrival is of interest.
    pub fn wanted(&mut self, now: Duration) {
        let soonest = self.asked.map_or(now, |asked| (asked + PAUSE).max(now));
        self.ask_at.get_or_insert(soonest);
    }

    /// The line to be sent, if it is time for one.
    pub fn due(&mut self, now: Duration) -> Option<String> {
        if self.open {
            return None;
        }
        self.ask_at.take_if(|at| *at <= now)?;
        self.number += 1;
        self.asked = Some(now);
        self.open = true;
        Some(format!("/ping {MARK}{}", self.number))
    }

    /// An answer has come; whether it was to a question of ours.
    pub fn answered(&mut self, text: &str, now: Duration) -> bool {
        let number = text.strip_prefix(MARK).and_then(|number| number.parse().ok());
        let ours = self.open && number == Some(self.number);
        if ours {
            self.open = false;
            self.last = self.asked.map(|asked| now.saturating_sub(asked));
        }
        ours
    }

    /// How long the last answer took, or the one that is awaited has taken already.
    pub fn now(&self, now: Duration) -> Option<Duration> {
        let taken = self.asked.filter(|_| self.open).map(|asked| now.saturating_sub(asked));
        taken.filter(|&taken| taken >= LATE).or(self.last)
    }

    /// When there will be something to do or to show.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        if self.open {
            let taken = now.saturating_sub(self.asked?);
            return Some(self.asked? + Duration::from_secs(taken.as_secs() + 1));
        }
        self.ask_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_is_asked_at_once_and_the_next_after_a_pause() {
        let mut lag = Lag::default();
        assert_eq!((lag.due(SECOND), lag.deadline(SECOND)), (None, None));
        lag.wanted(SECOND);
        assert_eq!(lag.due(SECOND).as_deref(), Some("/ping lag 1"));
        lag.wanted(SECOND);
        assert!(!lag.answered("lag 7", 2 * SECOND) && !lag.answered("x", 2 * SECOND));
        assert!(lag.answered("lag 1", SECOND + SECOND / 4));
        assert!(!lag.answered("lag 1", SECOND + SECOND / 4), "answered already");
        assert_eq!(lag.now(2 * SECOND), Some(SECOND / 4));
        assert_eq!((lag.due(2 * SECOND), lag.deadline(2 * SECOND)), (None, Some(6 * SECOND)));
        assert_eq!(lag.due(6 * SECOND).as_deref(), Some("/ping lag 2"));
    }

    #[test]
    fn an_answer_that_is_late_is_shown_growing() {
        let mut lag = Lag::default();
        lag.wanted(SECOND);
        lag.due(SECOND);
        assert_eq!((lag.now(SECOND), lag.deadline(SECOND)), (None, Some(2 * SECOND)));
        assert_eq!((lag.now(4 * SECOND), lag.deadline(4 * SECOND)), (Some(3 * SECOND), Some(5 * SECOND)));
        lag.reset();
        assert_eq!((lag.now(5 * SECOND), lag.deadline(5 * SECOND)), (None, None));
    }
}
