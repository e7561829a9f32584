//! Encodings spoken with a server: plain lines as nc sends them, or the WebSocket encoding of its page.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::browser;
use super::browser::LoginReply;

/// The encoding spoken with a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Encoding {
    // These comments are not for `--help`: the option explains both values.
    // Lines in both directions.
    #[default]
    Plain,
    // Lines in masked frames to the server, JSON in frames from it.
    WebSocket,
}

impl Encoding {
    /// Its name as an option value.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Plain => "plain",
            Encoding::WebSocket => "websocket",
        }
    }

    /// How many of `talkers` read a message of one of them. A page receives its own messages too, as confirmation.
    pub fn read_by(self, talkers: usize) -> usize {
        match self {
            Encoding::Plain => talkers.saturating_sub(1),
            Encoding::WebSocket => talkers,
        }
    }

    /// The text of a line or frame.
    pub fn text(self, unit: &[u8]) -> &[u8] {
        match self {
            Encoding::Plain => {
                let line = unit.strip_suffix(b"\n").unwrap_or(unit);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            Encoding::WebSocket => browser::payload(unit),
        }
    }

    /// What a text from the server means during login.
    pub fn login_reply(self, text: &[u8]) -> LoginReply {
        match self {
            Encoding::Plain if text.starts_with(b"! ") => {
                LoginReply::Refused(String::from_utf8_lossy(text).into_owned())
            }
            Encoding::Plain => LoginReply::Entered,
            Encoding::WebSocket => browser::login_reply(text),
        }
    }
}
