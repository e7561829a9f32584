//! Checks the origin of pages, and finds the client behind a proxy.

use std::net::{IpAddr, SocketAddr};

use super::access::Access;
use crate::chat::is_unix;
use crate::wire::http::{Request, items};

impl Access {
    /// Whether the requesting page is allowed: it is the served page, its origin is allowed, or there is no origin.
    ///
    /// A browser sends the origin with every WebSocket and no script can forge it (RFC 6455, section 10.2).
    pub fn is_allowed(&self, request: &Request) -> bool {
        let Some(origin) = &request.origin else { return true };
        let listed = |allowed: &String| allowed == "*" || allowed.eq_ignore_ascii_case(origin);
        let is_own = || {
            let (scheme, site) = origin.split_once("://")?;
            let host = request.host.as_deref()?;
            let port = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return None,
            };
            let named = |site: &str| site.strip_suffix(port).unwrap_or(site).to_ascii_lowercase();
            Some(named(site) == named(host))
        };
        self.allow_origin.iter().any(listed) || is_own().unwrap_or(false)
    }

    /// The client's address: the last one that is no trusted proxy.
    pub fn client(&self, peer: SocketAddr, request: &Request) -> SocketAddr {
        let mut client = peer;
        for hop in items(&request.forwarded_for).rev() {
            if !self.is_trusted(client.ip()) {
                break;
            }
            // An unreadable entry is not trusted, nor are those before it; nor is one that would stand for a Unix socket.
            let Some(next) = read_hop(hop, peer.port()).filter(|next| !is_unix(next.ip())) else { break };
            client = next;
        }
        client
    }

    /// Whether it is the address of a trusted proxy.
    pub fn is_trusted(&self, addr: IpAddr) -> bool {
        self.trust_proxy.iter().any(|proxy| proxy.is(addr))
    }
}

/// Reads an address, perhaps with brackets and a port of its own.
fn read_hop(hop: &str, port: u16) -> Option<SocketAddr> {
    let hop = hop.trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse::<IpAddr>().map(|addr| SocketAddr::new(addr.to_canonical(), port)).or_else(|_| hop.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_origin_is_refused() {
        let access = Access { allow_origin: vec!["https://example.org".into()], ..Access::default() };
        let is_allowed = |origin: &str, host: &str| {
            access.is_allowed(&Request {
                origin: (!origin.is_empty()).then(|| origin.into()),
                host: Some(host.into()),
                ..Request::default()
            })
        };
        for (origin, host) in [
            ("", "localhost:8080"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://LOCALHOST:8080", "localhost:8080"),
            ("https://chat.example", "chat.example"),
            ("https://chat.example", "chat.example:443"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://example.org", "localhost"),
        ] {
            assert!(is_allowed(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("http://evil.example", "localhost:8080"),
            ("http://localhost:8081", "localhost:8080"),
            ("http://localhost", "localhost:8080"),
            ("null", "localhost"),
            ("file://localhost", "localhost"),
            ("http://example.org", "localhost"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert!(!is_allowed(origin, host), "{origin} at {host}");
        }
    }

    #[test]
    fn client_is_the_last_untrusted_address() {
        let trust_proxy = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8", "unix"].map(|text| text.parse().unwrap()).to_vec();
        let access = Access { trust_proxy, ..Access::default() };
        let client = |peer: &str, list: &str| {
            let request = Request { forwarded_for: list.into(), ..Request::default() };
            access.client(peer.parse().unwrap(), &request).to_string()
        };
        for (peer, list, expected) in [
            ("127.0.0.1:5", "", "127.0.0.1:5"),
            ("127.0.0.1:5", "1.2.3.4", "1.2.3.4:5"),
            ("127.0.0.1:5", "9.9.9.9, 1.2.3.4", "1.2.3.4:5"),
            ("127.0.0.1:5", "9.9.9.9,1.2.3.4, 10.0.0.7", "1.2.3.4:5"),
            ("127.0.0.1:5", "10.0.0.8, 10.0.0.7", "10.0.0.8:5"),
            ("8.8.8.8:5", "1.2.3.4", "8.8.8.8:5"),
            ("127.0.0.1:5", "1.2.3.4, nonsense", "127.0.0.1:5"),
            ("127.0.0.1:5", "nonsense, 10.0.0.7", "10.0.0.7:5"),
            ("127.0.0.1:5", "1.2.3.4:77", "1.2.3.4:77"),
            ("[fd00::1]:5", "\"[2001:db8::1]:99\"", "[2001:db8::1]:99"),
            ("127.0.0.1:5", "2001:db8::1", "[2001:db8::1]:5"),
            ("127.0.0.1:5", "[2001:db8::1]", "[2001:db8::1]:5"),
            ("[::ffff:127.0.0.1]:5", "::ffff:1.2.3.4", "1.2.3.4:5"),
            ("0.0.0.0:5", "1.2.3.4", "1.2.3.4:5"),
            ("127.0.0.1:5", "0.0.0.0", "127.0.0.1:5"),
            ("127.0.0.1:5", "1.2.3.4, ::ffff:0.0.0.0", "127.0.0.1:5"),
        ] {
            assert_eq!(client(peer, list), expected, "{list} by {peer}");
        }
    }
}
