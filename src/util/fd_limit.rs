//! How many connections the limit of file descriptors allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: standard streams, poll, signals, log, a few listeners.
const RESERVE: u64 = 24;

/// Raises the soft limit of open files to the hard one; returns what is then in force.
///
/// A server that waits for its clients by epoll has no use for the low default, which is for the
/// sake of select(2).
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    // No limit: what fits a token and a slab.
    now.current.unwrap_or(1 << 30)
}

/// The seats, and what the limit has to do with them.
#[derive(Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Seats.
    pub max_clients: usize,
    /// Places in the waiting line.
    pub max_waiting: usize,
    /// Connections that may be open at once, in seats, in line, or being closed.
    pub connections: usize,
    /// So many seats were asked for that newcomers past them may not even be told to wait.
    pub given_past_limit: bool,
}

/// Divides `fds` descriptors between seats, the waiting line, and those who are told that it is full.
pub fn seats(fds: u64, given: Option<usize>, max_waiting: usize) -> ConnectionLimits {
    let connections = (fds.saturating_sub(RESERVE) as usize).max(1);
    let spare = (connections / 16).min(64);
    let max_clients = given.unwrap_or_else(|| (connections - spare - max_waiting.min(connections / 8)).max(1));
    ConnectionLimits {
        max_clients,
        max_waiting: max_waiting.min(connections.saturating_sub(spare + max_clients)),
        connections,
        given_past_limit: max_clients > connections - spare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_and_line_fit_the_limit() {
        let places = |fds, given, line| {
            let seats = seats(fds, given, line);
            (seats.max_clients, seats.max_waiting, seats.given_past_limit)
        };
        assert_eq!(places(20_000, None, 1024), (20_000 - 24 - 64 - 1024, 1024, false));
        assert_eq!(places(64, None, 1024), (33, 5, false));
        assert_eq!(places(64, Some(30), 1024), (30, 8, false));
        assert_eq!(places(64, Some(100), 5), (100, 0, true));
        assert_eq!(places(10, None, 0), (1, 0, false));
    }
}
