//! How fast one client may go on.

use std::time::Duration;

use crate::chat::id::Now;

/// Lines or requests a second, past a burst: the generic cell rate algorithm (ITU-T I.371), in which one number, in
/// microseconds, stands for the whole bucket.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    rate: u32,
    burst: u32,
}

impl RateLimit {
    /// So many a second, 0 for no limit, and `burst` of them at once, at least 1.
    pub fn new(rate: u32, burst: u32) -> Self {
        RateLimit { rate, burst }
    }

    /// When the next one may be taken; `None` for now.
    pub fn wait(self, bucket: u64, now: Now) -> Option<Duration> {
        if self.rate == 0 {
            return None;
        }
        let ahead = self.interval() * u64::from(self.burst - 1);
        (bucket > now.micros() + ahead).then(|| Duration::from_micros(bucket - ahead))
    }

    /// One has been taken: the bucket from now on.
    pub fn taken(self, bucket: u64, now: Now) -> u64 {
        bucket.max(now.micros()) + self.interval()
    }

    fn interval(self) -> u64 {
        1_000_000 / u64::from(self.rate.max(1))
    }
}
