//! Connects to the server and interprets what it sends.

pub(super) mod backoff;
pub(super) mod connector;
mod dialer;
pub(super) mod entry;
pub(super) mod event;
pub(super) mod greeting;
pub(super) mod lag;
pub(super) mod link;
pub(super) mod passwords;
pub(super) mod plain_text;
pub(super) mod positions;
pub(super) mod sent;
pub(super) mod sentences;
pub(super) mod session;
pub(super) mod tls;
mod transport;
