//! The server: one thread, one poll, and the sockets that nobody else sees.

pub mod connection;
pub(crate) mod console;
pub(crate) mod engine;
mod event_loop;
pub mod http;
pub(crate) mod store_query;
pub(crate) mod store_writer;
mod unwritten;

use std::fmt;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use log::{LevelFilter, info, warn};
use rustix::fs::fstat;

use self::engine::accept::Kind;
use self::http::Access;
use self::store_writer::StoreWriter;
use crate::chat::{Config, Hub, Lang, Mode, OPERATOR_LOG};
use crate::store::{self, Store};
use crate::util::clock::Clock;
use crate::util::io_error::plain_words;
use crate::util::logging::Style;
use crate::util::{clock, fd_limit, logging};
use crate::wire::json::Json;
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

/// When the operator's console is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsoleMode {
    /// Always.
    On,
    /// Never; in p2p it is on all the same, since there is nobody else to talk with.
    Off,
    /// When standard input and standard output are a terminal.
    #[default]
    Auto,
}

/// All that a server is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 picks a free one.
    pub listen: Vec<SocketAddr>,
    /// Where browsers come to.
    pub web: Vec<SocketAddr>,
    /// Where the operator's programs come to.
    pub admin: Vec<SocketAddr>,
    /// Who may use the web side.
    pub access: Access,
    /// The language in which it speaks.
    pub lang: Lang,
    /// Whether there is a console.
    pub console: ConsoleMode,
    /// What is logged.
    pub level: LevelFilter,
    /// The bounds of connections.
    pub limits: Limits,
    /// Seats; `None` for as many as the limit of file descriptors allows.
    pub max_clients: Option<usize>,
    /// The file in which history is kept; how much of it is loaded at the start is up to the hub's bounds.
    pub store: Option<store::Options>,
    /// The bounds of the hub, but for the seats; its waiting line is cut to what is possible.
    pub hub: Config,
}

/// Why a server could not be started, or had to end.
#[derive(Debug)]
pub enum Error {
    /// An address that cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The file in which history is kept.
    Store(store::Error),
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
            Error::Store(error) => write!(f, "{error}"),
            Error::Start(error) => write!(f, "cannot start: {}", plain_words(error)),
            Error::Poll(error) => write!(f, "cannot go on: {}", plain_words(error)),
        }
    }
}

/// Runs a server until it is told to end; returns the exit code.
///
/// # Errors
/// If it cannot be started, or the kernel's poll fails.
pub fn run(settings: Settings) -> Result<u8, Error> {
    let Settings {
        listen,
        web: web_addrs,
        admin,
        mut access,
        lang,
        console,
        level,
        limits,
        max_clients,
        store,
        mut hub,
    } = settings;
    let console = match console {
        _ if hub.mode == Mode::P2p => true,
        ConsoleMode::On => true,
        ConsoleMode::Off => false,
        ConsoleMode::Auto => io::stdin().is_terminal() && io::stdout().is_terminal(),
    };
    logging::start(level, log_style(console, level)).map_err(Error::Start)?;

    let fds = fd_limit::raise();
    let seats = fd_limit::seats(fds, max_clients, hub.max_waiting);
    if seats.given_past_limit {
        warn!(
            "--max-clients {}: the limit of {fds} file descriptors allows about {} connections, and whoever comes past that is not even told to wait; raise it (ulimit -n) or give fewer seats",
            seats.max_clients, seats.connections
        );
    }
    hub.max_clients = seats.max_clients;
    hub.max_waiting = seats.max_waiting;
    let mut listeners = Vec::new();
    let has_web = !web_addrs.is_empty();
    for (kind, addrs) in [(Kind::Plain, listen), (Kind::Web, web_addrs), (Kind::Admin, admin)] {
        for addr in addrs {
            let socket = engine::accept::listen(addr, &limits).map_err(|error| Error::Listen(addr, error))?;
            listeners.push((kind, socket));
        }
    }
    let opened = store.map(|store| open(store, &hub)).transpose().map_err(Error::Store)?;
    let mut hub = Hub::new(hub, Box::new(Plain { lang }));
    if has_web {
        hub.enable_json(Box::new(Json { lang }));
    }
    let store_writer = opened.map(|(store_writer, start)| {
        hub.restore(start, Clock::start().now());
        store_writer
    });
    let mut reactor =
        event_loop::Reactor::new(hub, listeners, limits, seats.connections, console).map_err(Error::Start)?;
    reactor.keep(store_writer);
    access.hosts.extend(http::names_of_this_machine());
    reactor.set_access(access);
    for (kind, addr) in reactor.local_addrs() {
        match kind {
            Kind::Plain => info!("listening on {addr}"),
            Kind::Web => info!("listening on http://{addr}"),
            Kind::Admin => info!("metrics on http://{addr}/metrics"),
        }
    }
    logging::flush();
    reactor.run().map_err(Error::Poll)
}

/// Opens the file, and reads of it what is to be in memory.
fn open(mut options: store::Options, hub: &Config) -> Result<(StoreWriter, store::Start), store::Error> {
    // One more than is shown, and more bytes: so it is known whether anything is left out, and what.
    options.rooms = hub.max_rooms;
    options.history = hub.history.saturating_add(1);
    options.history_bytes = 2 * hub.history_bytes + hub.max_line;
    let began = Instant::now();
    let (store, start) = Store::open(&options, clock::utc().unix_timestamp())?;
    let messages: usize = start.rooms.iter().map(|(_, messages)| messages.len()).sum();
    info!(
        "{}: {} rooms, {messages} messages of {} of them read in {} ms; the next has number {}",
        options.path.display(),
        start.rooms.len() + start.stored.len(),
        start.rooms.len(),
        began.elapsed().as_millis(),
        start.next_id
    );
    Ok((StoreWriter::new(store, options.keep_days.is_some()), start))
}

/// What the console shows too, and what is logged of it all the same: warnings about the file at the start.
const SHOWN: &[(&str, LevelFilter)] = &[("chinwag::chat", LevelFilter::Warn), (OPERATOR_LOG, LevelFilter::Off)];

/// On one screen there is one time zone, and nothing is told twice unless more log was asked for.
fn log_style(console: bool, level: LevelFilter) -> Style {
    let (out, err) = (fstat(rustix::stdio::stdout()), fstat(rustix::stdio::stderr()));
    let (Ok(out), Ok(err)) = (out, err) else { return Style::default() };
    if !console {
        return Style::default();
    }
    let is_terminal = io::stdout().is_terminal() && io::stderr().is_terminal() && out.st_rdev == err.st_rdev;
    let is_one_file = (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino);
    let quiet = if is_terminal && level <= LevelFilter::Info { SHOWN } else { &[] };
    Style { local: is_terminal || is_one_file, quiet }
}
