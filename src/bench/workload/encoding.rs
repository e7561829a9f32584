//! What is spoken with a server: lines as people type them at nc, or what its page in a browser speaks.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::browser;
use super::browser::Word;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Dialect {
    // Not documented for `--help`: the option says both, and a longer text would give it a second layout.
    // Lines, both ways.
    #[default]
    Plain,
    // Lines in masked frames one way, and JSON in frames the other.
    WebSocket,
}

impl Dialect {
    /// How it is called as an option.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Plain => "plain",
            Dialect::WebSocket => "websocket",
        }
    }

    /// How many of so many talkers are to read what one of them says: a page learns from its own lines that
    /// they have arrived.
    pub fn read_by(self, talkers: usize) -> usize {
        match self {
            Dialect::Plain => talkers.saturating_sub(1),
            Dialect::WebSocket => talkers,
        }
    }

    /// The text of what came as one line or frame.
    pub fn text(self, unit: &[u8]) -> &[u8] {
        match self {
            Dialect::Plain => {
                let line = unit.strip_suffix(b"\n").unwrap_or(unit);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            Dialect::WebSocket => browser::payload(unit),
        }
    }

    /// What the server's own words mean to one who wants to get in.
    pub fn word(self, text: &[u8]) -> Word {
        match self {
            Dialect::Plain if text.starts_with(b"! ") => Word::Refused(String::from_utf8_lossy(text).into_owned()),
            Dialect::Plain => Word::Entered,
            Dialect::WebSocket => browser::word(text),
        }
    }
}
