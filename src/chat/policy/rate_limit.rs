//! The rate limit of one session.

use std::time::Duration;

use crate::chat::id::Now;

/// A limit on lines or requests per second, with a burst: the generic cell rate algorithm (ITU-T I.371). The state of
/// one session is one number, its bucket: the time in microseconds at which its allowance is full again.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    rate: u32,
    burst: u32,
}

impl RateLimit {
    /// A limit of `rate` per second (0 for no limit) and `burst` at once (at least 1).
    pub fn new(rate: u32, burst: u32) -> Self {
        RateLimit { rate, burst }
    }

    /// When the next item is allowed; `None` if it is allowed now.
    pub fn wait(self, bucket: u64, now: Now) -> Option<Duration> {
        if self.rate == 0 {
            return None;
        }
        let ahead = self.interval() * u64::from(self.burst - 1);
        (bucket > now.micros() + ahead).then(|| Duration::from_micros(bucket - ahead))
    }

    /// The new bucket after one item.
    pub fn taken(self, bucket: u64, now: Now) -> u64 {
        bucket.max(now.micros()) + self.interval()
    }

    fn interval(self) -> u64 {
        1_000_000 / u64::from(self.rate.max(1))
    }
}
