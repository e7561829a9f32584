//! Values of options that are more than numbers and words.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::value_parser;

use crate::chat::{MAX_SERVER_NAME, Network, is_server_name};
use crate::wire::host::Host;

pub fn at_least(least: u64) -> clap::builder::RangedU64ValueParser {
    // 2^32 is more than one machine can hold, and sums of such values do not overflow.
    value_parser!(u64).range(least..=u64::from(u32::MAX))
}

/// Parses the origin of a page: scheme and host, and the port if it is not the default one (RFC 6454).
pub fn origin(text: &str) -> Result<String, String> {
    let site = text.split_once("://").map(|(_, site)| site).unwrap_or_default();
    match text == "*" || !site.is_empty() && !site.contains(['/', '?', '#', '@', ' ']) {
        true => Ok(text.into()),
        false => Err("write SCHEME://HOST or SCHEME://HOST:PORT, such as https://example.org, or *".into()),
    }
}

/// Parses a host name into the form that is compared with the `Host` of a request.
pub fn host(text: &str) -> Result<String, String> {
    match Host::parse(text) {
        Some(Host::Name(name)) if !name.is_empty() && !text.contains(':') => Ok(name),
        Some(Host::Address(_)) => Err("IP addresses are always allowed; write a name, such as chat.example.org".into()),
        _ => Err("write a name without scheme and port, such as chat.example.org".into()),
    }
}

/// Checks what the server calls itself.
pub fn server_name(text: &str) -> Result<String, String> {
    match is_server_name(text) {
        true => Ok(text.into()),
        false => Err(format!(
            "write 1 to {MAX_SERVER_NAME} letters (a to z), digits, dots, - and _, without spaces, such as chat.example.org"
        )),
    }
}

pub fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|()| "write an address or a CIDR network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8".into())
}

/// The addresses of one `--listen`: several if its host name has several.
#[derive(Clone, Debug)]
pub struct ListenAddrs(pub Vec<SocketAddr>);

pub fn listen_addr(text: &str) -> Result<ListenAddrs, String> {
    let help = "write HOST:PORT, such as 127.0.0.1:4567, 0.0.0.0:4567 or [::1]:4567";
    let addrs: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| format!("{error}; {help}"))?.collect();
    if addrs.is_empty() { Err(help.into()) } else { Ok(ListenAddrs(addrs)) }
}
