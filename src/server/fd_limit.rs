//! How many connections the limit of file descriptors allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: standard streams, poll, signals, log, listeners.
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
pub struct Seats {
    /// Seats.
    pub max_clients: usize,
    /// Connections that may be open at once, in seats, in line, or being closed.
    pub connections: usize,
    /// More seats were asked for than connections are possible.
    pub given_past_limit: bool,
}

/// Divides `fds` descriptors between seats and waiting line.
pub fn seats(fds: u64, given: Option<usize>, max_waiting: usize) -> Seats {
    let connections = (fds.saturating_sub(RESERVE) as usize).max(1);
    let max_clients = given.unwrap_or_else(|| (connections - max_waiting.min(connections / 8)).max(1));
    Seats { max_clients, connections, given_past_limit: max_clients > connections }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_and_line_fit_the_limit() {
        assert_eq!(seats(20_000, None, 1024).max_clients, 20_000 - 24 - 1024);
        assert_eq!(seats(64, None, 1024), Seats { max_clients: 35, connections: 40, given_past_limit: false });
        assert_eq!(seats(64, Some(100), 0), Seats { max_clients: 100, connections: 40, given_past_limit: true });
        assert_eq!(seats(10, None, 0).max_clients, 1);
    }
}
