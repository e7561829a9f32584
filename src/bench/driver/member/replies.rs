//! Lines from the server itself: its replies to a name, and to the wish to follow rooms.

use std::ops::Range;

use super::{Member, State};
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::context::RunContext;
use crate::bench::driver::group::Group;
use crate::bench::error::Error;
use crate::bench::workload::browser::LoginReply;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::{irc, streams};

impl Member {
    /// Asks to follow rooms.
    pub fn follow(&mut self, rooms: Range<usize>, context: &RunContext) {
        self.awaited = rooms.clone();
        for room in rooms {
            let line = self.encoding.follow(&streams::name(room));
            context.line(self.encoding, &mut self.out, |out| out.extend_from_slice(line.as_bytes()));
        }
        self.flush();
    }

    /// Handles a line from the server itself.
    ///
    /// # Errors
    /// If it refuses the name, or a room that this member wants to follow.
    pub(super) fn handle_reply(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        text: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        if self.encoding == Encoding::Irc
            && let Some(pong) = irc::pong(text)
        {
            self.say(&pong, context);
            return Ok(());
        }
        match self.state {
            State::In if self.awaited.is_empty() => Ok(()),
            State::In => self.handle_follow_reply(group, context, text),
            _ => self.handle_login_reply(group, context, text, now),
        }
    }

    fn handle_follow_reply(&mut self, group: &mut Group, context: &RunContext, text: &[u8]) -> Result<(), Error> {
        // Answers come in the order of the questions.
        let room = streams::name(self.awaited.start);
        if self.encoding.says_follows(text, &room) {
            self.awaited.start += 1;
            group.following += usize::from(self.awaited.is_empty());
        } else if let LoginReply::Refused(answer) = self.encoding.login_reply(text) {
            let name = group.name(self.index as usize, context.run);
            return Err(Error::NotFollowed { name, room, answer });
        }
        Ok(())
    }

    fn handle_login_reply(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        text: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        match self.encoding.login_reply(text) {
            LoginReply::Refused(answer) => {
                let name = group.name(self.index as usize, context.run);
                return Err(Error::Refused { name, answer });
            }
            LoginReply::Asked if self.state == State::Upgraded => self.send_name(group, context),
            LoginReply::Asked if self.state == State::Registering => self.enter_channel(context),
            LoginReply::Entered if self.state == State::Welcome => self.set_logged_in(group, context, now),
            _ => {}
        }
        Ok(())
    }
}
