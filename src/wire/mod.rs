//! Decodes and encodes bytes: lines, HTTP, WebSockets and the headers of proxies; cleans text and renders events.

pub mod foreign;
pub mod frame;
pub mod host;
pub mod http;
pub mod irc;
pub mod json;
pub mod line;
pub mod plain;
pub mod proxy_header;
pub mod sanitize;
pub mod websocket;

use self::irc::Irc;
use self::json::{Framing, Json};
use self::plain::Plain;
use crate::chat::{DEFAULT_NAME, Lang, Renderers};

/// The renderers of all encodings, of a server with the usual name.
pub fn renderers(lang: Lang) -> Renderers {
    renderers_of(lang, DEFAULT_NAME)
}

/// The renderers of all encodings, of a server that calls itself `server`.
pub fn renderers_of(lang: Lang, server: &str) -> Renderers {
    Renderers {
        plain: Box::new(Plain { lang }),
        json_frame: Box::new(Json { lang, framing: Framing::Frame }),
        json_line: Box::new(Json { lang, framing: Framing::Line }),
        irc: Box::new(Irc { lang, server: server.into(), run: 0 }),
    }
}
