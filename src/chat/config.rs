//! Settings of a chat server.

use std::time::Duration;

use super::policy::rate_limit::RateLimit;

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
    pub fn rate_limit(&self) -> RateLimit {
        RateLimit::new(self.rate, self.burst)
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
