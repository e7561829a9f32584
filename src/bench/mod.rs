//! The load test: drives a server with very many clients, checks all that it delivers, and says what it costs.
//!
//! - [`message`], [`checker`], [`latency`]: what is said, whether it arrives, and how late; [`transcript`] makes
//!   that cheap. Pure.

pub mod checker;
pub mod clock;
pub mod latency;
pub mod message;
pub mod transcript;
