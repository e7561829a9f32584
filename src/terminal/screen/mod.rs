//! Draws what the terminal shows.

mod buffer;
mod full_screen;
pub(crate) mod inline_screen;
mod line_break;
#[cfg(test)]
pub(crate) mod test_support;
pub(crate) mod text;
pub(crate) mod view;
pub(crate) mod window;
