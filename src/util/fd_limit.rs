//! The limit on file descriptors, and the connections that it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors reserved for other uses than connections: standard streams, poll, signals, log, some listeners.
const RESERVE: u64 = 24;

/// Raises the soft limit on open files to the hard limit; returns the limit now in force.
///
/// The low default exists for programs that use select(2); a server with epoll does not need it.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    // Without a limit: a number that fits in a token and a slab.
    now.current.unwrap_or(1 << 30)
}

/// The connections that the limit on file descriptors allows.
#[derive(Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum users.
    pub max_clients: usize,
    /// Maximum length of the admission queue.
    pub max_waiting: usize,
    /// Connections that may be open at once: admitted, in the queue, or being closed.
    pub connections: usize,
    /// Whether the given maximum users exceed the limit, so that further clients may not even get a refusal.
    pub exceeds_limit: bool,
}

/// Divides `fds` descriptors between users, the admission queue, and clients that are told that it is full.
///
/// `given` is the maximum users that were asked for.
pub fn connection_limits(fds: u64, given: Option<usize>, max_waiting: usize) -> ConnectionLimits {
    let connections = (fds.saturating_sub(RESERVE) as usize).max(1);
    let spare = (connections / 16).min(64);
    let max_clients = given.unwrap_or_else(|| (connections - spare - max_waiting.min(connections / 8)).max(1));
    ConnectionLimits {
        max_clients,
        max_waiting: max_waiting.min(connections.saturating_sub(spare + max_clients)),
        connections,
        exceeds_limit: max_clients > connections - spare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_queue_fit_the_limit() {
        let places = |fds, given, line| {
            let limits = connection_limits(fds, given, line);
            (limits.max_clients, limits.max_waiting, limits.exceeds_limit)
        };
        assert_eq!(places(20_000, None, 1024), (20_000 - 24 - 64 - 1024, 1024, false));
        assert_eq!(places(64, None, 1024), (33, 5, false));
        assert_eq!(places(64, Some(30), 1024), (30, 8, false));
        assert_eq!(places(64, Some(100), 5), (100, 0, true));
        assert_eq!(places(10, None, 0), (1, 0, false));
    }
}
