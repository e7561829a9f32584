//! Values of options that are more than numbers and words.

use std::fmt::{self, Debug, Formatter};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::value_parser;

use crate::chat::{IrcOper, MAX_SERVER_NAME, Network, Password, ServerPassword, is_server_name};
use crate::server::listen_addr::{ListenAddr, ListenPlace};
use crate::server::trusted_peer::TrustedPeer;
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

/// Parses a peer that is trusted to say who its clients are.
pub fn trusted_peer(text: &str) -> Result<TrustedPeer, String> {
    text.parse().map_err(|()| {
        "write an address or a CIDR network, such as 127.0.0.1 or 10.0.0.0/8, or unix for all Unix sockets".into()
    })
}

/// The name and the password of one `--irc-oper`. The password is not shown by `Debug`.
#[derive(Clone)]
pub struct IrcOperArg {
    name: Box<str>,
    password: Password,
}

impl IrcOperArg {
    /// As the settings of the hub have it.
    pub fn oper(&self) -> IrcOper {
        IrcOper { name: self.name.clone(), password: ServerPassword::new(self.password.text()) }
    }
}

impl Debug for IrcOperArg {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}:...", self.name)
    }
}

/// Parses `NAME:PASSWORD`. Neither has spaces, which OPER could not give.
pub fn irc_oper(text: &str) -> Result<IrcOperArg, String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(IrcOperArg { name: name.into(), password: Password::new(password) })
        }
        _ => Err("write a name, a colon and a password, without spaces and commas".into()),
    }
}

/// Parses the mode of a file. The zero before it keeps numbers that are meant to be decimal out.
pub fn file_mode(text: &str) -> Result<u32, String> {
    let is_mode = text.len() == 4 && text.starts_with('0') && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if is_mode => Ok(mode),
        _ => Err("write a zero and three octal digits, such as 0660 (owner and group) or 0666 (everyone); in a \
                  configuration file in quotes"
            .into()),
    }
}

/// The addresses of one `--listen`, `--irc`, `--web` or `--admin`: several if its host name has several.
#[derive(Clone, Debug)]
pub struct ListenAddrs(pub Vec<ListenAddr>);

/// The schemes of an option for listeners: without and with TLS.
struct Schemes {
    plain: &'static str,
    tls: &'static str,
    /// An example of a port.
    port: u16,
}

const LINES: Schemes = Schemes { plain: "tcp", tls: "tls", port: 4567 };
const IRC: Schemes = Schemes { plain: "irc", tls: "ircs", port: 6667 };
const WEB: Schemes = Schemes { plain: "http", tls: "https", port: 8080 };

/// Parses an address for line clients.
pub fn line_addr(text: &str) -> Result<ListenAddrs, String> {
    LINES.parse(text)
}

/// Parses an address for IRC.
pub fn irc_addr(text: &str) -> Result<ListenAddrs, String> {
    IRC.parse(text)
}

/// Parses an address for HTTP.
pub fn web_addr(text: &str) -> Result<ListenAddrs, String> {
    WEB.parse(text)
}

impl Schemes {
    fn parse(&self, text: &str) -> Result<ListenAddrs, String> {
        let Schemes { plain, tls, .. } = *self;
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("write unix: and the path of the socket, such as unix:/run/chinwag/chat.sock".into()),
                path => Ok(ListenAddrs(vec![ListenAddr { place: ListenPlace::Unix(PathBuf::from(path)), tls: false }])),
            };
        }
        if text.contains("+unix:") {
            return Err("a Unix socket has no TLS, since it does not leave this machine; write unix:/path".into());
        }
        let (scheme, addr) = text.split_once("://").unwrap_or((plain, text));
        let is_tls = match scheme {
            scheme if scheme == plain => false,
            scheme if scheme == tls => true,
            "tls" | "https" | "wss" | "ircs" => {
                return Err(format!("there is no {scheme}:// here; write {tls}://HOST:PORT for TLS"));
            }
            _ => {
                return Err(format!(
                    "there is no {scheme}:// here; write {plain}://HOST:PORT, {tls}://HOST:PORT for TLS, or unix:/path"
                ));
            }
        };
        self.resolve(addr, is_tls)
    }

    fn resolve(&self, addr: &str, tls: bool) -> Result<ListenAddrs, String> {
        let port = self.port;
        let help = format!("write HOST:PORT, such as 127.0.0.1:{port}, 0.0.0.0:{port} or [::1]:{port}");
        let found: Vec<SocketAddr> = addr.to_socket_addrs().map_err(|error| format!("{error}; {help}"))?.collect();
        match found.is_empty() {
            true => Err(help),
            false => Ok(ListenAddrs(found.into_iter().map(|addr| ListenAddr { tls, ..addr.into() }).collect())),
        }
    }
}

/// Parses the value of a switch.
pub fn switch() -> clap::builder::BoolishValueParser {
    clap::builder::BoolishValueParser::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(schemes: &Schemes, text: &str) -> Vec<String> {
        let shown = |addr: &ListenAddr| format!("{}{}", if addr.tls { "TLS " } else { "" }, addr.place);
        schemes.parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).0.iter().map(shown).collect()
    }

    #[test]
    fn schemes_choose_tls_and_bare_addresses_are_plain() {
        for (schemes, text, expected) in [
            (&LINES, "127.0.0.1:1", "127.0.0.1:1"),
            (&LINES, "tcp://127.0.0.1:1", "127.0.0.1:1"),
            (&LINES, "tls://127.0.0.1:1", "TLS 127.0.0.1:1"),
            (&LINES, "tls://[::1]:1", "TLS [::1]:1"),
            (&LINES, "unix:/run/x.sock", "unix:/run/x.sock"),
            (&WEB, "[::]:1", "[::]:1"),
            (&WEB, "http://127.0.0.1:1", "127.0.0.1:1"),
            (&WEB, "https://127.0.0.1:1", "TLS 127.0.0.1:1"),
            (&WEB, "unix:x.sock", "unix:x.sock"),
        ] {
            assert_eq!(parsed(schemes, text), [expected], "{text}");
        }
        let local = parsed(&LINES, "tls://localhost:1");
        assert!(!local.is_empty() && local.iter().all(|addr| addr.starts_with("TLS ")), "{local:?}");
    }

    #[test]
    fn wrong_schemes_get_an_error_with_the_right_one() {
        for (schemes, text, expected) in [
            (&LINES, "https://127.0.0.1:1", "there is no https:// here; write tls://HOST:PORT for TLS"),
            (&LINES, "ircs://127.0.0.1:1", "there is no ircs:// here; write tls://HOST:PORT for TLS"),
            (&WEB, "tls://127.0.0.1:1", "there is no tls:// here; write https://HOST:PORT for TLS"),
            (&WEB, "wss://127.0.0.1:1", "there is no wss:// here; write https://HOST:PORT for TLS"),
            (
                &WEB,
                "tcp://127.0.0.1:1",
                "there is no tcp:// here; write http://HOST:PORT, https://HOST:PORT for TLS, or unix:/path",
            ),
            (
                &LINES,
                "http://127.0.0.1:1",
                "there is no http:// here; write tcp://HOST:PORT, tls://HOST:PORT for TLS, or unix:/path",
            ),
            (&LINES, "tls+unix:/x", "a Unix socket has no TLS, since it does not leave this machine; write unix:/path"),
            (&LINES, "unix:", "write unix: and the path of the socket, such as unix:/run/chinwag/chat.sock"),
        ] {
            assert_eq!(schemes.parse(text).err().as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "tls://", "127.0.0.1", "tls://127.0.0.1", "127.0.0.1:x", "tls://127.0.0.1:1/", "://127.0.0.1:1"]
        {
            assert!(LINES.parse(text).is_err(), "{text}");
        }
        let error = WEB.parse("https://127.0.0.1").err().unwrap();
        assert!(error.ends_with("; write HOST:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"), "{error}");
    }
}
