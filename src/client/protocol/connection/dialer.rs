//! Connects to the address of a host that answers first.
//!
//! RFC 8305 ("Happy Eyeballs"): a silent address delays the next one only for a moment.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

use crate::client::error::Error;

/// RFC 8305, section 5: the time after which the next address is tried as well.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The timeout of one address.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The connection is lost after this time without acknowledgement of sent data or without answers to keepalive probes.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Resolves a host name with getaddrinfo(3); blocks until that returns.
///
/// # Errors
/// If the host is unknown or has no address.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    match (host, port).to_socket_addrs().map(Vec::from_iter) {
        Ok(addrs) if !addrs.is_empty() => Ok(addrs),
        Ok(_) => Err(Error::Host(host.into(), io::Error::other("it has no address"))),
        Err(error) => Err(Error::Host(host.into(), error)),
    }
}

struct ConnectAttempt {
    token: Token,
    stream: TcpStream,
    begun: Duration,
}

/// Connection attempts to all addresses of a server.
pub struct Dialer {
    addrs: Vec<SocketAddr>,
    /// How many addresses have been tried.
    tried: usize,
    attempts: Vec<ConnectAttempt>,
    /// Attempts are registered under this token and the following ones.
    first_token: usize,
    /// When the next address is tried, even if earlier attempts still run.
    next_at: Duration,
    error: Option<io::Error>,
}

impl Dialer {
    /// Prepares the attempts; uses as many tokens from `first_token` on as there are addresses.
    pub fn new(addrs: &[SocketAddr], first_token: usize, now: Duration) -> Self {
        Dialer { addrs: addrs.to_vec(), tried: 0, attempts: Vec::new(), first_token, next_at: now, error: None }
    }

    /// Continues after an event of one of its tokens, or when [`Dialer::deadline`] has passed.
    ///
    /// Returns `None` until an attempt succeeds or all have failed.
    ///
    /// # Errors
    /// The error of the last failed address.
    pub fn poll(&mut self, registry: &Registry, event: Option<&Event>, now: Duration) -> Option<io::Result<TcpStream>> {
        if let Some(index) = event.and_then(|event| self.attempts.iter().position(|try_| try_.token == event.token()))
            && let Some(outcome) = outcome(&self.attempts[index].stream)
        {
            let stream = self.attempts.swap_remove(index).stream;
            match outcome {
                Ok(()) => return Some(Ok(self.succeeded(registry, stream))),
                Err(error) => self.failed(error, now),
            }
        }
        while let Some(index) = self.attempts.iter().position(|attempt| attempt.begun + ATTEMPT_TIMEOUT <= now) {
            self.attempts.swap_remove(index);
            self.failed(io::ErrorKind::TimedOut.into(), now);
        }
        while self.next_at <= now
            && let Some(&addr) = self.addrs.get(self.tried)
        {
            let token = Token(self.first_token + self.tried);
            self.tried += 1;
            match dial(addr, registry, token) {
                Ok(stream) => {
                    self.attempts.push(ConnectAttempt { token, stream, begun: now });
                    self.next_at = now + ATTEMPT_DELAY;
                }
                Err(error) => self.failed(error, now),
            }
        }
        let over = self.attempts.is_empty() && self.tried == self.addrs.len();
        over.then(|| Err(self.error.take().unwrap_or_else(|| io::ErrorKind::NotFound.into())))
    }

    /// When to continue if no event comes before.
    pub fn deadline(&self) -> Option<Duration> {
        let next = (self.tried < self.addrs.len()).then_some(self.next_at);
        self.attempts.iter().map(|attempt| attempt.begun + ATTEMPT_TIMEOUT).chain(next).min()
    }

    fn failed(&mut self, error: io::Error, now: Duration) {
        self.error = Some(error);
        self.next_at = now;
    }

    fn succeeded(&mut self, registry: &Registry, mut stream: TcpStream) -> TcpStream {
        // The caller registers it again under its own token.
        let _ = registry.deregister(&mut stream);
        self.attempts.clear();
        stream
    }
}

fn dial(addr: SocketAddr, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr)?;
    registry.register(&mut stream, token, Interest::WRITABLE)?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(CONNECTION_TIMEOUT / 2).with_interval(CONNECTION_TIMEOUT / 6).with_retries(3),
    )?;
    socket.set_tcp_user_timeout(Some(CONNECTION_TIMEOUT))?;
    Ok(stream)
}

/// Returns the result of a connection attempt; `None` while it is running.
fn outcome(stream: &TcpStream) -> Option<io::Result<()>> {
    match stream.take_error() {
        Ok(Some(error)) | Err(error) => return Some(Err(error)),
        Ok(None) => {}
    }
    match stream.peer_addr() {
        Ok(_) => Some(Ok(())),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => None,
        Err(error) => Some(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use mio::{Events, Poll};

    use super::*;
    use crate::util::clock::Clock;

    fn dialled(addrs: &[SocketAddr]) -> io::Result<SocketAddr> {
        let clock = Clock::start();
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let mut dialer = Dialer::new(addrs, 7, clock.elapsed());
        let mut outcome = dialer.poll(poll.registry(), None, clock.elapsed());
        loop {
            if let Some(outcome) = outcome {
                return outcome.and_then(|stream| stream.peer_addr());
            }
            let wait = dialer.deadline().map(|at| at.saturating_sub(clock.elapsed()));
            poll.poll(&mut events, wait).unwrap();
            outcome = dialer.poll(poll.registry(), None, clock.elapsed());
            for event in &events {
                outcome = outcome.or_else(|| dialer.poll(poll.registry(), Some(event), clock.elapsed()));
            }
        }
    }

    fn closed_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn first_answering_address_is_used() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(dialled(&[open]).unwrap(), open);
        assert_eq!(dialled(&[closed_port(), open]).unwrap(), open);
    }

    #[test]
    fn silent_address_does_not_delay_others() {
        // A listener whose queue is full does not answer.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let silent = socket.local_addr().unwrap().as_socket().unwrap();
        let _first = std::net::TcpStream::connect(silent).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(dialled(&[silent, open]).unwrap(), open);
    }

    #[test]
    fn error_is_returned_once_all_addresses_failed() {
        let error = dialled(&[closed_port(), closed_port()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn unknown_host_error_names_the_host() {
        let error = resolve("no.such.host.invalid", 1).unwrap_err().to_string();
        assert!(error.starts_with("cannot find the host no.such.host.invalid: "), "{error}");
    }
}
