//! The options of `chinwag connect`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::chat::Password;
use crate::client::{Settings, TlsTrust};
use crate::util::stdio::allows_colour;
use crate::util::tls::fingerprint::ExpectedFingerprint;

/// The port that a chinwag server listens on by default, and the one for TLS.
const PORT: u16 = 4567;
const TLS_PORT: u16 = 4568;

/// The terminal client: messages scroll above, your input line stays below
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
If standard input or output is not a terminal, the client passes lines through.

Environment variables for passwords, each sent only if the server asks for it:
  CHINWAG_PASSWORD         of the account that --nick names
  CHINWAG_SERVER_PASSWORD  of the server")]
pub struct Connect {
    /// Server address; the default port is 4567, with TLS 4568. tls://HOST:PORT means --tls, too
    #[arg(value_name = "HOST:PORT", value_parser = parse_address)]
    addr: ServerAddress,

    /// Encrypt the connection with TLS. A server that no known authority vouches for is trusted on first use: its
    /// fingerprint is shown and kept, and another key is refused later
    #[arg(long)]
    tls: bool,

    /// Trust only servers whose certificate an authority in this PEM file has signed; implies --tls
    #[arg(long, value_name = "FILE", conflicts_with = "tls_fingerprint")]
    tls_ca: Option<PathBuf>,

    /// Trust only a server whose key has this fingerprint: SHA256:... or its eight words; implies --tls
    #[arg(long, value_name = "FINGERPRINT")]
    tls_fingerprint: Option<ExpectedFingerprint>,

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
        let ServerAddress { host, port, has_tls } = self.addr;
        let tls = match (self.tls_ca, self.tls_fingerprint) {
            (Some(path), _) => Some(TlsTrust::Authorities(path)),
            (None, Some(expected)) => Some(TlsTrust::Key(expected)),
            (None, None) => (self.tls || has_tls).then_some(TlsTrust::FirstUse),
        };
        let colour = match self.color {
            ColorMode::Auto => allows_colour(),
            ColorMode::Always => true,
            ColorMode::Never => false,
        };
        Settings {
            host,
            port: port.unwrap_or(if tls.is_some() { TLS_PORT } else { PORT }),
            tls,
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
    port: Option<u16>,
    /// Whether it begins with `tls://`.
    has_tls: bool,
}

/// Splits an address into host and port: `host`, `host:1`, `1.2.3.4:1`, `::1`, `[::1]`, `[::1]:1`, each with `tls://`
/// before it or not.
fn parse_address(text: &str) -> Result<ServerAddress, String> {
    let (text, has_tls) = text.strip_prefix("tls://").map_or((text, false), |text| (text, true));
    let form = || "write it as HOST:PORT, such as localhost:4567 or [::1]:4567, or as tls://HOST:PORT".to_owned();
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or_else(form)?)),
        Some(None) => return Err(form()),
        None if text.parse::<IpAddr>().is_ok() => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().map_err(|_| form())?;
    if host.is_empty() || host.contains(char::is_whitespace) || port == Some(0) {
        return Err(form());
    }
    Ok(ServerAddress { host: host.into(), port, has_tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(line: &str) -> Result<Settings, clap::Error> {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            connect: Connect,
        }
        <Cli as clap::Parser>::try_parse_from(["chinwag"].into_iter().chain(line.split('|')))
            .map(|cli| cli.connect.settings())
    }

    #[test]
    fn address_parses_with_and_without_port() {
        for (text, host, port, has_tls) in [
            ("localhost", "localhost", 4567, false),
            ("chat.example:80", "chat.example", 80, false),
            ("127.0.0.1:9", "127.0.0.1", 9, false),
            ("::1", "::1", 4567, false),
            ("[::1]", "::1", 4567, false),
            ("[fe80::1%eth0]:23", "fe80::1%eth0", 23, false),
            ("tls://localhost", "localhost", 4568, true),
            ("tls://[::1]:4567", "::1", 4567, true),
        ] {
            let settings = settings(text).unwrap();
            assert_eq!((&*settings.host, settings.port, settings.tls.is_some()), (host, port, has_tls), "{text}");
        }
    }

    #[test]
    fn tls_options_choose_what_is_trusted() {
        let words = "zoo-zoo-zoo-zoo-zoo-zoo-zoo-theme";
        let key = || TlsTrust::Key(words.parse().unwrap());
        for (line, port, tls) in [
            ("h|--tls", 4568, TlsTrust::FirstUse),
            ("tls://h:1|--tls", 1, TlsTrust::FirstUse),
            ("h|--tls-ca|ca.pem", 4568, TlsTrust::Authorities("ca.pem".into())),
            ("--tls|h:9|--tls-ca=ca.pem", 9, TlsTrust::Authorities("ca.pem".into())),
            (&format!("h|--tls-fingerprint|{words}"), 4568, key()),
            (&format!("h:4567|--tls-fingerprint|{}", words.replace('-', " ")), 4567, key()),
        ] {
            let settings = settings(line).unwrap();
            assert_eq!((settings.port, settings.tls), (port, Some(tls)), "{line}");
        }
    }

    #[test]
    fn tls_options_that_contradict_or_are_damaged_are_refused() {
        let words = "zoo-zoo-zoo-zoo-zoo-zoo-zoo-theme";
        let error = settings(&format!("h|--tls-ca|x|--tls-fingerprint|{words}")).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
        let error = settings("h|--tls-fingerprint|zoo").unwrap_err().to_string();
        assert!(error.contains("write a fingerprint as the server shows it: SHA256: and 43 characters"), "{error}");
    }

    #[test]
    fn invalid_address_error_shows_the_form() {
        for text in [
            "",
            ":1",
            "host:",
            "host:x",
            "host:0",
            "host:65536",
            "[::1",
            "[::1]x",
            "a b",
            "a:1:2",
            "tls://",
            "tls://h:0",
        ] {
            assert!(parse_address(text).unwrap_err().contains("HOST:PORT"), "{text}");
        }
    }
}
