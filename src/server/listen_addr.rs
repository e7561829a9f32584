//! The addresses that a server listens on.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenAddr {
    pub place: ListenPlace,
    /// Whether connections begin with a TLS handshake.
    pub tls: bool,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenPlace {
    /// TCP; port 0 picks a free one.
    Tcp(SocketAddr),
    /// A Unix socket with this path.
    Unix(PathBuf),
}

impl From<SocketAddr> for ListenAddr {
    fn from(addr: SocketAddr) -> Self {
        ListenAddr { place: ListenPlace::Tcp(addr), tls: false }
    }
}

impl Display for ListenPlace {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            ListenPlace::Tcp(addr) => write!(f, "{addr}"),
            ListenPlace::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
