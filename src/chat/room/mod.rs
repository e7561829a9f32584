//! A room: its logs, its members, and how far the sweep over them has come.

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

/// A round over the members that gives each of them the chance to be written to.
///
/// Rounds follow one another for as long as the room is dirty; one that is overtaken by an append
/// goes on, so that under load everybody's turn comes at the same distance.
#[derive(Default)]
struct Sweep {
    /// The index of the member to be visited next.
    next: usize,
    /// How many visits are left until everybody has seen the newest append.
    left: usize,
    /// `Room::appended` when the visit before the current round's first one was made, and the same
    /// for the round before: everybody who is not blocked has at least read so far.
    floor: u64,
    next_floor: u64,
    /// Visits left in the current round.
    round: usize,
}

/// Joins and leaves that are not announced one by one.
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
    /// One for each dialect; it is kept while somebody here reads that, and is empty else.
    plain: Log,
    web: Log,
    /// Which are kept; where all are of one dialect, its always is.
    kept: [bool; Encoding::COUNT],
    /// How many members read which dialect.
    readers: [u32; Encoding::COUNT],
    /// What was said; kept where a log may have to be made anew, else the one log has it.
    past: Option<History>,
    /// Where there are several logs: bytes ever appended, in the dialect in which each line is longest.
    appended: u64,
    pub members: Vec<ClientId>,
    /// The day of the newest entry.
    pub day: Option<Date>,
    /// What is to be summed up; `Some` while a line about it is due.
    pub sum: Option<PresenceSummary>,
    /// Not before then.
    pub next_sum: Duration,
    /// When the hub looks at it; what it notes of another time was meant for another room.
    pub sum_due: Duration,
    /// It stands in the hub's queue of dirty rooms.
    pub dirty: bool,
    /// A file has what was said here.
    pub is_stored: bool,
    pub creator: RoomCreator,
    /// Its place among the empty rooms; 0 if it is none of them.
    pub emptied: u64,
    sweep: Sweep,
}

impl Room {
    /// An empty room; where all are of one dialect, `several` is false.
    pub fn new(name: &str, key: &str, keep: Retention, several: bool) -> Self {
        Room {
            name: name.into(),
            key: key.into(),
            plain: Log::new(keep),
            web: Log::new(keep),
            kept: [!several, false],
            readers: [0; Encoding::COUNT],
            past: several.then(|| History::new(keep)),
            appended: 0,
            members: Vec::new(),
            day: None,
            sum: None,
            next_sum: Duration::ZERO,
            sum_due: Duration::ZERO,
            dirty: false,
            is_stored: false,
            creator: None,
            emptied: 0,
            sweep: Sweep::default(),
        }
    }

    /// The log of a dialect that somebody here reads.
    pub fn log(&self, encoding: Encoding) -> &Log {
        match encoding {
            Encoding::Plain => &self.plain,
            Encoding::WebSocket => &self.web,
        }
    }

    /// The same, to be changed.
    pub fn log_mut(&mut self, encoding: Encoding) -> &mut Log {
        match encoding {
            Encoding::Plain => &mut self.plain,
            Encoding::WebSocket => &mut self.web,
        }
    }

    /// Whether there is anything to be shown to whoever enters.
    pub fn has_history(&self) -> bool {
        self.is_stored
            || self.past.as_ref().map_or_else(|| self.log(Encoding::Plain).has_history(), |past| !past.is_empty())
    }

    /// How many messages are younger than that of number `id`, and whether others were that are no longer kept.
    pub fn said_since(&self, id: u64) -> Option<(usize, bool)> {
        self.past.as_ref().map(|past| past.since(id))
    }

    /// Makes the log of a dialect, unless there is one; `stamp` is the newest.
    pub fn open_log(&mut self, encoding: Encoding, render: &dyn Render, stamp: u64) {
        if self.kept[encoding as usize] {
            return;
        }
        if let Some(log) = self.past.as_ref().map(|past| past.log(render, self.day, stamp)) {
            *self.log_mut(encoding) = log;
            self.kept[encoding as usize] = true;
        }
    }

    /// Bytes ever appended.
    fn appended(&self) -> u64 {
        if self.past.is_some() { self.appended } else { self.log(Encoding::Plain).appended() }
    }

    /// A member reads from there.
    pub fn enter_log(&mut self, encoding: Encoding, cursor: Cursor) {
        self.log_mut(encoding).enter(cursor);
        self.readers[encoding as usize] += 1;
    }

    /// A member who has read so far is gone; a log that nobody reads can be made anew.
    pub fn leave_log(&mut self, encoding: Encoding, cursor: Cursor) {
        self.log_mut(encoding).leave(cursor);
        let readers = &mut self.readers[encoding as usize];
        *readers -= 1;
        if *readers > 0 {
            return;
        }
        if let Some(log) = self.past.as_ref().map(History::no_log) {
            *self.log_mut(encoding) = log;
            self.kept[encoding as usize] = false;
        }
    }

    /// Appends an event of about `hint` bytes to every log, in its dialect; who may lag too far goes to `slow_consumers`.
    #[inline]
    pub fn append(
        &mut self,
        entry: Entry,
        hint: usize,
        renders: &Renderers,
        event: &Event,
        slow_consumers: &mut Vec<ClientId>,
    ) {
        if self.past.is_some() {
            return self.append_to_all(entry, hint, renders, event, slow_consumers);
        }
        append_to(&mut self.plain, entry, self.day, hint, &*renders.plain, event, slow_consumers);
    }

    /// The same where there are several dialects; apart, since without it the other way is shorter.
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
        let kept = self.kept;
        for encoding in Encoding::ALL.into_iter().filter(|&encoding| kept[encoding as usize]) {
            let day = self.day;
            let log = self.log_mut(encoding);
            let before = log.appended();
            append_to(log, entry, day, hint, renders.of(encoding), event, slow_consumers);
            grown = grown.max(log.appended() - before);
        }
        self.appended += grown;
        if let Some(past) = &mut self.past {
            past.add(&entry, event);
        }
    }

    /// Adds a member; returns its place.
    pub fn add(&mut self, id: ClientId) -> u32 {
        if self.members.is_empty() {
            // What was said to nobody has been offered to everybody.
            let floor = self.appended();
            self.sweep = Sweep { floor, next_floor: floor, ..Sweep::default() };
        }
        // It may stand before some who are still to be visited, and has no visit of its own.
        self.sweep.left += usize::from(self.sweep.left > 0);
        self.sweep.round += usize::from(self.sweep.round > 0);
        self.members.push(id);
        (self.members.len() - 1) as u32
    }

    /// Takes the member at `place` out; returns who stands there now and might miss its visit.
    pub fn remove(&mut self, place: u32) -> Option<ClientId> {
        self.members.swap_remove(place as usize);
        shrink::vec(&mut self.members);
        self.members.get(place as usize).copied()
    }

    /// Everybody is to be visited again, since the log has grown.
    pub fn restart_sweep(&mut self) {
        self.sweep.left = self.members.len();
    }

    /// The member to be visited next; `None` when all have been since the last append.
    pub fn next_visit(&mut self) -> Option<ClientId> {
        let sweep = &mut self.sweep;
        sweep.left = sweep.left.min(self.members.len());
        if sweep.left == 0 {
            sweep.round = 0;
            self.sweep.floor = self.appended();
            return None;
        }
        if sweep.round == 0 {
            sweep.floor = sweep.next_floor.max(sweep.floor);
            sweep.round = self.members.len();
            self.sweep.next_floor = self.appended();
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

    /// Bytes that somebody who reads well may not have been sent yet.
    pub fn unswept(&self) -> u64 {
        if self.members.is_empty() { 0 } else { self.appended() - self.sweep.floor }
    }
}

/// Appends an event to a log.
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
    slow_consumers.append(&mut log.take_overdue());
}

#[cfg(test)]
impl Room {
    /// Bytes held by the fuller log.
    pub fn held(&self) -> usize {
        self.plain.held().max(self.web.held())
    }

    /// Whether the log of a dialect is there if it is to be, and these cursors stand in it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self, encoding: Encoding, cursors: &[Cursor]) -> Result<(), String> {
        let (counted, is_kept) = (self.readers[encoding as usize] as usize, self.past.is_none());
        match self.kept[encoding as usize] {
            _ if counted != cursors.len() => Err(format!("{counted} readers are counted, {} are there", cursors.len())),
            true if is_kept || counted > 0 => self.log(encoding).audit(cursors),
            true => Err("a log is kept that nobody reads".into()),
            false if counted > 0 => Err("there are readers and no log".into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::id::Session;
    use super::segment_log::Kind;
    use super::*;

    const KEEP: Retention = Retention { messages: 10, history_bytes: 1 << 20, backlog_bytes: 1 << 20 };

    /// Renders everything as so many bytes.
    struct Filler(usize);

    impl Render for Filler {
        fn render(&self, _: &Event, out: &mut Vec<u8>) {
            out.resize(out.len() + self.0, b'x');
        }
    }

    fn append(room: &mut Room, bytes: usize) {
        let entry = Entry { stamp: 1, author: Session::NOBODY, name: 0, kind: Kind::Message, end: 0 };
        let renders = Renderers { plain: Box::new(Filler(bytes)), web: None };
        let event = Event::Help { operator: false };
        room.append(entry, bytes, &renders, &event, &mut Vec::new());
        room.restart_sweep();
    }

    #[test]
    fn every_member_is_visited_once_after_an_append() {
        let mut room = Room::new("lobby", "lobby", KEEP, false);
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
    fn one_who_comes_after_an_append_takes_nobodys_visit() {
        let mut room = Room::new("lobby", "lobby", KEEP, false);
        room.add(ClientId::new(0));
        append(&mut room, 10);
        assert_eq!(room.next_visit(), Some(ClientId::new(0)));
        append(&mut room, 10);
        room.add(ClientId::new(1));
        assert!(std::iter::from_fn(|| room.next_visit()).any(|id| id == ClientId::new(0)));
    }

    #[test]
    fn what_was_said_to_nobody_holds_nobody_up() {
        let mut room = Room::new("lobby", "lobby", KEEP, false);
        append(&mut room, 10);
        room.add(ClientId::new(0));
        assert_eq!(room.unswept(), 0);
    }

    #[test]
    fn the_floor_never_passes_what_a_member_has_been_offered() {
        let mut room = Room::new("lobby", "lobby", KEEP, false);
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
