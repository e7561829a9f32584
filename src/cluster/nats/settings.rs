//! Which servers to connect to, as whom, and the limits of the client.

use std::fmt::{self, Debug, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::look_up::LookUpCommand;
use super::nkey::Nkey;

/// The port for clients of nats-server.
const DEFAULT_PORT: u16 = 4222;

/// Who the client is, for the server.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    User {
        name: String,
        password: String,
    },
    Token(String),
    /// The server knows the public key.
    Key(Nkey),
}

/// Passwords are in no log.
impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Credentials::User { name, .. } => write!(f, "User({name:?}, ...)"),
            Credentials::Token(_) => f.write_str("Token(...)"),
            Credentials::Key(_) => f.write_str("Key(...)"),
        }
    }
}

/// The address of a server: `nats://[USER:PASSWORD@|TOKEN@|SEED@]HOST[:PORT]`, or `tls://` if the connection must be
/// encrypted.
///
/// With `nats://` the connection is encrypted if the server asks for it, which others on the way can prevent; then they
/// read the password or the token. A seed is the secret key of a user, 58 characters that begin with `SU`.
/// In the user, the password and the token, `%` and two hexadecimal digits stand for a byte (RFC 3986, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddr {
    /// A name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
    /// Whether a server without TLS is refused.
    pub tls: bool,
    pub credentials: Option<Credentials>,
}

/// Writes `HOST:PORT`, without the credentials.
impl Display for ServerAddr {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerAddrError {
    #[error("it does not begin with nats:// or tls://; write nats://HOST:PORT")]
    Scheme,
    #[error("it has no host; write nats://HOST:PORT")]
    Host,
    #[error("its port is not a number from 1 to 65535; write nats://HOST:PORT")]
    Port,
    #[error("its user, password or token is not UTF-8; write %25 for %, and %40 for @")]
    Credentials,
}

impl FromStr for ServerAddr {
    type Err = ServerAddrError;

    fn from_str(text: &str) -> Result<Self, ServerAddrError> {
        let (scheme, rest) = text.split_once("://").ok_or(ServerAddrError::Scheme)?;
        let tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return Err(ServerAddrError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(parse_credentials(credentials)?), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place)?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#[]".contains(c)) {
            return Err(ServerAddrError::Host);
        }
        Ok(ServerAddr { host: host.into(), port, tls, credentials })
    }
}

fn parse_credentials(text: &str) -> Result<Credentials, ServerAddrError> {
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(ServerAddrError::Credentials),
    };
    match text.split_once(':') {
        Some((name, password)) => Ok(Credentials::User { name: decode(name)?, password: decode(password)? }),
        None => Ok(match Nkey::parse(text) {
            Some(key) => Credentials::Key(key),
            None => Credentials::Token(decode(text)?),
        }),
    }
}

/// Splits `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
fn split_port(place: &str) -> Result<(&str, u16), ServerAddrError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(ServerAddrError::Host)?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    match port.strip_prefix(':') {
        Some(port) => match port.parse() {
            Ok(port) if port > 0 => Ok((host, port)),
            _ => Err(ServerAddrError::Port),
        },
        None if port.is_empty() => Ok((host, DEFAULT_PORT)),
        None => Err(ServerAddrError::Port),
    }
}

/// The limits of the client. The defaults are for servers in one data centre or between several.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time for a connection: TCP, TLS, and the answer to the credentials.
    pub connect_timeout: Duration,
    /// How often the server is asked whether it is there.
    pub ping_interval: Duration,
    /// A server that does not answer for this time is left.
    pub silence: Duration,
    /// The time for an answer of JetStream, also to a message that is published.
    pub answer_timeout: Duration,
    /// The most bytes of a message that comes, with its headers.
    pub max_message: usize,
    /// A server that takes only shorter messages is left, in bytes with the headers of a message (`max_payload` of
    /// nats-server); zero: none is.
    pub needed_payload: usize,
    /// The most bytes that wait to be written. A server that sends pings without end and does not read the answers is
    /// left then.
    pub max_output: usize,
    /// The most entries that are asked for at once.
    pub batch: u32,
    /// The most bytes of the entries that are asked for at once; at least one entry comes.
    pub batch_bytes: u32,
    /// How often the server says that there are no entries; it must be at least 100 ms.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect_timeout: Duration::from_secs(3),
            ping_interval: Duration::from_secs(1),
            silence: Duration::from_secs(4),
            answer_timeout: Duration::from_secs(5),
            max_message: 9 * 1024 * 1024,
            needed_payload: 0,
            max_output: 16 * 1024 * 1024,
            batch: 256,
            batch_bytes: 4 * 1024 * 1024,
            heartbeat: Duration::from_secs(1),
        }
    }
}

/// Where to connect to, and the limits of the client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers of one NATS cluster, at least one.
    pub servers: Vec<ServerAddr>,
    /// The place in that list of the server to try first; beyond its end it starts again. Different nodes begin with
    /// different servers, so that each server has its share.
    pub first: usize,
    /// A PEM file (RFC 7468) with the authorities that sign the servers' certificates; `None`: those of the system.
    pub tls_ca: Option<PathBuf>,
    /// What the client is called in the server's lists.
    pub name: String,
    /// What looks up the names of servers.
    pub look_up: LookUpCommand,
    pub limits: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerAddr, ServerAddrError> {
        text.parse()
    }

    #[test]
    fn addresses_are_parsed() {
        let user =
            |name: &str, password: &str| Some(Credentials::User { name: name.into(), password: password.into() });
        for (text, host, port, tls, credentials) in [
            ("nats://a.example:4223", "a.example", 4223, false, None),
            ("nats://a.example/", "a.example", 4222, false, None),
            ("tls://10.0.0.1", "10.0.0.1", 4222, true, None),
            ("nats://[::1]:5", "::1", 5, false, None),
            ("nats://[::1]", "::1", 4222, false, None),
            ("nats://bob:s%40x%3a@h", "h", 4222, false, user("bob", "s@x:")),
            ("nats://bob:a:b@c@h:1", "h", 1, false, user("bob", "a:b@c")),
            ("tls://secret@h:1", "h", 1, true, Some(Credentials::Token("secret".into()))),
        ] {
            let expected = ServerAddr { host: host.into(), port, tls, credentials };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn seed_of_a_user_is_no_token() {
        let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
        let addr = parse(&format!("nats://{seed}@h:1")).unwrap();
        assert_eq!(addr.credentials, Nkey::parse(seed).map(Credentials::Key));
        assert!(!format!("{addr:?}").contains("ACSSL"));
    }

    #[test]
    fn wrong_addresses_are_refused_with_what_is_wrong() {
        for (text, error) in [
            ("", ServerAddrError::Scheme),
            ("h:4222", ServerAddrError::Scheme),
            ("http://h:4222", ServerAddrError::Scheme),
            ("nats://", ServerAddrError::Host),
            ("nats://:4222", ServerAddrError::Host),
            ("nats://u:p@", ServerAddrError::Host),
            ("nats://[::1", ServerAddrError::Host),
            ("nats://a b", ServerAddrError::Host),
            ("nats://a/b", ServerAddrError::Host),
            ("nats://h:0", ServerAddrError::Port),
            ("nats://h:65536", ServerAddrError::Port),
            ("nats://h:x", ServerAddrError::Port),
            ("nats://::1", ServerAddrError::Port),
            ("nats://[::1]5", ServerAddrError::Port),
            ("nats://%ff@h", ServerAddrError::Credentials),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn credentials_are_in_no_text() {
        for text in ["nats://bob:hush@[::1]:7", "nats://hush@[::1]:7"] {
            let addr = parse(text).unwrap();
            assert_eq!(addr.to_string(), "[::1]:7");
            assert!(!format!("{addr:?}").contains("hush"));
        }
    }
}
