//! A limit on failed attempts, such as wrong passwords.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The time in which failures are counted together.
const INTERVAL: Duration = Duration::from_secs(60);
/// Keys that are remembered at most; then those with the oldest failures are forgotten.
const MAX_KEYS: usize = 65_536;

/// Failures that belong together.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Failures {
    /// When the first one was.
    since: Duration,
    count: u32,
}

impl Failures {
    fn is_over(&self, now: Duration) -> bool {
        self.since + INTERVAL <= now
    }
}

/// Failures by key, such as the network of the client.
#[derive(Serialize, Deserialize)]
pub struct AttemptLimit<K: Ord> {
    failures: BTreeMap<K, Failures>,
}

impl<K: Ord> Default for AttemptLimit<K> {
    fn default() -> Self {
        AttemptLimit { failures: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> AttemptLimit<K> {
    /// Counts a failure.
    pub fn fail(&mut self, key: K, now: Duration) {
        let failures = self.failures.entry(key).or_insert(Failures { since: now, count: 0 });
        if failures.is_over(now) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count += 1;
        if self.failures.len() > MAX_KEYS {
            self.forget(now);
        }
    }

    /// The failures of the last minute.
    pub fn count(&self, key: K, now: Duration) -> u32 {
        self.failures.get(&key).filter(|failures| !failures.is_over(now)).map_or(0, |failures| failures.count)
    }

    /// The time until another attempt is allowed, if there were `most` failures within a minute.
    pub fn wait(&self, key: K, most: u32, now: Duration) -> Option<Duration> {
        let failures = self.failures.get(&key).filter(|failures| failures.count >= most)?;
        (failures.since + INTERVAL).checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Forgets the failures that no longer count; if these are few, the older half of all.
    fn forget(&mut self, now: Duration) {
        self.failures.retain(|_, failures| !failures.is_over(now));
        if self.failures.len() > MAX_KEYS / 2 {
            let mut times: Vec<Duration> = self.failures.values().map(|failures| failures.since).collect();
            let middle = times.len() / 2;
            let (_, &mut median, _) = times.select_nth_unstable(middle);
            self.failures.retain(|_, failures| failures.since > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn attempts_wait_for_a_minute_after_the_first_of_several_failures() {
        let mut limit = AttemptLimit::default();
        for second in 0..5 {
            assert_eq!(limit.wait(1, 5, AT(second)), None);
            limit.fail(1, AT(second));
        }
        assert_eq!(limit.wait(1, 5, AT(5)), Some(AT(55)));
        assert_eq!((limit.wait(2, 5, AT(5)), limit.wait(1, 5, AT(60))), (None, None));
        limit.fail(1, AT(60));
        assert_eq!(limit.wait(1, 5, AT(60)), None, "the count begins anew");
    }

    #[test]
    fn number_of_keys_is_bounded() {
        let mut limit = AttemptLimit::default();
        for key in 0..200_000 {
            limit.fail(key, Duration::from_micros(key));
            assert!(limit.failures.len() <= MAX_KEYS);
        }
        assert_eq!(limit.wait(199_999, 1, AT(1)), Some(AT(60) + Duration::from_micros(199_999) - AT(1)));
    }
}
