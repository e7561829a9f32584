//! The list of servers: which one is tried next, and when.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::backoff::Backoff;
use super::error::LinkError;
use super::look_up::{LookUp, Resolver};
use super::settings::ServerAddr;
use crate::util::io_error::plain_words;

/// A name is looked up again at most so often, since each look-up is a process.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);

/// The longest pause before a server is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One server and what is known of its addresses.
#[derive(Debug)]
struct Server {
    addr: ServerAddr,
    /// What its name stands for; a name that was not found yet has none.
    known: Vec<SocketAddr>,
    /// When the name was looked up.
    looked_up: Option<Duration>,
    look_up: Option<LookUp>,
    /// Why the last look-up has found nothing.
    failure: String,
}

impl Server {
    fn new(addr: &ServerAddr) -> Self {
        let known = addr.host.parse::<IpAddr>().map(|ip| vec![(ip, addr.port).into()]).unwrap_or_default();
        Server { addr: addr.clone(), known, looked_up: None, look_up: None, failure: String::new() }
    }

    /// Begins to look up the name if it is time: before its first use, and again if it was not found or if all servers
    /// have failed. An IP address needs no look-up.
    fn look_up(&mut self, is_stale: bool, resolver: &Resolver, now: Duration) {
        let is_wanted = self.known.is_empty() || is_stale && self.addr.host.parse::<IpAddr>().is_err();
        if !is_wanted || self.look_up.is_some() || self.looked_up.is_some_and(|at| now < at + LOOK_UP_EVERY) {
            return;
        }
        self.looked_up = Some(now);
        match resolver.start(&self.addr.host, self.addr.port, now) {
            Ok(look_up) => self.look_up = Some(look_up),
            Err(error) => self.failure = format!("no process can be started for that: {}", plain_words(&error)),
        }
    }

    /// Takes the answer to a look-up. Without one, what is known stays: it may still be right.
    fn receive(&mut self, resolver: &mut Resolver, now: Duration) {
        match resolver.take_answer(&mut self.look_up, now) {
            Some(Ok(addrs)) if addrs.is_empty() => self.failure = "it has no address".into(),
            Some(Ok(addrs)) => self.known = addrs,
            Some(Err(why)) => self.failure = why,
            None => {}
        }
    }
}

/// The servers in the order in which they are tried.
#[derive(Debug)]
pub struct Servers {
    servers: Vec<Server>,
    resolver: Resolver,
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
    /// Since when the attempt waits for the address of its server, and how long it waits at most.
    waits_since: Option<Duration>,
    timeout: Duration,
}

impl Servers {
    /// Makes a list that begins with `first`; the list must not be empty. An attempt waits for an address for at most
    /// `timeout`.
    pub fn new(servers: &[ServerAddr], first: usize, resolver: Resolver, timeout: Duration, now: Duration) -> Self {
        Servers {
            servers: servers.iter().map(Server::new).collect(),
            resolver,
            current: first % servers.len().max(1),
            addrs: VecDeque::new(),
            failed: 0,
            backoff: Backoff::new(LONGEST_PAUSE),
            connected_at: Duration::ZERO,
            next_at: now,
            waits_since: None,
            timeout,
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

    /// When [`Servers::next_addr`] has something new to say without an event.
    pub fn deadline(&self) -> Duration {
        self.waits_since.map_or(self.next_at, |since| since + self.timeout)
    }

    /// Takes the addresses that were looked up; to be called in each turn.
    pub fn receive(&mut self, now: Duration) {
        self.resolver.reap();
        for server in &mut self.servers {
            server.receive(&mut self.resolver, now);
        }
    }

    /// Takes the address to try; `None` while its name is looked up.
    ///
    /// # Errors
    /// If the name is not found, or not in time; a late answer counts for the next attempt.
    pub fn next_addr(&mut self, now: Duration) -> Result<Option<SocketAddr>, LinkError> {
        let is_stale = self.failed >= self.servers.len();
        let Some(server) = self.servers.get_mut(self.current) else {
            return Err(LinkError::Name("no server is given".into()));
        };
        if self.addrs.is_empty() {
            server.look_up(is_stale, &self.resolver, now);
            if server.known.is_empty() && server.look_up.is_some() {
                let since = *self.waits_since.get_or_insert(now);
                let is_late = now >= since + self.timeout;
                let late = || LinkError::Name(format!("no answer yet, after {} seconds", self.timeout.as_secs()));
                return if is_late { Err(late()) } else { Ok(None) };
            }
            self.addrs.extend(&server.known);
        }
        self.waits_since = None;
        match self.addrs.pop_front() {
            None => Err(LinkError::Name(server.failure.clone())),
            addr => Ok(addr),
        }
    }

    /// Notes that the attempt has failed. The next address of the server follows at once, then the next server; after
    /// all of them there is a pause.
    pub fn fail(&mut self, now: Duration) {
        self.next_at = now;
        self.waits_since = None;
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
    use std::time::Instant;

    use mio::{Poll, Token};

    use super::*;
    use crate::cluster::nats::look_up::LookUpCommand;

    const TIMEOUT: Duration = Duration::from_secs(3);

    /// Servers whose names are looked up by a shell, which gets the name as `$1` and the port as `$2`.
    fn servers_of(addrs: &[&str], first: usize, script: &str) -> Servers {
        let addrs: Vec<ServerAddr> = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
        let args = ["-c", script, "sh"].map(str::to_owned).into();
        let poll = Poll::new().unwrap();
        let resolver = Resolver::new(
            LookUpCommand { program: "/bin/sh".into(), args },
            poll.registry().try_clone().unwrap(),
            Token(0),
        );
        Servers::new(&addrs, first, resolver, TIMEOUT, Duration::ZERO)
    }

    fn servers(addrs: &[&str], first: usize) -> Servers {
        servers_of(addrs, first, "exit 1")
    }

    fn port(servers: &mut Servers, now: Duration) -> u16 {
        servers.next_addr(now).unwrap().unwrap().port()
    }

    /// Waits until all look-ups have ended.
    fn wait(servers: &mut Servers, now: Duration) {
        let until = Instant::now() + Duration::from_secs(20);
        while servers.servers.iter().any(|server| server.look_up.is_some()) {
            assert!(Instant::now() < until, "a look-up does not end");
            servers.receive(now);
            std::thread::yield_now();
        }
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
    fn name_is_looked_up_before_its_first_use() {
        let script = r#"test "$1" = a.example && echo "{\"Ok\":[\"10.0.0.1:$2\",\"[fe80::1%3]:$2\"]}""#;
        let mut servers = servers_of(&["nats://a.example:7"], 0, script);
        let now = Duration::ZERO;
        assert!(servers.next_addr(now).unwrap().is_none());
        assert_eq!(servers.deadline(), now + TIMEOUT);
        wait(&mut servers, now);
        let addrs = [(); 2].map(|()| servers.next_addr(now).unwrap().unwrap().to_string());
        assert_eq!(addrs, ["10.0.0.1:7", "[fe80::1%3]:7"]);
    }

    #[test]
    fn name_that_is_not_found_is_an_error_and_is_looked_up_again_after_a_pause() {
        let mut servers = servers_of(&["nats://a.example"], 0, r#"echo '{"Err":"no such name"}'"#);
        let mut now = Duration::ZERO;
        for _ in 0..2 {
            assert!(servers.next_addr(now).unwrap().is_none());
            wait(&mut servers, now);
            for _ in 0..2 {
                let error = servers.next_addr(now).unwrap_err().to_string();
                assert_eq!(error, "its name cannot be found: no such name");
                servers.fail(now);
                now += LOOK_UP_EVERY / 2;
            }
        }
    }

    #[test]
    fn next_server_is_tried_while_the_name_of_another_has_no_answer() {
        let addrs = ["nats://a.example:1", "nats://127.0.0.1:2"];
        let mut servers = servers_of(&addrs, 0, "exec sleep 1000");
        let mut now = Duration::ZERO;
        assert!(servers.next_addr(now).unwrap().is_none());
        now = servers.deadline();
        let error = servers.next_addr(now).unwrap_err().to_string();
        assert_eq!(error, "its name cannot be found: no answer yet, after 3 seconds");
        servers.fail(now);
        assert_eq!((servers.deadline(), port(&mut servers, now)), (now, 2));
        servers.receive(now + Duration::from_secs(60));
        assert_eq!(servers.servers[0].failure, "no answer in 60 seconds");
    }

    #[test]
    fn known_addresses_are_used_until_newer_ones_are_there() {
        let script = r#"echo '{"Ok":["10.0.0.2:1"]}'"#;
        let mut servers = servers_of(&["nats://a.example:1"], 0, script);
        servers.servers[0].known = vec![([10, 0, 0, 1], 1).into()];
        let now = Duration::ZERO;
        let next = |servers: &mut Servers| servers.next_addr(now).unwrap().unwrap().to_string();
        assert_eq!(next(&mut servers), "10.0.0.1:1");
        assert!(servers.servers[0].look_up.is_none(), "it is known");
        servers.fail(now);
        assert_eq!(next(&mut servers), "10.0.0.1:1");
        wait(&mut servers, now);
        servers.fail(now);
        assert_eq!(next(&mut servers), "10.0.0.2:1");
    }

    #[test]
    fn process_that_says_nonsense_or_cannot_be_started_is_an_error() {
        let long = format!("printf '{{\"Ok\":[%{}s]}}'", 20_000);
        for script in ["exit 1", "echo '{\"Ok\":7}'", "echo '{\"Ok\":[]}{'", &long] {
            let mut servers = servers_of(&["nats://a.example"], 0, script);
            assert!(servers.next_addr(Duration::ZERO).unwrap().is_none());
            wait(&mut servers, Duration::ZERO);
            let error = servers.next_addr(Duration::ZERO).unwrap_err().to_string();
            assert!(error.ends_with("has ended without an answer"), "{error}");
        }
        let mut servers = servers(&["nats://a.example"], 0);
        servers.resolver = Resolver::new(
            LookUpCommand { program: "/no/such/program".into(), args: Vec::new() },
            Poll::new().unwrap().registry().try_clone().unwrap(),
            Token(0),
        );
        let error = servers.next_addr(Duration::ZERO).unwrap_err().to_string();
        assert_eq!(error, "its name cannot be found: no process can be started for that: no such file or directory");
    }

    #[test]
    fn list_without_servers_is_an_error() {
        let mut servers = servers(&[], 3);
        assert!(servers.next_addr(Duration::ZERO).is_err() && servers.current().is_none());
        servers.fail(Duration::ZERO);
        assert!(servers.next_at() > Duration::ZERO);
    }
}
