//! What a driver hands to the hub, and what it asks of the driver.

use std::net::SocketAddr;
use std::time::Duration;

use super::event::Encoding;

/// What a client sent, as the wire understood it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line: UTF-8 without control characters.
    Line(&'a str),
    /// A line over the limit; its bytes are gone.
    TooLong,
    /// A line that was not UTF-8.
    NotUtf8,
}

/// Whether a client's next line may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Now.
    Now,
    /// Not before that time: it is faster than its rate.
    At(Duration),
    /// When what is on its way to others has been written.
    AfterOthers,
    /// When it has read its replies.
    AfterReplies,
    /// Never: it has left.
    Never,
}

/// Somebody who comes.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    pub addr: SocketAddr,
    pub encoding: Encoding,
    /// What they are sent before anything else.
    pub preface: &'a [u8],
    pub wish: ResumeRequest,
}

/// How a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// When all that is owed has been written.
    WhenRead,
    /// At once.
    AtOnce,
}

/// Where somebody wants to go when they have given their nickname.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeRequest {
    /// Which room they want to enter instead of the lobby.
    pub room: Option<String>,
    /// In which run of the server they have been there, and the last message that they have read.
    pub read: Option<(u64, u64)>,
}
