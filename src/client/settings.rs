//! Settings of the client.

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    pub port: u16,
    /// The nickname to log in with; `None`: the user types one.
    pub nick: Option<String>,
    /// Whether to use colours.
    pub colour: bool,
    /// Whether to ring the bell for whispers and mentions.
    pub bell: bool,
    /// Whether to use the alternate screen with its own scrollback.
    pub full_screen: bool,
}

impl Settings {
    /// Returns `host:port`, an IPv6 address in brackets.
    pub fn addr(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}
