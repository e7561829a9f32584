//! Notices of joins and leaves: one by one, or as a summary in a large room.

use std::time::Duration;

use super::Fanout;
use crate::chat::config::Login;
use crate::chat::event::{Event, Notice};
use crate::chat::id::{Author, MemberSlot, Now, RoomId};
use crate::chat::room::PresenceSummary;
use crate::chat::room::segment_log::{EntryKind, Spread};

/// The shortest time between two summaries in a room.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);

/// Summary lines per second for all members of a room together.
///
/// In a room with more members the summaries come less often, so that they do not take all the time while a large
/// crowd joins.
const SUMMARY_LINES_PER_SECOND: u64 = 5000;

impl Fanout<'_> {
    /// Shows a room a join or leave of a member, or adds it to the summary if the room is large.
    ///
    /// `joined` is the member that has joined; its own sessions do not read the notice. A member that has left has no
    /// session in the room any more.
    pub fn announce(&mut self, room_id: RoomId, joined: Option<MemberSlot>, event: &Event, time: Now) {
        let room = &mut self.rooms[room_id];
        // While a summary is pending, single notices would show wrong counts.
        if room.members.len() > self.config.announce_limit || room.summary.is_some() {
            let is_new = room.summary.is_none();
            let total = room.summary.get_or_insert_default();
            total.joined += u32::from(joined.is_some());
            total.left += u32::from(joined.is_none());
            if is_new {
                let due = time.at + SUMMARY_INTERVAL;
                self.rooms.queue_summary(room_id, due);
            }
            self.begin_day(room_id, &time);
            // A client of IRC keeps the list of the members itself, and must be told of each one.
            if let Some(slot) = joined {
                let author = Author { name: 0, ..self.members.author(slot) };
                self.append_irc(room_id, Some(slot), author, EntryKind::Presence(Spread::default()), event);
            }
            return self.show_presence_to_console(room_id, joined, event);
        }
        match joined {
            Some(slot) => {
                let author = Author { name: 0, ..self.members.author(slot) };
                self.append_own(room_id, slot, author, EntryKind::Presence(Spread::default()), 0, event, &time);
            }
            None => self.append(room_id, Author::NONE, EntryKind::Presence(Spread::default()), 0, event, &time),
        }
        self.show_presence_to_console(room_id, joined, event);
    }

    /// Whether a join or leave is not sent to the readers on IRC at once: it is in their logs, and is sent with the next message or
    /// with the summary for the others, many of them in one write.
    pub(super) fn waits_for_summary(&self, room: RoomId, kind: EntryKind) -> bool {
        let room = &self.rooms[room];
        let is_large = room.members.len() > self.config.announce_limit || room.summary.is_some();
        let is_little = room.unswept() < self.config.backlog_bytes as u64 / 4;
        matches!(kind, EntryKind::Presence(_)) && is_large && is_little
    }

    /// Shows the operator a join or leave: with the address of who has joined, if connections are not shown.
    fn show_presence_to_console(&mut self, room: RoomId, joined: Option<MemberSlot>, event: &Event) {
        let is_wanted = self.config.login == Login::Nickname && self.has_console() && !self.console_shows_connections();
        let session = joined.filter(|_| is_wanted).and_then(|slot| self.members[slot].session_at(0));
        let addr = session.and_then(|id| self.sessions.addr(id));
        match (event, addr) {
            (&Event::Notice(Notice::Joined { name, here }), Some(addr)) => {
                self.send_to_console_from(room, &Event::Notice(Notice::JoinedFrom { name, addr, here }));
            }
            _ => self.send_to_console_from(room, event),
        }
    }

    /// Shows the pending summaries that are due, or postpones them if the last one is too recent.
    pub fn show_summaries(&mut self, now: Now) {
        while let Some(id) = self.rooms.pop_summary(now.at) {
            let room = &mut self.rooms[id];
            if now.at < room.next_summary {
                self.rooms.queue_summary(id, now.at + SUMMARY_INTERVAL);
                continue;
            }
            let here = room.members.len();
            let Some(PresenceSummary { joined, left }) = room.summary.take() else { continue };
            if here == 0 {
                // No member is there to read it.
                continue;
            }
            room.next_summary = now.at + Duration::from_millis(here as u64 * 1000 / SUMMARY_LINES_PER_SECOND);
            let event = Event::Notice(Notice::Summed { joined, left, here });
            self.append(id, Author::NONE, EntryKind::Presence(Spread::default()), 0, &event, &now);
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::config::Config;
    use crate::chat::hub::Hub;
    use crate::chat::{ClientId, Input, Lang};
    use crate::wire::renderers;

    #[test]
    fn summary_in_an_empty_room_leaves_its_history() {
        let at = |seconds| {
            let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
            Now { at: Duration::from_secs(seconds), local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
        };
        let config = Config { announce_limit: 0, history_bytes: 300, ..Config::default() };
        let mut hub = Hub::new(config, renderers(Lang::En));
        let id = ClientId::new(0);
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), at(1));
        let message = "x".repeat(170);
        for line in ["alice", "/join den", &message, "/leave"] {
            hub.handle_line(id, Input::Line(line), at(1));
        }
        hub.handle_tick(at(2));
        hub.handle_tick(at(3));
        let den = hub.shared.rooms.find("den").expect("a room that has history");
        assert_eq!(hub.shared.rooms[den].history().len(), 1);
    }
}
