//! The limits of connections.

use std::time::Duration;

/// Time allowed for a closing client to read the next piece of its unread output.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum line length in bytes, without the line end.
    pub max_line: usize,
    /// Quiet time after which input without a line end counts as a line; zero for never.
    pub eol_timeout: Duration,
    /// Silence after which a peer is probed; zero for never.
    pub keepalive: Duration,
    /// Send buffer of the kernel in bytes; zero for the system's default.
    pub send_buffer: usize,
}
