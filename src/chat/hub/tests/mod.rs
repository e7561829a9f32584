//! Tests of the whole hub.

mod accounts;
pub(super) mod disconnects;
pub(super) mod encodings;
mod following;
mod identity;
pub(crate) mod invariants;
mod irc;
mod moderation;
mod operator;
pub(super) mod pages;
mod posts;
mod rooms;
pub(super) mod sequencer;
pub(crate) mod store_queue;
pub mod test_hub;
mod unix_peers;
