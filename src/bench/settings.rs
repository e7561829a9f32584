//! Settings that all scenarios of a load test share.

use std::net::SocketAddr;

use super::driver::clock::{Nanos, SECOND};
use super::workload::encoding::Encoding;

/// The default number of logins in progress at once.
pub const AT_ONCE: usize = 64;

/// The default timeout.
pub const DEFAULT_TIMEOUT: Nanos = 10 * SECOND;

/// The server, how clients log in, and how long they wait.
#[derive(Clone, Debug)]
pub struct CommonSettings {
    /// The addresses to drive, of one chat; empty to start a server.
    pub addrs: Vec<SocketAddr>,
    /// The encoding spoken with it.
    pub encoding: Encoding,
    /// The ids of the processes behind them; empty if their cost is not measured.
    pub pids: Vec<u32>,
    /// Whether it sends a prompt before the name.
    pub prompt: bool,
    /// Whether it answers the name.
    pub welcome: bool,
    /// Its whisper command; `{name}` and `{text}` are replaced.
    pub whisper: String,
    /// Options of the server that the load test starts.
    pub serve: Vec<String>,
    /// Whether the clients speak TLS.
    pub tls: bool,
    /// Logins in progress at once, or TLS handshakes; `None` for the scenario's default.
    pub at_once: Option<usize>,
    /// How long nothing may happen, in nanoseconds.
    pub timeout: Nanos,
    /// Whether the server that the load test starts has its own core.
    pub pin: bool,
    /// The time between two upgrades of the only one of `pids`, in nanoseconds.
    pub upgrade_every: Option<Nanos>,
}
