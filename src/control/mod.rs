//! The control socket: how other processes of this program ask a running server for something.
//!
//! It is a Unix socket with the mode 0600. A client connects, sends one request, and reads answers until the last one; when
//! it closes the connection before, the server gives up what it does for it.

pub mod client;
mod error;
pub mod place;
pub mod protocol;
mod source;

pub use self::error::Error;
pub use self::source::Source;
