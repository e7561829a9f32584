//! Deadlines of the login and of idle members.

use std::time::Duration;

use super::Hub;
use crate::chat::event::{Cause, Refusal};
use crate::chat::id::{ClientId, Now};
use crate::chat::input::Close;
use crate::chat::session::client::SessionStage;
use crate::util::shrink;

/// Deadlines that one tick checks at most. Most of them are only moved to a later time.
const DEADLINES_PER_TICK: usize = 1024;

/// Which timeout a deadline belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DeadlineKind {
    Login,
    Idle,
}

/// A deadline of a connection id.
///
/// Each id has at most one deadline of each kind. It stays in the timer wheel when the client leaves and then serves
/// the next client with that id, so reconnecting does not add entries.
#[derive(Clone, Copy)]
pub struct Deadline {
    pub id: ClientId,
    pub kind: DeadlineKind,
}

impl Hub {
    /// Checks the deadlines that have passed, until `until` sessions have been disconnected since the start.
    pub(super) fn check_deadlines(&mut self, until: u64, now: Now) {
        self.expired.extend(self.deadlines.expire(now.at));
        shrink::queue(&mut self.expired);
        for _ in 0..DEADLINES_PER_TICK {
            if self.disconnected >= until {
                return;
            }
            let Some(deadline) = self.expired.pop_front() else { return };
            self.check_deadline(deadline, now);
        }
    }

    pub(super) fn set_deadline(&mut self, deadline: Deadline, at: Duration) {
        if !self.clients.set_deadline(deadline.id, deadline.kind as u8, true) {
            self.deadlines.set(at, deadline);
        }
    }

    /// Ends the session of a deadline that has passed, or sets the deadline again.
    ///
    /// Does nothing if the deadline was set for an earlier client with the same id or if the client has logged in
    /// since.
    fn check_deadline(&mut self, deadline: Deadline, now: Now) {
        let Deadline { id, kind } = deadline;
        self.clients.set_deadline(id, kind as u8, false);
        let Some(client) = self.clients.get(id) else { return };
        let (most, refusal, cause) = match (kind, client.stage) {
            (DeadlineKind::Login, SessionStage::LoggingIn) => {
                let most = self.config.login_timeout;
                (most, Refusal::LoginTimeout { seconds: most.as_secs() }, Cause::LoginTimeout)
            }
            (DeadlineKind::Idle, SessionStage::InRoom) => {
                let most = self.config.idle_timeout;
                (most, Refusal::Idle { seconds: most.as_secs() }, Cause::Idle)
            }
            _ => return,
        };
        let at = Duration::from_micros(client.active) + most;
        if at > now.at {
            self.set_deadline(deadline, at);
        } else {
            self.refuse(id, refusal);
            self.end_session(id, cause, Close::WhenRead, now);
        }
    }
}
