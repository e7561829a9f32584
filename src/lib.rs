//! A chat server in one thread.
//!
//! One [`mio::Poll`] multiplexes everything: listeners, clients, signals, the operator's console.
//! A room is a log and a client is a cursor into it, so that a message is stored once and sent to
//! each reader straight from the log's own bytes.
//!
//! # Layout
//!
//! - [`chat`]: the state machine. Pure: no sockets, no clock.
//! - [`wire`]: bytes to lines and events to bytes, as text and as WebSocket frames; uses `chat`'s vocabulary.
//! - [`store`]: the file in which history is kept, in `chat`'s vocabulary too.
//! - [`server`]: the reactor, which alone knows `Poll` and the sockets; drives the others. Its `web` is
//!   HTTP: the page, the upgrade to a WebSocket, and the figures for the operator's programs.
//! - [`archive`]: what is kept there as lines, out of the file and into it.
//! - [`bench`]: the load test, with a small reactor of its own.
//! - [`client`]: the terminal client, with one of its own too.
//! - [`wheel`]: the timer wheel that hub and reactor keep their deadlines in.
//! - [`clock`], [`words`]: the time on both clocks; errors in plain words.
//! - [`stdio`], [`logging`]: the standard streams, which never block the process.
//! - [`fd_limit`], [`signals`]: what a process of ours asks of the kernel when it starts.
//! - [`cli`]: the command line.

pub mod archive;
pub mod bench;
pub mod chat;
pub mod cli;
pub mod client;
pub mod clock;
pub mod fd_limit;
pub mod logging;
pub mod server;
mod shrink;
pub mod signals;
pub mod stdio;
pub mod store;
pub mod wheel;
pub mod wire;
pub mod words;

#[cfg(test)]
mod testing;
