//! The web side of the server: a page and its WebSocket, and the operator's figures, over HTTP.
//!
//! An `exchange` is a connection before it is anybody's: requests and answers, unknown to the hub.
//! With the upgrade it becomes a `socket` and a client of the hub as any other.

mod exchange;
mod host;
#[cfg(test)]
mod http_tests;
mod metrics;
mod newcomers;
mod origin;
mod page;

use crate::chat::Network;

pub(super) use self::exchange::{Exchange, HEAD_TIMEOUT};
pub(super) use self::host::names_of_this_machine;
pub(super) use self::metrics::Turns;
pub(super) use self::newcomers::Newcomers;
pub(super) use self::page::Page;
pub(super) use super::connection::websocket::Frames;

/// The subprotocol in which the page and the server talk.
pub const SUBPROTOCOL: &str = "chinwag.v1";

/// Who may use the web side, and who they are taken for.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Origins of pages that may talk here besides the one that is served, such as `https://example.org`.
    pub allow_origin: Vec<String>,
    /// Names under which this server may be asked, besides its addresses, `localhost` and the hosts of those origins; in
    /// lower case and without a last dot.
    pub hosts: Vec<String>,
    /// Proxies that are believed when they tell for whom they come.
    pub trust_proxy: Vec<Network>,
    /// Connections from one address; a few more while they have not said what they want. 0 for no limit.
    pub max_per_ip: usize,
}
