//! The web side of the server over HTTP: the page and its WebSocket, and the metrics and the API for the operator's programs.
//!
//! An `exchange` is an HTTP connection: requests and answers, unknown to the hub.
//! The upgrade turns it into a WebSocket and a client of the hub.

mod access;
pub(in crate::server) mod api;
mod cluster_figures;
mod exchange;
mod host;
#[cfg(test)]
mod http_tests;
mod metrics;
mod origin;
mod page;
#[cfg(test)]
mod post_tests;
mod prometheus;
mod redirect;
mod web_side;

pub use self::access::Access;
pub(super) use self::cluster_figures::ClusterFigures;
pub(super) use self::exchange::{Answer, Exchange, ExchangeStep, HEAD_TIMEOUT};
pub(super) use self::host::{machine_name, machine_names};
pub(super) use self::metrics::{Metrics, TurnHistogram};
pub(super) use self::web_side::{WebSide, document};

/// The WebSocket subprotocol of the page, with JSON in frames.
pub const SUBPROTOCOL: &str = "chinwag.v1";
