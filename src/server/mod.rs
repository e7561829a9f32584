//! The server: one thread, one poll, and the sockets that nobody else sees.

mod acceptor;
mod clock;
mod closing;
mod connection;
mod console;
mod fd_limit;
mod reactor;
mod signals;
mod timers;

#[cfg(test)]
mod model;

use std::fmt;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::Duration;

use log::{info, warn};
use rustix::fs::fstat;

use crate::chat::Hub;
use crate::cli::{Console, Serve};
use crate::logging;
use crate::wire::plain::Plain;

/// The bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest line in bytes, without its end.
    pub max_line: usize,
    /// Unended input that has been quiet for so long counts as a line; zero for never.
    pub eol_timeout: Duration,
    /// A peer that has been silent for so long is probed; zero for never.
    pub keepalive: Duration,
    /// Bytes that the kernel holds for one who does not read; zero leaves that to the system.
    pub send_buffer: usize,
    /// How long one who leaves may take to read the next piece of what is owed.
    pub farewell_timeout: Duration,
}

/// Why a server could not be started, or had to end.
#[derive(Debug)]
pub enum Error {
    /// An address that cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The log, the poll, or the signals.
    Start(io::Error),
    /// The poll.
    Poll(io::Error),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Listen(addr, error) => write!(f, "cannot listen on {addr}: {}", plain_words(error)),
            Error::Start(error) => write!(f, "cannot start: {}", plain_words(error)),
            Error::Poll(error) => write!(f, "cannot go on: {}", plain_words(error)),
        }
    }
}

/// An error as a part of a sentence, without its number.
fn plain_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Runs a server until it is told to end; returns the exit code.
///
/// # Errors
/// If it cannot be started, or the kernel's poll fails.
pub fn run(settings: &Serve) -> Result<u8, Error> {
    let console = match settings.console {
        _ if settings.is_p2p() => true,
        Console::On => true,
        Console::Off => false,
        Console::Auto => io::stdin().is_terminal() && io::stdout().is_terminal(),
    };
    // On one screen nobody wants to read of each visitor twice.
    let quiet: &[&str] = if console && shares_terminal() { &["chinwag::chat"] } else { &[] };
    let quiet = if settings.level() > log::LevelFilter::Info { &[] } else { quiet };
    logging::start(settings.level(), quiet).map_err(Error::Start)?;

    let limits = settings.limits();
    let fds = fd_limit::raise();
    let seats = fd_limit::seats(fds, settings.max_clients(), settings.max_waiting());
    if seats.given_past_limit {
        warn!(
            "--max-clients {} is more than the limit of {fds} file descriptors allows; past about {} connections newcomers wait in the kernel's queue",
            seats.max_clients, seats.connections
        );
    }
    let mut listeners = Vec::new();
    for addr in settings.listen.iter().flat_map(|listen| &listen.addrs) {
        listeners.push(acceptor::listen(*addr, &limits).map_err(|error| Error::Listen(*addr, error))?);
    }
    let hub = Hub::new(settings.hub(seats.max_clients), Box::new(Plain { lang: settings.lang() }));
    let mut reactor =
        reactor::Reactor::new(hub, listeners, limits, seats.connections, console).map_err(Error::Start)?;
    for addr in reactor.local_addrs() {
        info!("listening on {addr}");
    }
    logging::flush();
    reactor.run().map_err(Error::Poll)
}

/// Whether standard output and standard error are one terminal.
fn shares_terminal() -> bool {
    let (out, err) = (rustix::stdio::stdout(), rustix::stdio::stderr());
    let device = |fd| fstat(fd).map(|stat| stat.st_rdev).ok();
    io::stdout().is_terminal() && io::stderr().is_terminal() && device(out) == device(err)
}
