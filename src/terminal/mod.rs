//! Keyboard and screen of a terminal, for the client and for the operator's console.
//!
//! - `input`: from the terminal's bytes to lines.
//! - `screen`: what the terminal shows.
//! - `session`: the terminal of a program with an input line: keys, frames, size, foreground.
//! - `tty`: the terminal itself, with its modes.

pub(crate) mod input;
pub(crate) mod screen;
pub(crate) mod session;
pub(crate) mod tty;
