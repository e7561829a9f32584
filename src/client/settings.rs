//! Settings of the client.

use std::path::PathBuf;

use super::protocol::passwords::{AccountPassword, Passwords};
use crate::chat::Password;
use crate::util::tls::fingerprint::ExpectedFingerprint;

/// Which certificates of a server are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsTrust {
    /// Those that an authority of the system has signed, and the key that the server had at the first time.
    FirstUse,
    /// Those that an authority in this PEM file has signed.
    Authorities(PathBuf),
    /// Those with this key.
    Key(ExpectedFingerprint),
}

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    pub port: u16,
    /// Which servers are trusted; `None`: the connection has no TLS.
    pub tls: Option<TlsTrust>,
    /// The nickname to log in with; `None`: the user types one.
    pub nick: Option<String>,
    /// The password of the account with that nickname, if the server asks for it.
    pub password: Option<Password>,
    /// The server's password, if the server asks for it.
    pub server_password: Option<Password>,
    /// Whether to use colours.
    pub colour: bool,
    /// Whether to ring the bell for whispers and mentions.
    pub bell: bool,
    /// Whether to use the alternate screen with its own scrollback.
    pub full_screen: bool,
}

impl Settings {
    /// Returns the passwords that are sent without asking the user.
    pub(super) fn passwords(&self) -> Passwords {
        let account = self.nick.clone().zip(self.password.clone());
        Passwords::new(self.server_password.clone(), account.map(|(name, password)| AccountPassword { name, password }))
    }

    /// Returns `host:port`, an IPv6 address in brackets.
    pub fn addr(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the address of a web page at that place.
    pub fn web_addr(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.addr())
    }
}
