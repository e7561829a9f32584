//! Rules on names, addresses, muted members and rates.

pub(super) mod attempt_limit;
pub(super) mod bans;
pub(super) mod cidr;
pub(super) mod host;
pub(super) mod ip_limit;
pub(super) mod mask;
pub(super) mod mutes;
pub mod nick;
pub(super) mod peer;
pub(super) mod rate_limit;
pub(super) mod restrictions;
