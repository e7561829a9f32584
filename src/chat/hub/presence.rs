//! Telling a room who comes and goes: one by one, or summed up where there are many.

use std::time::Duration;

use super::Hub;
use crate::chat::event::{Event, Notice};
use crate::chat::id::Author;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::room::PresenceSummary;
use crate::chat::room::segment_log::Kind;
use crate::chat::session::client::Stage;

/// How often at most a line about many joins and leaves is shown.
const SUM_UP_EVERY: Duration = Duration::from_secs(1);

/// Such lines that all members of a room together get in a second; where there are more members, the line
/// comes more rarely, or a large crowd on its way in would have nothing else done.
const SUM_LINES: u64 = 5000;

impl Hub {
    /// Tells a room of somebody's coming or going, or counts it where there are many.
    pub(super) fn announce(&mut self, id: ClientId, room_id: RoomId, event: &Event, sum: PresenceSummary, now: Now) {
        // When the server ends, everybody leaves, and everybody knows.
        if self.ending {
            return;
        }
        self.begin_day(room_id, now);
        self.send_to_operator_from(room_id, event);
        let room = &mut self.rooms[room_id];
        // While a sum is pending nobody is announced past it, or the counts would go astray.
        if room.members.len() > self.config.announce_limit || room.sum.is_some() {
            if room.sum.is_none() {
                room.sum_due = now.at + SUM_UP_EVERY;
                self.pending_summaries.push_back((room.sum_due, room_id));
            }
            let total = room.sum.get_or_insert_default();
            total.joined += sum.joined;
            total.left += sum.left;
            return;
        }
        let client = &self.clients[id];
        let author = Author { session: client.session, name: 0 };
        // The log of one who leaves may be gone with them.
        let before = (client.stage == Stage::Here).then(|| room.log(client.encoding).end());
        self.show(room_id, author, Kind::Notice, 0, event, now);
        if let Some(before) = before {
            self.skip_own(id, before);
        }
    }

    /// Shows the line about many joins and leaves, or puts it off.
    pub(super) fn sum_up(&mut self, id: RoomId, due: Duration, now: Now) {
        let Some(room) = self.rooms.get_mut(id).filter(|room| room.sum_due == due) else { return };
        if now.at < room.next_sum {
            room.sum_due = now.at + SUM_UP_EVERY;
            self.pending_summaries.push_back((room.sum_due, id));
            return;
        }
        if let Some(PresenceSummary { joined, left }) = room.sum.take() {
            let here = room.members.len();
            if here == 0 {
                // Nobody is there to read it, and it could push the history out of a room that has
                // nothing else to stay for.
                return;
            }
            room.next_sum = now.at + Duration::from_millis(here as u64 * 1000 / SUM_LINES);
            let event = Event::Notice(Notice::Summed { joined, left, here });
            self.show(id, Author::NOBODY, Kind::Notice, 0, &event, now);
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
    fn a_sum_that_nobody_reads_does_not_push_the_history_out() {
        let at = |seconds| {
            let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
            Now { at: Duration::from_secs(seconds), local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
        };
        let config = Config { announce_limit: 0, history_bytes: 200, ..Config::default() };
        let mut hub = Hub::new(config, Box::new(Plain { lang: Lang::En }));
        let id = ClientId::new(0);
        hub.connected(id, ([127, 0, 0, 1], 1).into(), at(1));
        let message = "x".repeat(170);
        for line in ["alice", "/join den", &message, "/leave"] {
            hub.line(id, Input::Line(line), at(1));
        }
        hub.tick(at(2));
        hub.tick(at(3));
        let den = hub.rooms.find("den").expect("a room that has history");
        assert_eq!(hub.rooms[den].log(Encoding::Plain).history_len(), 1);
    }
}
