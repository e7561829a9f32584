//! The beginning of a connection, up to the member's name.

use std::io::ErrorKind;

use super::{Member, State};
use crate::bench::driver::clock;
use crate::bench::driver::context::RunContext;
use crate::bench::driver::group::{Group, Role};
use crate::bench::error::Error;
use crate::bench::workload::encoding::Encoding;

impl Member {
    /// Handles a writable event: the connection is made, or there is room to write.
    ///
    /// # Errors
    /// If the connection could not be made.
    pub fn writable(&mut self, group: &mut Group, context: &RunContext) -> Result<(), Error> {
        // A write would take the error away that tells why the connection was not made.
        if self.state == State::Connecting && (self.speaks_first(group) || self.stream.is_handshaking()) {
            match self.stream.socket().take_error() {
                Ok(None) => {}
                Ok(Some(error)) | Err(error) => return Err(Error::Connect(self.addr(group), error)),
            }
            match self.stream.socket().peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(Error::Connect(self.addr(group), error)),
            }
            if !self.stream.is_handshaking() {
                self.speak(group, context);
            }
        }
        if !(group.paused && self.stream.is_handshaking()) {
            self.flush();
        }
        Ok(())
    }

    /// Whether the server says nothing before the member does. Where it does, its prompt or an error tells whether the
    /// connection was made.
    fn speaks_first(&self, group: &Group) -> bool {
        group.role != Role::Handshaker && (!group.endpoint.prompt || self.encoding.speaks_first())
    }

    fn speak(&mut self, group: &mut Group, context: &RunContext) {
        match self.encoding {
            Encoding::Plain => self.send_name(group, context),
            Encoding::WebSocket => self.ask_for_upgrade(group, context),
            Encoding::Irc => self.register(group, context),
        }
    }

    /// Goes on after a TLS handshake.
    pub(super) fn handshake_ended(&mut self, group: &mut Group, context: &RunContext) {
        group.handshakes += 1;
        group.resumed += u64::from(self.stream.is_resumed());
        if group.role == Role::Handshaker {
            self.state = State::In;
            group.logged_in += 1;
            group.logins.record(clock::now().saturating_sub(self.due));
            self.leaving = self.stream.end_writing().is_ok();
        } else if self.speaks_first(group) {
            self.speak(group, context);
        }
    }

    /// Handles the server's prompt.
    pub(super) fn prompted(&mut self, group: &mut Group, context: &RunContext, bytes: &[u8]) {
        group.greeting.0 = bytes.len();
        group.note(self.index, bytes.trim_ascii());
        self.send_name(group, context);
    }
}
