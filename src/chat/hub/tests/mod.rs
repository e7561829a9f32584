//! Tests of the whole hub.

mod accounts;
mod checkpoints;
mod console;
pub(super) mod disconnects;
mod empty_rooms;
pub(super) mod encodings;
mod evasion;
mod following;
mod identity;
pub(crate) mod invariants;
mod irc;
mod masks;
pub(super) mod moderation;
mod motd;
mod operators;
pub(super) mod pages;
mod posts;
mod previews;
mod reload;
pub(super) mod sequencer;
pub(crate) mod store_queue;
pub(super) mod stored_rooms;
pub mod test_hub;
mod unix_peers;
