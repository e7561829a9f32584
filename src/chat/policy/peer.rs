//! Peers of Unix sockets, which have no address: in its place is the unspecified one (RFC 1122, section 3.2.1.3), which no
//! peer of TCP has, with a number as port.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};

/// Whether an address stands for the peer of a Unix socket.
pub fn is_unix(addr: IpAddr) -> bool {
    addr.is_unspecified()
}

/// An address as people read it: `unix:7` for the seventh peer of a Unix socket.
#[derive(Clone, Copy, Debug)]
pub struct ShownAddr(SocketAddr);

/// An address as people read it, in the log and elsewhere.
pub fn show_addr(addr: SocketAddr) -> ShownAddr {
    ShownAddr(addr)
}

impl Display for ShownAddr {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match is_unix(self.0.ip()) {
            true => write!(f, "unix:{}", self.0.port()),
            false => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unspecified_address_is_shown_as_that_of_a_unix_socket() {
        for (addr, shown) in
            [("0.0.0.0:7", "unix:7"), ("[::]:8", "unix:8"), ("0.0.0.1:7", "0.0.0.1:7"), ("[::1]:80", "[::1]:80")]
        {
            assert_eq!(show_addr(addr.parse().unwrap()).to_string(), shown);
        }
    }
}
