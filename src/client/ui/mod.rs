//! Draws what the terminal shows.

pub(super) mod format;
pub(super) mod full_screen;
pub(super) mod mention;
pub(super) mod screen;
pub(super) mod status;
pub(super) mod terminal;
#[cfg(test)]
pub(super) mod test_support;
pub(super) mod text;
pub(super) mod view;
pub(super) mod window;
