//! How far the login has come, and why the server closes the connection.

/// How far the login has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginStage {
    /// The server has not told yet, or is not chinwag.
    #[default]
    Unknown,
    /// The server asks for a nickname.
    Asked,
    /// The server asks for this password.
    PasswordDue(PasswordOf),
    /// In the admission queue, at this position.
    Queued(u32),
    /// In a room, or in a conversation with the operator.
    LoggedIn,
}

/// The owner of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordOf {
    /// Asked for before anything else, but after the admission queue.
    Server,
    /// Asked for after the nickname.
    Account,
}

/// The server's reason for closing the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    Goodbye,
    Kicked,
    Banned,
    ShuttingDown,
    Idle,
    LoginTimeout,
    WrongPassword,
    Full,
    Busy,
    TooManyFromAddress,
    OtherProtocol,
    /// For another reason, which the first line has said.
    Refused,
}
