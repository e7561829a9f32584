//! What a connection sends: its name, messages, and its farewell.

use std::io::ErrorKind;

use super::{Member, State};
use crate::bench::driver::clock;
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::context::RunContext;
use crate::bench::driver::group::{Group, Role};
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::irc;
use crate::bench::workload::message::{MessageKind, Tag};

impl Member {
    pub(super) fn send_name(&mut self, group: &mut Group, context: &RunContext) {
        self.begin_welcome();
        self.say(group.name(self.index as usize, context.run).as_bytes(), context);
        if !group.endpoint.welcome {
            self.set_logged_in(group, context, clock::now());
        }
    }

    /// Gives the name to a server of IRC.
    pub(super) fn register(&mut self, group: &mut Group, context: &RunContext) {
        self.state = State::Registering;
        self.say(irc::registration(&group.name(self.index as usize, context.run)).as_bytes(), context);
    }

    /// Enters the room of all members, on a server of IRC that has taken the name.
    pub(super) fn enter_channel(&mut self, context: &RunContext) {
        self.begin_welcome();
        self.say(irc::enter().as_bytes(), context);
    }

    /// The next bytes are the answer to the name, or to entering the room.
    fn begin_welcome(&mut self) {
        self.state = State::Welcome;
        self.greeted = 0;
    }

    pub(super) fn set_logged_in(&mut self, group: &mut Group, context: &RunContext, now: Nanos) {
        self.state = State::In;
        group.logged_in += 1;
        group.logins.record(now.saturating_sub(self.due));
        if group.role == Role::Visitor {
            self.queue(Tag { kind: MessageKind::Message, stream: 0, seq: self.index, time: now }, context);
            self.leaving = match self.encoding {
                Encoding::Plain => {
                    self.flush();
                    self.stream.end_writing().is_ok()
                }
                Encoding::Irc => {
                    self.say(b"QUIT", context);
                    true
                }
                // A browser lets the server end the connection: RFC 6455, section 7.1.1.
                Encoding::WebSocket => {
                    context.browser.close(&mut self.out);
                    self.flush();
                    true
                }
            };
        }
    }

    /// Writes these bytes now, or when there is room for them.
    pub fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.flush();
    }

    /// As [`Member::send`], for a line without its end.
    pub fn say(&mut self, line: &[u8], context: &RunContext) {
        context.line(self.encoding, &mut self.out, |out| out.extend_from_slice(line));
        self.flush();
    }

    /// Queues a complete message, to be written with those that follow.
    pub fn queue(&mut self, tag: Tag, context: &RunContext) {
        context.line(self.encoding, &mut self.out, |out| context.write(self.encoding, tag, out));
    }

    /// Writes as much as possible.
    pub fn flush(&mut self) {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The next read reports that the connection has ended.
                Err(_) => break,
            }
        }
        self.out.clear();
        self.sent = 0;
        let _ = self.stream.flush();
    }
}
