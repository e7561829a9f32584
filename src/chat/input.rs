//! Values that the hub and its caller exchange.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::encoding::Encoding;

/// One decoded input of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line of UTF-8 without control characters.
    Line(&'a str),
    /// A line over the limit; its bytes were dropped.
    TooLong,
    /// A line that was not UTF-8.
    NotUtf8,
}

/// When a session's next line may be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Now.
    Now,
    /// Not before this time: the session is over its rate limit.
    At(Duration),
    /// After pending output to other sessions has been written.
    AfterOthers,
    /// After the session has read its replies.
    AfterReplies,
    /// After its proposals have been committed; [`crate::chat::Hub::poll_resume`] names it then.
    AfterCommit,
    /// Never: the session has ended.
    Never,
}

/// A connection that was just accepted.
#[derive(Clone, Debug)]
pub struct NewConnection<'a> {
    pub addr: SocketAddr,
    pub encoding: Encoding,
    /// Bytes to send before everything else.
    pub preface: &'a [u8],
    pub resume_request: ResumeRequest,
}

/// When to close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Close {
    /// After all pending output has been written.
    WhenRead,
    /// Immediately.
    AtOnce,
}

/// The room and the position at which a session wants to continue after its login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// The room to enter instead of the lobby.
    pub room: Option<String>,
    /// The run of the server in which the member was there, and the id of the last message that it read.
    pub read: Option<(u64, u64)>,
}
