//! A room: its logs, its members, and the sweep that offers them new entries.

pub(super) mod history;
pub(super) mod segment_log;

use std::time::Duration;

use time::Date;

use self::history::History;
use self::segment_log::{Cursor, Entry, Log, Retention};
use super::event::{Encoding, Event, Render, Renderers};
use super::id::ClientId;
use super::id::RoomCreator;
use crate::util::shrink;

/// A round over the members in which each of them is offered the new bytes of the log.
///
/// Rounds follow one another while the room is dirty. An append does not restart a round, so that under load
/// all members get their turn at equal intervals.
#[derive(Default)]
struct Sweep {
    /// The index of the next member to visit.
    next: usize,
    /// Visits left until every member has been offered the newest append.
    left: usize,
    /// `Room::appended` before the first visit of the previous round (`offered`) and of the current
    /// one (`next_offered`): every member that is not blocked has read at least up to `offered`.
    offered: u64,
    next_offered: u64,
    /// Visits left in the current round.
    round: usize,
}

/// The numbers of joins and leaves that are announced in one line.
#[derive(Clone, Copy, Default)]
pub struct PresenceSummary {
    pub joined: u32,
    pub left: u32,
}

/// One room.
pub struct Room {
    pub name: Box<str>,
    /// The folded name, its key in the hub's index.
    pub key: Box<str>,
    /// One log for each encoding; it is empty while no member reads that encoding.
    plain: Log,
    web: Log,
    /// Whether each log is open; if the server has one encoding, its log always is.
    is_open: [bool; Encoding::COUNT],
    /// The number of members that read each encoding.
    readers: [u32; Encoding::COUNT],
    /// The history as events, from which a log can be opened; `None` if the server has one encoding.
    history: Option<History>,
    /// With several encodings: total bytes appended, each line counted in its longest encoding.
    appended: u64,
    pub members: Vec<ClientId>,
    /// The day of the newest entry.
    pub day: Option<Date>,
    /// Joins and leaves not yet announced; `Some` while a summary is due.
    pub summary: Option<PresenceSummary>,
    /// The earliest time of the next summary.
    pub next_summary: Duration,
    /// When the hub next checks `summary`; a queue entry with another time belongs to an earlier room with this id.
    pub summary_due: Duration,
    /// Whether it is in the hub's queue of dirty rooms.
    pub dirty: bool,
    /// Whether the store has messages of this room.
    pub is_stored: bool,
    pub creator: RoomCreator,
    /// Its number in the order of empty rooms; 0 if it is not empty.
    pub emptied: u64,
    sweep: Sweep,
}

impl Room {
    /// An empty room; `several` tells whether the server has several encodings.
    pub fn new(name: &str, key: &str, retention: Retention, several: bool) -> Self {
        Room {
            name: name.into(),
            key: key.into(),
            plain: Log::new(retention),
            web: Log::new(retention),
            is_open: [!several, false],
            readers: [0; Encoding::COUNT],
            history: several.then(|| History::new(retention)),
            appended: 0,
            members: Vec::new(),
            day: None,
            summary: None,
            next_summary: Duration::ZERO,
            summary_due: Duration::ZERO,
            dirty: false,
            is_stored: false,
            creator: None,
            emptied: 0,
            sweep: Sweep::default(),
        }
    }

    /// The log of an encoding.
    pub fn log(&self, encoding: Encoding) -> &Log {
        match encoding {
            Encoding::Plain => &self.plain,
            Encoding::WebSocket => &self.web,
        }
    }

    /// As [`Room::log`], mutable.
    pub fn log_mut(&mut self, encoding: Encoding) -> &mut Log {
        match encoding {
            Encoding::Plain => &mut self.plain,
            Encoding::WebSocket => &mut self.web,
        }
    }

    /// Whether there are messages to replay to a new member.
    pub fn has_history(&self) -> bool {
        self.is_stored
            || self
                .history
                .as_ref()
                .map_or_else(|| self.log(Encoding::Plain).has_history(), |history| !history.is_empty())
    }

    /// The number of kept messages after `id`, and whether newer ones than `id` are no longer kept.
    ///
    /// `None` if the server has one encoding.
    pub fn said_since(&self, id: u64) -> Option<(usize, bool)> {
        self.history.as_ref().map(|history| history.since(id))
    }

    /// Opens the log of an encoding if it is not open; `stamp` is the newest stamp.
    pub fn open_log(&mut self, encoding: Encoding, render: &dyn Render, stamp: u64) {
        if self.is_open[encoding as usize] {
            return;
        }
        if let Some(log) = self.history.as_ref().map(|history| history.log(render, self.day, stamp)) {
            *self.log_mut(encoding) = log;
            self.is_open[encoding as usize] = true;
        }
    }

    /// Total bytes appended.
    fn appended(&self) -> u64 {
        if self.history.is_some() { self.appended } else { self.log(Encoding::Plain).appended() }
    }

    /// Adds a reader at `cursor`.
    pub fn enter_log(&mut self, encoding: Encoding, cursor: Cursor) {
        self.log_mut(encoding).add_reader(cursor);
        self.readers[encoding as usize] += 1;
    }

    /// Removes the reader at `cursor`; a log without readers is closed if it can be opened again.
    pub fn leave_log(&mut self, encoding: Encoding, cursor: Cursor) {
        self.log_mut(encoding).remove_reader(cursor);
        let readers = &mut self.readers[encoding as usize];
        *readers -= 1;
        if *readers > 0 {
            return;
        }
        if let Some(log) = self.history.as_ref().map(History::no_log) {
            *self.log_mut(encoding) = log;
            self.is_open[encoding as usize] = false;
        }
    }

    /// Appends an event of about `hint` bytes to every open log; possible slow consumers go to `slow_consumers`.
    #[inline]
    pub fn append(
        &mut self,
        entry: Entry,
        hint: usize,
        renders: &Renderers,
        event: &Event,
        slow_consumers: &mut Vec<ClientId>,
    ) {
        if self.history.is_some() {
            return self.append_to_all(entry, hint, renders, event, slow_consumers);
        }
        append_to(&mut self.plain, entry, self.day, hint, &*renders.plain, event, slow_consumers);
    }

    /// As [`Room::append`] for several encodings; a separate function, so that the usual path stays short.
    #[inline(never)]
    fn append_to_all(
        &mut self,
        entry: Entry,
        hint: usize,
        renders: &Renderers,
        event: &Event,
        slow_consumers: &mut Vec<ClientId>,
    ) {
        let mut grown = 0;
        let is_open = self.is_open;
        for encoding in Encoding::ALL.into_iter().filter(|&encoding| is_open[encoding as usize]) {
            let day = self.day;
            let log = self.log_mut(encoding);
            let before = log.appended();
            append_to(log, entry, day, hint, renders.of(encoding), event, slow_consumers);
            grown = grown.max(log.appended() - before);
        }
        self.appended += grown;
        if let Some(history) = &mut self.history {
            history.add(&entry, event);
        }
    }

    /// Adds a member; returns its index.
    pub fn add(&mut self, id: ClientId) -> u32 {
        if self.members.is_empty() {
            // Entries from before have no reader that could still need them.
            let offered = self.appended();
            self.sweep = Sweep { offered, next_offered: offered, ..Sweep::default() };
        }
        // One more visit, so that the new member takes no visit of another member.
        self.sweep.left += usize::from(self.sweep.left > 0);
        self.sweep.round += usize::from(self.sweep.round > 0);
        self.members.push(id);
        (self.members.len() - 1) as u32
    }

    /// Removes the member at `place`; returns the member that moved there and might miss its visit.
    pub fn remove(&mut self, place: u32) -> Option<ClientId> {
        self.members.swap_remove(place as usize);
        shrink::vec(&mut self.members);
        self.members.get(place as usize).copied()
    }

    /// Makes the sweep visit every member again, since the log has grown.
    pub fn restart_sweep(&mut self) {
        self.sweep.left = self.members.len();
    }

    /// The next member to visit; `None` after all were visited since the last append.
    pub fn next_visit(&mut self) -> Option<ClientId> {
        let sweep = &mut self.sweep;
        sweep.left = sweep.left.min(self.members.len());
        if sweep.left == 0 {
            sweep.round = 0;
            self.sweep.offered = self.appended();
            return None;
        }
        if sweep.round == 0 {
            sweep.offered = sweep.next_offered.max(sweep.offered);
            sweep.round = self.members.len();
            self.sweep.next_offered = self.appended();
        }
        let sweep = &mut self.sweep;
        sweep.left -= 1;
        sweep.round -= 1;
        if sweep.next >= self.members.len() {
            sweep.next = 0;
        }
        let id = self.members[sweep.next];
        sweep.next += 1;
        Some(id)
    }

    /// Bytes that a member that is not blocked may not have been offered yet.
    pub fn unswept(&self) -> u64 {
        if self.members.is_empty() { 0 } else { self.appended() - self.sweep.offered }
    }
}

/// Appends an event to one log.
#[inline(always)]
fn append_to(
    log: &mut Log,
    entry: Entry,
    day: Option<Date>,
    hint: usize,
    render: &dyn Render,
    event: &Event,
    slow_consumers: &mut Vec<ClientId>,
) {
    log.append(entry, day, hint, |out| render.render(event, out));
    slow_consumers.append(&mut log.take_slow_readers());
}

#[cfg(test)]
impl Room {
    /// Bytes held by the larger log.
    pub fn held(&self) -> usize {
        self.plain.held().max(self.web.held())
    }

    /// Checks that the log of an encoding is open exactly when it must be, and has exactly these cursors.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, encoding: Encoding, cursors: &[Cursor]) -> Result<(), String> {
        let (counted, is_kept) = (self.readers[encoding as usize] as usize, self.history.is_none());
        match self.is_open[encoding as usize] {
            _ if counted != cursors.len() => Err(format!("{counted} readers are counted, {} are there", cursors.len())),
            true if is_kept || counted > 0 => self.log(encoding).audit(cursors),
            true => Err("a log without readers is open".into()),
            false if counted > 0 => Err("a log with readers is not open".into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::id::Session;
    use super::segment_log::EntryKind;
    use super::*;

    const RETENTION: Retention = Retention { messages: 10, history_bytes: 1 << 20, backlog_bytes: 1 << 20 };

    /// Renders every event as this number of bytes.
    struct Filler(usize);

    impl Render for Filler {
        fn render(&self, _: &Event, out: &mut Vec<u8>) {
            out.resize(out.len() + self.0, b'x');
        }
    }

    fn append(room: &mut Room, bytes: usize) {
        let entry = Entry { stamp: 1, author: Session::NONE, name: 0, kind: EntryKind::Message, end: 0 };
        let renders = Renderers { plain: Box::new(Filler(bytes)), web: None };
        let event = Event::Help { operator: false };
        room.append(entry, bytes, &renders, &event, &mut Vec::new());
        room.restart_sweep();
    }

    #[test]
    fn sweep_visits_every_member_once_after_append() {
        let mut room = Room::new("lobby", "lobby", RETENTION, false);
        for slot in 0..5 {
            room.add(ClientId::new(slot));
        }
        append(&mut room, 10);
        assert_eq!(room.unswept(), 10);
        assert_eq!(room.next_visit(), Some(ClientId::new(0)));
        assert_eq!(room.next_visit(), Some(ClientId::new(1)));
        append(&mut room, 10);
        let mut visited: Vec<_> = std::iter::from_fn(|| room.next_visit()).map(ClientId::slot).collect();
        assert_eq!(visited, [2, 3, 4, 0, 1]);
        visited.sort_unstable();
        assert_eq!(room.unswept(), 0);
    }

    #[test]
    fn new_member_takes_no_visit_of_another_member() {
        let mut room = Room::new("lobby", "lobby", RETENTION, false);
        room.add(ClientId::new(0));
        append(&mut room, 10);
        assert_eq!(room.next_visit(), Some(ClientId::new(0)));
        append(&mut room, 10);
        room.add(ClientId::new(1));
        assert!(std::iter::from_fn(|| room.next_visit()).any(|id| id == ClientId::new(0)));
    }

    #[test]
    fn entries_from_before_the_first_member_count_as_swept() {
        let mut room = Room::new("lobby", "lobby", RETENTION, false);
        append(&mut room, 10);
        room.add(ClientId::new(0));
        assert_eq!(room.unswept(), 0);
    }

    #[test]
    fn unswept_covers_every_member_that_is_behind() {
        let mut room = Room::new("lobby", "lobby", RETENTION, false);
        let mut read = vec![0u64; 7];
        for slot in 0..read.len() {
            room.add(ClientId::new(slot));
        }
        for step in 0..1000 {
            if step % 31 == 0 {
                room.add(ClientId::new(read.len()));
                read.push(room.appended());
            }
            if step % 3 == 0 {
                append(&mut room, 10);
            }
            if let Some(id) = room.next_visit() {
                read[id.slot()] = room.appended();
            }
            let behind = read.iter().map(|at| room.appended() - at).max();
            assert!(behind <= Some(room.unswept()), "step {step}: {behind:?} behind, {} unswept", room.unswept());
        }
    }
}
