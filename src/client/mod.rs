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

/// Why the client ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot find the host {0}: {why}", why = plain_words(.1))]
    Host(String, #[source] io::Error),
    #[error("cannot connect to {0}: {why}", why = plain_words(.1))]
    Connect(String, #[source] io::Error),
    /// The nickname and the server's reason.
    #[error("the server does not take {0}: {1}")]
    Nickname(String, String),
    /// The server closed the connection before the login was done.
    #[error("the server closed the connection before one was in; see its last lines")]
    NotIn,
    #[error("the connection was lost: {}", plain_words(.0))]
    Lost(#[source] io::Error),
    #[error("cannot use the terminal: {}", plain_words(.0))]
    Terminal(#[source] io::Error),
    #[error("cannot write to standard output: {}", plain_words(.0))]
    Output(#[source] io::Error),
    /// Creating the poll, registering a descriptor or waiting failed.
    #[error("cannot go on: {}", plain_words(.0))]
    System(#[source] io::Error),
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

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn error_keeps_its_source_and_shows_it_in_the_message() {
        let refused = || io::Error::from_raw_os_error(111);
        for (error, message) in [
            (Error::Host("h".into(), refused()), "cannot find the host h: connection refused"),
            (Error::Connect("h:1".into(), refused()), "cannot connect to h:1: connection refused"),
            (Error::Lost(refused()), "the connection was lost: connection refused"),
            (Error::Terminal(refused()), "cannot use the terminal: connection refused"),
            (Error::Output(refused()), "cannot write to standard output: connection refused"),
            (Error::System(refused()), "cannot go on: connection refused"),
        ] {
            assert_eq!(error.to_string(), message);
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            assert_eq!(source.and_then(io::Error::raw_os_error), Some(111), "{message}");
        }
        assert!(Error::Nickname("bob".into(), "taken".into()).source().is_none() && Error::NotIn.source().is_none());
    }
}
