//! Commands about members: what is known of them, what they say of themselves, and who is told.

pub(super) mod away;
pub(super) mod identity;
pub(super) mod metadata;
pub(super) mod metadata_news;
pub(super) mod monitor;
pub(super) mod user_modes;
pub(super) mod who;
pub(super) mod whois;
