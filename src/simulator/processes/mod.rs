//! What works beside the server: the process that compares passwords, a sequencer.

pub mod hasher;
pub mod sequencer;
