//! Output: which session is written to next, which bytes, and how the write ended.

pub(in crate::chat::hub) mod outbound;

use std::io::IoSlice;

use crate::chat::hub::fanout::{read_followed, reader, reader_of_current};
use crate::chat::hub::trace::TraceEvent;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, RoomId};
use crate::chat::input::Close;
use crate::chat::room::segment_log::Cursor;
use crate::chat::session::outbox::OutboxPosition;
use crate::chat::session::reader::{Reader, Shown};
use crate::chat::session::{PendingDisconnect, SessionFlags};

/// Readers of one dirty room that are visited before the next room has its turn.
const VISITS_PER_ROOM: usize = 64;

/// The bytes that [`Hub::gather`] has lent: the number of slices and bytes, and the positions after them.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteBatch {
    pub slices: usize,
    pub bytes: usize,
    end: BatchEnd,
}

/// The positions of a session after some bytes.
#[derive(Clone, Copy, Debug, Default)]
struct BatchEnd {
    place: OutboxPosition,
    /// The only room that was read, and the position in it.
    room: Option<RoomId>,
    cursor: Cursor,
    /// Several rooms were read, whose positions are found by reading again.
    is_merged: bool,
    /// What was shown last of what several rooms show alike, if the session reads several rooms.
    shown: Option<Shown>,
}

impl BatchEnd {
    #[inline(always)]
    fn of(reader: &Reader) -> Self {
        let (room, cursor) = reader.cursor().map_or((None, Cursor::default()), |(room, cursor)| (Some(room), cursor));
        BatchEnd { place: reader.place(), room, cursor, is_merged: reader.is_merged(), shown: reader.shown() }
    }
}

impl Hub {
    /// Takes the next session that has data in its outbox and is not blocked.
    pub fn poll_outbox(&mut self) -> Option<ClientId> {
        self.outbound.pop_flush(&mut self.sessions)
    }

    /// Finds the next reader of a room that has unread lines and is not blocked.
    ///
    /// Visits at most `visits` readers and counts them down.
    pub fn poll_sweep(&mut self, visits: &mut usize) -> Option<ClientId> {
        let rooms = &mut self.shared.rooms;
        while *visits > 0 {
            let id = rooms.first_dirty()?;
            let room = &mut rooms[id];
            let Some(reader) = room.next_visit() else {
                rooms.finish_first_dirty();
                continue;
            };
            *visits -= 1;
            let session = &self.sessions[reader];
            let has_unread = !session.is_blocked()
                && self.sessions.subscription(session, id).is_some_and(|(is_current, subscription)| {
                    subscription.cursor != room.log(session.encoding.of_log(is_current)).end()
                });
            if visits.is_multiple_of(VISITS_PER_ROOM) {
                rooms.rotate_dirty();
            }
            if has_unread {
                return Some(reader);
            }
        }
        None
    }

    /// Lends the next bytes for `id`, in at most as many slices as `slices` has.
    pub fn gather<'a>(&'a self, id: ClientId, slices: &mut [IoSlice<'a>]) -> WriteBatch {
        let mut lent = WriteBatch::default();
        let Shared { members, rooms, .. } = &self.shared;
        let Some(session) = self.sessions.get(id) else { return lent };
        // Not by `reader`: this one is used where it is made.
        let mut reader = reader_of_current(session, members, rooms);
        if session.follows() {
            read_followed(&mut reader, session, &self.sessions, rooms);
        }
        while lent.slices < slices.len() {
            let Some(bytes) = reader.slice() else { break };
            slices[lent.slices] = IoSlice::new(bytes);
            lent.slices += 1;
            lent.bytes += bytes.len();
            reader.consume(bytes.len());
        }
        lent.end = BatchEnd::of(&reader);
        lent
    }

    /// Notes that `n` of the lent bytes have been written to `id`.
    pub fn handle_written(&mut self, id: ClientId, lent: WriteBatch, n: usize) {
        self.stats.bytes_written += n as u64;
        // Usually all bytes are written, and the end position is known.
        if n != lent.bytes || lent.end.is_merged {
            return self.find_position(id, n, n == lent.bytes);
        }
        self.set_position(id, lent.end);
    }

    #[inline(always)]
    fn set_position(&mut self, id: ClientId, end: BatchEnd) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if let Some(outbox) = &mut session.outbox {
            outbox.discard(end.place);
            if outbox.len() == 0 {
                session.outbox = None;
            }
        }
        if let Some(shown) = end.shown {
            session.note_shown(shown);
        }
        let blocked = session.is_blocked();
        let Some(room) = end.room else { return };
        match &mut session.current {
            Some(current) if current.room == room && current.cursor.segment == end.cursor.segment && !blocked => {
                current.cursor = end.cursor;
            }
            _ => self.fanout().move_cursor(id, room, end.cursor),
        }
    }

    /// Finds the positions of a session after `n` bytes, which are all that it was lent if `is_all`, and sets them.
    #[inline(never)]
    fn find_position(&mut self, id: ClientId, mut n: usize, is_all: bool) {
        let Some(mut reader) = self.reader(id) else { return };
        while n > 0
            && let Some(bytes) = reader.slice()
        {
            let step = n.min(bytes.len());
            reader.consume(step);
            n -= step;
        }
        if is_all {
            // Skips lines that are not for this session, which would keep the logs from being trimmed.
            reader.slice();
        }
        let (end, cursors) = (BatchEnd::of(&reader), reader.other_cursors());
        self.set_position(id, end);
        cursors.into_iter().for_each(|(room, cursor)| self.fanout().move_cursor(id, room, cursor));
    }

    /// Whether all data for `id` has been written.
    pub fn is_up_to_date(&self, id: ClientId) -> bool {
        self.reader(id).is_none_or(|mut reader| reader.slice().is_none())
    }

    fn reader(&self, id: ClientId) -> Option<Reader<'_>> {
        let Shared { members, rooms, .. } = &self.shared;
        Some(reader(self.sessions.get(id)?, &self.sessions, members, rooms))
    }

    /// The socket of `id` is full: it is not written to until [`Hub::handle_writable`].
    pub fn handle_blocked(&mut self, id: ClientId) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.flags.insert(SessionFlags::BLOCKED);
            if session.private_bytes() > self.config.backlog_bytes {
                self.outbound.note_slow(id);
            }
            self.fanout().note_blocked(id);
        }
    }

    /// The socket of `id` can be written to again.
    pub fn handle_writable(&mut self, id: ClientId) {
        if let Some(session) = self.sessions.get_mut(id)
            && session.is_blocked()
            // A slow consumer has a gap in its data and must not be written to.
            && session.pending_disconnect != Some(PendingDisconnect::TooSlow)
        {
            session.flags.remove(SessionFlags::BLOCKED);
            self.outbound.queue_flush(id, session);
        }
    }

    /// Queues `id` again: it has more data, but other sessions have their turn first.
    pub fn write_later(&mut self, id: ClientId) {
        if let Some(session) = self.sessions.get_mut(id) {
            self.outbound.queue_flush(id, session);
        }
    }

    /// Queues raw bytes, such as the answer to a telnet negotiation.
    pub fn send_raw(&mut self, id: ClientId, bytes: &[u8]) {
        self.trace.record(|| TraceEvent::Raw(id));
        self.fanout().send_raw(id, bytes);
    }

    /// Takes the next session whose lines waited for a commit
    /// ([`Allowance::AfterCommit`](crate::chat::Allowance::AfterCommit)) and may be read again.
    pub fn poll_resume(&mut self) -> Option<ClientId> {
        self.outbound.pop_resume()
    }

    /// Takes the next connection that must be closed.
    pub fn poll_close(&mut self) -> Option<(ClientId, Close)> {
        self.outbound.pop_close()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::config::Config;
    use crate::chat::id::Now;
    use crate::chat::{Close, Input, Lang};
    use crate::wire::renderers;

    fn now() -> Now {
        let day = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        Now { at: Duration::from_secs(1), local: PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc() }
    }

    /// A hub with `people` members p0, p1, …, which have read everything.
    fn hub(config: Config, people: usize) -> Hub {
        let mut hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
        hub.attach_console();
        for slot in 0..people {
            let id = ClientId::new(slot);
            hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
            hub.handle_line(id, Input::Line(&format!("p{slot}")), now());
        }
        read_all(&mut hub);
        hub
    }

    /// Writes all data of one client and returns it.
    fn read(hub: &mut Hub, id: ClientId) -> String {
        let mut text = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 4];
            let lent = hub.gather(id, &mut slices);
            let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).collect();
            hub.handle_written(id, lent, bytes.len());
            text.extend(bytes);
            if lent.bytes == 0 {
                return String::from_utf8(text).unwrap();
            }
        }
    }

    /// Writes to all clients that the hub names, and returns their slots.
    fn read_all(hub: &mut Hub) -> Vec<usize> {
        let mut readers = Vec::new();
        while let Some(id) = hub.poll_outbox().or_else(|| hub.poll_sweep(&mut 1000)) {
            read(hub, id);
            readers.push(id.slot());
        }
        readers
    }

    #[test]
    fn sweep_visits_a_member_that_moved_to_a_visited_place() {
        let mut hub = hub(Config { announce_limit: 0, ..Config::default() }, 4);
        hub.handle_line(ClientId::new(0), Input::Line("hello"), now());
        // The author is visited and has nothing to read; the second member has.
        let mut visits = 2;
        let second = hub.poll_sweep(&mut visits).expect("the second in the room");
        assert_eq!((second.slot(), visits), (1, 0));
        read(&mut hub, second);
        // The last member moves to the place that has been visited already.
        hub.handle_connection_lost(second, now());
        let mut readers = read_all(&mut hub);
        readers.sort_unstable();
        assert_eq!(readers, [2, 3]);
    }

    #[test]
    fn client_that_blocks_again_is_dropped() {
        let config = Config { backlog_bytes: 4096, history: 0, ..Config::default() };
        let mut hub = hub(config, 3);
        let (speaker, slow) = (ClientId::new(0), ClientId::new(1));
        let line = "x".repeat(500);
        let dropped = |hub: &mut Hub| {
            hub.handle_tick(now());
            hub.poll_close()
        };
        hub.handle_line(speaker, Input::Line(&line), now());
        hub.handle_blocked(slow);
        for _ in 0..20 {
            hub.handle_line(speaker, Input::Line(&line), now());
            read(&mut hub, ClientId::new(2));
        }
        hub.handle_writable(slow);
        assert_eq!(dropped(&mut hub), None, "it has just begun to read again");
        hub.handle_blocked(slow);
        hub.handle_line(speaker, Input::Line(&line), now());
        assert_eq!(dropped(&mut hub), Some((slow, Close::AtOnce)));
    }

    #[test]
    fn reader_of_two_rooms_that_skips_all_lines_keeps_no_log() {
        let mut hub = hub(Config { backlog_bytes: 4096, history: 0, ..Config::default() }, 2);
        for slot in 0..2 {
            hub.handle_line(ClientId::new(slot), Input::Line("/follow den"), now());
        }
        hub.handle_line(ClientId::new(1), Input::Line("/ignore p0"), now());
        read_all(&mut hub);
        for _ in 0..100 {
            let text = "x".repeat(500);
            hub.handle_line(ClientId::new(0), Input::Line(&text), now());
            hub.handle_line(ClientId::new(0), Input::Line(&format!("#den {text}")), now());
            read_all(&mut hub);
        }
        let log = hub.census().unwrap().log;
        assert!(log < 3 * 4096, "a log holds {log} bytes");
    }

    #[test]
    fn summaries_of_rooms_come_in_the_order_of_their_first_changes() {
        let mut hub = hub(Config { announce_limit: 0, ..Config::default() }, 1);
        let id = ClientId::new(0);
        let tick = |hub: &mut Hub, second| hub.handle_tick(Now { at: Duration::from_secs(second), ..now() });
        tick(&mut hub, 3);
        // The room chess gets the number of the room games, which is empty and removed.
        for line in ["/join games", "/join attic", "/follow chess"] {
            hub.handle_line(id, Input::Line(line), now());
        }
        read_all(&mut hub);
        tick(&mut hub, 3);
        assert_eq!(read(&mut hub, id), "* 1 joined, 0 left (1 here)\r\n* (chess) 1 joined, 0 left (1 here)\r\n");
    }

    #[test]
    fn all_clients_wait_while_the_room_has_a_large_unsent_backlog() {
        use crate::chat::Allowance;
        let mut hub = hub(Config { backlog_bytes: 4096, ..Config::default() }, 3);
        let speaker = ClientId::new(0);
        let line = "x".repeat(500);
        let mut said = 0;
        while hub.allowance(speaker, now()) == Allowance::Now {
            hub.handle_line(speaker, Input::Line(&line), now());
            said += 1;
        }
        assert_eq!(hub.allowance(speaker, now()), Allowance::AfterOthers);
        assert!((4..=5).contains(&said), "{said} lines");
        assert_eq!(hub.allowance(ClientId::CONSOLE, now()), Allowance::AfterOthers);
        read_all(&mut hub);
        assert_eq!(hub.allowance(speaker, now()), Allowance::Now);
        assert_eq!(hub.allowance(ClientId::CONSOLE, now()), Allowance::Now);
    }

    #[test]
    fn summaries_of_joins_come_less_often_in_very_large_rooms() {
        let pending_summaries = |people: usize| {
            let mut hub = hub(Config { max_clients: 20_000, ..Config::default() }, people);
            let first = ClientId::new(0);
            read(&mut hub, first);
            let mut seconds = Vec::new();
            for second in 2..12 {
                let now = Now { at: Duration::from_secs(second), ..now() };
                hub.handle_tick(now);
                if read(&mut hub, first).contains(" joined, ") {
                    seconds.push(second);
                }
                let newcomer = ClientId::new(people + second as usize);
                hub.handle_plain_connection(newcomer, ([127, 0, 0, 1], 1).into(), now);
                hub.handle_line(newcomer, Input::Line(&format!("n{second}")), now);
            }
            seconds
        };
        assert_eq!(pending_summaries(300), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(pending_summaries(14_000), [2, 5, 8, 11]);
    }
}
