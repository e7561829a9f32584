//! The time in the log of a cluster, which is that of the engine: mutes, bans and slow mode end by it.

use std::time::Duration;

use crate::chat::hub::Hub;

/// The time of the newest entry, and the time of this node when it was read; nothing in a single process.
#[derive(Default)]
pub struct LogClock(Option<(Duration, Duration)>);

impl LogClock {
    /// An entry with this time was read. The time of the log never goes back.
    fn note(&mut self, time: Duration, now: Duration) {
        if self.0.is_none_or(|(newest, _)| time > newest) {
            self.0 = Some((time, now));
        }
    }

    /// The time by which a change is checked before it is proposed: about that which it will have in the log. `now` is that of this
    /// node, which may have another clock.
    #[inline]
    pub fn time(&self, now: Duration) -> Duration {
        match self.0 {
            Some((newest, read)) => newest + now.saturating_sub(read),
            None => now,
        }
    }
}

impl Hub {
    /// An entry of the log with this time was read, whatever is in it.
    pub fn note_log_time(&mut self, time: Duration, now: Duration) {
        self.log_clock.note(time, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_log_goes_on_from_its_newest_entry_and_never_lags_behind_it() {
        let seconds = Duration::from_secs;
        let mut clock = LogClock::default();
        assert_eq!(clock.time(seconds(7)), seconds(7));
        clock.note(seconds(1_000), seconds(7));
        clock.note(seconds(900), seconds(9));
        assert_eq!([7, 10, 3].map(|now| clock.time(seconds(now))), [1_000, 1_003, 1_000].map(seconds));
        clock.note(seconds(1_001), seconds(10));
        assert_eq!(clock.time(seconds(11)), seconds(1_002));
    }
}
