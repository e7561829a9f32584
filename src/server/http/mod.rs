//! The web side of the server: the page, its WebSocket and the operator's metrics, over HTTP.
//!
//! An `exchange` is an HTTP connection: requests and answers, unknown to the hub.
//! The upgrade turns it into a WebSocket and a client of the hub.

mod exchange;
mod host;
#[cfg(test)]
mod http_tests;
mod metrics;
mod origin;
mod page;
mod web_side;

use crate::chat::Network;

pub(super) use self::exchange::{Exchange, ExchangeStep, HEAD_TIMEOUT};
pub(super) use self::host::machine_names;
pub(super) use self::metrics::{Metrics, TurnHistogram};
use self::page::ServedPage;
pub(super) use self::web_side::{WebSide, document};

/// The WebSocket subprotocol of the page.
pub const SUBPROTOCOL: &str = "chinwag.v1";

/// Access rules of the web side.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Allowed origins besides the served page, such as `https://example.org`.
    pub allow_origin: Vec<String>,
    /// Names of this server, besides its addresses, `localhost` and the hosts of those origins; in
    /// lower case and without a trailing dot.
    pub hosts: Vec<String>,
    /// Proxies whose X-Forwarded-For is trusted.
    pub trust_proxy: Vec<Network>,
    /// Connections from one address; a few more while they are exchanges. 0 for no limit.
    pub max_per_ip: usize,
}
