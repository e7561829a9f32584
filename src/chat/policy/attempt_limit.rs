//! A limit on attempts, such as wrong passwords.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The time in which attempts are counted together.
const INTERVAL: Duration = Duration::from_secs(60);
/// Keys that are remembered at most; then those with the oldest attempts are forgotten.
const MAX_KEYS: usize = 65_536;

/// Attempts that belong together.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Attempts {
    /// When the first one was.
    since: Duration,
    count: u32,
}

impl Attempts {
    fn is_over(&self, now: Duration) -> bool {
        self.since + INTERVAL <= now
    }
}

/// Attempts by key, such as the network of the client.
#[derive(Serialize, Deserialize)]
pub struct AttemptLimit<K: Ord> {
    attempts: BTreeMap<K, Attempts>,
}

impl<K: Ord> Default for AttemptLimit<K> {
    fn default() -> Self {
        AttemptLimit { attempts: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> AttemptLimit<K> {
    /// Counts an attempt.
    pub fn note(&mut self, key: K, now: Duration) {
        let attempts = self.attempts.entry(key).or_insert(Attempts { since: now, count: 0 });
        if attempts.is_over(now) {
            *attempts = Attempts { since: now, count: 0 };
        }
        attempts.count += 1;
        if self.attempts.len() > MAX_KEYS {
            self.forget(now);
        }
    }

    /// The attempts of the last minute.
    pub fn count(&self, key: K, now: Duration) -> u32 {
        self.attempts.get(&key).filter(|attempts| !attempts.is_over(now)).map_or(0, |attempts| attempts.count)
    }

    /// The time until another attempt is allowed, if there were `most` within a minute.
    pub fn wait(&self, key: K, most: u32, now: Duration) -> Option<Duration> {
        let attempts = self.attempts.get(&key).filter(|attempts| attempts.count >= most)?;
        (attempts.since + INTERVAL).checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Forgets the attempts that no longer count; if these are few, the older half of all.
    fn forget(&mut self, now: Duration) {
        self.attempts.retain(|_, attempts| !attempts.is_over(now));
        if self.attempts.len() > MAX_KEYS / 2 {
            let mut times: Vec<Duration> = self.attempts.values().map(|attempts| attempts.since).collect();
            let middle = times.len() / 2;
            let (_, &mut median, _) = times.select_nth_unstable(middle);
            self.attempts.retain(|_, attempts| attempts.since > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn attempts_wait_for_a_minute_after_the_first_of_several() {
        let mut limit = AttemptLimit::default();
        for second in 0..5 {
            assert_eq!(limit.wait(1, 5, AT(second)), None);
            limit.note(1, AT(second));
        }
        assert_eq!(limit.wait(1, 5, AT(5)), Some(AT(55)));
        assert_eq!((limit.wait(2, 5, AT(5)), limit.wait(1, 5, AT(60))), (None, None));
        limit.note(1, AT(60));
        assert_eq!(limit.wait(1, 5, AT(60)), None, "the count begins anew");
    }

    #[test]
    fn number_of_keys_is_bounded() {
        let mut limit = AttemptLimit::default();
        for key in 0..200_000 {
            limit.note(key, Duration::from_micros(key));
            assert!(limit.attempts.len() <= MAX_KEYS);
        }
        assert_eq!(limit.wait(199_999, 1, AT(1)), Some(AT(60) + Duration::from_micros(199_999) - AT(1)));
    }
}
