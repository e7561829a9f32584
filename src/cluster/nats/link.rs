//! The socket: makes connections to one server after another, and moves bytes between the current one and the client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Registry, Token};
use rustls::ClientConfig;

use super::client::Client;
use super::error::LinkError;
use super::look_up::Resolver;
use super::servers::Servers;
use super::settings::Settings;
use super::transport::{Transport, tls_config};

/// The size of one read in bytes.
const BLOCK: usize = 64 * 1024;

/// The most reads in one turn.
const READS: usize = 8;

/// A connection, from its beginning on.
#[derive(Debug)]
struct Open {
    transport: Transport,
    /// Whether the socket is connected, so that the client was told.
    is_connected: bool,
    /// When the attempt ends unless the client is ready.
    deadline: Duration,
    /// Whether the server has accepted the client.
    is_ready: bool,
    /// Whether there may be something to read.
    is_readable: bool,
    /// Whether writing has failed.
    has_failed: bool,
}

/// The current connection and those that follow.
#[derive(Debug)]
pub struct Link {
    registry: Registry,
    token: Token,
    tls: Arc<ClientConfig>,
    servers: Servers,
    connect_timeout: Duration,
    open: Option<Open>,
    block: Box<[u8]>,
}

impl Link {
    /// Prepares TLS; the first turn begins a connection.
    ///
    /// # Errors
    /// If the authorities for TLS cannot be used, or the registry cannot be cloned.
    pub fn new(settings: &Settings, registry: &Registry, token: Token, now: Duration) -> io::Result<Self> {
        let resolver = Resolver::new(settings.look_up.clone(), registry.try_clone()?, token);
        let connect_timeout = settings.limits.connect_timeout;
        Ok(Link {
            registry: registry.try_clone()?,
            token,
            tls: tls_config(settings.tls_ca.as_deref())?,
            servers: Servers::new(&settings.servers, settings.first, resolver, connect_timeout, now),
            connect_timeout,
            open: None,
            block: vec![0; BLOCK].into(),
        })
    }

    /// Notes an event of the socket.
    pub fn notify(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_readable = true;
        }
    }

    /// Begins a connection if one is due, reads a bounded number of blocks, does what is due, and writes.
    /// Returns whether there is more to read.
    pub fn turn(&mut self, client: &mut Client, now: Duration) -> bool {
        self.servers.receive(now);
        if self.open.is_none() && self.servers.next_at() <= now {
            self.dial(client, now);
        }
        let Some(mut open) = self.open.take() else { return false };
        let outcome = self.step(&mut open, client, now);
        self.keep_or_end(open, outcome, client, now)
    }

    /// Writes what the client has to say; returns whether there is more to read.
    pub fn flush(&mut self, client: &mut Client, now: Duration) -> bool {
        let Some(mut open) = self.open.take_if(|open| open.is_connected) else { return false };
        let outcome = Self::write(&mut open, client);
        self.keep_or_end(open, outcome, client, now)
    }

    /// Ends the connection, if there is one and another server can be tried.
    pub fn leave(&mut self, client: &mut Client, now: Duration) {
        if self.servers.has_others()
            && let Some(open) = self.open.take_if(|open| open.is_ready)
        {
            self.keep_or_end(open, Err(LinkError::Left), client, now);
        }
    }

    /// Keeps a connection, or ends it after an error; returns whether there is more to read.
    fn keep_or_end(&mut self, open: Open, outcome: Result<(), LinkError>, client: &mut Client, now: Duration) -> bool {
        match outcome {
            Ok(()) => {
                let has_more = open.is_readable;
                self.open = Some(open);
                has_more
            }
            Err(why) => {
                drop(open.transport);
                match open.is_ready {
                    true => self.servers.lose(now),
                    false => self.servers.fail(now),
                }
                client.close(why, now);
                false
            }
        }
    }

    /// When a turn is due, besides the client's own deadline.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.open {
            None => Some(self.servers.deadline()),
            Some(open) => (!open.is_ready).then_some(open.deadline),
        }
    }

    fn dial(&mut self, client: &mut Client, now: Duration) {
        let Some(server) = self.servers.current().cloned() else { return self.servers.fail(now) };
        let addr = match self.servers.next_addr(now) {
            // Its name is being looked up.
            Ok(None) => return,
            Ok(Some(addr)) => Ok(addr),
            Err(why) => Err(why),
        };
        client.open(&server);
        match addr.and_then(|addr| Transport::connect(addr, &self.registry, self.token)) {
            Ok(transport) => {
                let deadline = now + self.connect_timeout;
                self.open = Some(Open {
                    transport,
                    is_connected: false,
                    deadline,
                    is_ready: false,
                    is_readable: false,
                    has_failed: false,
                });
            }
            Err(why) => {
                self.servers.fail(now);
                client.close(why, now);
            }
        }
    }

    fn step(&mut self, open: &mut Open, client: &mut Client, now: Duration) -> Result<(), LinkError> {
        open.is_connected = open.is_connected || open.transport.is_connected()?;
        if !open.is_connected {
            open.is_readable = false;
        } else {
            // Also without an event: before a server is called silent, everything that came must be read.
            if open.is_readable || client.deadline().is_some_and(|at| at <= now) {
                self.read(open, client, now)?;
            }
            Self::write(open, client)?;
        }
        if !open.is_ready && client.is_connected() {
            open.is_ready = true;
            self.servers.succeed(now);
        }
        if !open.is_ready && open.deadline <= now {
            return Err(LinkError::Timeout(self.connect_timeout.as_secs()));
        }
        if client.is_stopping() && self.servers.has_others() {
            return Err(LinkError::Stopping);
        }
        Ok(())
    }

    fn read(&mut self, open: &mut Open, client: &mut Client, now: Duration) -> Result<(), LinkError> {
        for _ in 0..READS {
            if client.must_encrypt() && !self.shake_hands(open, client)? {
                open.is_readable = false;
                return Ok(());
            }
            if client.is_full() {
                return Ok(());
            }
            match open.transport.read(&mut self.block) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => {
                    client.receive(&self.block[..count], now)?;
                    open.is_readable = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    open.is_readable = false;
                    return client.tick(now);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(LinkError::Closed),
                Err(error) => return Err(LinkError::Broken(error)),
            }
        }
        Ok(())
    }

    /// Goes on with the handshake; returns whether it is complete.
    fn shake_hands(&self, open: &mut Open, client: &mut Client) -> Result<bool, LinkError> {
        if let Transport::Plain(_) = open.transport {
            let host = self.servers.current().map(|server| server.host.clone()).unwrap_or_default();
            open.transport.encrypt(&self.tls, &host)?;
        }
        let is_complete = open.transport.handshake()?;
        if is_complete {
            client.handle_encrypted()?;
        }
        Ok(is_complete)
    }

    fn write(open: &mut Open, client: &mut Client) -> Result<(), LinkError> {
        while !client.unwritten().is_empty() {
            match open.transport.write(client.unwritten()) {
                Ok(count) => client.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if open.has_failed => return Err(LinkError::Broken(error)),
                // What the server sent before is read first: answers, and perhaps why it ends the connection.
                Err(_) => {
                    (open.has_failed, open.is_readable) = (true, true);
                    return Ok(());
                }
            }
        }
        if client.must_encrypt() { Ok(()) } else { open.transport.flush().map_err(LinkError::Broken) }
    }
}
