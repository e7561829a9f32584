//! The browser's WebSocket side of a connection.

use super::{MAX_LINE, Member, State};
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::context::RunContext;
use crate::bench::driver::group::Group;
use crate::bench::error::Error;
use crate::bench::workload::browser::{ServerFrame, frame};
use crate::wire::frame::code::NORMAL;

impl Member {
    /// Sends the upgrade request; the connection has been made.
    pub(super) fn ask_for_upgrade(&mut self, group: &Group, context: &RunContext) {
        self.state = State::Upgrading;
        self.send(&context.browser.request(self.addr(group), group.endpoint.tls));
    }

    /// Processes the answer to the upgrade request, and the bytes after it.
    pub(super) fn take_answer(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        bytes: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        self.rest.extend_from_slice(bytes);
        let answer = context.browser.read_answer(&self.rest);
        let Some(head) = answer.map_err(|why| Error::NoWebSocket(self.addr(group), why))? else { return Ok(()) };
        let rest = self.rest.split_off(head);
        self.rest = Vec::new();
        self.state = State::Upgraded;
        if !group.endpoint.prompt {
            self.send_name(group, context);
        }
        self.take_frames(group, context, &rest, now)
    }

    /// Processes bytes of frames one by one.
    pub(super) fn take_frames(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        bytes: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        let joined;
        let mut bytes = if self.rest.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.rest), bytes].concat();
            &joined
        };
        while let Some((frame, length)) = frame(bytes, MAX_LINE).map_err(Error::Frame)? {
            let (unit, rest) = bytes.split_at(length);
            bytes = rest;
            match frame {
                ServerFrame::Text(_) => self.take_unit(group, context, unit, now)?,
                // A ping is for one client only, so it is not in the transcript.
                ServerFrame::Ping(payload) => {
                    context.browser.pong(&mut self.out, payload);
                    self.flush();
                }
                ServerFrame::Pong => {}
                ServerFrame::Close(code) => {
                    self.closing = true;
                    // If all is well, the server's text before it says more.
                    if let Some(code) = code.filter(|&code| code != NORMAL) {
                        group.note(self.index, format!("a close frame, {code}").as_bytes());
                    }
                }
            }
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}
