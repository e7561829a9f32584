//! Turns the terminal's bytes into input lines.

pub(crate) mod completion;
pub(crate) mod decoder;
pub(crate) mod editor;
pub(crate) mod grapheme;
pub(crate) mod input_history;
pub(crate) mod keys;
pub(crate) mod line_input;
pub(crate) mod paste;
mod search;
mod sequence;
