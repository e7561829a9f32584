//! Peers that are trusted to say who their clients are.

use std::net::IpAddr;
use std::str::FromStr;

use crate::chat::{Network, is_unix};

/// A peer, or a network of peers, that is trusted to say who its clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedPeer {
    Network(Network),
    /// The peers of all Unix sockets, written `unix`.
    Unix,
}

impl TrustedPeer {
    /// Whether a peer with this address is meant.
    pub fn is(self, addr: IpAddr) -> bool {
        match self {
            TrustedPeer::Network(network) => network.contains(addr),
            TrustedPeer::Unix => is_unix(addr),
        }
    }
}

impl FromStr for TrustedPeer {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "unix" => Ok(TrustedPeer::Unix),
            text => text.parse().map(TrustedPeer::Network),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_unix_sockets_are_trusted_apart() {
        let is = |peer: &str, addr: &str| peer.parse::<TrustedPeer>().unwrap().is(addr.parse().unwrap());
        assert!(is("10.0.0.0/8", "10.1.2.3") && is("::1", "::1") && is("unix", "0.0.0.0"));
        assert!(!is("10.0.0.0/8", "11.1.2.3") && !is("unix", "127.0.0.1") && !is("0.0.0.0/0", "0.0.0.0"));
        for text in ["", "Unix", "unix:", "proxy"] {
            assert_eq!(text.parse::<TrustedPeer>(), Err(()), "{text:?}");
        }
    }
}
