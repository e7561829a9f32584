//! What the load test sends and checks.

pub mod baseline_room;
pub(super) mod browser;
pub mod checker;
pub mod delivery_check;
pub mod encoding;
pub mod irc;
pub mod message;
mod read_order;
pub mod readers;
pub mod room;
pub mod streams;
pub mod transcript;
