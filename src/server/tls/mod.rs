//! TLS of the server: its certificates, and the settings of handshakes.

use std::sync::Arc;

use rustls::ServerConfig;

/// The settings of TLS handshakes for each kind of listener.
#[derive(Clone, Debug)]
pub struct TlsConfigs {
    /// For line clients.
    pub lines: Arc<ServerConfig>,
    /// For HTTP: it offers `http/1.1` by ALPN (RFC 7301).
    pub web: Arc<ServerConfig>,
}
