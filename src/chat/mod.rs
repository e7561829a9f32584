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

mod announcing;
mod archive;
#[cfg(test)]
mod archived;
#[cfg(test)]
pub(crate) mod audit;
mod bans;
mod client;
pub mod command;
mod delivery;
#[cfg(test)]
mod dialects;
mod dropping;
mod entering;
mod event;
mod hub;
mod log;
mod lookup;
mod missed;
mod moderation;
mod mutes;
pub mod name;
mod names;
mod network;
mod opening;
mod operator;
mod outbox;
mod output;
mod pace;
mod page;
mod past;
mod phrases;
mod reader;
pub mod record;
mod resuming;
mod room;
mod rooms;
mod seats;
mod stats;
mod talking;

use std::time::Duration;

use time::OffsetDateTime;

pub use client::ClientId;
pub use dropping::DEPARTURES;
pub use event::{Cause, Dialect, Event, Notice, People, Refusal, Render};
pub use hub::{Allowance, Arrival, Close, Hub, Input};
pub use lookup::{Answer, Lookup, Query};
pub use network::Network;
pub use operator::{LOG as OPERATOR_LOG, NAME as OPERATOR};
pub use output::Lent;
pub use pace::Pace;
pub use phrases::Lang;
pub use resuming::Wish;
pub use rooms::LOBBY;
pub use stats::Figures;

/// The time, as whoever drives the hub sees it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since some fixed moment; never goes back.
    pub at: Duration,
    /// What the clock on the wall shows; may jump.
    pub local: OffsetDateTime,
}

impl Now {
    fn micros(self) -> u64 {
        self.at.as_micros() as u64
    }
}

/// How people are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// They are asked for a nickname.
    #[default]
    Nickname,
    /// By `IP:PORT`; nobody is asked.
    Address,
}

/// What the server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A chat room.
    #[default]
    Hub,
    /// The operator talks with one person, and the server ends with them.
    P2p,
}

/// The bounds and choices that a hub is run with.
#[derive(Clone, Debug)]
pub struct Config {
    pub mode: Mode,
    pub login: Login,
    /// Seats; at least 1.
    pub max_clients: usize,
    /// Places in the waiting line.
    pub max_waiting: usize,
    /// Connections from one address, or one /64 of IPv6; 0 for no limit.
    pub max_per_ip: usize,
    /// Messages of each room shown to whoever enters.
    pub history: usize,
    /// Bytes that the history of one room may span.
    pub history_bytes: usize,
    /// Bytes that a client may lag in reading.
    pub backlog_bytes: usize,
    /// How long a nickname may take.
    pub login_timeout: Duration,
    /// How long a member may be silent; zero for ever.
    pub idle_timeout: Duration,
    /// Bytes in a line, only to tell how many are allowed.
    pub max_line: usize,
    /// Lines a second from one client; 0 for no limit.
    pub rate: u32,
    /// Lines at once from one client; at least 1.
    pub burst: u32,
    /// With more members than this a room's joins and leaves are summed up.
    pub announce_limit: usize,
    /// Rooms in memory, the lobby included.
    pub max_rooms: usize,
    /// Rooms in memory and in the file together, where there is a file.
    pub max_stored_rooms: usize,
    /// People whom one client may ignore.
    pub max_ignored: usize,
    /// Names given where people are listed.
    pub max_listed: usize,
    /// Whispers to a name that nobody has are kept for who has it next.
    pub offline_whispers: bool,
}

impl Config {
    /// How fast one client may go on.
    pub fn pace(&self) -> Pace {
        Pace::new(self.rate, self.burst)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mode: Mode::Hub,
            login: Login::Nickname,
            max_clients: 1024,
            max_waiting: 1024,
            max_per_ip: 0,
            history: 100,
            history_bytes: 512 * 1024,
            backlog_bytes: 1024 * 1024,
            login_timeout: Duration::from_secs(60),
            idle_timeout: Duration::ZERO,
            max_line: 4096,
            rate: 10,
            burst: 30,
            announce_limit: 200,
            max_rooms: 256,
            max_stored_rooms: 4096,
            max_ignored: 100,
            max_listed: 100,
            offline_whispers: false,
        }
    }
}
