//! The end of sessions: for any cause, at a limited rate.

use std::time::Duration;

use log::info;

use super::deadlines::{DEADLINES_PER_TICK, Deadline, DeadlineKind};
use super::trace::TraceEvent;
use super::{Hub, Shared};
use crate::chat::cause::Cause;
use crate::chat::change::Change;
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::id::{Author, ClientId, MemberId, Now, RoomId};
use crate::chat::input::Close;
use crate::chat::policy::peer::show_addr;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::{PendingDisconnect, Session, SessionStage, Uncommitted};
use crate::util::tables::shrink;

/// Time after which a passed deadline is checked again, while its session waits for a commit.
const COMMIT_RECHECK: Duration = Duration::from_millis(100);

impl Hub {
    /// Ends a session for any cause.
    ///
    /// Calling it again does nothing, except that [`Close::AtOnce`] drops the unsent data.
    pub(super) fn end_session(&mut self, id: ClientId, cause: Cause, close: Close, now: Now) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // Part of its data is dropped already, so it is closed as a slow consumer whatever the cause.
        let (cause, close) = match session.pending_disconnect {
            Some(PendingDisconnect::TooSlow) if !session.is_leaving() => (Cause::TooSlow, Close::AtOnce),
            _ => (cause, close),
        };
        self.trace.record(|| TraceEvent::Departed(id, cause.clone()));
        if session.is_leaving() {
            if close == Close::AtOnce {
                // The unsent data is dropped. The mark keeps this session from counting as up to date.
                (session.outbox, session.pending_disconnect) = (None, Some(PendingDisconnect::TooSlow));
                self.outbound.close(id, close);
            }
            return;
        }
        if let Some(member) = self.end_locally(id, &cause, close, now) {
            self.propose(None, Change::Leave { member, cause }, &now);
            self.update_away(member, None, &now);
        }
        self.admit(now);
    }

    /// Ends a session in this process. Returns its member.
    pub(super) fn end_locally(&mut self, id: ClientId, cause: &Cause, close: Close, now: Now) -> Option<MemberId> {
        let mut left = None;
        match self.sessions[id].stage {
            SessionStage::Waiting => self.admission.leave(now.at),
            SessionStage::LoggingIn => {
                self.withdraw_login(id);
                self.forget_watched(id);
                self.admission.release();
            }
            SessionStage::Present => {
                self.show_held_modes(id, &now);
                left = self.detach_from_member(id, cause, close);
                self.admission.release();
            }
            SessionStage::Console | SessionStage::Leaving => {}
        }
        self.disconnects.count();
        self.stats.dropped += u64::from(*cause == Cause::TooSlow);
        self.stats.left[cause.number()] += 1;
        let session = &mut self.sessions[id];
        session.stage = SessionStage::Leaving;
        if close == Close::AtOnce {
            session.outbox = None;
        }
        self.outbound.close(id, close);
        left
    }

    /// Separates a session from its member, and returns the member. The caller proposes [`Change::Leave`] for it.
    pub(super) fn detach_from_member(&mut self, id: ClientId, cause: &Cause, close: Close) -> Option<MemberId> {
        self.cancel_deliveries(id);
        let slot = self.sessions[id].member?;
        // An IRC client that ends its input is gone. When many go at once, their unread lines about each other fill the memory.
        let is_gone = self.sessions[id].encoding.is_irc() && *cause == Cause::EndOfInput;
        let mut fanout = self.fanout();
        match close {
            Close::WhenRead if is_gone => fanout.keep_begun_entry(id),
            Close::WhenRead => fanout.move_unread_to_outbox(id),
            Close::AtOnce => {}
        }
        fanout.unsubscribe_all(id);
        let is_last = self.remove_session(slot, id);
        self.forget_watched(id);
        let Shared { members, .. } = &self.shared;
        if let Some(addr) = self.sessions.addr(id) {
            let (name, here) = (&members[slot].name, members.len() - usize::from(is_last));
            let what = if is_last { "left" } else { "has one session less" };
            info!("{name} {what}: {}, {} ({here} here)", reason(cause), show_addr(addr));
        }
        Some(members.id(slot))
    }

    /// A session, which may have been a member before, is told no more of the names and keys that it watches.
    fn forget_watched(&mut self, id: ClientId) {
        self.monitors.clear(id);
        self.subscribed_keys.clear(id);
    }

    /// Marks the slow consumers, whose backlog is over the limit, and drops their unread data.
    ///
    /// This is cheap and done for all of them at once, so that they no longer keep old log segments in memory.
    pub(super) fn mark_slow_consumers(&mut self, now: Now) {
        while let Some(id) = self.outbound.slow_consumers().pop() {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if !session.is_blocked() {
                // It reads again. If it blocks again, it is noted again.
                self.fanout().unmark_blocked(id);
                continue;
            }
            if !self.is_too_slow(id) {
                continue;
            }
            let session = &mut self.sessions[id];
            if session.is_leaving() {
                // It has left for another reason already; only its connection remains.
                self.end_session(id, Cause::TooSlow, Close::AtOnce, now);
                continue;
            }
            session.outbox = None;
            self.disconnects.schedule(&mut self.sessions, id, PendingDisconnect::TooSlow);
            self.fanout().skip_to_end(id);
        }
        shrink::vec(self.outbound.slow_consumers());
    }

    /// Whether a session is behind by more than the backlog: in the log of one room, in its outbox, or in all together.
    fn is_too_slow(&self, id: ClientId) -> bool {
        let session = &self.sessions[id];
        let mut rooms = self.sessions.subscriptions(session).map(|(is_current, subscription)| {
            (self.shared.rooms[subscription.room].log(session.encoding.of_log(is_current)), subscription.cursor)
        });
        let most = self.config.backlog_bytes;
        session.private_bytes() > most
            || rooms.any(|(log, cursor)| log.is_too_slow(cursor))
            || session.follows() && self.unread_bytes(session) > most as u64
    }

    /// Disconnects marked sessions in their order, until `until` sessions have been disconnected since the start.
    pub(super) fn disconnect(&mut self, until: u64, now: Now) {
        while self.disconnects.done() < until
            && let Some(id) = self.disconnects.pop()
        {
            // If it has left for another reason, another session may have its id now.
            let Some(session) = self.sessions.get_mut(id).filter(|session| !session.is_leaving()) else { continue };
            match session.pending_disconnect {
                None => {}
                Some(PendingDisconnect::TooSlow) => self.end_session(id, Cause::TooSlow, Close::AtOnce, now),
                Some(PendingDisconnect::Banned) => {
                    if self.is_banned(self.sessions.ip(id), now) {
                        self.fanout().refuse(id, Refusal::Banned);
                        self.end_session(id, Cause::Banned, Close::WhenRead, now);
                    } else {
                        self.sessions[id].pending_disconnect = None;
                    }
                }
            }
        }
    }

    /// Checks the deadlines that have passed, until `until` sessions have been disconnected since the start.
    pub(super) fn check_deadlines(&mut self, until: u64, now: Now) {
        self.deadlines.expire(now.at);
        for _ in 0..DEADLINES_PER_TICK {
            if self.disconnects.done() >= until {
                return;
            }
            let Some(deadline) = self.deadlines.pop_expired(&mut self.sessions) else { return };
            self.check_deadline(deadline, now);
        }
    }

    /// Ends the session of a deadline that has passed, or sets the deadline again.
    ///
    /// Does nothing if the deadline was set for an earlier session with the same id or if the session has logged in
    /// since.
    fn check_deadline(&mut self, deadline: Deadline, now: Now) {
        let Deadline { id, kind } = deadline;
        let Some(session) = self.sessions.get(id) else { return };
        let (most, refusal, cause) = match (kind, &session.stage) {
            (DeadlineKind::Login, SessionStage::LoggingIn) => {
                let most = self.config.login_timeout;
                (most, Refusal::LoginTimeout { seconds: most.as_secs() }, Cause::LoginTimeout)
            }
            (DeadlineKind::Idle, SessionStage::Present) if !self.config.idle_timeout.is_zero() => {
                let most = self.config.idle_timeout;
                (most, Refusal::Idle { seconds: most.as_secs() }, Cause::Idle)
            }
            _ => return,
        };
        let at = Duration::from_micros(session.active) + most;
        // A session that waits for a commit, or for its password to be compared, is not silent.
        let awaits = session.uncommitted.has_change() || self.passwords.awaits(id);
        let at = if awaits { at.max(now.at + COMMIT_RECHECK) } else { at };
        if at > now.at {
            self.deadlines.set(&mut self.sessions, deadline, at);
        } else {
            self.fanout().refuse(id, refusal);
            self.end_session(id, cause, Close::WhenRead, now);
        }
    }

    /// Starts the shutdown: sends the shutdown notice to all sessions and the operator. No more lines may be given to
    /// the hub.
    pub fn handle_shutdown(&mut self, now: Now) {
        self.trace.record(|| TraceEvent::ShutDown);
        self.ending = true;
        if self.nodes.has_lost_touch() {
            self.tell_what_waits();
        }
        let notice = Event::Notice(Notice::ShuttingDown);
        let occupied = self.shared.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let rooms: Vec<RoomId> = std::iter::once(RoomId::LOBBY).chain(occupied).collect();
        let is_outside = |session: &Session| match session.stage {
            SessionStage::Waiting | SessionStage::LoggingIn => true,
            // It may be in no room.
            SessionStage::Present => session.encoding.is_irc(),
            SessionStage::Console | SessionStage::Leaving => false,
        };
        let outside = self.sessions.iter().filter(|(_, session)| is_outside(session));
        let outside: Vec<ClientId> = outside.map(|(id, _)| id).collect();
        let mut fanout = self.fanout().without_irc();
        fanout.send_to_console(&notice);
        for room in rooms {
            fanout.append(room, Author::NONE, EntryKind::Server, 0, &notice, &now);
        }
        outside.into_iter().for_each(|id| fanout.send(id, &notice));
    }

    /// Tells the authors of changes that wait for the log that these are perhaps not applied.
    fn tell_what_waits(&mut self) {
        let waiting = self.sessions.iter().filter(|(_, session)| {
            session.stage == SessionStage::Present && session.uncommitted != Uncommitted::default()
        });
        let ids: Vec<ClientId> = waiting.map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.fanout().refuse(id, Refusal::PerhapsNotSaid));
    }

    /// Ends a session during shutdown, after the shutdown notice. Its later input is ignored.
    pub fn disconnect_for_shutdown(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ShutDown, Close::WhenRead, now);
    }

    /// Ends a session that no other process can go on with when one takes over the server. Its later input is ignored.
    pub fn disconnect_for_upgrade(&mut self, id: ClientId, now: Now) {
        let is_ending = |session: &Session| matches!(session.stage, SessionStage::Leaving);
        if self.sessions.get(id).is_none_or(is_ending) {
            return;
        }
        self.fanout().send(id, &Event::Notice(Notice::ShuttingDown));
        self.end_session(id, Cause::ShutDown, Close::WhenRead, now);
    }
}

/// The cause in the log. Clients read the texts of `i18n` instead.
fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Quit(None) => "quit".into(),
        Cause::Quit(Some(reason)) => format!("quit ({reason})"),
        Cause::EndOfInput => "end of input".into(),
        Cause::Moved => "another room".into(),
        Cause::ConnectionLost => "connection lost".into(),
        Cause::Idle => "idle".into(),
        Cause::TooSlow => "too slow to read".into(),
        Cause::Kicked(None) => "kicked".into(),
        Cause::Kicked(Some(why)) => format!("kicked ({why})"),
        Cause::Banned => "banned".into(),
        Cause::LoginTimeout => "no nickname in time".into(),
        Cause::OtherProtocol => "another protocol".into(),
        Cause::WrongPassword => "wrong password".into(),
        Cause::ShutDown => "server shut down".into(),
    }
}
