//! The host of a request, with an optional port (RFC 9110, section 7.2; RFC 3986, section 3.2).

use std::net::{IpAddr, Ipv6Addr};

/// A host without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    /// In lower case and without a final dot; may be empty.
    Name(String),
}

impl Host {
    /// Parses a `Host` field or the authority of a target; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(rest) = text.strip_prefix('[') {
            let (literal, port) = rest.split_once(']')?;
            // The zone of a link-local address: RFC 6874.
            let (bare, zone) = literal.split_once("%25").unwrap_or((literal, "0"));
            let address: Ipv6Addr = bare.parse().ok()?;
            return (is_name(zone) && !zone.is_empty() && is_port(port)).then_some(Host::Address(address.into()));
        }
        let (name, port) = text.find(':').map_or((text, ""), |colon| text.split_at(colon));
        if !is_name(name) || !is_port(port) {
            return None;
        }
        match name.parse::<IpAddr>() {
            Ok(address) => Some(Host::Address(address)),
            Err(_) => Some(Host::Name(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())),
        }
    }
}

/// Whether a text is a registered name (RFC 3986, section 3.2.2), in which bytes may be percent-encoded.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_escape = byte == b'%' && is_hex(bytes.next()) && is_hex(bytes.next());
        if !is_plain(byte) && !is_escape {
            return false;
        }
    }
    true
}

/// Whether a text is empty, or a colon and any number of digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_port_and_final_dot() {
        for text in
            ["chat.example", "CHAT.Example", "chat.example.", "chat.example:8080", "chat.example.:", "Chat.example.:1"]
        {
            assert_eq!(Host::parse(text), Some(Host::Name("chat.example".into())), "{text}");
        }
        for (text, name) in
            [("", ""), (":80", ""), ("a..", "a."), ("%65vil", "%65vil"), ("127.0.0.1.evil", "127.0.0.1.evil")]
        {
            assert_eq!(Host::parse(text), Some(Host::Name(name.into())), "{text}");
        }
    }

    #[test]
    fn addresses_are_distinguished_from_names() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("192.168.0.7:8080", "192.168.0.7"),
            ("[::1]", "::1"),
            ("[FE80::1]:80", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
        ] {
            assert_eq!(Host::parse(text), Some(Host::Address(address.parse().unwrap())), "{text}");
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        for text in [
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a:b",
            "a:80:80",
            "http://a",
            "é",
            "a\\b",
            "a%4",
            "a%zz",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[a]",
            "[]",
            "[127.0.0.1]",
            "[fe80::1%25]",
            "\"a\"",
            "<a>",
        ] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
    }
}
