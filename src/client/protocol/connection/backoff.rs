//! Computes the delay before the next connection attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Returns delays of 0.5 s, 1 s, 2 s and so on up to 30 s, each up to a quarter longer or shorter.
///
/// The random quarter spreads the clients that return to a restarted server.
#[derive(Debug, Default)]
pub struct Backoff {
    /// Attempts since the last success.
    attempts: u32,
    /// The number of delays returned so far; hashed with `keys` it gives the random part.
    given: u64,
    keys: RandomState,
}

impl Backoff {
    /// Returns the delay before the next attempt.
    pub fn next(&mut self) -> Duration {
        let delay = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        self.given += 1;
        let share = (self.keys.hash_one(self.given) >> 32) as f64 / f64::from(u32::MAX);
        delay.mul_f64(0.75 + share / 2.0)
    }

    /// Makes the next delay short again, after a good connection.
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
    fn delays_double_up_to_thirty_seconds() {
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
    fn delay_survives_maximum_attempt_count() {
        let mut backoff = Backoff { attempts: u32::MAX - 1, ..Backoff::default() };
        assert!((0..100).all(|_| is_about(backoff.next(), 30.0)));
    }

    #[test]
    fn delays_are_spread_over_the_whole_range() {
        let mut backoff = Backoff { attempts: 20, ..Backoff::default() };
        let mut parts = [0; 4];
        for _ in 0..4000 {
            let share = (backoff.next().as_secs_f64() / 30.0 - 0.75) * 2.0;
            parts[((share * 4.0) as usize).min(3)] += 1;
        }
        assert!(parts.iter().all(|&count| count > 700), "{parts:?}");
        // Two clients wait for different times.
        assert_ne!(Backoff::default().next(), Backoff::default().next());
    }
}
