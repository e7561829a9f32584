//! One connected client: its state, its private lines, and its reader.

pub(super) mod client;
pub(super) mod outbox;
pub(super) mod reader;
