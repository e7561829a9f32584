//! Properties that hold for any input: one `check` per fuzzing target, which panics when its property is violated.

pub mod commands;
pub mod frames;
pub mod hub;
pub mod hygiene;
pub mod irc;
pub mod irc_frames;
pub mod lines;
pub mod names;
pub mod requests;
pub mod sessions;
mod socket;
mod text;
