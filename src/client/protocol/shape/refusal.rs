//! The refusals of the server.

/// The reason of a refusal; the fields are those of [`crate::chat::Refusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerRefusal<'a> {
    /// In Chinese the name is not given. `asked`: the server asks for a nickname again.
    Taken {
        name: Option<&'a str>,
        asked: bool,
    },
    /// The nickname is malformed or reserved, or can be mistaken for another one.
    BadName {
        asked: bool,
    },
    StillWaiting,
    OtherProtocol,
    LoginTimeout {
        seconds: u64,
    },
    Idle {
        seconds: u64,
    },
    Full,
    Busy,
    Banned,
    TooManyFromAddress {
        most: usize,
    },
    TooManyRooms {
        most: usize,
    },
    InThatRoom {
        room: &'a str,
    },
    NobodyCalled {
        name: &'a str,
    },
    /// Any other refusal, as text.
    Other(&'a str),
}
