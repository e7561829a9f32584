//! The pause before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// Returns pauses of 100 ms, 200 ms, 400 ms and so on up to a limit.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    longest: Duration,
    /// Attempts since the last success.
    attempts: u32,
}

impl Backoff {
    pub fn new(longest: Duration) -> Self {
        Backoff { longest, attempts: 0 }
    }

    /// Returns the pause before the next attempt.
    pub fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        self.attempts = self.attempts.saturating_add(1);
        pause
    }

    /// Makes the next pause short again, after a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = Duration::from_secs(2);
        let mut backoff = Backoff::new(longest);
        for _ in 0..2 {
            let pauses: Vec<_> = (0..7).map(|_| backoff.next().as_millis()).collect();
            assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
            backoff.reset();
        }
        let mut backoff = Backoff { longest, attempts: u32::MAX };
        assert_eq!(backoff.next(), longest);
    }
}
