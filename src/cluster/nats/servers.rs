//! The list of servers: which one is tried next, and when.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::backoff::Backoff;
use super::error::LinkError;
use super::settings::ServerAddr;

/// Names are looked up again at most so often, since that may hold up the event loop.
const LOOK_UP_EVERY: Duration = Duration::from_secs(30);

/// The longest pause before a server is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One server and what is known of its addresses.
#[derive(Debug)]
struct Server {
    addr: ServerAddr,
    /// What its name stands for; a name that is not looked up has none.
    known: Vec<SocketAddr>,
    /// When the name was looked up.
    looked_up: Option<Duration>,
}

impl Server {
    /// Its addresses.
    ///
    /// An IP address needs no look-up. A name is looked up before its first use and, when all servers have failed, at
    /// most every 30 s; getaddrinfo(3) blocks meanwhile, mostly for some milliseconds, for several seconds if no name
    /// server answers.
    fn look_up(&mut self, is_stale: bool, now: Duration) -> Result<(), LinkError> {
        if let Ok(ip) = self.addr.host.parse::<IpAddr>() {
            self.known = vec![(ip, self.addr.port).into()];
            return Ok(());
        }
        let is_due = self.looked_up.is_none_or(|at| is_stale && at + LOOK_UP_EVERY <= now);
        if is_due {
            self.looked_up = Some(now);
            match (&self.addr.host[..], self.addr.port).to_socket_addrs() {
                Ok(addrs) => self.known = addrs.collect(),
                Err(error) if self.known.is_empty() => return Err(LinkError::Name(error)),
                // The name server may be away; what is known may still be right.
                Err(_) => {}
            }
        }
        if self.known.is_empty() {
            return Err(LinkError::Name(io::Error::other("it has no address")));
        }
        Ok(())
    }
}

/// The servers in the order in which they are tried.
#[derive(Debug)]
pub struct Servers {
    servers: Vec<Server>,
    /// The server to try.
    current: usize,
    /// Its addresses that were not tried.
    addrs: VecDeque<SocketAddr>,
    /// How many servers have failed one after another.
    failed: usize,
    backoff: Backoff,
    /// When the last connection was made.
    connected_at: Duration,
    /// When the next attempt begins.
    next_at: Duration,
}

impl Servers {
    /// Makes a list that begins with `first`; the list must not be empty.
    pub fn new(servers: &[ServerAddr], first: usize, now: Duration) -> Self {
        let server = |addr: &ServerAddr| Server { addr: addr.clone(), known: Vec::new(), looked_up: None };
        Servers {
            servers: servers.iter().map(server).collect(),
            current: first % servers.len().max(1),
            addrs: VecDeque::new(),
            failed: 0,
            backoff: Backoff::new(LONGEST_PAUSE),
            connected_at: Duration::ZERO,
            next_at: now,
        }
    }

    /// The server to try.
    pub fn current(&self) -> Option<&ServerAddr> {
        self.servers.get(self.current).map(|server| &server.addr)
    }

    /// Whether there is another server.
    pub fn has_others(&self) -> bool {
        self.servers.len() > 1
    }

    /// When the next attempt begins.
    pub fn next_at(&self) -> Duration {
        self.next_at
    }

    /// Takes the address to try; may block, see [`Server::look_up`].
    pub fn next_addr(&mut self, now: Duration) -> Result<SocketAddr, LinkError> {
        let is_stale = self.failed >= self.servers.len();
        if self.addrs.is_empty()
            && let Some(server) = self.servers.get_mut(self.current)
        {
            server.look_up(is_stale, now)?;
            self.addrs.extend(&server.known);
        }
        self.addrs.pop_front().ok_or_else(|| LinkError::Name(io::Error::other("no server is given")))
    }

    /// Notes that the attempt has failed. The next address of the server follows at once, then the next server; after
    /// all of them there is a pause.
    pub fn fail(&mut self, now: Duration) {
        self.next_at = now;
        if self.addrs.is_empty() {
            self.move_on();
            self.failed += 1;
            if self.failed.is_multiple_of(self.servers.len().max(1)) {
                self.next_at = now + self.backoff.next();
            }
        }
    }

    /// Notes that there is a connection.
    pub fn succeed(&mut self, now: Duration) {
        self.addrs.clear();
        self.failed = 0;
        self.connected_at = now;
    }

    /// Notes that a connection is lost. The next server follows at once; if there is no other, or the connection was
    /// short, after a pause, so that servers that accept and close connections are not asked without end.
    pub fn lose(&mut self, now: Duration) {
        self.move_on();
        let was_long = now.saturating_sub(self.connected_at) >= LONGEST_PAUSE;
        if was_long {
            self.backoff.reset();
        }
        self.next_at = if was_long && self.servers.len() > 1 { now } else { now + self.backoff.next() };
    }

    fn move_on(&mut self) {
        self.addrs.clear();
        self.current = (self.current + 1) % self.servers.len().max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(addrs: &[&str], first: usize) -> Servers {
        let addrs: Vec<ServerAddr> = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
        Servers::new(&addrs, first, Duration::ZERO)
    }

    fn port(servers: &mut Servers, now: Duration) -> u16 {
        servers.next_addr(now).unwrap().port()
    }

    #[test]
    fn servers_follow_each_other_and_each_round_ends_with_a_pause() {
        let mut servers = servers(&["nats://127.0.0.1:1", "nats://127.0.0.1:2", "nats://[::1]:3"], 4);
        let mut now = Duration::ZERO;
        for pause in [100, 200, 400, 800, 1600, 2000, 2000] {
            for expected in [2, 3, 1] {
                assert_eq!((port(&mut servers, now), servers.next_at()), (expected, now));
                servers.fail(now);
                now = servers.next_at().max(now);
            }
            let begun = now - Duration::from_millis(pause);
            assert_eq!(servers.next_at(), begun + Duration::from_millis(pause));
        }
        servers.succeed(now);
        now += LONGEST_PAUSE;
        servers.lose(now);
        assert_eq!((servers.next_at(), port(&mut servers, now)), (now, 3));
        servers.fail(now);
        servers.fail(now);
        servers.fail(now);
        assert_eq!(servers.next_at(), now + Duration::from_millis(100));
    }

    #[test]
    fn servers_that_close_connections_at_once_are_asked_less_and_less() {
        let mut servers = servers(&["nats://127.0.0.1:1", "nats://127.0.0.1:2"], 0);
        let mut now = Duration::ZERO;
        for (pause, expected) in [(100, 1), (200, 2), (400, 1), (800, 2), (1600, 1), (2000, 2), (2000, 1)] {
            assert_eq!(port(&mut servers, now), expected);
            servers.succeed(now);
            servers.lose(now);
            assert_eq!(servers.next_at(), now + Duration::from_millis(pause));
            now = servers.next_at();
        }
    }

    #[test]
    fn single_server_is_tried_again_after_a_pause() {
        let mut servers = servers(&["nats://127.0.0.1:1"], 7);
        let now = Duration::from_secs(5);
        assert_eq!(port(&mut servers, Duration::ZERO), 1);
        servers.succeed(Duration::ZERO);
        servers.lose(now);
        assert_eq!((servers.next_at(), port(&mut servers, now)), (now + Duration::from_millis(100), 1));
        assert!(!servers.has_others());
    }

    #[test]
    fn unknown_name_is_an_error_and_is_not_looked_up_at_each_attempt() {
        let mut servers = servers(&["nats://no.such.host.invalid"], 0);
        let error = servers.next_addr(Duration::ZERO).unwrap_err().to_string();
        assert!(error.starts_with("its name cannot be found: "), "{error}");
        servers.fail(Duration::ZERO);
        let error = servers.next_addr(Duration::from_secs(1)).unwrap_err().to_string();
        assert_eq!(error, "its name cannot be found: it has no address");
    }

    #[test]
    fn list_without_servers_is_an_error() {
        let mut servers = Servers::new(&[], 3, Duration::ZERO);
        assert!(servers.next_addr(Duration::ZERO).is_err() && servers.current().is_none());
        servers.fail(Duration::ZERO);
        assert!(servers.next_at() > Duration::ZERO);
    }
}
