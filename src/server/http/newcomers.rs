//! Counts the exchanges of each address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::chat::Network;

/// Exchanges allowed to one address besides its connections, since a browser opens several for a page.
const SPARE_EXCHANGES: usize = 8;

/// Exchanges by address; counted only if there is a per-IP limit.
#[derive(Default)]
pub struct PendingExchanges {
    counts: HashMap<Network, usize>,
}

impl PendingExchanges {
    /// Counts one more; `false`, and not counted, if there are too many. `most` is 0 for no limit.
    pub fn enter(&mut self, addr: IpAddr, most: usize) -> bool {
        if most == 0 {
            return true;
        }
        let count = self.counts.entry(Network::of_client(addr)).or_default();
        let is_free = *count < most + SPARE_EXCHANGES;
        *count += usize::from(is_free);
        is_free
    }

    /// Uncounts one.
    pub fn leave(&mut self, addr: IpAddr) {
        if let Entry::Occupied(mut count) = self.counts.entry(Network::of_client(addr)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        crate::util::shrink::map(&mut self.counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_are_limited_per_address() {
        let (mut pending_exchanges, here, there) =
            (PendingExchanges::default(), [10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!((0..20).filter(|_| pending_exchanges.enter(here, 1)).count(), 1 + SPARE_EXCHANGES);
        assert!(pending_exchanges.enter(there, 1) && pending_exchanges.enter(here, 0));
        pending_exchanges.leave(here);
        assert!(pending_exchanges.enter(here, 1) && !pending_exchanges.enter(here, 1));
        (0..1 + SPARE_EXCHANGES).for_each(|_| pending_exchanges.leave(here));
        pending_exchanges.leave(there);
        assert!(pending_exchanges.counts.is_empty());
    }
}
