//! What IRC needs of the core: pure parts that know no sockets.

pub mod message;
pub mod scram;
