//! Notices of joins and leaves: one by one, or as a summary in a large room.

use std::time::Duration;

use super::Hub;
use crate::chat::event::{Event, Notice};
use crate::chat::id::Author;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::room::PresenceSummary;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::client::SessionStage;

/// The shortest time between two summaries in a room.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);

/// Summary lines per second for all members of a room together.
///
/// In a room with more members the summaries come less often, so that they do not take all the time while a large
/// crowd joins.
const SUMMARY_LINES_PER_SECOND: u64 = 5000;

impl Hub {
    /// Shows a room a join or leave, or adds it to the summary if the room is large.
    pub(super) fn announce(
        &mut self,
        id: ClientId,
        room_id: RoomId,
        event: &Event,
        summary: PresenceSummary,
        now: Now,
    ) {
        // During shutdown all clients leave, and they know why.
        if self.ending {
            return;
        }
        self.begin_day(room_id, now);
        self.send_to_operator_from(room_id, event);
        let room = &mut self.rooms[room_id];
        // While a summary is pending, single notices would show wrong counts.
        if room.members.len() > self.config.announce_limit || room.summary.is_some() {
            if room.summary.is_none() {
                room.summary_due = now.at + SUMMARY_INTERVAL;
                self.pending_summaries.push_back((room.summary_due, room_id));
            }
            let total = room.summary.get_or_insert_default();
            total.joined += summary.joined;
            total.left += summary.left;
            return;
        }
        let client = &self.clients[id];
        let author = Author { session: client.session, name: 0 };
        // The last reader of an encoding may have left, and its log with it.
        let before = (client.stage == SessionStage::InRoom).then(|| room.log(client.encoding).end());
        self.broadcast(room_id, author, EntryKind::Notice, 0, event, now);
        if let Some(before) = before {
            self.skip_own_entry(id, before);
        }
    }

    /// Shows the pending summary, or postpones it if the last one is too recent.
    pub(super) fn show_summary(&mut self, id: RoomId, due: Duration, now: Now) {
        let Some(room) = self.rooms.get_mut(id).filter(|room| room.summary_due == due) else { return };
        if now.at < room.next_summary {
            room.summary_due = now.at + SUMMARY_INTERVAL;
            self.pending_summaries.push_back((room.summary_due, id));
            return;
        }
        if let Some(PresenceSummary { joined, left }) = room.summary.take() {
            let here = room.members.len();
            if here == 0 {
                // The room is empty. The summary could push messages out of its history, for which alone it is kept.
                return;
            }
            room.next_summary = now.at + Duration::from_millis(here as u64 * 1000 / SUMMARY_LINES_PER_SECOND);
            let event = Event::Notice(Notice::Summed { joined, left, here });
            self.broadcast(id, Author::NONE, EntryKind::Notice, 0, &event, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::config::Config;
    use crate::chat::{Encoding, Input, Lang};
    use crate::wire::plain::Plain;

    #[test]
    fn summary_in_an_empty_room_leaves_its_history() {
        let at = |seconds| {
            let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
            Now { at: Duration::from_secs(seconds), local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
        };
        let config = Config { announce_limit: 0, history_bytes: 200, ..Config::default() };
        let mut hub = Hub::new(config, Box::new(Plain { lang: Lang::En }));
        let id = ClientId::new(0);
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), at(1));
        let message = "x".repeat(170);
        for line in ["alice", "/join den", &message, "/leave"] {
            hub.handle_line(id, Input::Line(line), at(1));
        }
        hub.handle_tick(at(2));
        hub.handle_tick(at(3));
        let den = hub.rooms.find("den").expect("a room that has history");
        assert_eq!(hub.rooms[den].log(Encoding::Plain).history_len(), 1);
    }
}
