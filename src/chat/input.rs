//! Values that the hub and its caller exchange.

use std::net::SocketAddr;
use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::policy::nick::MAX_TYPED_BYTES;

/// One decoded input of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line of UTF-8 without control characters.
    Line(&'a str),
    /// A line over the limit; its bytes were dropped. Of IRC, with its command if that was a word of ASCII.
    TooLong { command: Option<&'a str> },
    /// A line that was not UTF-8; of IRC, with its command if that was a word of ASCII.
    NotUtf8 { command: Option<&'a str> },
    /// Several lines of IRC in one message of a WebSocket.
    SeveralLines,
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

/// Rooms that one session can ask to follow at its login.
const MAX_RESUMED: usize = 100;

/// The rooms and the position at which a session wants to continue after its login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// The room to enter instead of the lobby.
    pub room: Option<String>,
    /// The rooms to follow.
    pub follow: Vec<CompactString>,
    /// The run of the server in which the member was there, and the id of the last message that it read.
    pub read: Option<(u64, u64)>,
    /// How many of the rooms were looked up in the store.
    pub looked_up: usize,
}

impl ResumeRequest {
    /// The request with the values of `room`, `follow` (names with commas between them), `run` and `after`; what is not
    /// valid counts as missing.
    pub fn new(value: impl Fn(&str) -> Option<String>) -> Self {
        let names = |text: &str| {
            let names = text.split(',').filter(|name| !name.is_empty() && name.len() <= MAX_TYPED_BYTES);
            names.take(MAX_RESUMED).map(CompactString::from).collect()
        };
        ResumeRequest {
            room: value("room").filter(|room| !room.is_empty()),
            follow: value("follow").map_or_else(Vec::new, |text| names(&text)),
            read: value("run").and_then(|run| read_run(&run)).zip(value("after").and_then(|id| id.parse().ok())),
            looked_up: 0,
        }
    }

    /// The request of the line `/json room=R follow=R2,R3 run=RUN after=ID`, whose words may all be missing; `None` if it is
    /// another line.
    pub fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let is_meant = line.starts_with('/') && words.next() == Some("/json");
        let value =
            |key: &str| words.clone().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
        is_meant.then(|| Self::new(value))
    }

    /// All rooms: the one to enter, and those to follow.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.room.iter().map(String::as_str).chain(self.follow.iter().map(CompactString::as_str))
    }
}

/// Writes the number of a run; [`read_run`] parses it.
pub fn run_text(run: u64) -> String {
    format!("{run:016x}")
}

/// Parses the number of a run as [`run_text`] writes it; `None` if it is invalid.
pub fn read_run(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok().filter(|&run| run_text(run) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_number_parses_only_as_written() {
        for run in [0, 1, u64::MAX] {
            assert_eq!(read_run(&run_text(run)), Some(run));
        }
        for text in ["", "1", "+000000000000001", "00000000000000000", "g000000000000000"] {
            assert_eq!(read_run(text), None, "{text:?}");
        }
    }

    #[test]
    fn json_line_gives_a_resume_request() {
        for other in ["json", "/jsonx", " /json", "/JSON", "bob"] {
            assert_eq!(ResumeRequest::of_line(other), None, "{other:?}");
        }
        assert_eq!(ResumeRequest::of_line("/json"), Some(ResumeRequest::default()));
        assert_eq!(
            ResumeRequest::of_line("/json room= follow=,, run=x after=y nonsense"),
            Some(ResumeRequest::default())
        );
        let run = run_text(7);
        let line = format!("/json room=den follow=tea,茶,tea after=17 run={run}");
        let follow = ["tea", "茶", "tea"].map(CompactString::from).to_vec();
        let expected = ResumeRequest { room: Some("den".into()), follow, read: Some((7, 17)), looked_up: 0 };
        assert_eq!(ResumeRequest::of_line(&line), Some(expected));
        let many = format!("/json follow={}", "x,".repeat(2000));
        assert_eq!(ResumeRequest::of_line(&many).map(|request| request.follow.len()), Some(MAX_RESUMED));
    }
}
