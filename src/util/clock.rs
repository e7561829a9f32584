//! The two clocks: the monotonic clock and the system clock.

use std::time::{Duration, Instant, SystemTime};

use time::{OffsetDateTime, UtcOffset};

use crate::chat::Now;

/// The first and last time that this program writes, in Unix seconds: the start of 1970, and 30 December 9999 at
/// 00:00:00. RFC 3339 has four digits for a year, and the last time must be in that year with every offset from UTC.
pub const RANGE: (i64, i64) = (0, 253_402_128_000);

/// The time of the system clock in UTC, or the nearest time in [`RANGE`].
pub fn utc() -> OffsetDateTime {
    within_range(SystemTime::now())
}

/// Whether the time of the system clock is below the end of [`RANGE`].
pub fn is_within_range() -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.is_ok_and(|now| now.as_secs() < RANGE.1 as u64)
}

fn within_range(now: SystemTime) -> OffsetDateTime {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since = since.min(Duration::from_secs(RANGE.1 as u64));
    OffsetDateTime::UNIX_EPOCH + since
}

/// Reads both clocks at once.
pub struct Clock {
    start: Instant,
    /// The quarter of an hour for which `offset` is valid.
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
        let utc = utc();
        // Offsets change only at quarters of an hour, and looking them up is slow.
        let quarter = utc.unix_timestamp().div_euclid(900);
        if quarter != self.quarter {
            self.quarter = quarter;
            self.offset = UtcOffset::local_offset_at(utc).unwrap_or(UtcOffset::UTC);
        }
        Now { at: self.elapsed(), local: utc.to_offset(self.offset) }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_out_of_range_become_the_nearest_in_range() {
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(RANGE.1 as u64);
        assert_eq!(within_range(last), datetime!(9999-12-30 00:00:00 UTC));
        for years in [1, 10_000, 200_000_000] {
            let far = SystemTime::UNIX_EPOCH + Duration::from_secs((8_030 + years) * 31_556_952);
            assert_eq!(within_range(far), datetime!(9999-12-30 00:00:00 UTC), "{years}");
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 40);
        assert_eq!(within_range(before), OffsetDateTime::UNIX_EPOCH);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_172_282_500);
        assert_eq!(within_range(now).unix_timestamp_nanos(), 1_795_172_282_500_000_000);
        // With the largest offsets.
        for hours in [-25, 25] {
            let offset = UtcOffset::from_hms(hours, 0, 0).unwrap();
            assert!(within_range(last).checked_to_offset(offset).is_some());
        }
    }
}
