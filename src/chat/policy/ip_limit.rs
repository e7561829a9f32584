//! The per-IP limit: counts what each client network has open.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::cidr::Network;
use super::peer::is_unix;

/// Counts by client network: an IPv4 address or an IPv6 /64.
#[derive(Default, Serialize, Deserialize)]
pub struct IpLimit {
    counts: BTreeMap<Network, usize>,
}

impl IpLimit {
    /// Counts one more from `addr`; `false`, and not counted, if there are `most` already. `most` is 0 for no limit;
    /// then nothing is counted, nor are the peers of Unix sockets, which have no address.
    pub fn enter(&mut self, addr: IpAddr, most: usize) -> bool {
        if most == 0 || is_unix(addr) {
            return true;
        }
        let count = self.counts.entry(Network::of_client(addr)).or_default();
        let is_free = *count < most;
        *count += usize::from(is_free);
        is_free
    }

    /// Uncounts one from `addr`. Does nothing if none is counted.
    pub fn leave(&mut self, addr: IpAddr) {
        let network = Network::of_client(addr);
        if let Some(count) = self.counts.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&network);
            }
        }
    }

    /// How many are counted from the network of `addr`.
    pub fn count(&self, addr: IpAddr) -> usize {
        self.counts.get(&Network::of_client(addr)).copied().unwrap_or_default()
    }

    /// The number of networks that have something open.
    pub fn networks(&self) -> usize {
        self.counts.len()
    }

    /// The sum of all counts.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_are_limited_per_address() {
        let (mut limit, here, there) = (IpLimit::default(), [10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!((0..20).filter(|_| limit.enter(here, 9)).count(), 9);
        assert!(limit.enter(there, 9) && limit.enter(here, 0));
        assert_eq!((limit.networks(), limit.total()), (2, 10));
        limit.leave(here);
        assert!(limit.enter(here, 9) && !limit.enter(here, 9));
        (0..9).for_each(|_| limit.leave(here));
        limit.leave(there);
        limit.leave(there);
        assert_eq!(limit.networks(), 0);
        let unix = [0, 0, 0, 0].into();
        assert!((0..20).all(|_| limit.enter(unix, 9)));
        limit.leave(unix);
        assert_eq!((limit.count(unix), limit.networks()), (0, 0));
    }
}
