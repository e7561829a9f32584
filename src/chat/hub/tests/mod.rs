//! Tests of the whole hub.

pub(super) mod disconnects;
pub(super) mod encodings;
mod following;
pub(crate) mod invariants;
pub(super) mod moderation;
pub(super) mod pages;
pub(super) mod sequencer;
pub(super) mod store_queue;
pub(super) mod stored_rooms;
