//! Bans of addresses and networks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cidr::Network;

/// The banned networks, each until a time or without an end.
#[derive(Default, Serialize, Deserialize)]
pub struct Bans(BTreeMap<Network, Option<Duration>>);

impl Bans {
    /// Bans a network, or replaces its ban.
    pub fn add(&mut self, network: Network, until: Option<Duration>, now: Duration) {
        self.prune(now);
        self.0.insert(network, until);
    }

    fn prune(&mut self, now: Duration) {
        self.0.retain(|_, until| until.is_none_or(|until| until > now));
    }

    /// Lifts a ban; returns whether one was in force.
    pub fn lift(&mut self, network: Network, now: Duration) -> bool {
        self.0.remove(&network).is_some_and(|until| until.is_none_or(|until| until > now))
    }

    /// Whether an address is banned now, alone or as part of a network.
    pub fn holds(&self, addr: IpAddr, now: Duration) -> bool {
        !self.0.is_empty() && Network::containing(addr).any(|network| self.has(network, now))
    }

    /// Whether exactly this network is banned now.
    pub fn has(&self, network: Network, now: Duration) -> bool {
        self.0.get(&network).is_some_and(|until| until.is_none_or(|until| until > now))
    }

    /// All bans in force with their remaining time, ordered by address.
    pub fn list(&self, now: Duration) -> Vec<(Network, Option<Duration>)> {
        let in_force = self.0.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        in_force.map(|(&network, until)| (network, until.map(|until| until - now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ban_ends_at_its_time() {
        let (short, long): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (short_ban, long_ban) = (Network::host(short), Network::host(long));
        let at = Duration::from_secs;
        let mut bans = Bans::default();
        bans.add(short_ban, Some(at(60)), at(0));
        bans.add(long_ban, None, at(0));
        assert!(bans.holds(short, at(59)) && bans.holds(long, at(59)));
        assert_eq!(bans.list(at(0)), [(short_ban, Some(at(60))), (long_ban, None)]);
        assert!(!bans.holds(short, at(60)));
        assert!(!bans.lift(short_ban, at(60)), "an expired ban counts as lifted");
        assert!(bans.lift(long_ban, at(60)) && !bans.lift(long_ban, at(60)));
        assert_eq!(bans.list(at(61)), []);
    }

    #[test]
    fn network_ban_covers_every_address_in_it() {
        let mut bans = Bans::default();
        let at = Duration::ZERO;
        let holds = |bans: &Bans, addr: &str| bans.holds(addr.parse().unwrap(), at);
        assert!(!holds(&bans, "10.9.9.9"));
        for network in ["10.0.0.0/8", "2001:db8:1:2::/64"] {
            bans.add(network.parse().unwrap(), None, at);
        }
        for addr in ["10.9.9.9", "::ffff:10.9.9.9", "2001:db8:1:2:ffff::1"] {
            assert!(holds(&bans, addr), "{addr}");
        }
        for addr in ["11.0.0.1", "2001:db8:1:3::1"] {
            assert!(!holds(&bans, addr), "{addr}");
        }
    }
}
