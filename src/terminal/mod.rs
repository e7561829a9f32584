//! Keyboard and screen of a terminal, for the client and for the operator's console.
//!
//! - `input`: from the terminal's bytes to lines.
//! - `screen`: what the terminal shows.
//! - `tty`: the terminal itself, with its modes.

pub(crate) mod input;
pub(crate) mod screen;
pub(crate) mod tty;
