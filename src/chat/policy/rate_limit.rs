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

    /// The new bucket after one item. Without a limit it stays, since a limit may be set later.
    pub fn taken(self, bucket: u64, now: Now) -> u64 {
        if self.rate == 0 { bucket } else { bucket.max(now.micros()) + self.interval() }
    }

    /// The bucket of a session to which another limit applied before: it owes at most one burst of this limit.
    pub fn adopt(self, bucket: u64, now: Now) -> u64 {
        let burst = if self.rate == 0 { 0 } else { self.interval() * u64::from(self.burst) };
        bucket.min(now.micros() + burst)
    }

    fn interval(self) -> u64 {
        1_000_000 / u64::from(self.rate.max(1))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn bucket_of_another_limit_owes_one_burst_at_most() {
        let now = Now { at: Duration::from_secs(10), local: OffsetDateTime::UNIX_EPOCH };
        let (none, slow, fast) = (RateLimit::new(0, 1), RateLimit::new(1, 30), RateLimit::new(10, 3));
        let unlimited = (0..1000).fold(0, |bucket, _| none.taken(bucket, now));
        assert_eq!(slow.wait(unlimited, now), None, "lines without a limit are not counted");
        let empty = (0..30).fold(0, |bucket, _| slow.taken(bucket, now));
        assert_eq!(slow.wait(empty, now), Some(Duration::from_secs(11)));
        assert_eq!(fast.wait(empty, now), Some(Duration::from_millis(39_800)));
        assert_eq!(fast.wait(fast.adopt(empty, now), now), Some(Duration::from_millis(10_100)));
        assert_eq!(none.adopt(empty, now), now.micros());
    }
}
