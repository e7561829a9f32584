//! What a connection says: its name, messages, and what one says who leaves.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;

use super::{Member, State};
use crate::bench::driver::clock;
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::common::Common;
use crate::bench::driver::group::{Group, Role};
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{Kind, Tag};

impl Member {
    pub(super) fn introduce(&mut self, group: &mut Group, common: &Common) {
        self.state = State::Welcome;
        self.say(group.name(self.index as usize, common.run).as_bytes(), common);
        if !group.door.welcome {
            self.enter(group, common, clock::now());
        }
    }

    pub(super) fn enter(&mut self, group: &mut Group, common: &Common, now: Nanos) {
        self.state = State::In;
        group.logged_in += 1;
        group.logins.record(now.saturating_sub(self.due));
        if group.role == Role::Visitor {
            self.queue(Tag { kind: Kind::Message, stream: 0, seq: self.index, time: now }, common);
            self.hung_up = match self.encoding {
                Encoding::Plain => {
                    self.flush();
                    self.stream.shutdown(Shutdown::Write).is_ok()
                }
                // A browser leaves it to the server to end the connection: RFC 6455, section 7.1.1.
                Encoding::WebSocket => {
                    common.browser.close(&mut self.out);
                    self.flush();
                    true
                }
            };
        }
    }

    /// Writes these bytes, now or when there is room for them.
    pub fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.flush();
    }

    /// As [`Member::send`]: a line, given without its end.
    pub fn say(&mut self, line: &[u8], common: &Common) {
        common.line(self.encoding, &mut self.out, |out| out.extend_from_slice(line));
        self.flush();
    }

    /// Notes a whole line to be written with those that follow.
    pub fn queue(&mut self, tag: Tag, common: &Common) {
        common.line(self.encoding, &mut self.out, |out| common.format.write(tag, out));
    }

    /// Writes what can be written.
    pub fn flush(&mut self) {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Reading will tell that the connection has ended.
                Err(_) => break,
            }
        }
        self.out.clear();
        self.sent = 0;
    }
}
