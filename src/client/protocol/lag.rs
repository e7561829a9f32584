//! Measures the response time of the server, only after the user has sent something: an idle client sends nothing.

use std::time::Duration;

/// The pause between two measurements, because a `/ping` counts against the server's rate limit.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A missing answer is shown as lag after this time.
const LATE_AFTER: Duration = Duration::from_secs(1);

/// The text of a `/ping` before its number.
const PING_TEXT: &str = "lag ";

/// Measures the time between a `/ping` and its answer.
#[derive(Debug, Default)]
pub struct Lag {
    number: u64,
    /// When the last `/ping` was sent.
    sent_at: Option<Duration>,
    /// Whether its answer has not come yet.
    waiting: bool,
    /// When the next one is sent.
    next_at: Option<Duration>,
    last: Option<Duration>,
}

impl Lag {
    /// Starts again on a new connection.
    pub fn reset(&mut self) {
        *self = Lag { number: self.number, ..Lag::default() };
    }

    /// Requests a measurement, because a line has been sent.
    pub fn request(&mut self, now: Duration) {
        let soonest = self.sent_at.map_or(now, |sent_at| (sent_at + PING_INTERVAL).max(now));
        self.next_at.get_or_insert(soonest);
    }

    /// Requests a measurement at once, because a line has been on its way for long.
    pub fn request_now(&mut self, now: Duration) {
        self.next_at = Some(now);
    }

    /// When the `/ping` was sent whose answer has not come.
    pub fn waiting_since(&self) -> Option<Duration> {
        self.sent_at.filter(|_| self.waiting)
    }

    /// Returns the `/ping` to send, if one is due.
    pub fn take_ping(&mut self, now: Duration) -> Option<String> {
        if self.waiting {
            return None;
        }
        self.next_at.take_if(|at| *at <= now)?;
        self.number += 1;
        self.sent_at = Some(now);
        self.waiting = true;
        Some(format!("/ping {PING_TEXT}{}", self.number))
    }

    /// Handles the text of a pong; returns whether it answers the current `/ping`.
    pub fn handle_pong(&mut self, text: &str, now: Duration) -> bool {
        let number = text.strip_prefix(PING_TEXT).and_then(|number| number.parse().ok());
        let ours = self.waiting && number == Some(self.number);
        if ours {
            self.waiting = false;
            self.last = self.sent_at.map(|sent_at| now.saturating_sub(sent_at));
        }
        ours
    }

    /// Returns the last response time, or the time that the current `/ping` has already waited if that is late.
    pub fn current(&self, now: Duration) -> Option<Duration> {
        let taken = self.sent_at.filter(|_| self.waiting).map(|sent_at| now.saturating_sub(sent_at));
        taken.filter(|&taken| taken >= LATE_AFTER).or(self.last)
    }

    /// When there is a `/ping` to send or a new value to show.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        if self.waiting {
            let taken = now.saturating_sub(self.sent_at?);
            return Some(self.sent_at? + Duration::from_secs(taken.as_secs() + 1));
        }
        self.next_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_ping_is_immediate_and_next_after_interval() {
        let mut lag = Lag::default();
        assert_eq!((lag.take_ping(SECOND), lag.deadline(SECOND)), (None, None));
        lag.request(SECOND);
        assert_eq!(lag.take_ping(SECOND).as_deref(), Some("/ping lag 1"));
        lag.request(SECOND);
        assert!(!lag.handle_pong("lag 7", 2 * SECOND) && !lag.handle_pong("x", 2 * SECOND));
        assert!(lag.handle_pong("lag 1", SECOND + SECOND / 4));
        assert!(!lag.handle_pong("lag 1", SECOND + SECOND / 4), "answered already");
        assert_eq!(lag.current(2 * SECOND), Some(SECOND / 4));
        assert_eq!((lag.take_ping(2 * SECOND), lag.deadline(2 * SECOND)), (None, Some(6 * SECOND)));
        assert_eq!(lag.take_ping(6 * SECOND).as_deref(), Some("/ping lag 2"));
    }

    #[test]
    fn late_answer_shows_growing_lag() {
        let mut lag = Lag::default();
        lag.request(SECOND);
        lag.take_ping(SECOND);
        assert_eq!((lag.current(SECOND), lag.deadline(SECOND)), (None, Some(2 * SECOND)));
        assert_eq!((lag.current(4 * SECOND), lag.deadline(4 * SECOND)), (Some(3 * SECOND), Some(5 * SECOND)));
        lag.reset();
        assert_eq!((lag.current(5 * SECOND), lag.deadline(5 * SECOND)), (None, None));
    }
}
