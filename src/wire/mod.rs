//! Between bytes and the chat: line framing, text hygiene, rendering.

pub mod hygiene;
pub mod line;
pub mod plain;
