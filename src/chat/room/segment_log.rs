//! A room's log: the bytes that its readers are sent, in the order of saying.
//!
//! The log is a queue of segments. Every entry is rendered once, into the last segment; a reader
//! is a [`Cursor`] and is sent the segment's own bytes. A segment counts the cursors that stand
//! in it, as a block of Redis's replication backlog does, so that trimming needs no scan.

use std::collections::VecDeque;

use time::Date;

use crate::chat::id::{ClientId, Session};

/// The size at which a segment is closed and the next one begun, in bytes.
const SEGMENT_BYTES: usize = 64 * 1024;

/// A position in a log, always between 0 and the length of an existing segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub segment: u32,
    pub offset: u32,
}

/// What an entry is, as far as its readers' filters care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Said by somebody; part of the history.
    Message,
    /// Joins, leaves, renames: of the moment, not of the history.
    Notice,
    /// The line before the first line of another day; shown with the history.
    Day,
}

/// The index of one entry; its bytes end at `end` and begin where the entry before it ends.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its place among all lines of the server, private ones included.
    pub stamp: u64,
    /// Who wrote it; `Session::NOBODY` for what is shown to everyone.
    pub author: Session,
    /// Keyed hash of the author's folded name, which outlives the session.
    pub name: u64,
    pub kind: Kind,
    pub end: u32,
}

/// A stretch of the log that is freed as a whole.
#[derive(Default)]
pub struct Segment {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// How many cursors stand here.
    readers: u32,
    /// Who has ever been blocked here, in no order; stale ids are allowed.
    blocked_readers: Vec<ClientId>,
}

impl Segment {
    /// The rendered entries, one after another.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The stamp of the newest entry.
    pub fn newest(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.stamp)
    }

    /// The index of the entry that holds the byte at `offset`.
    pub fn entry_at(&self, offset: u32) -> usize {
        self.entries.partition_point(|entry| entry.end <= offset)
    }

    /// The entry of that index.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Where the first entry younger than `stamp` begins; the end if there is none.
    pub fn first_after(&self, stamp: u64) -> u32 {
        let index = self.entries.partition_point(|entry| entry.stamp <= stamp);
        index.checked_sub(1).map_or(0, |before| self.entries[before].end)
    }
}

/// How much a log keeps.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Messages kept for whoever enters later.
    pub messages: usize,
    /// Bytes that those may span.
    pub history_bytes: usize,
    /// Bytes kept for readers who lag.
    pub backlog_bytes: usize,
}

/// Where a message of the history begins, as cursor and as bytes ever appended, and of which day it is.
#[derive(Clone, Copy)]
struct Recent {
    cursor: Cursor,
    begun: u64,
    day: Option<Date>,
}

/// An append-only log whose oldest segments are given back.
pub struct Log {
    keep: Retention,
    segment_bytes: usize,
    segments: VecDeque<Segment>,
    /// The number of `segments[0]`; the others follow without a gap.
    first: u32,
    /// Bytes now in the segments.
    held: usize,
    /// Bytes ever appended.
    appended: u64,
    /// The last `keep.messages` messages.
    recent: VecDeque<Recent>,
}

impl Log {
    /// An empty log.
    pub fn new(keep: Retention) -> Self {
        Log {
            keep,
            // A small backlog wants small segments, or its bound would be a whole segment off.
            segment_bytes: (keep.backlog_bytes / 8).clamp(1024, SEGMENT_BYTES),
            segments: VecDeque::from([Segment::default()]),
            first: 0,
            held: 0,
            appended: 0,
            recent: VecDeque::new(),
        }
    }

    /// Where the next entry will begin.
    pub fn end(&self) -> Cursor {
        let last = self.segments.len() - 1;
        Cursor { segment: self.first + last as u32, offset: self.segments[last].bytes.len() as u32 }
    }

    /// Bytes ever appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Whether there is anything to be shown to whoever enters.
    pub fn has_history(&self) -> bool {
        !self.recent.is_empty()
    }

    /// How many messages the history holds.
    pub fn history_len(&self) -> usize {
        self.recent.len()
    }

    /// Where the last `n` messages of the history begin and of which day the first of them is.
    pub fn history(&self, n: usize) -> (Cursor, Option<Date>) {
        let from = self.recent.len().saturating_sub(n);
        self.recent.get(from).map_or_else(|| (self.end(), None), |recent| (recent.cursor, recent.day))
    }

    /// The index from the entry that begins at `cursor` on.
    pub fn entries_from(&self, cursor: Cursor) -> impl Iterator<Item = &Entry> {
        let first = (cursor.segment - self.first) as usize;
        let skip = self.segments[first].entry_at(cursor.offset);
        self.segments.range(first..).flat_map(|segment| &segment.entries).skip(skip)
    }

    /// How many bytes stand from `cursor` on.
    pub fn bytes_from(&self, cursor: Cursor) -> u64 {
        let later = self.segments.range((cursor.segment - self.first) as usize..);
        later.map(|segment| segment.bytes.len() as u64).sum::<u64>() - u64::from(cursor.offset)
    }

    /// The segment that `cursor` stands in.
    pub fn segment(&self, cursor: Cursor) -> &Segment {
        &self.segments[(cursor.segment - self.first) as usize]
    }

    /// Appends what `render` writes, about `hint` bytes; returns where it begins.
    ///
    /// `entry.end` is of no account; `day` is remembered for the history.
    #[inline(always)]
    pub fn append(
        &mut self,
        entry: Entry,
        day: Option<Date>,
        hint: usize,
        render: impl FnOnce(&mut Vec<u8>),
    ) -> Cursor {
        let full = |segment: &Segment| !segment.bytes.is_empty() && segment.bytes.len() + hint > self.segment_bytes;
        if let Some(last) = self.segments.back().filter(|last| full(last)) {
            // Lines stay about as long as they are.
            let entries = Vec::with_capacity(last.entries.len() + last.entries.len() / 8);
            let bytes = Vec::with_capacity(self.segment_bytes);
            self.segments.push_back(Segment { bytes, entries, ..Segment::default() });
        }
        let start = self.end();
        let begun = self.appended;
        let segment = self.segments.back_mut().expect("a log has a segment");
        render(&mut segment.bytes);
        let end = segment.bytes.len() as u32;
        segment.entries.push(Entry { end, ..entry });
        let grown = (end - start.offset) as usize;
        self.held += grown;
        self.appended += grown as u64;
        if entry.kind == Kind::Message && self.keep.messages > 0 {
            self.recent.push_back(Recent { cursor: start, begun, day });
        }
        self.forget_history();
        self.trim();
        start
    }

    /// A reader now stands at `cursor`; its segment is kept.
    pub fn enter(&mut self, cursor: Cursor) {
        self.segments[(cursor.segment - self.first) as usize].readers += 1;
    }

    /// The reader at `cursor` is gone; what nobody needs is given back.
    pub fn leave(&mut self, cursor: Cursor) {
        self.segments[(cursor.segment - self.first) as usize].readers -= 1;
        self.trim();
    }

    /// A reader went from one cursor to another.
    pub fn moved(&mut self, from: Cursor, to: Cursor) {
        if from.segment != to.segment {
            self.enter(to);
            self.leave(from);
        }
    }

    /// Notes that `id`, whose cursor stands at `cursor`, does not read at present.
    pub fn blocked_readers(&mut self, cursor: Cursor, id: ClientId) {
        self.segments[(cursor.segment - self.first) as usize].blocked_readers.push(id);
    }

    /// Those who may lag by more than the backlog: to be checked against [`Log::is_overdue`].
    pub fn take_overdue(&mut self) -> Vec<ClientId> {
        if self.segments.len() > 1 && self.held - self.segments[0].bytes.len() > self.keep.backlog_bytes {
            std::mem::take(&mut self.segments[0].blocked_readers)
        } else {
            Vec::new()
        }
    }

    /// Whether a reader at `cursor` is further behind than the backlog allows.
    pub fn is_overdue(&self, cursor: Cursor) -> bool {
        cursor.segment == self.first
            && self.segments.len() > 1
            && self.held - self.segments[0].bytes.len() > self.keep.backlog_bytes
    }

    /// Forgets messages past the bounds of the history.
    fn forget_history(&mut self) {
        let too_old = |recent: &Recent| self.appended - recent.begun > self.keep.history_bytes as u64;
        while self.recent.len() > self.keep.messages || self.recent.front().is_some_and(too_old) {
            self.recent.pop_front();
        }
    }

    /// Gives back the oldest segments that neither a reader nor the history needs.
    fn trim(&mut self) {
        let history = self.recent.front().map_or(u32::MAX, |recent| recent.cursor.segment);
        while self.segments.len() > 1 && self.segments[0].readers == 0 && self.first < history {
            if let Some(segment) = self.segments.pop_front() {
                self.held -= segment.bytes.len();
            }
            self.first += 1;
        }
        if self.segments.capacity() > 64 && self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
    }
}

#[cfg(test)]
impl Log {
    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether these cursors, and no others, stand in the segments, and the sums are right.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self, cursors: &[Cursor]) -> Result<(), String> {
        let mut readers = vec![0; self.segments.len()];
        let places = cursors.iter().chain(self.recent.iter().map(|recent| &recent.cursor));
        for (index, cursor) in places.enumerate() {
            let segment = cursor.segment.checked_sub(self.first).map(|segment| segment as usize);
            let Some((number, segment)) = segment.and_then(|n| Some((n, self.segments.get(n)?))) else {
                return Err(format!("{cursor:?} is outside of the log, which begins with {}", self.first));
            };
            if cursor.offset as usize > segment.bytes.len() {
                return Err(format!("{cursor:?} is behind the end of its segment, {}", segment.bytes.len()));
            }
            readers[number] += u32::from(index < cursors.len());
        }
        let counted: Vec<u32> = self.segments.iter().map(|segment| segment.readers).collect();
        let held: usize = self.segments.iter().map(|segment| segment.bytes.len()).sum();
        match () {
            () if counted != readers => Err(format!("readers are counted as {counted:?} and are {readers:?}")),
            () if held != self.held => Err(format!("{} bytes are counted and {held} held", self.held)),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Retention = Retention { messages: 2, history_bytes: 1 << 20, backlog_bytes: 8192 };

    fn say(log: &mut Log, stamp: u64, text: &str) -> Cursor {
        let entry = Entry { stamp, author: Session::NOBODY, name: 0, kind: Kind::Message, end: 0 };
        log.append(entry, None, text.len(), |out| out.extend_from_slice(text.as_bytes()))
    }

    #[test]
    fn history_begins_at_the_nth_last_message() {
        let mut log = Log::new(KEEP);
        let starts: Vec<_> = (1..=3).map(|stamp| say(&mut log, stamp, "hello\r\n")).collect();
        assert_eq!(log.history_len(), 2);
        assert_eq!(log.history(1).0, starts[2]);
        assert_eq!(log.history(2).0, starts[1]);
        assert_eq!(log.history(100).0, starts[1]);
        assert_eq!(log.history(0).0, log.end());
    }

    #[test]
    fn segments_without_readers_or_history_are_given_back() {
        let mut log = Log::new(KEEP);
        let line = "x".repeat(600);
        for stamp in 0..100 {
            say(&mut log, stamp, &line);
        }
        assert!(log.held <= 3 * 1024, "{} bytes held", log.held);
        assert_eq!(log.appended(), 60_000);
    }

    #[test]
    fn a_reader_holds_its_segment_until_it_is_overdue() {
        let mut log = Log::new(KEEP);
        let reader = log.end();
        log.enter(reader);
        log.blocked_readers(reader, ClientId::new(7));
        let line = "x".repeat(600);
        let mut stamp = 0;
        while !log.is_overdue(reader) {
            say(&mut log, stamp, &line);
            stamp += 1;
            assert!(log.held < KEEP.backlog_bytes + 3 * 1024);
        }
        assert!(log.appended() > KEEP.backlog_bytes as u64);
        assert_eq!(log.take_overdue(), [ClientId::new(7)]);
        assert_eq!((log.bytes_from(reader), log.bytes_from(log.end())), (log.appended(), 0));
        log.leave(reader);
        assert!(log.held <= 3 * 1024);
    }

    #[test]
    fn history_is_bounded_in_bytes() {
        let mut log = Log::new(Retention { messages: 1000, history_bytes: 5000, backlog_bytes: 8192 });
        let line = "x".repeat(600);
        for stamp in 0..100 {
            say(&mut log, stamp, &line);
        }
        assert_eq!(log.history_len(), 8);
        assert!(log.held <= 5000 + 1024);
    }
}
