//! A limit on searches for masks, which look at all members.

use std::time::Duration;

/// Steps that all searches together may take in a second. A step takes at most half a microsecond.
const STEPS_PER_SECOND: i64 = 500_000;

/// The steps that searches may still take. With none left, WHO is answered with 263.
///
/// Since a search is not ended in its middle, it may be in debt.
#[derive(Clone, Copy, Debug)]
pub struct SearchBudget {
    left: i64,
    /// When `left` was right.
    at: Duration,
}

impl Default for SearchBudget {
    fn default() -> Self {
        SearchBudget { left: STEPS_PER_SECOND, at: Duration::ZERO }
    }
}

impl SearchBudget {
    /// Whether a search may begin now.
    pub fn allows(&mut self, now: Duration) -> bool {
        let gained = now.saturating_sub(self.at).as_micros().min(60_000_000) as i64 * STEPS_PER_SECOND / 1_000_000;
        if gained > 0 {
            (self.left, self.at) = ((self.left + gained).min(STEPS_PER_SECOND), now);
        }
        self.left > 0
    }

    /// Takes the steps of a search for a mask: as many for each member as a mask of this length takes in the worst case.
    pub fn take(&mut self, members: usize, mask: &str) {
        self.left -= (members * (1 + mask.len() / 4)) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_wait_until_their_debt_is_paid() {
        let mut budget = SearchBudget::default();
        let at = Duration::from_secs;
        assert!(budget.allows(at(5)));
        budget.take(1_750_000, "*");
        assert!(!budget.allows(at(6)) && !budget.allows(at(7)));
        assert!(budget.allows(at(8)));
        budget.take(200_000, "a*b*");
        assert!(!budget.allows(at(8)) && budget.allows(at(9)));
    }

    #[test]
    fn unused_steps_are_not_saved() {
        let mut budget = SearchBudget::default();
        assert!(budget.allows(Duration::from_secs(1000)));
        budget.take(500_000, "*");
        assert!(!budget.allows(Duration::from_secs(1000)));
    }
}
