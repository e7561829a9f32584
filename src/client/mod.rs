//! The terminal client.
//!
//! - `event_loop`: waits for keyboard, server and signals in one poll.
//! - `app`: decides what to do about keys, lines and connection changes; knows neither terminal nor socket.
//! - `protocol`: the connection, and the meaning of what the server sends.
//! - `views`: the rooms and conversations that can be on the screen.
//! - `ui`: messages and the rows at the bottom as they are drawn.
//! - `pipe`: passes lines through if standard input or output is not a terminal.

mod app;
mod error;
mod event_loop;
mod name_cache;
mod pipe;
mod protocol;
mod settings;
mod ui;
mod views;

pub use self::error::Error;
use self::event_loop::EventLoop;
use self::protocol::connection::connector::Server;
pub use self::protocol::connection::tls::TlsError;
pub use self::settings::{Settings, TlsTrust};
use crate::terminal::tty::is_interactive;

/// Runs the client until the session ends; returns the exit code.
///
/// # Errors
/// If the server cannot be reached or trusted, the login fails, or connection, terminal or standard output fail.
pub fn run(settings: &Settings) -> Result<u8, Error> {
    let server = Server::find(settings)?;
    if is_interactive() {
        EventLoop::new(settings, &server).map_err(Error::Terminal)?.run()
    } else {
        pipe::run(settings, &server)
    }
}
