//! What a member may do.

/// What a member may do in a room, or on the server; each rank may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Member,
    Voice,
    RoomOperator,
    Moderator,
    Operator,
}
