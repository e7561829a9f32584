//! A chat server in one thread.
//!
//! One [`mio::Poll`] handles all events: listeners, clients, signals, the operator's console.
//! A room is a log and a session is a cursor into it, so a message is kept once and sent to
//! each reader directly from the bytes of the log.
//!
//! # Layout
//!
//! `src/README.md` describes the architecture on one page.
//!
//! - [`chat`]: the core: members, sessions, rooms, commands. No sockets, no clock.
//! - [`wire`]: decodes bytes into lines, requests and frames; encodes events as bytes.
//! - [`store`]: the SQLite file with history, rooms and bans; [`transfer`]: export, import and backup.
//! - [`control`]: how other processes of this program ask a running server.
//! - [`cluster`]: several processes as one chat.
//! - [`server`]: the event loop, connections, HTTP, the operator's console.
//! - [`client`]: the terminal client. `terminal`: keyboard and screen. [`bench`]: the load test.
//! - [`cli`]: the command line. [`util`]: timers, clocks, signals, standard streams, the log.

pub mod bench;
pub mod chat;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod control;
pub mod server;
#[cfg(test)]
mod simulator;
pub mod store;
mod terminal;
pub mod transfer;
pub mod util;
pub mod wire;
