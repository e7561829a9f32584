//! A chat server in one thread.
//!
//! One [`mio::Poll`] multiplexes everything: listeners, clients, signals, the operator's console.
//! A room is a log and a client is a cursor into it, so that a message is stored once and sent to
//! each reader straight from the log's own bytes.
//!
//! # Layout
//!
//! - [`chat`]: the state machine. Pure: no sockets, no clock.
//! - [`wire`]: bytes to lines and events to bytes; uses `chat`'s vocabulary.
//! - [`wheel`]: the timer wheel that hub and reactor keep their deadlines in.

pub mod chat;
pub mod wheel;
pub mod wire;
