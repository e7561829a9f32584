//! Turns the terminal's bytes into input lines.

pub(super) mod completion;
pub(super) mod decoder;
pub(super) mod editor;
pub(super) mod grapheme;
pub(super) mod input_history;
pub(super) mod keys;
pub(super) mod name_cache;
pub(super) mod paste;
pub(super) mod sequence;
