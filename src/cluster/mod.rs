//! What several servers need to be one chat.

pub mod nats;
