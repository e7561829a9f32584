//! Connects to the server and interprets its lines.

pub(super) mod backoff;
pub(super) mod connector;
mod dialer;
pub(super) mod entry;
pub(super) mod lag;
pub(super) mod link;
pub(super) mod missed;
pub(super) mod passwords;
pub(super) mod session;
pub(super) mod shape;
pub(super) mod tls;
mod transport;
