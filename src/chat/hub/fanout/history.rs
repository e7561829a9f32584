//! The history that a session is shown: when it enters a room, or when it asks for it.

use time::Date;

use super::Fanout;
use crate::chat::encoding::Encoding;
use crate::chat::event::{Event, Notice, People};
use crate::chat::id::{ClientId, MemberSlot, Now, RoomId};
use crate::chat::member::Member;
use crate::chat::room::Room;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind};
use crate::chat::session::Session;
use crate::chat::session::reader::Reader;

/// How a member is greeted in the room that it enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It has logged in.
    LoggedIn,
    /// It has logged in to a server of two.
    Peer,
    /// It comes from another room.
    Moved,
}

/// The part of the history that a session is shown.
struct HistoryView {
    begin: Cursor,
    /// The number of messages, without those that the member ignores.
    messages: usize,
    /// The date of the first message.
    day: Option<Date>,
    /// Older messages that the session has not read are no longer in memory.
    gap: bool,
}

/// Finds the last `n` messages of a room as a session is shown them; with `after`, only those newer than that message.
fn history_view(
    session: &Session,
    (slot, member): (MemberSlot, &Member),
    room: &Room,
    n: usize,
    after: Option<u64>,
) -> HistoryView {
    let log = room.log(session.encoding);
    let (missed, mut gap) = after.and_then(|id| room.said_since(id)).unwrap_or((n, false));
    if after.is_some() {
        gap |= missed > log.history_len().min(n);
    }
    let n = n.min(missed);
    let (begin, day) = log.history(n);
    let messages = match session.ignores {
        false => log.history_len().min(n),
        true => {
            let is_skipped = |entry: &Entry| {
                let author = entry.author();
                !member.is_author(slot, author) && member.ignores(author)
            };
            let shown = |entry: &&Entry| entry.kind == EntryKind::Message && !is_skipped(entry);
            log.entries_from(begin).filter(shown).count()
        }
    };
    // Otherwise the dates between ignored messages would be shown.
    let begin = if messages == 0 { log.end() } else { begin };
    HistoryView { begin, messages, day, gap }
}

impl Fanout<'_> {
    /// Lets a session enter a room: greets it, shows it the history, and subscribes it.
    ///
    /// `here` counts the members with its own. With `after`, only the messages that are newer than that message are
    /// shown.
    #[expect(clippy::too_many_arguments, reason = "what a greeting says")]
    pub fn greet(
        &mut self,
        id: ClientId,
        slot: MemberSlot,
        room_id: RoomId,
        here: usize,
        names: &[&str],
        greeting: Greeting,
        after: Option<u64>,
        time: Now,
    ) {
        let (members, stamp) = (self.members, self.outbound.stamp());
        let session = &mut self.sessions[id];
        let encoding = session.encoding;
        let room = &mut self.rooms[room_id];
        room.open_log(encoding, self.outbound.render(encoding), stamp);
        let end = room.log(encoding).end();
        let member = &members[slot];
        let HistoryView { begin, messages, day, gap } =
            history_view(session, (slot, member), room, self.config.history, after);
        if let Some(outbox) = &mut session.outbox {
            outbox.release();
        }
        let people = People { here, names, you: true };
        let (name, room) = (&*member.name, &*room.name);
        let notice = match greeting {
            Greeting::LoggedIn => Notice::Entered { name, room, people },
            Greeting::Peer => Notice::EnteredPeer { name },
            Greeting::Moved => Notice::EnteredRoom { room, people },
        };
        self.outbound.send_first(self.sessions, id, &Event::Notice(notice));
        // A WebSocket client needs the end of the history even if the history is empty.
        let has_history = messages > 0 || encoding != Encoding::Plain;
        if has_history {
            self.send_first(id, &Event::Notice(Notice::HistoryBegins { messages, gap, before: None }));
            if let Some(day) = day.filter(|&day| day != time.local.date()) {
                self.send_first(id, &Event::Notice(Notice::Day(day)));
            }
        }
        self.subscribe(id, room_id, begin, end);
        if has_history {
            self.notice(id, Notice::HistoryEnds);
        }
    }

    /// Copies the last `n` messages of its room to the outbox of a session.
    pub fn replay(&mut self, id: ClientId, n: usize, now: Now) {
        let session = &self.sessions[id];
        let (Some(slot), Some(subscription)) = (session.member, session.subscription()) else { return };
        let (member, room) = ((slot, &self.members[slot]), &self.rooms[subscription.room]);
        let HistoryView { begin, messages, day, .. } = history_view(session, member, room, n, None);
        if messages == 0 {
            return self.notice(id, Notice::NoHistory);
        }
        let mut copy = Vec::new();
        let mut reader =
            Reader::replay(session, self.members, room.log(session.encoding), begin, self.outbound.stamp());
        while let Some(bytes) = reader.slice() {
            copy.extend_from_slice(bytes);
            reader.consume(bytes.len());
        }
        self.notice(id, Notice::HistoryBegins { messages, gap: false, before: None });
        day.into_iter().for_each(|day| self.send_day(id, &mut now.local.date(), day));
        self.send_raw(id, &copy);
        self.notice(id, Notice::HistoryEnds);
    }
}
