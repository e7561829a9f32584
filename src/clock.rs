//! The two clocks: one that only goes on, and the one on the wall.

use std::time::{Duration, Instant};

use time::{OffsetDateTime, UtcOffset};

use crate::chat::Now;

/// Reads both clocks at once.
pub struct Clock {
    start: Instant,
    /// The quarter of an hour for which `offset` was looked up.
    quarter: i64,
    offset: UtcOffset,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Clock { start: Instant::now(), quarter: i64::MIN, offset: UtcOffset::UTC }
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The time on both clocks.
    pub fn now(&mut self) -> Now {
        let utc = OffsetDateTime::now_utc();
        // Offsets change on a quarter of an hour only, and looking them up is slow.
        let quarter = utc.unix_timestamp().div_euclid(900);
        if quarter != self.quarter {
            self.quarter = quarter;
            self.offset = UtcOffset::local_offset_at(utc).unwrap_or(UtcOffset::UTC);
        }
        Now { at: self.elapsed(), local: utc.to_offset(self.offset) }
    }
}
