//! The two clocks: the monotonic clock and the system clock.

use std::cell::Cell;
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

/// Makes a time from seconds since the start of 1970, UTC; the nearest time in [`RANGE`] if it is out of range.
pub fn from_unix(seconds: i64) -> OffsetDateTime {
    let seconds = seconds.clamp(RANGE.0, RANGE.1);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn within_range(now: SystemTime) -> OffsetDateTime {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since = since.min(Duration::from_secs(RANGE.1 as u64));
    OffsetDateTime::UNIX_EPOCH + since
}

/// The offset of the local time zone from UTC, kept for a quarter of an hour: it changes only at quarters, and looking it up is
/// slow.
#[derive(Debug)]
pub struct LocalZone {
    /// The quarter, and the offset then.
    known: Cell<(i64, UtcOffset)>,
}

impl Default for LocalZone {
    fn default() -> Self {
        LocalZone { known: Cell::new((i64::MIN, UtcOffset::UTC)) }
    }
}

impl LocalZone {
    /// A time in the local zone; in UTC if the zone is not known.
    pub fn to_local(&self, utc: OffsetDateTime) -> OffsetDateTime {
        let quarter = utc.unix_timestamp().div_euclid(900);
        if quarter != self.known.get().0 {
            self.known.set((quarter, UtcOffset::local_offset_at(utc).unwrap_or(UtcOffset::UTC)));
        }
        utc.to_offset(self.known.get().1)
    }
}

/// Reads both clocks at once.
pub struct Clock {
    start: Instant,
    /// The time at the start.
    first: Duration,
    zone: LocalZone,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Self::go_on_from(Duration::ZERO)
    }

    /// Starts at the time of another clock, which it replaces.
    pub fn go_on_from(first: Duration) -> Self {
        Clock { start: Instant::now(), first, zone: LocalZone::default() }
    }

    /// Starts at the time since 1970, so that it agrees with the clocks of other machines.
    pub fn since_1970() -> Self {
        let time = utc() - OffsetDateTime::UNIX_EPOCH;
        Self::go_on_from(time.try_into().unwrap_or_default())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.first + self.start.elapsed()
    }

    /// The time on both clocks.
    pub fn now(&mut self) -> Now {
        Now { at: self.elapsed(), local: self.zone.to_local(utc()) }
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
        assert_eq!((from_unix(i64::MAX), from_unix(i64::MIN)), (within_range(last), OffsetDateTime::UNIX_EPOCH));
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
