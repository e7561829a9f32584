//! Telling a room who comes and goes: one by one, or summed up where there are many.

use std::time::Duration;

use super::Now;
use super::client::{ClientId, Stage};
use super::delivery::Author;
use super::event::{Event, Notice};
use super::hub::Hub;
use super::log::Kind;
use super::room::{RoomId, Sum};

/// How often at most a line about many joins and leaves is shown.
const SUM_UP_EVERY: Duration = Duration::from_secs(1);

/// Such lines that all members of a room together get in a second; where there are more members, the line
/// comes more rarely, or a large crowd on its way in would have nothing else done.
const SUM_LINES: u64 = 5000;

impl Hub {
    /// Tells a room of somebody's coming or going, or counts it where there are many.
    pub(super) fn announce(&mut self, id: ClientId, room_id: RoomId, event: &Event, sum: Sum, now: Now) {
        // When the server ends, everybody leaves, and everybody knows.
        if self.ending {
            return;
        }
        self.begin_day(room_id, now);
        self.tell_operator_of(room_id, event);
        let room = &mut self.rooms[room_id];
        // While a sum is pending nobody is announced past it, or the counts would go astray.
        if room.members.len() > self.config.announce_limit || room.sum.is_some() {
            if room.sum.is_none() {
                self.sums.push_back((now.at + SUM_UP_EVERY, room_id));
            }
            let total = room.sum.get_or_insert_default();
            total.joined += sum.joined;
            total.left += sum.left;
            return;
        }
        let before = room.log.end();
        let client = &self.clients[id];
        let author = Author { session: client.session, name: 0 };
        self.show(room_id, author, Kind::Notice, 0, event, now);
        if self.clients[id].stage == Stage::Here {
            self.skip_own(id, before);
        }
    }

    /// Shows the line about many joins and leaves, or puts it off.
    pub(super) fn sum_up(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if now.at < room.next_sum {
            self.sums.push_back((now.at + SUM_UP_EVERY, id));
            return;
        }
        if let Some(Sum { joined, left }) = room.sum.take() {
            let here = room.members.len();
            room.next_sum = now.at + Duration::from_millis(here as u64 * 1000 / SUM_LINES);
            let event = Event::Notice(Notice::Summed { joined, left, here });
            self.show(id, Author::NOBODY, Kind::Notice, 0, &event, now);
        }
    }
}
