//! Makes a connection: over TCP, and with TLS its handshake, too.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Registry, Token};

use super::dialer::{Dialer, resolve};
use super::link::Link;
use super::tls::{Tls, TlsError, TlsStream};
use super::transport::Transport;
use crate::client::error::Error;
use crate::client::settings::Settings;

/// The timeout of a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server's addresses, and how to reach it.
pub struct Server {
    /// `HOST:PORT`, for messages.
    name: String,
    addrs: Vec<SocketAddr>,
    tls: Option<Tls>,
}

impl Server {
    /// Prepares TLS and resolves the host; blocks until that is done.
    ///
    /// # Errors
    /// If TLS cannot be prepared, or the host is unknown.
    pub fn find(settings: &Settings) -> Result<Self, Error> {
        let tls = settings.tls.as_ref().map(|trust| Tls::new(settings, trust)).transpose()?;
        Ok(Server { name: settings.addr(), addrs: resolve(&settings.host, settings.port)?, tls })
    }

    fn error(&self, error: io::Error) -> Error {
        Error::Connect(self.name.clone(), error)
    }
}

/// A connection that can be used.
pub struct Connected {
    pub link: Link,
    /// What to tell the user about it.
    pub notices: Vec<String>,
}

/// A connection that is being made.
pub struct Connector<'a> {
    server: &'a Server,
    /// The token of the connection's events.
    token: Token,
    dialer: Dialer,
    /// The handshake of the connection, and its deadline.
    handshake: Option<(Box<TlsStream>, Duration)>,
}

impl<'a> Connector<'a> {
    /// Prepares the attempt; the connection has its events under `token`, and the following tokens are used before.
    pub fn new(server: &'a Server, token: Token, now: Duration) -> Self {
        Connector { server, token, dialer: Dialer::new(&server.addrs, token.0 + 1, now), handshake: None }
    }

    /// Continues with the events of a turn, or when [`Connector::deadline`] has passed; `None` while it is not done.
    ///
    /// # Errors
    /// If no address accepts a connection, or the handshake fails.
    pub fn poll(&mut self, registry: &Registry, events: &Events, now: Duration) -> Option<Result<Connected, Error>> {
        if self.handshake.is_some() {
            return self.shake_hands(now).transpose();
        }
        let mut outcome = self.dialer.poll(registry, None, now);
        for event in events {
            outcome = outcome.or_else(|| self.dialer.poll(registry, Some(event), now));
        }
        match outcome? {
            Ok(socket) => self.start(socket, registry, now).transpose(),
            Err(error) => Some(Err(self.server.error(error))),
        }
    }

    /// When to continue if no event comes before.
    pub fn deadline(&self) -> Option<Duration> {
        self.handshake.as_ref().map_or_else(|| self.dialer.deadline(), |(_, until)| Some(*until))
    }

    /// Starts the handshake; without TLS the connection is ready.
    fn start(&mut self, mut socket: TcpStream, registry: &Registry, now: Duration) -> Result<Option<Connected>, Error> {
        let registered = registry.register(&mut socket, self.token, Interest::READABLE | Interest::WRITABLE);
        registered.map_err(|error| self.server.error(error))?;
        let Some(tls) = &self.server.tls else {
            return Ok(Some(Connected { link: Link::new(Transport::Plain(socket)), notices: Vec::new() }));
        };
        self.handshake = Some((tls.start(socket)?.into(), now + HANDSHAKE_TIMEOUT));
        self.shake_hands(now)
    }

    fn shake_hands(&mut self, now: Duration) -> Result<Option<Connected>, Error> {
        let (Some((mut stream, until)), Some(tls)) = (self.handshake.take(), &self.server.tls) else {
            return Ok(None);
        };
        if let Some(notices) = tls.handshake(&mut stream)? {
            return Ok(Some(Connected { link: Link::new(Transport::Tls(stream)), notices }));
        }
        if until <= now {
            return Err(TlsError::Timeout(self.server.name.clone(), HANDSHAKE_TIMEOUT.as_secs()).into());
        }
        self.handshake = Some((stream, until));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};

    use mio::Poll;
    use rustls::version::TLS13;

    use super::*;
    use crate::client::protocol::connection::link::ReadOutcome;
    use crate::client::protocol::connection::tls::tests::{FarEnd, Identity, trusting};
    use crate::util::clock::Clock;

    const LINK: Token = Token(0);

    fn server(listener: &TcpListener, tls: Option<Tls>) -> Server {
        Server { name: "chat.example:4568".into(), addrs: vec![listener.local_addr().unwrap()], tls }
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    /// Makes a connection; `step` is called in each turn. In the handshake the clock is fast by `late`.
    fn run(server: &Server, mut step: impl FnMut(), late: Duration) -> Result<Connected, Error> {
        let (mut poll, mut events, clock) = (Poll::new().unwrap(), Events::with_capacity(8), Clock::start());
        let mut connector = Connector::new(server, LINK, clock.elapsed());
        loop {
            let is_shaking = connector.handshake.is_some();
            let now = clock.elapsed() + if is_shaking { late } else { Duration::ZERO };
            if let Some(outcome) = connector.poll(poll.registry(), &events, now) {
                return outcome;
            }
            assert!(connector.deadline().is_some_and(|at| at <= clock.elapsed() + HANDSHAKE_TIMEOUT));
            step();
            poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
        }
    }

    /// The error of a handshake with a server that sends `text`, and closes the connection if `closes`.
    fn error(text: &str, closes: bool, late: Duration) -> Error {
        let listener = listener();
        let server = server(&listener, Some(trusting(&Identity::self_signed("chat.example"))));
        let mut far = None;
        let step = || {
            let far = far.get_or_insert_with(|| {
                let (mut far, _) = listener.accept().unwrap();
                far.write_all(text.as_bytes()).unwrap();
                far.set_nonblocking(true).unwrap();
                far
            });
            // While bytes are unread, the end would be a reset.
            if closes && far.read(&mut [0; 4096]).is_ok() {
                far.shutdown(Shutdown::Write).unwrap();
            }
        };
        run(&server, step, late).err().unwrap()
    }

    #[test]
    fn connection_with_tls_is_complete_after_the_handshake() {
        let listener = listener();
        let identity = Identity::self_signed("chat.example");
        let server = server(&listener, Some(trusting(&identity)));
        let config = identity.server(&identity, &[&TLS13]);
        let mut far: Option<FarEnd> = None;
        let step = || {
            let far = far.get_or_insert_with(|| {
                let socket = listener.accept().unwrap().0;
                socket.set_nonblocking(true).unwrap();
                let mut far = FarEnd::new(socket, &config);
                // Sent together with the last bytes of the handshake.
                far.session.writer().write_all(b"* Welcome\n").unwrap();
                far
            });
            far.step();
        };
        let Connected { mut link, notices } = run(&server, step, Duration::ZERO).unwrap();
        assert_eq!(notices, [""; 0]);
        let (mut far, mut lines) = (far.unwrap(), Vec::new());
        while lines.is_empty() {
            link.flush().unwrap();
            far.step();
            assert_ne!(link.receive(|line| lines.push(line.to_owned())).unwrap(), ReadOutcome::End);
        }
        assert_eq!(lines, ["* Welcome"]);
    }

    #[test]
    fn connection_without_tls_is_complete_at_once() {
        let listener = listener();
        let Connected { mut link, .. } = run(&server(&listener, None), || {}, Duration::ZERO).unwrap();
        link.queue_line("hi");
        link.finish();
        link.flush().unwrap();
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi\n");
    }

    #[test]
    fn handshake_errors_say_what_to_do() {
        let second = Duration::from_secs(1);
        for (text, closes, late, message) in [
            ("* Welcome to chinwag.\n", false, second, "chat.example:4568 does not speak TLS; try without --tls"),
            ("HTTP/1.1 400 Bad Request\r\n", true, second, "chat.example:4568 does not speak TLS; try without --tls"),
            (
                "",
                true,
                second,
                "chat.example:4568 closed the connection during the TLS handshake; perhaps it does not speak TLS",
            ),
            (
                "\x15\x03\x03\0\x02\x02\x28",
                false,
                second,
                "the TLS handshake with chat.example:4568 failed: received fatal alert: HandshakeFailure",
            ),
            (
                "",
                false,
                HANDSHAKE_TIMEOUT,
                "chat.example:4568 did not complete the TLS handshake within 10 seconds; perhaps it does not speak TLS",
            ),
        ] {
            let error = error(text, closes, late);
            assert_eq!(error.to_string(), message);
            // A server that starts again may be well later.
            assert!(!error.is_final());
            assert_eq!(error.reason(), message);
        }
    }

    #[test]
    fn refused_connection_names_the_server() {
        let listener = listener();
        let server = server(&listener, Some(trusting(&Identity::self_signed("chat.example"))));
        drop(listener);
        let error = run(&server, || {}, Duration::ZERO).err().unwrap();
        assert_eq!(error.to_string(), "cannot connect to chat.example:4568: connection refused");
        assert_eq!(error.reason(), "connection refused");
    }
}
