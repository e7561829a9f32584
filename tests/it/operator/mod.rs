//! The console and its commands.

pub(crate) mod console;
pub(crate) mod moderation;
pub(crate) mod muting;
mod terminal;
