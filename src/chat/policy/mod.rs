//! Rules: which names, addresses and people are allowed.

pub(super) mod bans;
pub(super) mod cidr;
pub(super) mod mutes;
pub mod nick;
pub(super) mod rate_limit;
