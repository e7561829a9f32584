//! What a connection does that is a browser's WebSocket.

use super::{MAX_LINE, Member, State};
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::common::Common;
use crate::bench::driver::group::Group;
use crate::bench::error::Error;
use crate::bench::workload::browser::{Frame, frame};
use crate::wire::frame::code::NORMAL;

impl Member {
    /// The connection has been made.
    pub(super) fn ask_for_upgrade(&mut self, group: &Group, common: &Common) {
        self.state = State::Upgrading;
        self.send(&common.browser.request(group.door.addr));
    }

    /// Takes the answer to that, and what comes behind it.
    pub(super) fn take_answer(
        &mut self,
        group: &mut Group,
        common: &Common,
        bytes: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        self.rest.extend_from_slice(bytes);
        let answer = common.browser.read_answer(&self.rest);
        let Some(head) = answer.map_err(|why| Error::NoWebSocket(group.door.addr, why))? else { return Ok(()) };
        let rest = self.rest.split_off(head);
        self.rest = Vec::new();
        self.state = State::Upgraded;
        if !group.door.prompt {
            self.introduce(group, common);
        }
        self.take_frames(group, common, &rest, now)
    }

    /// Takes bytes of frames, of which all are to be looked at.
    pub(super) fn take_frames(
        &mut self,
        group: &mut Group,
        common: &Common,
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
                Frame::Text(_) => self.unit(group, common, unit, now)?,
                // Those are for one alone, and so in no transcript.
                Frame::Ping(payload) => {
                    common.browser.pong(&mut self.out, payload);
                    self.flush();
                }
                Frame::Pong => {}
                Frame::Close(code) => {
                    self.closing = true;
                    // The server's words before it say more, if all is well.
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
