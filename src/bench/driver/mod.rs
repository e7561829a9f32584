//! The event loop of the load test and its connections.

pub mod clock;
pub mod context;
pub mod generator;
pub mod group;
pub mod member;
pub(super) mod socket_queue;
pub(super) mod source;
pub(super) mod stream;
pub(super) mod timeout;
pub(super) mod timer;
pub mod tls;
