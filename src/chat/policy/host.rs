//! The host of a member as others see it: a cloak in place of its address.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use compact_str::{CompactString, format_compact};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::cidr::Network;
use super::peer::is_unix;

/// What each host ends with.
const SUFFIX: &str = ".cloak";

/// The letters of Base32 (RFC 4648, section 6), in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The characters of 32 bits in Base32.
const DIGITS: u32 = 7;

/// A keyed hash of the network from which a member comes: the IPv4 address or the IPv6 /64.
///
/// The key is secret, so that no address can be found by trying them all. Two networks have the same host with a probability of
/// 2^-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Host(u32);

impl Host {
    /// The host of the operator and of the peers of Unix sockets. No address has it.
    pub const LOCAL: Host = Host(0);

    /// The host of an address; `key` is secret.
    pub fn of(addr: IpAddr, key: [u64; 2]) -> Host {
        if is_unix(addr) {
            return Host::LOCAL;
        }
        let hasher = SipHasher13::new_with_keys(key[0], key[1]);
        let hash = match IpNet::from(Network::of_client(addr)) {
            IpNet::V4(net) => hasher.hash(&net.addr().octets()),
            IpNet::V6(net) => hasher.hash(&net.addr().octets()),
        };
        Host((hash as u32).max(1))
    }

    /// The host as it is shown: it has at most 13 bytes, which need no allocation.
    pub fn text(self) -> CompactString {
        format_compact!("{self}")
    }
}

impl Default for Host {
    fn default() -> Self {
        Host::LOCAL
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        if *self == Host::LOCAL {
            return write!(f, "local{SUFFIX}");
        }
        let digit = |place: u32| ALPHABET[(self.0 >> (5 * place) & 31) as usize];
        (0..DIGITS).rev().try_for_each(|place| write!(f, "{}", char::from(digit(place))))?;
        f.write_str(SUFFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(addr: &str, key: [u64; 2]) -> Host {
        Host::of(addr.parse().unwrap(), key)
    }

    #[test]
    fn addresses_of_one_client_have_one_host() {
        let key = [1, 2];
        assert_eq!(host("203.0.113.7", key), host("::ffff:203.0.113.7", key));
        assert_eq!(host("2001:db8::1", key), host("2001:db8::ffff:1", key));
        assert_ne!(host("2001:db8::1", key), host("2001:db8:0:1::1", key));
        assert_ne!(host("203.0.113.7", key), host("203.0.113.8", key));
    }

    #[test]
    fn host_depends_on_the_key() {
        assert_ne!(host("203.0.113.7", [1, 2]), host("203.0.113.7", [1, 3]));
    }

    #[test]
    fn only_unix_sockets_are_local() {
        assert_eq!(host("0.0.0.0", [1, 2]), Host::LOCAL);
        assert_eq!(host("::", [1, 2]), Host::LOCAL);
        assert_ne!(host("127.0.0.1", [1, 2]), Host::LOCAL);
    }

    #[test]
    fn host_is_shown_in_seven_characters_of_base32() {
        for (host, shown) in [
            (Host(0), "local.cloak"),
            (Host(1), "aaaaaab.cloak"),
            (Host(32), "aaaaaba.cloak"),
            (Host(!0), "d777777.cloak"),
        ] {
            assert_eq!((host.to_string(), &*host.text()), (shown.to_owned(), shown));
            assert!(!host.text().is_heap_allocated());
        }
    }
}
