//! The terminal client: keyboard and server in one poll, as the server does it with its clients.
//!
//! - `reactor`: the poll, and all that it waits for; `app`: what is done about keys, lines, and connections that
//!   come and go. `app` and what it is made of know neither terminal nor socket.
//! - `shape`, `session`, `entry`, `missed`, `lag`, `backoff`: what the server says, what is known from it, and how one
//!   gets in, and in again.
//! - `editor`, `recall`, `completion`, `paste`; `decoder`, `keys`: what is typed, and from which bytes.
//! - `show`, `text`, `status`; `view`, `screen`, `full`; `terminal`: how it looks, where it stands, what it stands on.
//! - `dialer`, `link`: the connection.
//! - `pipe`: lines in, lines out, where standard input or output is no terminal.

mod app;
mod event_loop;
mod input;
mod pipe;
mod protocol;
mod ui;

use std::fmt;
use std::io::{self, IsTerminal};

use self::event_loop::Reactor;

use crate::words::plain_words;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A name or an address of the server's.
    pub host: String,
    pub port: u16,
    /// Under which name to log in without asking.
    pub nick: Option<String>,
    /// Whether the terminal shows colours.
    pub colour: bool,
    /// Whether the bell rings for what is meant for us.
    pub bell: bool,
    /// Whether to use an alternate screen with a scrollback of our own.
    pub full_screen: bool,
}

/// Why the client ended other than as it should.
#[derive(Debug)]
pub enum Error {
    /// The host is not known.
    Host(String, io::Error),
    /// Nothing answers at that address.
    Connect(String, io::Error),
    /// The server does not take the nickname, for a reason of its own.
    Nickname(String, String),
    /// The server closed before one was in.
    NotIn,
    /// The connection broke.
    Lost(io::Error),
    /// The terminal cannot be drawn on.
    Terminal(io::Error),
    /// Standard output cannot be written to.
    Output(io::Error),
    /// The kernel refuses a poll or what it is to watch.
    System(io::Error),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Host(host, error) => write!(f, "cannot find the host {host}: {}", plain_words(error)),
            Error::Connect(addr, error) => write!(f, "cannot connect to {addr}: {}", plain_words(error)),
            Error::Nickname(name, why) => write!(f, "the server does not take {name}: {why}"),
            Error::NotIn => f.write_str("the server closed the connection before one was in; see its last lines"),
            Error::Lost(error) => write!(f, "the connection was lost: {}", plain_words(error)),
            Error::Terminal(error) => write!(f, "cannot use the terminal: {}", plain_words(error)),
            Error::Output(error) => write!(f, "cannot write to standard output: {}", plain_words(error)),
            Error::System(error) => write!(f, "cannot go on: {}", plain_words(error)),
        }
    }
}

impl Settings {
    /// Host and port as one writes them.
    pub fn addr(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Talks with a server until one of the two leaves; returns the exit code.
///
/// # Errors
/// If the server cannot be reached, or something breaks.
pub fn run(settings: &Settings) -> Result<u8, Error> {
    let addrs = protocol::dialer::resolve(&settings.host, settings.port)?;
    if is_interactive() {
        Reactor::new(settings, &addrs).map_err(Error::Terminal)?.run()
    } else {
        pipe::run(settings, &addrs)
    }
}

/// Whether there is a terminal on both sides that can be drawn on.
fn is_interactive() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
}
