//! Exchanges: reads HTTP requests and writes their answers.

use std::borrow::Cow;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::chat::change::Origin;
use crate::chat::{Now, RateLimit};
use crate::server::connection::transport::Flushed;
use crate::util::base64_bytes;
use crate::wire::foreign::{TLS_ALERT, TLS_START};
use crate::wire::http;
use crate::wire::http::{HttpError, Methods, Request};

/// Time allowed for the head of a request, from its first byte or from the connection.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time allowed for a connection between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time allowed for a message that was posted to be committed.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What lets a client send the content of its request: RFC 9110, section 15.2.1.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An HTTP connection.
#[derive(Serialize, Deserialize)]
pub struct Exchange {
    addr: SocketAddr,
    /// It came to the admin listener, which is for the operator's programs.
    is_admin: bool,
    /// Bytes that have been read and not processed.
    #[serde(with = "base64_bytes")]
    input: Vec<u8>,
    /// The answer being written: head, body, and the number of bytes sent.
    #[serde(with = "base64_bytes")]
    head: Vec<u8>,
    #[serde(serialize_with = "base64_bytes::serialize", deserialize_with = "owned_bytes")]
    body: Cow<'static, [u8]>,
    sent: usize,
    /// The connection ends after this answer.
    is_last: bool,
    /// The start of the current wait.
    since: Duration,
    /// A request has been answered.
    has_answered: bool,
    /// Its bucket of requests in microseconds, see [`crate::chat::RateLimit`].
    bucket: u64,
    /// `100 Continue` has been sent for the request that is read.
    #[serde(default)]
    has_continued: bool,
    /// The message that was posted, which is not committed; and whether the connection stays open after the answer.
    #[serde(default)]
    posted: Option<(Origin, bool)>,
}

/// The head and the body of an answer.
pub type Answer = (Vec<u8>, Cow<'static, [u8]>);

/// The result of a step.
pub enum ExchangeStep {
    Request(Box<Request>),
    Refused(HttpError),
    /// More may be read at once.
    More,
    /// An event announces more.
    Wait,
    /// The connection has ended.
    End,
}

impl Exchange {
    /// Creates the exchange of a connection that has just been accepted; `is_admin` if by the admin listener.
    pub fn new(addr: SocketAddr, is_admin: bool, now: Now) -> Self {
        Exchange {
            addr,
            is_admin,
            input: Vec::new(),
            head: Vec::new(),
            body: Cow::default(),
            sent: 0,
            is_last: false,
            since: now.at,
            has_answered: false,
            bucket: 0,
            has_continued: false,
            posted: None,
        }
    }

    /// The peer's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it came to the admin listener, which is for the operator's programs.
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether the connection ends when the current answer has been written.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Whether there is a part of a request, and no answer is being written.
    pub fn is_reading(&self) -> bool {
        !self.is_answering() && !self.input.is_empty()
    }

    /// Waits for the commit of a message that was posted: until then nothing is read.
    pub fn wait_for(&mut self, posted: Origin, keep_alive: bool, now: Now) {
        self.posted = Some((posted, keep_alive));
        self.since = now.at;
    }

    /// Whether it waits for the commit of a message that was posted.
    pub fn is_waiting(&self) -> bool {
        self.posted.is_some()
    }

    /// Ends the wait for this message, or for any if it is `None`; returns whether the connection stays open after the answer.
    /// `None` if it does not wait for it.
    pub fn end_wait(&mut self, posted: Option<Origin>) -> Option<bool> {
        let (_, keep_alive) = self.posted.take_if(|(waits_for, _)| posted.is_none_or(|posted| posted == *waits_for))?;
        Some(keep_alive)
    }

    /// Takes the bytes that came after the last request.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// The time before which the next request must not be processed.
    pub fn wait(&self, rate_limit: RateLimit, now: Now) -> Option<Duration> {
        rate_limit.wait(self.bucket, now).filter(|_| !self.input.is_empty())
    }

    /// Counts a request for the rate limit.
    pub fn count(&mut self, rate_limit: RateLimit, now: Now) {
        self.bucket = rate_limit.taken(self.bucket, now);
    }

    /// Bytes kept of its input.
    pub fn kept(&self) -> usize {
        self.input.len()
    }

    fn is_answering(&self) -> bool {
        self.sent < self.head.len() + self.body.len()
    }

    /// The time at which it has taken too long; an unfinished head is then refused, otherwise the connection is closed.
    pub fn due(&self, farewell: Duration) -> Duration {
        self.since
            + match () {
                () if self.is_answering() => farewell,
                () if self.is_waiting() => COMMIT_TIMEOUT,
                () if self.has_answered && self.input.is_empty() => IDLE_TIMEOUT,
                () => HEAD_TIMEOUT,
            }
    }

    /// Writes the rest of the answer.
    pub fn flush(&mut self, stream: &mut impl Write, now: Now) -> Flushed {
        while self.is_answering() {
            let head = &self.head[self.sent.min(self.head.len())..];
            let body = &self.body[self.sent.saturating_sub(self.head.len())..];
            match stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
                Ok(0) => return Flushed::Lost,
                Ok(n) => {
                    self.sent += n;
                    self.since = now.at;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flushed::Blocked,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Lost,
            }
        }
        if self.sent > 0 {
            (self.head, self.body, self.sent) = (Vec::new(), Cow::default(), 0);
        }
        match stream.flush() {
            Ok(()) => Flushed::UpToDate,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Flushed::Blocked,
            Err(_) => Flushed::Lost,
        }
    }

    /// The next request, from buffered bytes or after one read.
    pub fn next(&mut self, stream: &mut impl Read, block: &mut [u8], now: Now) -> ExchangeStep {
        // Empty lines before a request are skipped: RFC 9112, section 2.2.
        let blank = self.input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.input.drain(..blank);
        if !self.input.is_empty() {
            let methods = if self.is_admin { Methods::ReadAndPost } else { Methods::Read };
            match http::parse_head(&self.input, methods) {
                Ok(None) => {}
                Ok(Some((request, length))) => {
                    if let Some(step) = self.take_request(request, length) {
                        return step;
                    }
                }
                Err(refused) => return ExchangeStep::Refused(refused),
            }
        }
        match stream.read(block) {
            Ok(0) => ExchangeStep::End,
            Ok(n) => {
                if self.input.is_empty() {
                    self.since = now.at;
                }
                self.input.extend_from_slice(&block[..n]);
                ExchangeStep::More
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ExchangeStep::Wait,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => ExchangeStep::More,
            Err(_) => ExchangeStep::End,
        }
    }

    /// Takes a request whose head has this length from the input; `None` if more of its content must be read.
    fn take_request(&mut self, mut request: Request, head: usize) -> Option<ExchangeStep> {
        if let Some(post) = &mut request.post
            && let Some(length) = post.readable()
        {
            if self.input.len() < head + length {
                let is_awaited = post.expects_continue && self.input.len() == head && !self.has_continued;
                return is_awaited.then(|| {
                    self.has_continued = true;
                    (self.head, self.sent) = (CONTINUE.into(), 0);
                    ExchangeStep::More
                });
            }
            post.content = self.input.drain(..head + length).skip(head).collect();
        } else {
            self.input.drain(..head);
        }
        self.has_continued = false;
        Some(ExchangeStep::Request(Box::new(request)))
    }

    /// Begins to write an answer.
    pub fn answer(&mut self, (head, body): Answer, keep_alive: bool, now: Now) {
        (self.head, self.body, self.sent) = (head, body, 0);
        self.is_last = !keep_alive;
        self.has_answered = true;
        self.since = now.at;
        if self.is_last || self.input.is_empty() {
            self.input = Vec::new();
        }
    }

    /// Refuses a request and ends the connection, since what follows cannot be parsed.
    pub fn refuse(&mut self, refused: HttpError, now: Now) {
        if self.input.starts_with(TLS_START) {
            // A TLS client understands an alert only.
            return self.answer((TLS_ALERT.into(), Cow::default()), false, now);
        }
        let is_head = self.input.starts_with(b"HEAD ");
        self.answer((http::refuse(refused, is_head, false, now.local), Cow::default()), false, now);
    }
}

fn owned_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [u8]>, D::Error> {
    base64_bytes::deserialize(deserializer).map(Cow::Owned)
}
