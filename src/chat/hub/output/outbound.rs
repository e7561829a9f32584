//! The outbound part: which sessions have something to write, which are slow consumers, and which are to be closed.

use std::collections::VecDeque;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::chat::encoding::{AnswerPart, Detail, Encoding, IrcContext, Render, Renderers, RoomLabel};
use crate::chat::event::Event;
use crate::chat::hub::rooms::Rooms;
use crate::chat::id::{ClientId, RoomId};
use crate::chat::input::Close;
use crate::chat::member::table::MemberTable;
use crate::chat::session::irc::IrcSession;
use crate::chat::session::table::SessionTable;
use crate::chat::session::{Session, SessionFlags, SessionStage};
use crate::util::tables::shrink;

/// Watched sessions that one tick checks.
const WATCHED_PER_TICK: usize = 64;

/// The queues of sessions by what must happen to them, and the renderers of their events.
pub struct Outbound {
    renders: Renderers,
    /// Unread bytes of a session above which it is a slow consumer.
    backlog_bytes: usize,
    queues: OutboundState,
}

/// The state of an [`Outbound`] as plain data.
#[derive(Default, Serialize, Deserialize)]
pub struct OutboundState {
    /// The stamp of the newest line.
    stamp: u64,
    /// Sessions with data that no sweep will find.
    flush_queue: VecDeque<ClientId>,
    /// Sessions that may be slow consumers and are checked in the next tick.
    slow_consumers: Vec<ClientId>,
    /// Blocked sessions that read several rooms: no single log tells whether their unread lines are too many.
    watched: VecDeque<ClientId>,
    closing: VecDeque<(ClientId, Close)>,
    /// Sessions whose input waited for a commit and may go on.
    resumable: VecDeque<ClientId>,
    /// A session that reads normally has a large outbox; no session may send more lines until it is written.
    backpressure: bool,
}

impl Outbound {
    /// Empty queues.
    pub fn new(renders: Renderers, backlog_bytes: usize) -> Self {
        Outbound { renders, backlog_bytes, queues: OutboundState::default() }
    }

    /// Sets the number of the run of the server.
    pub fn set_run(&mut self, run: u64) {
        self.renders.irc.set_run(run);
    }

    /// All renderers, and the list of the sessions that may be slow consumers.
    pub fn renders_and_slow_consumers(&mut self) -> (&Renderers, &mut Vec<ClientId>) {
        (&self.renders, &mut self.queues.slow_consumers)
    }

    /// The renderer of an encoding.
    pub fn render(&self, encoding: Encoding) -> &dyn Render {
        self.renders.of(encoding)
    }

    /// The stamp of the newest line.
    pub fn stamp(&self) -> u64 {
        self.queues.stamp
    }

    /// The stamp of a new line: the position among all lines of this process.
    pub fn next_stamp(&mut self) -> u64 {
        self.queues.stamp += 1;
        self.queues.stamp
    }

    /// Queues `event` for one session, after all that it has not read yet.
    pub fn send(&mut self, sessions: &mut SessionTable, members: &MemberTable, id: ClientId, event: &Event) {
        self.send_labelled(sessions, members, id, RoomLabel::None, event);
    }

    /// As [`Outbound::send`], for an event of a room.
    pub fn send_labelled(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        id: ClientId,
        label: RoomLabel,
        event: &Event,
    ) {
        let stamp = self.next_stamp();
        self.send_at(sessions, members, id, stamp, event, label);
    }

    /// As [`Outbound::send`], for an event of a room, with the room's name unless it is the current one.
    pub fn send_in(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        rooms: &Rooms,
        id: ClientId,
        room: RoomId,
        event: &Event,
    ) {
        let session = &sessions[id];
        // The operator has no current room, and speaks in the lobby.
        let is_current = session.current.as_ref().map_or(RoomId::LOBBY, |current| current.room) == room;
        let label = session.encoding.of_log(is_current).label(rooms.name(room));
        self.send_labelled(sessions, members, id, label, event);
    }

    /// As [`Outbound::send_labelled`]; IRC shows more of the event.
    pub fn send_detailed(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        id: ClientId,
        label: RoomLabel,
        event: &Event,
        detail: &Detail,
    ) {
        match sessions[id].encoding {
            Encoding::Irc(_) => self.send_irc(sessions, members, id, event, label, detail),
            _ => self.send_labelled(sessions, members, id, label, event),
        }
    }

    /// Queues a part of the answer of an IRC session, in place of the bytes after the first `from` bytes of its outbox.
    pub fn label_answer(&mut self, sessions: &mut SessionTable, id: ClientId, from: usize, part: &AnswerPart) {
        let Encoding::Irc(shape) = sessions[id].encoding else { return };
        let stamp = self.next_stamp();
        let session = &mut sessions[id];
        let outbox = session.outbox.get_or_insert_default();
        let answer = outbox.cut(from);
        outbox.push(stamp, |out| self.renders.irc.label(&answer, shape, part, out));
        self.schedule_flush(id, session);
    }

    fn send_irc(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        id: ClientId,
        event: &Event,
        label: RoomLabel,
        detail: &Detail,
    ) {
        let Encoding::Irc(shape) = sessions[id].encoding else { return };
        let stamp = self.next_stamp();
        let (command, subject) = match sessions.irc(id).map(IrcSession::unfinished) {
            Some(unfinished) => (unfinished.command, unfinished.subject.clone()),
            None => ("", "".into()),
        };
        let nick = CompactString::from(sessions.nick(members, id));
        let context =
            IrcContext { shape, room: label.room(), detail: *detail, nick: &nick, command, subject: &subject };
        let session = &mut sessions[id];
        let outbox = session.outbox.get_or_insert_default();
        outbox.push(stamp, |out| self.renders.irc.render(event, &context, out));
        self.schedule_flush(id, session);
    }

    /// Queues `event` for one session, before all unread lines of its only room.
    pub fn send_first(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        id: ClientId,
        event: &Event,
        label: RoomLabel,
    ) {
        self.send_at(sessions, members, id, 0, event, label);
    }

    fn send_at(
        &mut self,
        sessions: &mut SessionTable,
        members: &MemberTable,
        id: ClientId,
        stamp: u64,
        event: &Event,
        label: RoomLabel,
    ) {
        let session = &mut sessions[id];
        if session.encoding.is_irc() {
            return self.send_irc(sessions, members, id, event, label, &Detail::default());
        }
        let render = self.renders.of(session.encoding);
        session.outbox.get_or_insert_default().push(stamp, |out| render.render(event, label, out));
        self.schedule_flush(id, session);
    }

    /// Queues raw bytes for one session.
    pub fn send_raw(&mut self, sessions: &mut SessionTable, id: ClientId, bytes: &[u8]) {
        let stamp = self.next_stamp();
        let session = &mut sessions[id];
        session.outbox.get_or_insert_default().push(stamp, |out| out.extend_from_slice(bytes));
        self.schedule_flush(id, session);
    }

    /// Queues a session for writing, once.
    pub fn queue_flush(&mut self, id: ClientId, session: &mut Session) {
        if !session.has(SessionFlags::QUEUED) {
            session.flags.insert(SessionFlags::QUEUED);
            self.queues.flush_queue.push_back(id);
        }
    }

    /// Queues a session for writing, because its outbox has data. The console is read by its owner.
    pub fn schedule_flush(&mut self, id: ClientId, session: &mut Session) {
        if matches!(session.stage, SessionStage::Console) {
            return;
        }
        self.queue_flush(id, session);
        if session.private_bytes() > self.backlog_bytes / 2 {
            if session.is_blocked() {
                self.queues.slow_consumers.push(id);
            } else {
                // The session reads normally but has not had its turn yet. All sessions wait until it is written to.
                self.queues.backpressure = true;
            }
        }
    }

    /// Takes the next session to write to that is connected and not blocked.
    pub fn pop_flush(&mut self, sessions: &mut SessionTable) -> Option<ClientId> {
        while let Some(id) = self.queues.flush_queue.pop_front() {
            if let Some(session) = sessions.get_mut(id).filter(|session| session.has(SessionFlags::QUEUED)) {
                session.flags.remove(SessionFlags::QUEUED);
                if !session.is_blocked() {
                    return Some(id);
                }
            }
        }
        shrink::queue(&mut self.queues.flush_queue);
        self.queues.backpressure = false;
        None
    }

    /// Whether all sessions must wait until one that has much private data has been written to.
    pub fn has_backpressure(&self) -> bool {
        self.queues.backpressure
    }

    /// Notes that a session may be a slow consumer.
    pub fn note_slow(&mut self, id: ClientId) {
        self.queues.slow_consumers.push(id);
    }

    /// Watches a blocked session that reads several rooms.
    pub fn watch(&mut self, sessions: &mut SessionTable, id: ClientId) {
        let session = &mut sessions[id];
        if session.follows() && !session.has(SessionFlags::WATCHED) {
            session.flags.insert(SessionFlags::WATCHED);
            self.queues.watched.push_back(id);
        }
    }

    /// Notes some of the watched sessions as possible slow consumers, in turn; those that are no longer blocked are
    /// forgotten.
    pub fn check_watched(&mut self, sessions: &mut SessionTable) {
        for _ in 0..self.queues.watched.len().min(WATCHED_PER_TICK) {
            let Some(id) = self.queues.watched.pop_front() else { return };
            let Some(session) = sessions.get_mut(id).filter(|session| session.has(SessionFlags::WATCHED)) else {
                continue;
            };
            if session.is_blocked() && session.follows() {
                self.queues.slow_consumers.push(id);
                self.queues.watched.push_back(id);
            } else {
                session.flags.remove(SessionFlags::WATCHED);
            }
        }
        shrink::queue(&mut self.queues.watched);
    }

    /// The sessions that may be slow consumers.
    pub fn slow_consumers(&mut self) -> &mut Vec<ClientId> {
        &mut self.queues.slow_consumers
    }

    /// Queues a connection to be closed.
    pub fn close(&mut self, id: ClientId, how: Close) {
        self.queues.closing.push_back((id, how));
    }

    /// Takes the next connection to close.
    pub fn pop_close(&mut self) -> Option<(ClientId, Close)> {
        let close = self.queues.closing.pop_front();
        shrink::queue(&mut self.queues.closing);
        close
    }

    /// Removes a connection from those to close.
    pub fn forget_close(&mut self, id: ClientId) {
        self.queues.closing.retain(|&(closing, _)| closing != id);
    }

    /// The input of a session may go on.
    pub fn resume(&mut self, id: ClientId) {
        self.queues.resumable.push_back(id);
    }

    /// Takes the next session whose input may go on.
    pub fn pop_resume(&mut self) -> Option<ClientId> {
        self.queues.resumable.pop_front()
    }

    /// Whether any queue has an entry.
    pub fn has_work(&self) -> bool {
        let OutboundState { flush_queue, slow_consumers, closing, resumable, .. } = &self.queues;
        !flush_queue.is_empty() || !slow_consumers.is_empty() || !closing.is_empty() || !resumable.is_empty()
    }

    /// The state as plain data, to be written.
    pub fn state(&self) -> &OutboundState {
        &self.queues
    }

    /// The state as plain data.
    pub fn into_state(self) -> OutboundState {
        self.queues
    }

    /// Takes a state back.
    pub fn restore(&mut self, state: OutboundState) {
        self.queues = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Outbound {
        /// Whether a session is noted as a possible slow consumer.
        pub fn is_noted_slow(&self, id: ClientId) -> bool {
            self.queues.slow_consumers.contains(&id)
        }

        /// Bytes allocated for the queues.
        pub fn capacity_bytes(&self) -> usize {
            let OutboundState { flush_queue, slow_consumers, closing, .. } = &self.queues;
            (flush_queue.capacity() + slow_consumers.capacity() + 2 * closing.capacity()) * size_of::<ClientId>()
        }
    }
}
