//! Why a member left a room or the server.

use serde::{Deserialize, Serialize};

/// The reason why a member left a room, or a session the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// By `/quit`, `q`, `quit` or `exit`; `/quit` may have a reason.
    Quit(Option<Box<str>>),
    /// The client closed its side of the connection after its last line.
    EndOfInput,
    /// The member went to another room.
    Moved,
    ConnectionLost,
    Idle,
    TooSlow,
    /// By the operator, with the reason if one was given.
    Kicked(Option<Box<str>>),
    Banned,
    /// No nickname was given in time.
    LoginTimeout,
    /// The client used another protocol, such as HTTP.
    OtherProtocol,
    /// The server shut down.
    ShutDown,
    /// The password of the server was not given.
    WrongPassword,
}

impl Cause {
    /// The names for programs (JSON, metrics), in the order of [`Cause::number`].
    pub const NAMES: [&str; 12] = [
        "quit",
        "end_of_input",
        "moved",
        "connection_lost",
        "idle",
        "too_slow",
        "kicked",
        "banned",
        "login_timeout",
        "shut_down",
        "other_protocol",
        "wrong_password",
    ];

    /// The index in [`Cause::NAMES`].
    pub fn number(&self) -> usize {
        match self {
            Cause::Quit(_) => 0,
            Cause::EndOfInput => 1,
            Cause::Moved => 2,
            Cause::ConnectionLost => 3,
            Cause::Idle => 4,
            Cause::TooSlow => 5,
            Cause::Kicked(_) => 6,
            Cause::Banned => 7,
            Cause::LoginTimeout => 8,
            Cause::ShutDown => 9,
            Cause::OtherProtocol => 10,
            Cause::WrongPassword => 11,
        }
    }
}
