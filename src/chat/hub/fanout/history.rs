//! The history that a session is shown: when it enters a room, or when it asks for it.

use time::Date;

use super::{Fanout, Outbound, SessionTable};
use crate::chat::config::Mode;
use crate::chat::encoding::RoomLabel;
use crate::chat::event::{Event, Notice, People};
use crate::chat::id::{Author, ClientId, MemberSlot, Now, RoomId};
use crate::chat::member::Member;
use crate::chat::query::HistoryRange;
use crate::chat::room::history::HistoryLine;
use crate::chat::session::SessionFlags;

/// How a member is greeted in the room that it enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It has logged in; `resumes`: it comes back to this run of the server.
    LoggedIn { resumes: bool },
    /// It comes from another room.
    Moved,
    /// It follows the room from now on.
    Followed,
}

/// Which part of the history a session is shown when it enters a room.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// The session has read this message and those before it.
    pub after: Option<u64>,
    /// Maximum bytes, as the history counts them.
    pub max_bytes: usize,
}

impl Replay {
    /// All that is kept.
    pub const ALL: Replay = Replay { after: None, max_bytes: usize::MAX };
}

/// A room that a session enters.
pub struct Entrance<'a> {
    pub room: RoomId,
    pub greeting: Greeting,
    /// The members, its own among them.
    pub people: People<'a>,
    pub replay: Replay,
}

/// The part of the history that a session is shown.
struct HistoryView {
    /// The newest messages that are looked at.
    n: usize,
    /// How many of them the session is shown: those that the member does not ignore.
    shown: usize,
    /// Older messages that the session has not read are no longer in memory.
    gap: bool,
}

impl Fanout<'_> {
    /// Finds the last `n` messages of a room, as far as `replay` allows.
    ///
    /// A program is shown half as many bytes as a person, since JSON may need two bytes for one.
    fn history_view(&self, id: ClientId, slot: MemberSlot, room: RoomId, n: usize, replay: Replay) -> HistoryView {
        let Replay { after, max_bytes } = replay;
        let max_bytes = match self.sessions[id].encoding.is_json() {
            true => max_bytes.min(self.config.backlog_bytes / 2) / 2,
            false => max_bytes,
        };
        let history = self.rooms[room].history();
        let (missed, mut gap) = after.map_or((n, false), |id| history.since(id));
        let mut n = n.min(missed).min(history.len());
        if max_bytes < usize::MAX {
            n = history.fitting(n, max_bytes);
        }
        if after.is_some() {
            gap |= missed > n;
        }
        let shown = match self.sessions[id].has(SessionFlags::IGNORES) {
            false => n,
            true => history.last(n).filter(|message| !skips(&self.members[slot], slot, message.author())).count(),
        };
        HistoryView { n, shown, gap }
    }

    /// Lets a session enter a room: greets it, shows it the history, and subscribes it.
    ///
    /// A session that reads other rooms must have no unread lines in their logs.
    pub fn greet(&mut self, id: ClientId, slot: MemberSlot, entrance: &Entrance, time: &Now) {
        let Entrance { room: room_id, greeting, people, replay } = *entrance;
        if self.is_irc(id) {
            return self.greet_irc(id, slot, room_id);
        }
        let is_current = greeting != Greeting::Followed;
        let session = &self.sessions[id];
        let (encoding, is_only) = (session.encoding.of_log(is_current), is_current && !session.follows());
        let view = self.history_view(id, slot, room_id, self.config.history, replay);
        let stamp = self.outbound.stamp();
        let room = &mut self.rooms[room_id];
        room.open_log(encoding, self.outbound.render(encoding.encoding()), stamp);
        let end = room.log(encoding).end();
        // Otherwise the dates between ignored messages would be shown.
        let is_empty = view.shown == 0;
        // After a deletion, the log has messages that are no longer shown.
        let is_copied = !is_empty && (!is_only || !room.log(encoding).can_replay(view.n));
        let begin = if is_empty || is_copied { end } else { room.log(encoding).history(view.n) };
        let first_day = room.history().first_day(view.n).filter(|_| !is_empty);
        let topic = room.topic();
        let member = &self.members[slot];
        let (name, role, account) = (&*member.name, member.role(), member.account().is_some());
        let label = encoding.label(&room.name);
        let notice = match greeting {
            Greeting::LoggedIn { .. } if self.config.mode == Mode::P2p => Notice::EnteredPeer { name },
            Greeting::LoggedIn { .. } => Notice::Entered { name, room: &room.name, people, topic, role, account },
            Greeting::Moved => Notice::EnteredRoom { room: &room.name, people, topic },
            Greeting::Followed => Notice::Following { room: &room.name, people, topic },
        };
        // With one room, the history is read from the log, and all that comes before it is queued before it.
        if is_only && let Some(outbox) = &mut self.sessions[id].outbox {
            outbox.release();
        }
        let greeted = Event::Notice(notice);
        // The rooms are not changed, but a label borrows the name of one.
        let (sessions, members, outbound) = (&mut *self.sessions, self.members, &mut *self.outbound);
        let mut send = |event: &Event, label: RoomLabel| match is_only {
            true => outbound.send_first(sessions, members, id, event, label),
            false => outbound.send_labelled(sessions, members, id, label, event),
        };
        send(&greeted, label);
        // Who comes back has seen it.
        if greeting == (Greeting::LoggedIn { resumes: false })
            && let Some(text) = &self.config.motd
        {
            send(&Event::Notice(Notice::Motd { text }), RoomLabel::None);
        }
        // A person that logs in as an account which is elsewhere must read where that is.
        if matches!(greeting, Greeting::LoggedIn { .. }) && room_id != RoomId::LOBBY && !encoding.encoding().is_json() {
            send(&Event::Notice(Notice::EnteredRoom { room: &room.name, people, topic: None }), label);
        }
        // A program needs the end of the history even if the history is empty.
        let has_history = !is_empty || encoding.encoding().is_json();
        if has_history {
            let begins = Notice::HistoryBegins { messages: view.shown, gap: view.gap, range: HistoryRange::Latest };
            send(&Event::Notice(begins), label);
        }
        if !is_copied {
            if let Some(day) = first_day.filter(|&day| is_only && day != time.local.date()) {
                send(&Event::Notice(Notice::Day(day)), label);
            }
        } else {
            self.copy_history(id, slot, room_id, is_current, view.n, time.local.date());
        }
        self.subscribe(id, room_id, is_current, begin, end);
        if has_history {
            self.send_in(id, room_id, &Event::Notice(Notice::HistoryEnds));
        }
    }

    /// Shows a session the last `n` messages of a room again.
    pub fn replay(&mut self, id: ClientId, room: RoomId, n: usize, now: Now) {
        let Some(slot) = self.sessions[id].member else { return };
        let view = self.history_view(id, slot, room, n, Replay::ALL);
        if view.shown == 0 {
            return self.send_in(id, room, &Event::Notice(Notice::NoHistory));
        }
        if self.sessions[id].follows() {
            // The date that it is shown last is noted, so it must have been shown the dates before.
            self.move_unread_to_outbox(id);
        }
        let begins = Notice::HistoryBegins { messages: view.shown, gap: false, range: HistoryRange::Latest };
        self.send_in(id, room, &Event::Notice(begins));
        let is_current = self.sessions[id].current.as_ref().is_some_and(|current| current.room == room);
        self.copy_history(id, slot, room, is_current, view.n, now.local.date());
        self.send_in(id, room, &Event::Notice(Notice::HistoryEnds));
    }

    /// Copies the last `n` messages of a room to the outbox of a session, with their dates.
    fn copy_history(
        &mut self,
        id: ClientId,
        slot: MemberSlot,
        room_id: RoomId,
        is_current: bool,
        n: usize,
        today: Date,
    ) {
        let members = self.members;
        let member = &members[slot];
        let ignores = self.sessions[id].has(SessionFlags::IGNORES);
        let Fanout { rooms, sessions, outbound, .. } = self;
        let room = &rooms[room_id];
        let label = sessions[id].encoding.of_log(is_current).label(&room.name);
        let mut day = today;
        let mut send_day = |sessions: &mut SessionTable, outbound: &mut Outbound, next| {
            if std::mem::replace(&mut day, next) != next {
                outbound.send(sessions, members, id, &Event::Notice(Notice::Day(next)));
            }
        };
        room.history().first_day(n).into_iter().for_each(|first| send_day(sessions, outbound, first));
        for line in room.history().last_lines(n) {
            match line {
                HistoryLine::Day(date) => send_day(sessions, outbound, date),
                HistoryLine::Message(message) => {
                    if !ignores || !skips(member, slot, message.author()) {
                        outbound.send_labelled(sessions, members, id, label, &message.event());
                    }
                }
            }
        }
        // With several rooms, the log of one does not show that the lines after the history are of today.
        let session = &mut sessions[id];
        if session.follows() || !is_current {
            session.note_day(today);
            send_day(sessions, outbound, today);
        }
    }
}

/// Whether a member, which is in `slot`, is not shown an older message of this author.
pub fn skips(member: &Member, slot: MemberSlot, author: Author) -> bool {
    !member.is_author(slot, author) && member.ignores(author)
}
