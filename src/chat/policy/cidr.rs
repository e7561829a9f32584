//! Where people come from: an address or a range of them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What one subscriber is given of IPv6 at least, and may take any address of (RFC 6177).
const IPV6_SITE: u8 = 64;

/// The length of the prefix of addresses that stand for those of IPv4: `::ffff:0:0/96`, RFC 4291.
const MAPPED: u8 = 96;

/// A range of addresses, written as an address or in CIDR notation.
///
/// An IPv4 address mapped to IPv6 is that IPv4 address, and a range of such a range of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// One address.
    pub fn host(addr: IpAddr) -> Self {
        Network(addr.to_canonical().into())
    }

    /// All addresses that somebody at `addr` has for the asking: that one, or a /64 of IPv6.
    pub fn of_one_person(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(addr) => Network(IpAddr::V4(addr).into()),
            IpAddr::V6(addr) => Network::new(Ipv6Net::new_assert(addr, IPV6_SITE).into()),
        }
    }

    fn new(net: IpNet) -> Self {
        match net {
            IpNet::V6(net) if net.prefix_len() >= MAPPED => match net.addr().to_ipv4_mapped() {
                Some(addr) => Network(Ipv4Net::new_assert(addr, net.prefix_len() - MAPPED).trunc().into()),
                None => Network(net.trunc().into()),
            },
            net => Network(net.trunc()),
        }
    }

    /// Whether `addr` is in it.
    pub fn contains(self, addr: IpAddr) -> bool {
        self.0.contains(&addr.to_canonical())
    }

    /// Every network that holds `addr`, the smallest first.
    pub fn around(addr: IpAddr) -> impl Iterator<Item = Network> {
        let host: IpNet = addr.to_canonical().into();
        std::iter::successors(Some(host), |net| net.supernet()).map(Network)
    }
}

impl From<IpNet> for Network {
    fn from(net: IpNet) -> Self {
        Network::new(net)
    }
}

impl From<Network> for IpNet {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(addr) = text.parse() {
            return Ok(Network::host(addr));
        }
        text.parse().map(Network::new).map_err(|_| ())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_written() {
        for (text, shown) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:1:2:3::/64", "2001:db8:1:2::/64"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "bob", "10.1.2", "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/-1", "::/129", "127.0.0.1:80"] {
            assert_eq!(text.parse::<Network>(), Err(()), "{text}");
        }
    }

    #[test]
    fn one_person_may_have_a_site_of_ipv6_and_an_address_of_ipv4() {
        let person = |text| Network::of_one_person(addr(text)).to_string();
        assert_eq!(person("10.1.2.3"), "10.1.2.3");
        assert_eq!(person("::ffff:10.1.2.3"), "10.1.2.3");
        assert_eq!(person("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(person("2001:db8:1:2::6"), person("2001:db8:1:2:3:4:5:6"));
        assert_ne!(person("2001:db8:1:3::6"), person("2001:db8:1:2::6"));
    }

    #[test]
    fn the_networks_around_an_address_are_those_that_hold_it() {
        for (text, count) in [("10.1.2.3", 33), ("2001:db8::1", 129), ("::ffff:10.1.2.3", 33)] {
            let around: Vec<Network> = Network::around(addr(text)).collect();
            assert_eq!((around.len(), around[0]), (count, Network::host(addr(text))));
            assert!(around.iter().all(|network| network.contains(addr(text))));
        }
        assert!(!"10.0.0.0/8".parse::<Network>().unwrap().contains(addr("11.0.0.1")));
        assert!(!"::/0".parse::<Network>().unwrap().contains(addr("10.0.0.1")));
    }
}
