//! Decodes and encodes bytes: lines, HTTP, WebSockets and the headers of proxies; cleans text and renders events.

pub mod foreign;
pub mod frame;
pub mod host;
pub mod http;
pub mod json;
pub mod line;
pub mod plain;
pub mod proxy_header;
pub mod sanitize;
pub mod websocket;

use self::json::{Framing, Json};
use self::plain::Plain;
use crate::chat::{Lang, Renderers};

/// The renderers of all encodings.
pub fn renderers(lang: Lang) -> Renderers {
    Renderers {
        plain: Box::new(Plain { lang }),
        json_frame: Box::new(Json { lang, framing: Framing::Frame }),
        json_line: Box::new(Json { lang, framing: Framing::Line }),
    }
}
