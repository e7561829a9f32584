//! Exchanges: reads HTTP requests and writes their answers.

use std::borrow::Cow;
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use log::debug;

use super::SUBPROTOCOL;
use crate::chat::{ClientId, Encoding, NewConnection, Now, ResumeRequest};
use crate::server::connection::transport::Listener;
use crate::server::connection::{Flags, Flushed, Protocol};
use crate::server::engine::Engine;
use crate::server::engine::accept::ListenerKind;
use crate::server::engine::timers::Timer;
use crate::wire::http;
use crate::wire::http::{HttpError, Request, Response};
use crate::wire::json;

/// Time allowed for the head of a request, from its first byte or from the connection.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time allowed for a connection between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Steps of one connection in a turn, with one answer at most.
const STEPS: usize = 4;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An HTTP connection.
pub struct Exchange {
    pub addr: SocketAddr,
    /// It came to the admin listener, and may ask for metrics only.
    pub is_admin: bool,
    /// Bytes that have been read and not processed.
    input: Vec<u8>,
    /// The answer being written: head, body, and the number of bytes sent.
    head: Vec<u8>,
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
}

/// The result of a step.
enum ExchangeStep {
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
    /// Creates the exchange of a connection that has just been accepted.
    pub fn new(addr: SocketAddr, kind: ListenerKind, now: Now) -> Self {
        Exchange {
            addr,
            is_admin: kind == ListenerKind::Admin,
            input: Vec::new(),
            head: Vec::new(),
            body: Cow::default(),
            sent: 0,
            is_last: false,
            since: now.at,
            has_answered: false,
            bucket: 0,
        }
    }

    /// Bytes kept of its input.
    pub fn kept(&self) -> usize {
        self.input.len()
    }

    fn is_answering(&self) -> bool {
        self.sent < self.head.len() + self.body.len()
    }

    /// The time at which it has taken too long; an unfinished head is then refused, otherwise the connection is closed.
    fn due(&self, farewell: Duration) -> Duration {
        self.since
            + match () {
                () if self.is_answering() => farewell,
                () if self.has_answered && self.input.is_empty() => IDLE_TIMEOUT,
                () => HEAD_TIMEOUT,
            }
    }

    /// Writes the rest of the answer.
    fn flush(&mut self, stream: &mut impl Write, now: Now) -> Flushed {
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
        Flushed::UpToDate
    }

    /// The next request, from buffered bytes or after one read.
    fn next(&mut self, stream: &mut impl Read, block: &mut [u8], now: Now) -> ExchangeStep {
        // Empty lines before a request are skipped: RFC 9112, section 2.2.
        let blank = self.input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.input.drain(..blank);
        if !self.input.is_empty() {
            match http::parse(&self.input) {
                Ok(None) => {}
                Ok(Some((request, length))) => {
                    self.input.drain(..length);
                    return ExchangeStep::Request(Box::new(request));
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

    fn answer(&mut self, head: Vec<u8>, body: Cow<'static, [u8]>, keep_alive: bool, now: Now) {
        (self.head, self.body, self.sent) = (head, body, 0);
        self.is_last = !keep_alive;
        self.has_answered = true;
        self.since = now.at;
        if self.is_last || self.input.is_empty() {
            self.input = Vec::new();
        }
    }

    /// Refuses a request and ends the connection, since what follows cannot be parsed.
    fn refuse(&mut self, refused: HttpError, now: Now) {
        let is_head = self.input.starts_with(b"HEAD ");
        self.answer(http::refuse(refused, is_head, false, now.local), Cow::default(), false, now);
    }
}

impl<L: Listener> Engine<L> {
    /// Counts a new exchange; `false` if its address has too many.
    pub(in crate::server) fn admit_exchange(&mut self, addr: IpAddr) -> bool {
        let most = if self.access.is_trusted(addr) { 0 } else { self.access.max_per_ip };
        self.pending_exchanges.enter(addr, most)
    }

    /// Uncounts an exchange that has become a WebSocket or has ended.
    pub(in crate::server) fn release_exchange(&mut self, kind: ListenerKind, addr: IpAddr) {
        if kind == ListenerKind::Web && self.access.max_per_ip > 0 && !self.access.is_trusted(addr) {
            self.pending_exchanges.leave(addr);
        }
    }

    /// Answers the requests of a connection, as far as possible now.
    pub(in crate::server) fn exchange(&mut self, slot: usize, now: Now) {
        let rate_limit = self.hub.rate_limit();
        let mut has_answer = false;
        for _ in 0..STEPS {
            let connection = &mut self.connections[slot];
            let Protocol::Http(exchange) = &mut connection.protocol else { return };
            match exchange.flush(&mut connection.stream, now) {
                Flushed::UpToDate if exchange.is_last => return self.shutdown_write(slot, now),
                Flushed::UpToDate | Flushed::More => {}
                Flushed::Blocked => return,
                Flushed::Lost => return self.finish(slot),
            }
            if has_answer {
                // The next answer comes after those to other connections.
                break;
            }
            if let Some(time) = rate_limit.wait(exchange.bucket, now).filter(|_| !exchange.input.is_empty()) {
                connection.flags.insert(Flags::READ_PAUSED);
                return self.set_timer(slot, Timer::Resume, time);
            }
            let step = exchange.next(&mut connection.stream, &mut self.block, now);
            has_answer = matches!(step, ExchangeStep::Request(_) | ExchangeStep::Refused(_));
            if has_answer {
                exchange.bucket = rate_limit.taken(exchange.bucket, now);
            }
            match step {
                ExchangeStep::Request(request) => self.answer(slot, &request, now),
                ExchangeStep::Refused(refused) => exchange.refuse(refused, now),
                ExchangeStep::More => {}
                ExchangeStep::Wait => return,
                ExchangeStep::End => return self.finish(slot),
            }
        }
        self.read_soon(slot);
    }

    /// Handles the deadline of an exchange.
    pub(in crate::server) fn expire_exchange(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let Protocol::Http(exchange) = &mut connection.protocol else { return };
        let due = exchange.due(self.limits.farewell_timeout);
        if due > now.at {
            return self.set_timer(slot, Timer::Exchange, due);
        }
        if exchange.is_answering() || exchange.input.is_empty() {
            return self.finish(slot);
        }
        exchange.refuse(HttpError::Timeout, now);
        self.set_timer(slot, Timer::Exchange, now.at + self.limits.farewell_timeout);
        self.exchange(slot, now);
    }

    fn answer(&mut self, slot: usize, request: &Request, now: Now) {
        let Protocol::Http(exchange) = &mut self.connections[slot].protocol else { return };
        let (addr, is_admin) = (exchange.addr, exchange.is_admin);
        debug!("{addr} requests {}", request.path.escape_debug());
        let keep_alive = request.keep_alive;
        let answer = match (&*request.path, is_admin) {
            _ if !self.access.names_this_server(request) => {
                debug!("{addr} is refused: unknown host {:?}", request.host);
                Err(HttpError::Misdirected)
            }
            ("/ws", false) if request.is_head => Err(HttpError::SocketNeedsGet),
            ("/ws", false) => match self.upgrade(slot, addr, request, now) {
                Ok(()) => return,
                Err(refused) => Err(refused),
            },
            ("/", false) => Ok(self.page(request, now)),
            ("/healthz", true) if self.is_ending() => Err(HttpError::ShuttingDown),
            ("/healthz", true) => Ok(document(TEXT, "ok\n".into(), request, now)),
            ("/metrics", true) => Ok(document(METRICS, self.metrics(now), request, now)),
            (_, true) => Err(HttpError::MetricsNotFound),
            (_, false) => Err(HttpError::NotFound),
        };
        let (head, body) = answer
            .unwrap_or_else(|refused| (http::refuse(refused, request.is_head, keep_alive, now.local), Cow::default()));
        if let Protocol::Http(exchange) = &mut self.connections[slot].protocol {
            exchange.answer(head, body, keep_alive, now);
        }
    }

    fn page(&self, request: &Request, now: Now) -> (Vec<u8>, Cow<'static, [u8]>) {
        let page = &self.page;
        let is_cached =
            request.if_none_match.as_deref().is_some_and(|tags| http::items(tags).any(|tag| tag == page.tag));
        let response = Response::new(if is_cached { "304 Not Modified" } else { "200 OK" }, now.local)
            .field("ETag", &page.tag)
            .field("Cache-Control", "no-cache")
            .field("Content-Security-Policy", &page.policy)
            .field("Referrer-Policy", "no-referrer")
            .field("Cross-Origin-Opener-Policy", "same-origin");
        if is_cached {
            return (response.without_body(request.keep_alive), Cow::default());
        }
        let head = response.with_body(HTML, page.html.len(), request.keep_alive);
        (head, Cow::Borrowed(if request.is_head { &[] } else { page.html.as_bytes() }))
    }

    /// Turns an exchange into a WebSocket and a client of the hub.
    fn upgrade(&mut self, slot: usize, peer: SocketAddr, request: &Request, now: Now) -> Result<(), HttpError> {
        let upgrade = request.upgrade.as_ref().ok_or(HttpError::UpgradeRequired)?;
        if !self.access.is_allowed(request) {
            debug!("{peer} is refused: origin {:?} is not allowed", request.origin);
            return Err(HttpError::Forbidden);
        }
        let preface = http::accept(upgrade, SUBPROTOCOL)?;
        let connection = &mut self.connections[slot];
        let Protocol::Http(exchange) = &mut connection.protocol else { return Ok(()) };
        let held = std::mem::take(&mut exchange.input);
        connection.become_web_socket(held, now);
        self.release_exchange(ListenerKind::Web, peer.ip());
        let addr = self.access.client(peer, request);
        let arrival = NewConnection {
            addr,
            encoding: Encoding::WebSocket,
            preface: &preface,
            resume_request: read_resume_request(&request.query),
        };
        self.hub.handle_connection(ClientId::new(slot), arrival, now);
        if !self.limits.keepalive.is_zero() {
            self.set_timer(slot, Timer::Ping, now.at + self.limits.keepalive);
        }
        // Bytes that came after the request raise no event any more.
        self.read_soon(slot);
        Ok(())
    }
}

/// A document that is made for each request.
fn document(kind: &str, text: String, request: &Request, now: Now) -> (Vec<u8>, Cow<'static, [u8]>) {
    let response = Response::new("200 OK", now.local).field("Cache-Control", "no-store");
    let head = response.with_body(kind, text.len(), request.keep_alive);
    (head, Cow::Owned(if request.is_head { Vec::new() } else { text.into_bytes() }))
}

/// Reads the resume request from the query of a WebSocket's URL.
fn read_resume_request(query: &str) -> ResumeRequest {
    let run = http::parameter(query, "run").and_then(|run| json::read_run(&run));
    let after = http::parameter(query, "after").and_then(|after| after.parse().ok());
    ResumeRequest { room: http::parameter(query, "room").filter(|room| !room.is_empty()), read: run.zip(after) }
}
