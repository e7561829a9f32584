//! Settings of the client.

use super::protocol::passwords::{AccountPassword, Passwords};
use crate::chat::Password;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    pub port: u16,
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
}
