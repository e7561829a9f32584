//! What is spoken with a server: lines as people type them at nc, or what its page in a browser speaks.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::browser;
use super::browser::Word;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Encoding {
    // Not documented for `--help`: the option says both, and a longer text would give it a second layout.
    // Lines, both ways.
    #[default]
    Plain,
    // Lines in masked frames one way, and JSON in frames the other.
    WebSocket,
}

impl Encoding {
    /// How it is called as an option.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Plain => "plain",
            Encoding::WebSocket => "websocket",
        }
    }

    /// How many of so many talkers are to read what one of them says: a page learns from its own lines that
    /// they have arrived.
    pub fn read_by(self, talkers: usize) -> usize {
        match self {
            Encoding::Plain => talkers.saturating_sub(1),
            Encoding::WebSocket => talkers,
        }
    }

    /// The text of what came as one line or frame.
    pub fn text(self, unit: &[u8]) -> &[u8] {
        match self {
            Encoding::Plain => {
                let line = unit.strip_suffix(b"\n").unwrap_or(unit);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            Encoding::WebSocket => browser::payload(unit),
        }
    }

    /// What the server's own words mean to one who wants to get in.
    pub fn word(self, text: &[u8]) -> Word {
        match self {
            Encoding::Plain if text.starts_with(b"! ") => Word::Refused(String::from_utf8_lossy(text).into_owned()),
            Encoding::Plain => Word::Entered,
            Encoding::WebSocket => browser::word(text),
        }
    }
}
