//! What IRC needs of the core: pure parts that know no sockets.

pub mod message;
pub mod message_id;
pub mod metadata;
pub mod modes;
pub mod scram;
pub mod timestamp;
