//! What has to be so whatever is sent: one function for each fuzzing target, which panics if it is not.

pub mod commands;
pub mod frames;
pub mod hub;
pub mod hygiene;
pub mod lines;
pub mod names;
pub mod requests;
mod socket;
mod text;
