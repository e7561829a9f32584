//! Decodes and encodes bytes: lines, HTTP and WebSockets; cleans text and renders events.

pub mod foreign;
pub mod frame;
pub mod host;
pub mod http;
pub mod json;
pub mod line;
pub mod plain;
pub mod sanitize;
pub mod websocket;
