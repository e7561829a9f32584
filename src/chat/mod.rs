//! The state machine: names, seats, the waiting line, rooms, who is owed what.
//!
//! It is pure. Whoever drives it calls, with the time as a parameter:
//!
//! - in: [`Hub::connected`], [`Hub::line`], [`Hub::end_of_input`], [`Hub::lost`], [`Hub::closed`],
//!   [`Hub::tick`], and [`Hub::operator_line`] for the console;
//! - out: [`Hub::poll_private`] and [`Hub::poll_sweep`] name those who can be written to,
//!   [`Hub::gather`] lends the bytes, [`Hub::advance`] and [`Hub::blocked`] say what became of
//!   them; [`Hub::poll_close`] names those whose connection is to end, [`Hub::next_deadline`] says
//!   when the next tick is wanted.
//!
//! A room is a `log` and a client in it a cursor; what is meant for one client alone waits in
//! its outbox, and `reader` merges the two by stamp.
//!
//! What is to outlive the process comes out with [`Hub::take_records`] and back in with [`Hub::restore`]; what is
//! looked up in it comes out with [`Hub::poll_query`] and back in with [`Hub::answer`].
//!
//! People may read in several dialects. Then a room has a log for each of them that somebody there
//! reads, with the same entries and stamps, and its history is kept as `past` events.

pub mod change;
pub mod command;
mod config;
mod event;
mod hub;
mod i18n;
mod id;
mod input;
pub mod policy;
mod query;
mod room;
mod session;

pub use config::{Config, Login, Mode};
pub use event::{Cause, Encoding, Event, Notice, People, Refusal, Render};
pub use hub::{DISCONNECTS_PER_TICK, Hub, OPERATOR, OPERATOR_LOG, StatsSnapshot, WriteBatch};
pub use i18n::Lang;
pub use id::{ClientId, LOBBY, Now};
pub use input::{Allowance, Arrival, Close, Input, ResumeRequest};
pub use policy::cidr::Network;
pub use policy::rate_limit::RateLimit;
pub use query::{Answer, Lookup, Query};

#[cfg(test)]
pub(crate) use hub::tests::invariants::Heard;
