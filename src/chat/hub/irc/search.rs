//! A limit on searches, which look at many members or rooms: WHO, LIST, and NAMES of a room that its reader is not in.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chat::policy::cidr::Network;

/// Steps that all searches together may take in a second. A step takes at most half a microsecond.
const STEPS_PER_SECOND: i64 = 500_000;
/// Steps that the searches from one IPv4 address or one IPv6 /64 may take in a second.
const STEPS_PER_NETWORK: i64 = STEPS_PER_SECOND / 8;
/// Networks whose searches are counted at most. If there are more, those that owe the least are forgotten.
const MAX_NETWORKS: usize = 4096;

/// What is told instead of a result when there were too many searches (263).
pub const TRY_AGAIN: &str = "Please wait a while and try again";

/// Steps that may still be taken. Since a search is not ended in its middle, it may be in debt.
#[derive(Clone, Copy, Debug)]
struct Share {
    left: i64,
    /// When `left` was right.
    at: Duration,
}

impl Share {
    fn full(most: i64) -> Self {
        Share { left: most, at: Duration::ZERO }
    }

    /// The steps that are left now, of `most` in a second.
    fn refill(&mut self, most: i64, now: Duration) -> i64 {
        let gained = now.saturating_sub(self.at).as_micros().min(60_000_000) as i64 * most / 1_000_000;
        if gained > 0 {
            (self.left, self.at) = ((self.left + gained).min(most), now);
        }
        self.left
    }
}

/// The steps that searches may still take. With none left, they are answered with 263.
///
/// Each network has a share. One that has not searched lately may search also when others have used up all steps.
#[derive(Clone, Debug)]
pub struct SearchBudget {
    all: Share,
    /// The networks that have searched lately.
    networks: BTreeMap<Network, Share>,
}

impl Default for SearchBudget {
    fn default() -> Self {
        SearchBudget { all: Share::full(STEPS_PER_SECOND), networks: BTreeMap::new() }
    }
}

impl SearchBudget {
    /// Whether a search from a network may begin now.
    pub fn allows(&mut self, network: Network, now: Duration) -> bool {
        let has_any = self.all.refill(STEPS_PER_SECOND, now) > 0;
        let Some(share) = self.networks.get_mut(&network) else { return true };
        match share.refill(STEPS_PER_NETWORK, now) {
            STEPS_PER_NETWORK.. => true,
            left => left > 0 && has_any,
        }
    }

    /// Takes the steps of a search from a network, which was allowed now.
    pub fn take(&mut self, network: Network, steps: usize, now: Duration) {
        let steps = steps as i64;
        self.all.left -= steps;
        let share = self.networks.entry(network).or_insert(Share { left: STEPS_PER_NETWORK, at: now });
        share.left -= steps;
        if self.networks.len() > MAX_NETWORKS {
            self.forget(now);
        }
    }

    /// Forgets the networks whose share is full again; if these are few, the half that owes less.
    fn forget(&mut self, now: Duration) {
        self.networks.retain(|_, share| share.refill(STEPS_PER_NETWORK, now) < STEPS_PER_NETWORK);
        if self.networks.len() > MAX_NETWORKS / 2 {
            let mut left: Vec<i64> = self.networks.values().map(|share| share.left).collect();
            let middle = left.len() / 2;
            let (_, &mut median, _) = left.select_nth_unstable(middle);
            self.networks.retain(|_, share| share.left < median);
        }
    }
}

/// The steps in which a text is folded and compared with a pattern, in the worst case.
pub fn steps_of(pattern: &str) -> usize {
    1 + pattern.len() / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_secs;

    fn network(number: u32) -> Network {
        Network::of_client(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn searches_wait_until_their_debt_is_paid() {
        let mut budget = SearchBudget::default();
        let one = network(1);
        assert!(budget.allows(one, AT(5)));
        budget.take(one, STEPS_PER_NETWORK as usize * 7 / 2, AT(5));
        assert!(!budget.allows(one, AT(6)) && !budget.allows(one, AT(7)));
        assert!(budget.allows(one, AT(8)));
    }

    #[test]
    fn unused_steps_are_not_saved() {
        let mut budget = SearchBudget::default();
        assert!(budget.allows(network(1), AT(1000)));
        budget.take(network(1), STEPS_PER_NETWORK as usize, AT(1000));
        assert!(!budget.allows(network(1), AT(1000)) && budget.allows(network(2), AT(1000)));
    }

    #[test]
    fn networks_that_use_up_all_steps_leave_one_search_to_each_other_network() {
        let mut budget = SearchBudget::default();
        for number in 1..=20 {
            assert!(budget.allows(network(number), AT(5)));
            budget.take(network(number), 50_000, AT(5));
        }
        assert!((1..=20).all(|number| !budget.allows(network(number), AT(5))), "500,000 steps are not paid yet");
        assert!(budget.allows(network(21), AT(5)));
        budget.take(network(21), 1, AT(5));
        assert!(!budget.allows(network(21), AT(5)));
        assert!(budget.allows(network(21), AT(6)));
    }

    #[test]
    fn number_of_networks_is_bounded() {
        let mut budget = SearchBudget::default();
        for number in 0..20_000 {
            budget.take(network(number), 100_000 + number as usize % 7, AT(1));
            assert!(budget.networks.len() <= MAX_NETWORKS);
        }
        budget.take(network(1), 1, AT(2000));
        assert!(budget.networks.len() <= MAX_NETWORKS);
    }
}
