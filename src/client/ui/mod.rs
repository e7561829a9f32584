//! What the client shows: messages, and the rows at the bottom.

pub(super) mod format;
pub(super) mod mention;
pub(super) mod status;
