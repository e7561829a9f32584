//! Connects to whichever of a host's addresses answers first.
//!
//! RFC 8305 ("Happy Eyeballs"): an address that is silent holds up the next one for a moment only.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

use crate::client::Error;

/// RFC 8305, section 5: how long an address is waited for before the next one is tried as well.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long one address may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may leave what we sent unacknowledged, or be silent and not answer probes.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// The addresses of a host; getaddrinfo(3), which waits for as long as that takes.
///
/// # Errors
/// If the host is not known.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    match (host, port).to_socket_addrs().map(Vec::from_iter) {
        Ok(addrs) if !addrs.is_empty() => Ok(addrs),
        Ok(_) => Err(Error::Host(host.into(), io::Error::other("it has no address"))),
        Err(error) => Err(Error::Host(host.into(), error)),
    }
}

struct Attempt {
    token: Token,
    stream: TcpStream,
    begun: Duration,
}

/// One try to reach a server by any of its addresses.
pub struct Dialer {
    addrs: Vec<SocketAddr>,
    /// How many of them have been tried.
    tried: usize,
    attempts: Vec<Attempt>,
    /// Attempts are registered under this token and those that follow it.
    first_token: usize,
    /// When the next address is to be tried, whatever becomes of the others.
    next_at: Duration,
    error: Option<io::Error>,
}

impl Dialer {
    /// Begins with [`Dialer::poll`]; uses as many tokens from `first_token` on as there are addresses.
    pub fn new(addrs: &[SocketAddr], first_token: usize, now: Duration) -> Self {
        Dialer { addrs: addrs.to_vec(), tried: 0, attempts: Vec::new(), first_token, next_at: now, error: None }
    }

    /// Goes on: an event of one of its tokens has come, or [`Dialer::deadline`] has passed.
    ///
    /// `None` while nothing is decided.
    ///
    /// # Errors
    /// That of the last address, once all have failed.
    pub fn poll(&mut self, registry: &Registry, event: Option<&Event>, now: Duration) -> Option<io::Result<TcpStream>> {
        if let Some(index) = event.and_then(|event| self.attempts.iter().position(|try_| try_.token == event.token()))
            && let Some(outcome) = outcome(&self.attempts[index].stream)
        {
            let stream = self.attempts.swap_remove(index).stream;
            match outcome {
                Ok(()) => return Some(Ok(self.made(registry, stream))),
                Err(error) => self.failed(error, now),
            }
        }
        while let Some(index) = self.attempts.iter().position(|attempt| attempt.begun + PATIENCE <= now) {
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
                    self.attempts.push(Attempt { token, stream, begun: now });
                    self.next_at = now + ATTEMPT_DELAY;
                }
                Err(error) => self.failed(error, now),
            }
        }
        let over = self.attempts.is_empty() && self.tried == self.addrs.len();
        over.then(|| Err(self.error.take().unwrap_or_else(|| io::ErrorKind::NotFound.into())))
    }

    /// When it wants to go on, if no event comes before.
    pub fn deadline(&self) -> Option<Duration> {
        let next = (self.tried < self.addrs.len()).then_some(self.next_at);
        self.attempts.iter().map(|attempt| attempt.begun + PATIENCE).chain(next).min()
    }

    fn failed(&mut self, error: io::Error, now: Duration) {
        self.error = Some(error);
        self.next_at = now;
    }

    fn made(&mut self, registry: &Registry, mut stream: TcpStream) -> TcpStream {
        // Whoever has it registers it under a token of their own.
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
        &TcpKeepalive::new().with_time(DEAD_AFTER / 2).with_interval(DEAD_AFTER / 6).with_retries(3),
    )?;
    socket.set_tcp_user_timeout(Some(DEAD_AFTER))?;
    Ok(stream)
}

/// What has become of a connection under way; `None` if that is not known yet.
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
    use crate::clock::Clock;

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
    fn the_first_address_that_answers_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(dialled(&[open]).unwrap(), open);
        assert_eq!(dialled(&[closed_port(), open]).unwrap(), open);
    }

    #[test]
    fn an_address_that_is_silent_does_not_hold_up_the_others() {
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
    fn the_reason_is_told_once_all_have_failed() {
        let error = dialled(&[closed_port(), closed_port()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_host_that_nobody_knows_is_an_error_in_words() {
        let error = resolve("no.such.host.invalid", 1).unwrap_err().to_string();
        assert!(error.starts_with("cannot find the host no.such.host.invalid: "), "{error}");
    }
}
