//! An IP address or a range of addresses (CIDR).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::peer::is_unix;

/// The prefix length of the smallest IPv6 network that one subscriber gets (RFC 6177).
const IPV6_SITE: u8 = 64;

/// The prefix length of IPv4-mapped IPv6 addresses: `::ffff:0:0/96`, RFC 4291.
const MAPPED: u8 = 96;

/// A range of addresses, written as an address or in CIDR notation.
///
/// An IPv4-mapped IPv6 address or range is treated as the IPv4 address or range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Network(IpNet);

impl Network {
    /// The network with only this address.
    pub fn host(addr: IpAddr) -> Self {
        Network(addr.to_canonical().into())
    }

    /// The network that one client at `addr` controls: the IPv4 address, or the IPv6 /64.
    pub fn of_client(addr: IpAddr) -> Self {
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

    /// Whether it is that of the peer of a Unix socket, as [`Network::of_client`] makes it.
    pub fn is_of_unix_peer(self) -> bool {
        is_unix(self.0.addr())
    }

    /// Whether `addr` is in this network. The peer of a Unix socket is in none.
    pub fn contains(self, addr: IpAddr) -> bool {
        !is_unix(addr) && self.0.contains(&addr.to_canonical())
    }

    /// All networks that contain `addr`, smallest first.
    pub fn containing(addr: IpAddr) -> impl Iterator<Item = Network> {
        let host: IpNet = addr.to_canonical().into();
        let first = Some(host).filter(|_| !is_unix(addr));
        std::iter::successors(first, |net| net.supernet()).map(Network)
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
    fn networks_parse_and_print_in_canonical_form() {
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
    fn client_network_is_one_ipv4_address_or_an_ipv6_64() {
        let person = |text| Network::of_client(addr(text)).to_string();
        assert_eq!(person("10.1.2.3"), "10.1.2.3");
        assert_eq!(person("::ffff:10.1.2.3"), "10.1.2.3");
        assert_eq!(person("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(person("2001:db8:1:2::6"), person("2001:db8:1:2:3:4:5:6"));
        assert_ne!(person("2001:db8:1:3::6"), person("2001:db8:1:2::6"));
    }

    #[test]
    fn containing_networks_all_contain_the_address() {
        for (text, count) in [("10.1.2.3", 33), ("2001:db8::1", 129), ("::ffff:10.1.2.3", 33)] {
            let containing: Vec<Network> = Network::containing(addr(text)).collect();
            assert_eq!((containing.len(), containing[0]), (count, Network::host(addr(text))));
            assert!(containing.iter().all(|network| network.contains(addr(text))));
        }
        assert!(!"10.0.0.0/8".parse::<Network>().unwrap().contains(addr("11.0.0.1")));
        assert!(!"::/0".parse::<Network>().unwrap().contains(addr("10.0.0.1")));
    }

    #[test]
    fn no_network_contains_the_peer_of_a_unix_socket() {
        for (network, peer) in [("0.0.0.0/0", "0.0.0.0"), ("0.0.0.0", "0.0.0.0"), ("::/0", "::")] {
            assert!(!network.parse::<Network>().unwrap().contains(addr(peer)), "{network}");
            assert_eq!(Network::containing(addr(peer)).count(), 0);
        }
    }
}
