//! The options of `chinwag connect`.

use std::net::IpAddr;

use clap::{Args, ValueEnum};

use crate::client::Settings;

/// The port where a chinwag listens unless told otherwise.
const PORT: u16 = 4567;

/// The terminal client: what others say scrolls above, what you type stays below
#[derive(Clone, Debug, Args)]
#[command(after_help = "Where standard input or output is no terminal, it passes lines to and fro.")]
pub struct Connect {
    /// The server; without a port, 4567 is meant
    #[arg(value_name = "HOST:PORT", value_parser = addr)]
    addr: Addr,

    /// Log in under that nickname without asking
    #[arg(long, env = "CHINWAG_NICK", value_name = "NAME")]
    nick: Option<String>,

    /// Whether to show colours; auto: unless the environment has NO_COLOR or a terminal without them
    #[arg(long, env = "CHINWAG_COLOR", value_enum, default_value_t, value_name = "WHEN")]
    color: When,

    /// Ring the terminal's bell for whispers, and for messages that mention you
    #[arg(long, env = "CHINWAG_BELL")]
    bell: bool,

    /// Use the whole screen, with a scrollback of its own, instead of the terminal's
    #[arg(long, env = "CHINWAG_FULL_SCREEN")]
    full_screen: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum When {
    #[default]
    Auto,
    Always,
    Never,
}

impl Connect {
    /// What the options come to.
    pub fn settings(self) -> Settings {
        let Addr { host, port } = self.addr;
        // no-color.org: set, and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match self.color {
            When::Auto => !no_color,
            When::Always => true,
            When::Never => false,
        };
        Settings { host, port, nick: self.nick, colour, bell: self.bell, full_screen: self.full_screen }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Addr {
    host: String,
    port: u16,
}

/// Takes host and port apart: `host`, `host:1`, `1.2.3.4:1`, `::1`, `[::1]`, `[::1]:1`.
fn addr(text: &str) -> Result<Addr, String> {
    let form = || "write it as HOST:PORT, such as localhost:4567 or [::1]:4567".to_owned();
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or_else(form)?)),
        Some(None) => return Err(form()),
        None if text.parse::<IpAddr>().is_ok() => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| form()))?;
    if host.is_empty() || host.contains(char::is_whitespace) || port == 0 {
        return Err(form());
    }
    Ok(Addr { host: host.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        for (text, host, port) in [
            ("localhost", "localhost", 4567),
            ("chat.example:80", "chat.example", 80),
            ("127.0.0.1:9", "127.0.0.1", 9),
            ("::1", "::1", 4567),
            ("[::1]", "::1", 4567),
            ("[fe80::1%eth0]:23", "fe80::1%eth0", 23),
        ] {
            assert_eq!(addr(text), Ok(Addr { host: host.into(), port }), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_how_to_write_it() {
        for text in ["", ":1", "host:", "host:x", "host:0", "host:65536", "[::1", "[::1]x", "a b", "a:1:2"] {
            assert!(addr(text).unwrap_err().contains("HOST:PORT"), "{text}");
        }
    }
}
