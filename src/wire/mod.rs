//! Between bytes and the chat: framing of lines, HTTP and WebSockets, text hygiene, rendering.

pub mod foreign;
pub mod frame;
pub mod host;
pub mod http;
pub mod json;
pub mod line;
pub mod plain;
pub mod sanitize;
pub mod websocket;
