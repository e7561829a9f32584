//! The connection to the server: over TCP, with or without TLS.

pub mod backoff;
pub mod connector;
mod dialer;
pub mod link;
pub mod tls;
mod transport;
