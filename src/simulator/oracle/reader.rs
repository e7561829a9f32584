//! One connection of a person, as the oracle knows it: what it has typed, and what it should be sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use time::Date;

use crate::chat::Cause;
use crate::simulator::oracle::commands::programs::Wanted;
use crate::simulator::oracle::irc::IrcReader;
use crate::simulator::oracle::members::passwords::{Prompt, Request};
use crate::simulator::oracle::rooms::Shown;
use crate::simulator::oracle::words::{Optional, ReaderStage, Typed};

/// One connection.
pub struct Reader {
    pub addr: SocketAddr,
    /// It is a browser's page.
    pub page: bool,
    /// The revision of the JSON that it reads, which has no day lines, and includes its own messages.
    pub program: Option<u32>,
    /// What it has besides, with an IRC client.
    pub irc: Option<IrcReader>,
    /// The revision that its program would understand.
    pub revision: u32,
    /// Where it wants to continue.
    pub wanted: Option<Wanted>,
    /// It has logged in again in the same run of the server.
    pub resumes: bool,
    pub stage: ReaderStage,
    /// All bytes that it should ever be sent, and the number written.
    pub expected: Vec<u8>,
    /// What the server may leave out in `expected`, because the session has much to read.
    pub optional: Vec<Optional>,
    pub written: usize,
    /// The last bytes that were written, as they were.
    pub raw_end: Vec<u8>,
    /// Input that the server has not processed yet.
    pub typed: VecDeque<Typed>,
    /// The member to which it belongs.
    pub member: Option<usize>,
    /// The password that it is asked for, and what it waits for.
    pub prompt: Option<Prompt>,
    pub awaits: Option<Request>,
    /// The last day whose line it was shown while it followed rooms.
    pub day: Option<Date>,
    pub echo: bool,
    pub quiet: bool,
    /// What had been shown in each of its rooms when it was last up to date.
    pub up_to_date: Vec<(usize, Shown)>,
    /// The rooms of unread lines, with the position of each line; noted while it follows rooms.
    pub sources: VecDeque<(usize, usize)>,
    /// Time of the welcome or of the last line; and when its rate bucket is empty.
    pub active: Duration,
    pub bucket: Duration,
    /// Its last line has no end, and counts whatever the rate.
    pub unended: bool,
    /// It counts among the connections from its address.
    pub counted: bool,
    /// The reason for which the server should disconnect it next.
    pub due: Option<Cause>,
    /// When its last change, other than a message, was committed, or its password was answered.
    pub committed_at: Duration,
    /// The cause and time of its leaving.
    pub left: Option<(Cause, Duration)>,
    /// What it has proposed, messages and other changes, that is not committed.
    pub uncommitted_messages: usize,
    pub uncommitted_changes: usize,
}

impl Reader {
    /// Whether it is sent frames of a WebSocket.
    pub(super) fn has_frames(&self) -> bool {
        self.page || self.irc.as_ref().is_some_and(|irc| irc.has_frames)
    }

    pub(super) fn has_cap(&self, cap: &str) -> bool {
        self.irc.as_ref().is_some_and(|irc| irc.caps.contains(cap))
    }
}
