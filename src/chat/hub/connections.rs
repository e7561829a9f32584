//! Connections that come and end.

use std::net::SocketAddr;

use log::info;

use super::store_queue::StoreQueue;
use super::{Hub, TraceEvent};
use crate::chat::cause::Cause;
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, RoomLabel};
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::id::{ClientId, Now};
use crate::chat::input::{Close, NewConnection, ResumeRequest};
use crate::chat::policy::peer::show_addr;
use crate::chat::session::SessionFlags;
use crate::chat::session::irc::Caps;

impl Hub {
    /// Adds a plain connection. `id` is its number until [`Hub::handle_closed`].
    pub fn handle_plain_connection(&mut self, id: ClientId, addr: SocketAddr, now: Now) {
        let arrival =
            NewConnection { addr, encoding: Encoding::Plain, preface: &[], resume_request: ResumeRequest::default() };
        self.handle_connection(id, arrival, now);
    }

    /// Adds a connection with any encoding, a preface and a resume request.
    pub fn handle_connection(&mut self, id: ClientId, arrival: NewConnection, now: Now) {
        let NewConnection { addr, encoding, preface, resume_request } = arrival;
        self.trace.record(|| TraceEvent::Connected(id));
        self.sessions.insert(id, addr, encoding, now.micros());
        if !preface.is_empty() {
            self.fanout().send_raw(id, preface);
        }
        if encoding.is_json() {
            self.send_hello(id);
        }
        if resume_request != ResumeRequest::default() {
            self.resume_requests.insert(id, resume_request);
        }
        self.stats.connections += 1;
        self.stats.started.get_or_insert(now.local);
        let connected = self.sessions.len();
        info!("connected {} ({connected} connected)", show_addr(addr));
        self.fanout().send_connection_to_console(Notice::Connected { addr, connected });
        self.admit_or_refuse(id, now);
    }

    /// The lines of an IRC session do not cross the network unencrypted: others are shown that. Must be called right after
    /// [`Hub::handle_connection`].
    pub fn note_encrypted(&mut self, id: ClientId) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.caps.insert(Caps::ENCRYPTED);
        }
    }

    /// Whether the run of the server is the one that it goes on with: a node takes over that of its cluster.
    pub(super) fn knows_run(&self) -> bool {
        let is_stored = |store: &StoreQueue| store.follows_log();
        !self.is_node() || self.rejoining.node().is_some() || self.store.as_deref().is_some_and(is_stored)
    }

    /// Sends the first object of a program, or the same with the run that was not known.
    pub(super) fn send_hello(&mut self, id: ClientId) {
        let run = self.knows_run().then_some(self.run);
        let Config { name: server, max_line, .. } = &self.config;
        let hello = Notice::Hello { server, run, max_line: *max_line, store: self.store.is_some() };
        self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(hello));
    }

    /// Sends programs the run of the server, which they were not told, or which is another one now.
    pub(super) fn send_hello_to_programs(&mut self) {
        let programs = self.sessions.iter().filter(|(_, session)| session.encoding.is_json() && !session.is_leaving());
        let programs: Vec<ClientId> = programs.map(|(id, _)| id).collect();
        programs.into_iter().for_each(|id| self.send_hello(id));
    }

    /// The client closed its sending side. Its unsent data is still written.
    pub fn handle_end_of_input(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::EndOfInput, Close::WhenRead, now);
    }

    /// Refuses a client that speaks another protocol: sends the reason and ends the session.
    pub fn handle_foreign_protocol(&mut self, id: ClientId, now: Now) {
        if self.sessions.get(id).is_some_and(|session| !session.is_leaving()) {
            self.fanout().refuse(id, Refusal::OtherProtocol);
            self.end_session(id, Cause::OtherProtocol, Close::WhenRead, now);
        }
    }

    /// The line for a client that is refused before it gets a session.
    pub fn refusal_line(&self, refusal: Refusal) -> Vec<u8> {
        let mut line = Vec::new();
        self.outbound.render(Encoding::Plain).render(&Event::Refusal(refusal), RoomLabel::None, &mut line);
        line
    }

    /// The client ended in the middle of a frame or line. Its unsent data is still written.
    pub fn handle_broken_input(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::WhenRead, now);
    }

    /// The connection is lost. Its unsent data is dropped.
    pub fn handle_connection_lost(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ConnectionLost, Close::AtOnce, now);
    }

    /// Removes a closed connection; its id may be used again.
    ///
    /// Must be called only when [`Hub::poll_close`] returns nothing more for it.
    pub fn handle_closed(&mut self, id: ClientId, now: Now) {
        if self.sessions.get(id).is_some_and(|session| !session.is_leaving()) {
            let cause = if self.ending { Cause::ShutDown } else { Cause::ConnectionLost };
            self.end_session(id, cause, Close::AtOnce, now);
            self.outbound.forget_close(id);
        }
        if self.sessions.get(id).is_some() {
            self.trace.record(|| TraceEvent::Closed(id));
        }
        self.resume_requests.remove(&id);
        self.rejoining.end(id);
        self.prompts.clear(id);
        self.passwords.forget(id);
        if let Some((session, addr)) = self.sessions.remove(id) {
            if session.has(SessionFlags::COUNTED) {
                self.ip_limit.leave(addr.ip());
            }
            let connected = self.sessions.len();
            info!("disconnected {} ({connected} connected)", show_addr(addr));
            self.fanout().send_connection_to_console(Notice::Disconnected { addr, connected });
        }
    }
}
