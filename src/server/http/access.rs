//! The access rules of the web side; `host` and `origin` check requests by them.

use crate::server::trusted_peer::TrustedPeer;

/// Access rules of the web side.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Allowed origins besides the served page, such as `https://example.org`.
    pub allow_origin: Vec<String>,
    /// Names of this server, besides its addresses, `localhost` and the hosts of those origins; in
    /// lower case and without a trailing dot.
    pub hosts: Vec<String>,
    /// Proxies whose X-Forwarded-For is trusted.
    pub trust_proxy: Vec<TrustedPeer>,
    /// Connections from one address; a few more while they are exchanges. 0 for no limit.
    pub max_per_ip: usize,
    /// Whether requests by HTTP without TLS are answered with a redirect to HTTPS.
    pub https_redirect: bool,
    /// The port of the first web listener with TLS, if there is one.
    pub https_port: Option<u16>,
}
