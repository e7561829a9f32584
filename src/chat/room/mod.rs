//! A room: its logs, its members, and the sweep that offers them new entries.

pub(super) mod history;
pub(super) mod segment_log;
mod sweep;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::Date;

use self::history::History;
use self::segment_log::{Cursor, Entry, Log, Retention, Span};
use self::sweep::Sweep;
use super::encoding::{Encoding, Render, Renderers};
use super::event::Event;
use super::id::{ClientId, MemberId, MemberSlot};
use crate::util::shrink;

/// The numbers of joins and leaves that are announced in one line.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct PresenceSummary {
    pub joined: u32,
    pub left: u32,
}

/// One room.
#[derive(Serialize, Deserialize)]
pub struct Room {
    pub name: Box<str>,
    /// The folded name, its key in the hub's index.
    pub key: Box<str>,
    /// One log for each encoding; it is empty while no member reads that encoding.
    plain: Log,
    web: Log,
    /// Whether each log is open; if the server has one encoding, its log always is.
    is_open: [bool; Encoding::COUNT],
    /// The number of sessions that read each encoding.
    reader_counts: [u32; Encoding::COUNT],
    /// The history as events, from which a log can be opened; `None` if the server has one encoding.
    history: Option<History>,
    /// With several encodings: total bytes appended, each line counted in its longest encoding.
    appended: u64,
    pub members: Vec<MemberSlot>,
    /// The sessions of this node that read it.
    readers: Sweep,
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
    /// The member that created it.
    pub creator: Option<MemberId>,
    /// Its number in the order of empty rooms; 0 if it is not empty.
    pub emptied: u64,
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
            reader_counts: [0; Encoding::COUNT],
            history: several.then(|| History::new(retention)),
            appended: 0,
            members: Vec::new(),
            readers: Sweep::default(),
            day: None,
            summary: None,
            next_summary: Duration::ZERO,
            summary_due: Duration::ZERO,
            dirty: false,
            is_stored: false,
            creator: None,
            emptied: 0,
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

    /// Appends an event of about `hint` bytes to every open log; possible slow consumers go to `slow_consumers`.
    ///
    /// Returns where the entry is in each log.
    #[inline]
    pub fn append(
        &mut self,
        entry: Entry,
        hint: usize,
        renders: &Renderers,
        event: &Event,
        slow_consumers: &mut Vec<ClientId>,
    ) -> [Span; Encoding::COUNT] {
        if self.history.is_some() {
            return self.append_to_all(entry, hint, renders, event, slow_consumers);
        }
        [append_to(&mut self.plain, entry, self.day, hint, &*renders.plain, event, slow_consumers), Span::default()]
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
    ) -> [Span; Encoding::COUNT] {
        let (mut grown, mut spans) = (0, [Span::default(); Encoding::COUNT]);
        let is_open = self.is_open;
        for encoding in Encoding::ALL.into_iter().filter(|&encoding| is_open[encoding as usize]) {
            let day = self.day;
            let log = self.log_mut(encoding);
            let before = log.appended();
            spans[encoding as usize] = append_to(log, entry, day, hint, renders.of(encoding), event, slow_consumers);
            grown = grown.max(log.appended() - before);
        }
        self.appended += grown;
        if let Some(history) = &mut self.history {
            history.add(&entry, event);
        }
        spans
    }

    /// Adds a member; returns its index.
    pub fn add_member(&mut self, member: MemberSlot) -> u32 {
        self.members.push(member);
        (self.members.len() - 1) as u32
    }

    /// Removes the member at `place`; returns the member that moved there.
    pub fn remove_member(&mut self, place: u32) -> Option<MemberSlot> {
        self.members.swap_remove(place as usize);
        shrink::vec(&mut self.members);
        self.members.get(place as usize).copied()
    }

    /// Adds a session that reads the room; returns its index.
    pub fn add_reader(&mut self, id: ClientId, encoding: Encoding, cursor: Cursor) -> u32 {
        self.log_mut(encoding).add_reader(cursor);
        self.reader_counts[encoding as usize] += 1;
        let appended = self.appended();
        self.readers.add(id, appended)
    }

    /// Removes the reader at `place`, whose log is that of `encoding` and which has read up to `cursor`. Returns the
    /// reader that moved to `place` and might miss its visit.
    ///
    /// A log without readers is closed if it can be opened again.
    pub fn remove_reader(&mut self, place: u32, encoding: Encoding, cursor: Cursor) -> Option<ClientId> {
        self.log_mut(encoding).remove_reader(cursor);
        let count = &mut self.reader_counts[encoding as usize];
        *count -= 1;
        if *count == 0
            && let Some(log) = self.history.as_ref().map(History::no_log)
        {
            *self.log_mut(encoding) = log;
            self.is_open[encoding as usize] = false;
        }
        self.readers.remove(place)
    }

    /// The number of sessions that read the room.
    pub fn reader_count(&self) -> usize {
        self.readers.len()
    }

    /// Makes the sweep visit every reader again, since the log has grown.
    pub fn restart_sweep(&mut self) {
        self.readers.restart();
    }

    /// The next reader to visit; `None` after all were visited since the last append.
    pub fn next_visit(&mut self) -> Option<ClientId> {
        let appended = self.appended();
        self.readers.next_visit(appended)
    }

    /// Bytes that a reader that is not blocked may not have been offered yet.
    pub fn unswept(&self) -> u64 {
        self.readers.unswept(self.appended())
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
) -> Span {
    let span = log.append(entry, day, hint, |out| render.render(event, out));
    slow_consumers.append(&mut log.take_slow_readers());
    span
}

#[cfg(test)]
mod tests;
