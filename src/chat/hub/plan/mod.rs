//! The commands of members and of the operator, one file for each group.

pub(super) mod list_page;
pub(super) mod moderation;
pub(super) mod operator;
pub(super) mod query;
pub(super) mod resume;
pub(super) mod rooms;
pub(super) mod talk;
