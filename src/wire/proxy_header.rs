//! The header by which a proxy names its client: HAProxy, "The PROXY protocol, versions 1 & 2", section 2.

use std::net::{IpAddr, SocketAddr};

use ppp::{PartialResult, v1, v2};

/// The longest header of version 1 in bytes, with its line end.
const MAX_V1: usize = 107;
/// The bytes of a header of version 2 before its addresses.
const V2_START: usize = 16;
/// The most bytes of addresses and additional values (TLVs) in a header of version 2; the values are ignored.
const MAX_V2_REST: usize = 1024;
/// The longest header in bytes.
pub const MAX_HEADER: usize = V2_START + MAX_V2_REST;

/// The first word of version 1.
const V1_PREFIX: &[u8] = b"PROXY ";

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its length in bytes.
    pub length: usize,
    /// The address of the client; `None` if the connection is the proxy's own, or the proxy does not know the client.
    pub client: Option<SocketAddr>,
}

/// The first bytes are no header that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    #[error("it does not begin with a PROXY header")]
    Missing,
    #[error("its PROXY header is longer than {0} bytes")]
    TooLong(usize),
    #[error("its PROXY header is damaged: {0}")]
    Damaged(String),
    #[error("its PROXY header names {0}, which is the address of no client")]
    NoClient(IpAddr),
}

/// Parses the header with which `bytes` begin; `None` if more bytes are needed.
///
/// # Errors
/// If there is no such header, whatever comes next.
pub fn parse(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidHeader> {
    let header = match begins_like(bytes, V1_PREFIX) {
        true => parse_v1(bytes)?,
        false if begins_like(bytes, v2::PROTOCOL_PREFIX) => parse_v2(bytes)?,
        false => return Err(InvalidHeader::Missing),
    };
    match header.and_then(|header| header.client) {
        // Such an address would stand for the peer of a Unix socket.
        Some(client) if client.ip().is_unspecified() => Err(InvalidHeader::NoClient(client.ip())),
        _ => Ok(header),
    }
}

/// Whether `bytes` begin with `prefix`, as far as they have arrived.
fn begins_like(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.iter().zip(prefix).all(|(byte, expected)| byte == expected)
}

fn parse_v1(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidHeader> {
    // Only a whole line is parsed, since some beginnings of a line look damaged.
    let Some(end) = bytes.iter().take(MAX_V1).position(|&byte| byte == b'\n') else {
        return if bytes.len() < MAX_V1 { Ok(None) } else { Err(InvalidHeader::TooLong(MAX_V1)) };
    };
    let header = v1::Header::try_from(&bytes[..=end]).map_err(|error| InvalidHeader::Damaged(error.to_string()))?;
    let client = match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(v4) => Some(client(v4.source_address, v4.source_port)),
        v1::Addresses::Tcp6(v6) => Some(client(v6.source_address, v6.source_port)),
    };
    Ok(Some(ProxyHeader { length: header.header.len(), client }))
}

fn parse_v2(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidHeader> {
    if let Some(length) = bytes.get(V2_START - 2..V2_START)
        && usize::from(u16::from_be_bytes([length[0], length[1]])) > MAX_V2_REST
    {
        return Err(InvalidHeader::TooLong(MAX_HEADER));
    }
    let result = v2::Header::try_from(bytes);
    if result.is_incomplete() {
        return Ok(None);
    }
    let header = result.map_err(|error| InvalidHeader::Damaged(error.to_string()))?;
    let client = match header.addresses {
        _ if header.command == v2::Command::Local || header.protocol != v2::Protocol::Stream => None,
        v2::Addresses::IPv4(v4) => Some(client(v4.source_address, v4.source_port)),
        v2::Addresses::IPv6(v6) => Some(client(v6.source_address, v6.source_port)),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    };
    Ok(Some(ProxyHeader { length: header.len(), client }))
}

fn client(ip: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into().to_canonical(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with this command, family, addresses, and additional bytes.
    fn v2_header(command: u8, family: u8, addresses: &[u8], more: usize) -> Vec<u8> {
        let length = (addresses.len() + more) as u16;
        let start = [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length.to_be_bytes()].concat();
        [&start[..], addresses, &vec![7; more]].concat()
    }

    fn v4_addresses() -> Vec<u8> {
        vec![192, 0, 2, 1, 192, 0, 2, 9, 0x9c, 0x40, 0x11, 0xd7]
    }

    fn v6_addresses(source: &str) -> Vec<u8> {
        let source: std::net::Ipv6Addr = source.parse().unwrap();
        [&source.octets()[..], &[0; 16], &[0x9c, 0x40, 0x11, 0xd7]].concat()
    }

    #[track_caller]
    fn check(header: &[u8], client: Option<&str>) {
        let shown = header.escape_ascii();
        for length in 0..header.len() {
            assert_eq!(parse(&header[..length]), Ok(None), "the first {length} bytes of {shown}");
        }
        let expected = ProxyHeader { length: header.len(), client: client.map(|addr| addr.parse().unwrap()) };
        for rest in [&b""[..], b"alice\r\n", b"\r\n", b"PROXY UNKNOWN\r\n", &[22, 3, 1]] {
            assert_eq!(parse(&[header, rest].concat()), Ok(Some(expected)), "{shown} and {}", rest.escape_ascii());
        }
    }

    #[test]
    fn client_is_the_source_of_either_version() {
        check(b"PROXY TCP4 192.0.2.1 192.0.2.9 40000 4567\r\n", Some("192.0.2.1:40000"));
        check(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Some("255.255.255.255:65535"));
        check(b"PROXY TCP6 2001:db8::1 ::1 40000 0\r\n", Some("[2001:db8::1]:40000"));
        check(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Some("192.0.2.1:1"));
        for more in [0, 1, 300, MAX_V2_REST - 12] {
            check(&v2_header(0x21, 0x11, &v4_addresses(), more), Some("192.0.2.1:40000"));
        }
        check(&v2_header(0x21, 0x21, &v6_addresses("2001:db8::1"), 9), Some("[2001:db8::1]:40000"));
        check(&v2_header(0x21, 0x21, &v6_addresses("::ffff:192.0.2.1"), 0), Some("192.0.2.1:40000"));
    }

    #[test]
    fn unknown_clients_have_no_address() {
        check(b"PROXY UNKNOWN\r\n", None);
        let long = format!("PROXY UNKNOWN {0} {0} 65535 65535\r\n", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(long.len(), MAX_V1);
        check(long.as_bytes(), None);
        check(&v2_header(0x20, 0x00, &[], 0), None);
        check(&v2_header(0x20, 0x11, &v4_addresses(), 0), None);
        check(&v2_header(0x21, 0x00, &[], 40), None);
        check(&v2_header(0x21, 0x12, &v4_addresses(), 0), None);
        check(&v2_header(0x21, 0x31, &[b'x'; 216], 0), None);
    }

    #[test]
    fn other_bytes_are_no_header_from_the_first_one_that_differs() {
        for bytes in [
            &b"alice\n"[..],
            b"PROXX",
            b"proxy ",
            b"GET / HTTP/1.1\r\n",
            &[22, 3, 1],
            b"\r\n\r\nalice",
            b"\r\n\n",
            b"\0",
        ] {
            assert_eq!(parse(bytes), Err(InvalidHeader::Missing), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn damaged_and_long_headers_are_refused() {
        let long = [b"PROXY TCP4 ", &b"1".repeat(200)[..]].concat();
        assert_eq!(parse(&long[..MAX_V1 - 1]), Ok(None));
        assert_eq!(parse(&long), Err(InvalidHeader::TooLong(MAX_V1)));
        let long = v2_header(0x21, 0x11, &v4_addresses(), MAX_V2_REST - 11);
        assert_eq!(parse(&long[..V2_START - 1]), Ok(None));
        assert_eq!(parse(&long[..V2_START]), Err(InvalidHeader::TooLong(MAX_HEADER)));
        let v2s = [
            v2_header(0x31, 0x11, &v4_addresses(), 0),
            v2_header(0x22, 0x11, &v4_addresses(), 0),
            v2_header(0x21, 0x41, &v4_addresses(), 0),
            v2_header(0x21, 0x13, &v4_addresses(), 0),
            v2_header(0x21, 0x11, &v4_addresses()[1..], 0),
            v2_header(0x21, 0x21, &v4_addresses(), 0),
        ];
        let v1s = [
            "PROXY \r\n",
            "PROXY TCP5 192.0.2.1 192.0.2.9 40000 4567\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 40000 4567\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 40000\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 40000 4567 \r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.9 40000 4567\r\n",
            "PROXY TCP4 ::1 ::1 40000 4567\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.9 40000 4567\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 70000 4567\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 40000 4567\r\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.9 40000 4567\r\n",
        ];
        for bytes in v1s.iter().map(|text| text.as_bytes()).chain(v2s.iter().map(|bytes| &bytes[..])) {
            assert!(matches!(parse(bytes), Err(InvalidHeader::Damaged(_))), "{}", bytes.escape_ascii());
        }
        for bytes in [&b"PROXY TCP4 0.0.0.0 192.0.2.9 1 2\r\n"[..], b"PROXY TCP6 :: ::1 1 2\r\n"] {
            assert!(matches!(parse(bytes), Err(InvalidHeader::NoClient(_))), "{}", bytes.escape_ascii());
        }
        for source in ["::", "::ffff:0.0.0.0"] {
            let bytes = v2_header(0x21, 0x21, &v6_addresses(source), 0);
            assert!(matches!(parse(&bytes), Err(InvalidHeader::NoClient(_))), "{source}");
        }
    }
}
