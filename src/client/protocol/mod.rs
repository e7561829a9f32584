//! Connects to the server and interprets what it sends.

pub(super) mod connection;
pub(super) mod entry;
pub(super) mod event;
pub(super) mod greeting;
pub(super) mod lag;
pub(super) mod passwords;
pub(super) mod plain_text;
pub(super) mod positions;
pub(super) mod sent;
pub(super) mod sentences;
pub(super) mod session;
