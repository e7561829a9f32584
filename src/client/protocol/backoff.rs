//! How long to wait before the next attempt to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Delays of 0.5 s, 1 s, 2 s and so on to 30 s, each up to a quarter longer or shorter.
///
/// The quarter keeps many clients of a server that has come back from all arriving at once.
#[derive(Debug, Default)]
pub struct Backoff {
    /// Attempts since the last success.
    attempts: u32,
    /// Delays ever given; with the keys a source of randomness.
    given: u64,
    keys: RandomState,
}

impl Backoff {
    /// How long to wait before the attempt that follows.
    pub fn next(&mut self) -> Duration {
        let delay = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        self.given += 1;
        let share = (self.keys.hash_one(self.given) >> 32) as f64 / f64::from(u32::MAX);
        delay.mul_f64(0.75 + share / 2.0)
    }

    /// The connection was good: the next delay is short again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the delay is `seconds`, a quarter more or less.
    fn is_about(delay: Duration, seconds: f64) -> bool {
        (0.7499 * seconds..=1.2501 * seconds).contains(&delay.as_secs_f64())
    }

    #[test]
    fn the_delays_double_up_to_half_a_minute() {
        let mut backoff = Backoff::default();
        for _ in 0..2 {
            for seconds in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0] {
                let delay = backoff.next();
                assert!(is_about(delay, seconds), "{delay:?} for {seconds} s");
            }
            backoff.reset();
        }
    }

    #[test]
    fn no_number_of_failures_is_too_many() {
        let mut backoff = Backoff { attempts: u32::MAX - 1, ..Backoff::default() };
        assert!((0..100).all(|_| is_about(backoff.next(), 30.0)));
    }

    #[test]
    fn the_delays_are_spread_over_the_whole_half() {
        let mut backoff = Backoff { attempts: 20, ..Backoff::default() };
        let mut parts = [0; 4];
        for _ in 0..4000 {
            let share = (backoff.next().as_secs_f64() / 30.0 - 0.75) * 2.0;
            parts[((share * 4.0) as usize).min(3)] += 1;
        }
        assert!(parts.iter().all(|&count| count > 700), "{parts:?}");
        // Two clients do not wait for the same time.
        assert_ne!(Backoff::default().next(), Backoff::default().next());
    }
}
