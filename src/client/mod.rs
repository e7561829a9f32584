//! The terminal client.
//!
//! - `event_loop`: waits for keyboard, server and signals in one poll.
//! - `app`: decides what to do about keys, lines and connection changes; knows neither terminal nor socket.
//! - `protocol`: the connection, and the meaning of the server's lines.
//! - `input`: from the terminal's bytes to lines.
//! - `ui`: what the terminal shows.
//! - `pipe`: passes lines through if standard input or output is not a terminal.

mod app;
mod event_loop;
mod input;
mod pipe;
mod protocol;
mod ui;

use std::io::{self, IsTerminal};

use self::event_loop::EventLoop;

use crate::util::io_error::plain_words;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    pub port: u16,
    /// The nickname to log in with; `None`: the user types one.
    pub nick: Option<String>,
    /// Whether to use colours.
    pub colour: bool,
    /// Whether to ring the bell for whispers and mentions.
    pub bell: bool,
    /// Whether to use the alternate screen with its own scrollback.
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
    #[error("the server closed the connection before the login was complete; see its last lines")]
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
    /// Returns `host:port`, an IPv6 address in brackets.
    pub fn addr(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Runs the client until the session ends; returns the exit code.
///
/// # Errors
/// If the server cannot be reached, the login fails, or connection, terminal or standard output fail.
pub fn run(settings: &Settings) -> Result<u8, Error> {
    let addrs = protocol::dialer::resolve(&settings.host, settings.port)?;
    if is_interactive() {
        EventLoop::new(settings, &addrs).map_err(Error::Terminal)?.run()
    } else {
        pipe::run(settings, &addrs)
    }
}

/// Whether both standard input and output are a terminal that can be drawn on.
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
