//! The options of `chinwag connect`.

use std::net::IpAddr;

use clap::{Args, ValueEnum};

use crate::chat::Password;
use crate::client::Settings;

/// The port that a chinwag server listens on by default.
const PORT: u16 = 4567;

/// The terminal client: messages scroll above, your input line stays below
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
If standard input or output is not a terminal, the client passes lines through.

Environment variables for passwords, each sent only if the server asks for it:
  CHINWAG_PASSWORD         of the account that --nick names
  CHINWAG_SERVER_PASSWORD  of the server")]
pub struct Connect {
    /// Server address; the default port is 4567
    #[arg(value_name = "HOST:PORT", value_parser = parse_address)]
    addr: ServerAddress,

    /// Log in with this nickname without asking
    #[arg(long, env = "CHINWAG_NICK", value_name = "NAME")]
    nick: Option<String>,

    /// When to use colours; auto: unless NO_COLOR is set or the terminal has none
    #[arg(long, env = "CHINWAG_COLOR", value_enum, default_value_t, value_name = "WHEN")]
    color: ColorMode,

    /// Ring the terminal's bell for whispers and for messages that mention you
    #[arg(long, env = "CHINWAG_BELL")]
    bell: bool,

    /// Use the alternate screen with its own scrollback instead of the terminal's
    #[arg(long, env = "CHINWAG_FULL_SCREEN")]
    full_screen: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ColorMode {
    #[default]
    Auto,
    Always,
    Never,
}

impl Connect {
    /// Returns the client's settings that the options stand for.
    pub fn settings(self) -> Settings {
        let ServerAddress { host, port } = self.addr;
        // no-color.org: the variable counts if it is set and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match self.color {
            ColorMode::Auto => !no_color,
            ColorMode::Always => true,
            ColorMode::Never => false,
        };
        Settings {
            host,
            port,
            tls: None,
            nick: self.nick,
            password: password("CHINWAG_PASSWORD"),
            server_password: password("CHINWAG_SERVER_PASSWORD"),
            colour,
            bell: self.bell,
            full_screen: self.full_screen,
        }
    }
}

/// Returns the password in an environment variable: its first line, because a password is sent as one line.
fn password(variable: &str) -> Option<Password> {
    let value = std::env::var(variable).ok()?;
    value.lines().next().map(Password::new).filter(|password| !password.text().is_empty())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ServerAddress {
    host: String,
    port: u16,
}

/// Splits an address into host and port: `host`, `host:1`, `1.2.3.4:1`, `::1`, `[::1]`, `[::1]:1`.
fn parse_address(text: &str) -> Result<ServerAddress, String> {
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
    Ok(ServerAddress { host: host.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_parses_with_and_without_port() {
        for (text, host, port) in [
            ("localhost", "localhost", 4567),
            ("chat.example:80", "chat.example", 80),
            ("127.0.0.1:9", "127.0.0.1", 9),
            ("::1", "::1", 4567),
            ("[::1]", "::1", 4567),
            ("[fe80::1%eth0]:23", "fe80::1%eth0", 23),
        ] {
            assert_eq!(parse_address(text), Ok(ServerAddress { host: host.into(), port }), "{text}");
        }
    }

    #[test]
    fn invalid_address_error_shows_the_form() {
        for text in ["", ":1", "host:", "host:x", "host:0", "host:65536", "[::1", "[::1]x", "a b", "a:1:2"] {
            assert!(parse_address(text).unwrap_err().contains("HOST:PORT"), "{text}");
        }
    }
}
