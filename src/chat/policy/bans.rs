//! Bans of addresses and networks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::cidr::Network;
use super::nick::fold;

/// A ban: its end, and the member that was named in the command, if it was a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    pub until: Option<Duration>,
    pub name: Option<CompactString>,
}

impl Ban {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The banned networks, each until a time or without an end.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Bans(BTreeMap<Network, Ban>);

impl Bans {
    /// Bans a network, or replaces its ban.
    pub fn add(&mut self, network: Network, ban: Ban, now: Duration) {
        self.0.retain(|_, ban| ban.holds(now));
        self.0.insert(network, ban);
    }

    /// Lifts a ban; returns it if it was in force.
    pub fn lift(&mut self, network: Network, now: Duration) -> Option<Ban> {
        self.0.remove(&network).filter(|ban| ban.holds(now))
    }

    /// Whether exactly this network is banned now, and was given as a network and not by the name of a member.
    pub fn is_by_address(&self, network: Network, now: Duration) -> bool {
        self.0.get(&network).is_some_and(|ban| ban.holds(now) && ban.name.is_none())
    }

    /// The networks that were banned by the name of a member, and are still: a member can have sessions from several.
    pub fn find_name(&self, name: &str, now: Duration) -> impl Iterator<Item = Network> {
        let key = fold(name);
        let is_meant = move |ban: &Ban| ban.holds(now) && ban.name.as_deref().is_some_and(|name| fold(name) == key);
        self.0.iter().filter(move |(_, ban)| is_meant(ban)).map(|(&network, _)| network)
    }

    /// Whether an address is banned now, alone or as part of a network.
    pub fn holds(&self, addr: IpAddr, now: Duration) -> bool {
        !self.0.is_empty() && Network::containing(addr).any(|network| self.has(network, now))
    }

    /// Whether exactly this network is banned now.
    pub fn has(&self, network: Network, now: Duration) -> bool {
        self.0.get(&network).is_some_and(|ban| ban.holds(now))
    }

    /// The ban of exactly this network; it may be over.
    pub fn get(&self, network: Network) -> Option<&Ban> {
        self.0.get(&network)
    }

    /// The networks after this one, or all, whose bans may be over; ordered by address.
    pub fn after(&self, network: Option<Network>) -> impl Iterator<Item = Network> {
        let begin = network.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range((begin, Bound::Unbounded)).map(|(&network, _)| network)
    }

    /// All bans in force, ordered by address.
    pub fn list(&self, now: Duration) -> impl Iterator<Item = (Network, &Ban)> {
        self.0.iter().filter(move |(_, ban)| ban.holds(now)).map(|(&network, ban)| (network, ban))
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
        bans.add(short_ban, Ban { until: Some(at(60)), name: Some("Bob".into()) }, at(0));
        bans.add(long_ban, Ban::default(), at(0));
        assert!(bans.holds(short, at(59)) && bans.holds(long, at(59)));
        let list = |now| bans.list(now).map(|(network, _)| network).collect::<Vec<_>>();
        assert_eq!((list(at(0)), list(at(60))), (vec![short_ban, long_ban], vec![long_ban]));
        assert!(bans.find_name("BOB", at(59)).eq([short_ban]) && bans.find_name("bob", at(60)).next().is_none());
        assert!(!bans.holds(short, at(60)));
        assert!(bans.is_by_address(long_ban, at(59)) && !bans.is_by_address(short_ban, at(59)));
        assert!(!bans.is_by_address("10.0.0.3".parse().unwrap(), at(0)), "a network that is not banned");
        assert_eq!(bans.lift(short_ban, at(60)), None, "an expired ban counts as lifted");
        assert!(bans.lift(long_ban, at(60)).is_some() && bans.lift(long_ban, at(60)).is_none());
    }

    #[test]
    fn network_ban_covers_every_address_in_it() {
        let mut bans = Bans::default();
        let at = Duration::ZERO;
        let holds = |bans: &Bans, addr: &str| bans.holds(addr.parse().unwrap(), at);
        assert!(!holds(&bans, "10.9.9.9"));
        for network in ["10.0.0.0/8", "2001:db8:1:2::/64"] {
            bans.add(network.parse().unwrap(), Ban::default(), at);
        }
        for addr in ["10.9.9.9", "::ffff:10.9.9.9", "2001:db8:1:2:ffff::1"] {
            assert!(holds(&bans, addr), "{addr}");
        }
        for addr in ["11.0.0.1", "2001:db8:1:3::1"] {
            assert!(!holds(&bans, addr), "{addr}");
        }
    }
}
