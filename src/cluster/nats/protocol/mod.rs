//! The NATS protocol: operations of the server from bytes, and operations of a client to bytes.
//!
//! <https://docs.nats.io/reference/reference-protocols/nats-protocol>

mod decoder;
mod headers;
mod output;

pub use self::decoder::{Decoder, Message, ProtocolError, ServerOp};
#[cfg(test)]
pub use self::headers::Headers;
pub use self::output::{Output, headers_size, is_subject};
