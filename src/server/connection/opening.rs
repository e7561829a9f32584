//! What comes before the protocol of a connection.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::transport::ListenerKind;

/// A connection that has been accepted and has not begun with its protocol.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opening {
    /// The peer's address.
    pub addr: SocketAddr,
    /// The protocol that follows.
    pub kind: ListenerKind,
}
