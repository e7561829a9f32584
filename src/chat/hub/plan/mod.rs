//! Commands, one file for each group of them.

pub(super) mod list_page;
pub(super) mod moderation;
pub(super) mod operator;
pub(super) mod query;
pub(super) mod resume;
pub(super) mod rooms;
pub(super) mod talk;
