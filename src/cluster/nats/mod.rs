//! A client of NATS and JetStream for an event loop: one non-blocking socket in the caller's poll, no thread, no
//! runtime.
//!
//! It knows nothing of chat. The parts, from the bottom:
//!
//! - `protocol/`: operations of the server from bytes, and operations of the client to bytes.
//! - `jetstream/`: streams, the reader that reads one in order, buckets of keys and values.
//! - `client/`: the client without its socket. It is given bytes and times, and gives bytes and events, so that tests
//!   can drive it with a simulated server.
//! - `link.rs`: the socket, with `servers.rs` (which server is next), `look_up.rs` (the process that looks up a name) and
//!   `transport.rs` (TCP and TLS).
//!
//! The caller creates [`Nats`] with its registry and a token. For each event with that token it calls [`Nats::notify`],
//! and in each turn of its loop [`Nats::turn`]; then it takes all events with [`Client::next_event`], asks for what it
//! wants ([`Client::publish`] ...), and calls [`Nats::flush`]. It waits no longer than until [`Nats::deadline`].

mod backoff;
mod client;
mod error;
mod event;
mod jetstream;
mod link;
mod look_up;
mod nkey;
mod protocol;
mod servers;
mod settings;
mod transport;

use std::io;
use std::path::Path;
use std::time::Duration;

use mio::{Registry, Token};

pub use self::client::{Client, Expected};
pub use self::error::{LinkError, RequestError, SendError};
pub use self::event::{BucketId, Entry, Event, ReaderId, SubscriptionId};
pub use self::jetstream::{
    ApiError, Bucket, Discard, MAX_MARKS, Mark, Retention, SHORTER_FOR, Storage, StreamConfig, StreamInfo, StreamState,
    Value,
};
use self::link::Link;
pub use self::look_up::{LookUpCommand, run as look_up};
pub use self::nkey::Nkey;
pub use self::protocol::{ProtocolError, is_subject};
pub use self::settings::{Credentials, Limits, ServerAddr, ServerAddrError, Settings};

/// Checks a file with the authorities that sign the certificates of servers.
///
/// # Errors
/// If it cannot be read, is damaged, or has no certificate.
pub fn check_authorities(path: &Path) -> io::Result<()> {
    transport::tls_config(Some(path)).map(drop)
}

/// A client with its socket.
#[derive(Debug)]
pub struct Nats {
    /// What is asked of the client, and its events.
    pub client: Client,
    link: Link,
}

impl Nats {
    /// Prepares a client; the first turn begins a connection. The socket has its events under `token`, and so has the
    /// output of the processes that look up names. No other client of the cluster may have the same `id`; take a random
    /// number.
    ///
    /// # Errors
    /// If the authorities for TLS cannot be used, or the registry cannot be cloned.
    pub fn new(settings: &Settings, id: u64, registry: &Registry, token: Token, now: Duration) -> io::Result<Self> {
        let link = Link::new(settings, registry, token, now)?;
        Ok(Nats { client: Client::new(&settings.name, id, &settings.limits), link })
    }

    /// Notes an event of the socket; the next turn handles it.
    pub fn notify(&mut self) {
        self.link.notify();
    }

    /// Does a bounded amount of work: connects, reads, does what is due, writes.
    ///
    /// Returns whether there is more to read, so that the caller should not wait. Nothing is read while events wait
    /// that the caller has not taken (4,096 of them, or 8 MiB): that is how a slow caller slows down the server.
    pub fn turn(&mut self, now: Duration) -> bool {
        self.link.turn(&mut self.client, now)
    }

    /// Leaves the server for another one, if there is another: its connection stands, but it is of no use to the caller.
    pub fn leave(&mut self, now: Duration) {
        self.link.leave(&mut self.client, now);
    }

    /// Writes what was asked of the client since the last turn, as far as the socket takes it; an event says when it
    /// takes more. Returns, as [`Nats::turn`], whether there is more to read.
    pub fn flush(&mut self, now: Duration) -> bool {
        self.link.flush(&mut self.client, now)
    }

    /// When the next turn is due if no event comes before.
    pub fn deadline(&self) -> Option<Duration> {
        [self.link.deadline(), self.client.deadline()].into_iter().flatten().min()
    }
}
