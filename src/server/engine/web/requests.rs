//! Answers HTTP requests, and turns exchanges into WebSockets.

use std::borrow::Cow;
use std::net::SocketAddr;

use log::debug;

use crate::chat::{ClientId, Encoding, IrcShape, NewConnection, Now, ResumeRequest, show_addr};
use crate::server::connection::transport::{Flushed, Listener, Transport};
use crate::server::connection::{Flags, Protocol};
use crate::server::engine::Engine;
use crate::server::engine::timers::Timer;
use crate::server::http::{Answer, ExchangeStep, Metrics, SUBPROTOCOL, api, document};
use crate::server::limits::FAREWELL_TIMEOUT;
use crate::wire::http::{self, HttpError, Request};
use crate::wire::irc::frames;

/// Steps of one connection in a turn, with one answer at most.
const STEPS: usize = 4;

const TEXT: &str = "text/plain; charset=utf-8";
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

impl<L: Listener> Engine<L> {
    /// Answers the requests of a connection, as far as possible now.
    pub(in crate::server::engine) fn exchange(&mut self, slot: usize, now: Now) {
        let rate_limit = self.hub.rate_limit();
        let mut has_answer = false;
        for _ in 0..STEPS {
            let connection = &mut self.connections[slot];
            let Protocol::Http(exchange) = &mut connection.protocol else { return };
            match exchange.flush(&mut connection.stream, now) {
                Flushed::UpToDate if exchange.is_last() => return self.shutdown_write(slot, now),
                Flushed::UpToDate | Flushed::More => {}
                Flushed::Blocked => return,
                Flushed::Lost => return self.finish(slot),
            }
            if exchange.is_waiting() {
                // The answer comes when the message is committed.
                return;
            }
            if has_answer {
                // The next answer comes after those to other connections.
                break;
            }
            if let Some(time) = exchange.wait(rate_limit, now) {
                connection.flags.insert(Flags::READ_PAUSED);
                return self.set_timer(slot, Timer::Resume, time);
            }
            let step = exchange.next(&mut connection.stream, &mut self.block, now);
            has_answer = matches!(step, ExchangeStep::Request(_) | ExchangeStep::Refused(_));
            if has_answer {
                exchange.count(rate_limit, now);
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
    pub(in crate::server::engine) fn expire_exchange(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let Protocol::Http(exchange) = &mut connection.protocol else { return };
        let due = exchange.due(FAREWELL_TIMEOUT);
        if due > now.at {
            return self.set_timer(slot, Timer::Exchange, due);
        }
        if exchange.is_waiting() {
            self.give_up_post(slot, now);
            return self.set_timer(slot, Timer::Exchange, now.at + FAREWELL_TIMEOUT);
        }
        if !exchange.is_reading() {
            return self.finish(slot);
        }
        exchange.refuse(HttpError::Timeout, now);
        self.set_timer(slot, Timer::Exchange, now.at + FAREWELL_TIMEOUT);
        self.exchange(slot, now);
    }

    fn answer(&mut self, slot: usize, request: &Request, now: Now) {
        let Protocol::Http(exchange) = &mut self.connections[slot].protocol else { return };
        let (addr, is_admin) = (exchange.addr(), exchange.is_admin());
        let shown = show_addr(addr);
        debug!("{shown} requests {}", request.path.escape_debug());
        let keep_alive = request.keep_alive;
        let is_encrypted = self.connections[slot].stream.is_encrypted();
        let answer = match (&*request.path, is_admin) {
            _ if !self.web.access().names_this_server(request) => {
                debug!("{shown} is refused: unknown host {:?}", request.host);
                Err(HttpError::Misdirected)
            }
            _ if !is_admin && !is_encrypted && self.web.access().redirects() => {
                self.web.access().redirect(request, now)
            }
            ("/ws", false) if request.is_head => Err(HttpError::SocketNeedsGet),
            ("/ws", false) => match self.upgrade(slot, addr, request, now) {
                Ok(()) => return,
                Err(refused) => Err(refused),
            },
            // Clients of IRC may be given the address of the server without a path.
            ("/", false) if !request.is_head && offers_irc(request) => match self.upgrade(slot, addr, request, now) {
                Ok(()) => return,
                Err(refused) => Err(refused),
            },
            ("/", false) => Ok(self.web.page(request, now)),
            (_, true) => match self.answer_program(slot, request, now) {
                Some(answer) => answer,
                None => return,
            },
            (_, false) => Err(HttpError::NotFound),
        };
        let mut answer = answer
            .unwrap_or_else(|refused| (http::refuse(refused, request.is_head, keep_alive, now.local), Cow::default()));
        if !is_admin && is_encrypted {
            self.web.access().add_hsts(request, &mut answer.0);
        }
        if let Protocol::Http(exchange) = &mut self.connections[slot].protocol {
            exchange.answer(answer, keep_alive, now);
        }
    }

    /// The answer to a request of the operator's programs; `None` if it waits for a commit.
    fn answer_program(&mut self, slot: usize, request: &Request, now: Now) -> Option<Result<Answer, HttpError>> {
        if let Some(room) = api::room_of(&request.path) {
            return self.answer_api(slot, request, &room, now).map(Ok);
        }
        Some(match &*request.path {
            "/" | "/healthz" | "/metrics" if request.post.is_some() => Err(HttpError::MethodNotAllowed),
            "/" => Ok(document(TEXT, api::INDEX.into(), request, now)),
            "/healthz" if self.is_ending() => Err(HttpError::ShuttingDown),
            "/healthz" if self.web.cluster().is_some_and(|cluster| !cluster.is_ready) => Err(HttpError::CutOff),
            "/healthz" => Ok(document(TEXT, "ok\n".into(), request, now)),
            "/metrics" => Ok(document(METRICS, self.metrics(now), request, now)),
            _ => Err(HttpError::AdminNotFound),
        })
    }

    /// Turns an exchange into a WebSocket and a client of the hub.
    fn upgrade(&mut self, slot: usize, peer: SocketAddr, request: &Request, now: Now) -> Result<(), HttpError> {
        let upgrade = request.upgrade.as_ref().ok_or(HttpError::UpgradeRequired)?;
        if !self.web.access().is_allowed(request) {
            debug!("{} is refused: origin {:?} is not allowed", show_addr(peer), request.origin);
            return Err(HttpError::Forbidden);
        }
        let protocol = upgrade.choose(&[SUBPROTOCOL, frames::TEXT, frames::BINARY]);
        let encoding = match protocol {
            Some(frames::TEXT) => Encoding::Irc(IrcShape::TEXT_FRAMES),
            Some(frames::BINARY) => Encoding::Irc(IrcShape::BINARY_FRAMES),
            _ => Encoding::JsonFrame,
        };
        if encoding.is_irc() && !self.hub.has_irc() {
            return Err(HttpError::NoIrc);
        }
        let preface = http::accept(upgrade, protocol)?;
        let connection = &mut self.connections[slot];
        let Protocol::Http(exchange) = &mut connection.protocol else { return Ok(()) };
        let held = exchange.take_input();
        connection.become_web_socket(held, encoding.is_irc(), now);
        self.web.release(peer.ip());
        let addr = self.web.access().client(peer, request);
        let arrival =
            NewConnection { addr, encoding, preface: &preface, resume_request: read_resume_request(&request.query) };
        self.hub.handle_connection(ClientId::new(slot), arrival, now);
        self.note_encrypted(slot);
        if !self.limits.keepalive.is_zero() {
            self.set_timer(slot, Timer::Ping, now.at + self.limits.keepalive);
        }
        // Bytes that came after the request raise no event any more.
        self.read_soon(slot);
        Ok(())
    }

    fn metrics(&self, now: Now) -> String {
        let metrics = Metrics {
            figures: self.hub.stats(),
            exchanges: self.exchange_count(),
            uptime: now.at.saturating_sub(self.began),
            tls: self.buffers.as_deref().map(|buffers| (buffers, self.openings.len())),
            store_writer: self.store_writer.as_ref(),
            turns: self.turns.as_ref(),
            certificates: self.web.certificates(),
            cluster: self.web.cluster(),
        };
        metrics.text()
    }
}

/// Whether a request asks for a WebSocket with IRC.
fn offers_irc(request: &Request) -> bool {
    request.upgrade.as_ref().is_some_and(|upgrade| upgrade.choose(&[frames::TEXT, frames::BINARY]).is_some())
}

/// Reads the resume request from the query of a WebSocket's URL.
fn read_resume_request(query: &str) -> ResumeRequest {
    ResumeRequest::new(|name| http::parameter(query, name))
}
