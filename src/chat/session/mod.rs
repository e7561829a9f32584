//! One connected client: its state, its private lines, and what it reads next.

pub(super) mod client;
pub(super) mod outbox;
pub(super) mod reader;
