//! The log of a room: its rendered entries, in order.
//!
//! The log is a queue of segments. Every entry is rendered once, into the last segment. A reader
//! is a [`Cursor`] and gets the segment's own bytes. A segment counts its cursors,
//! as a block of Redis's replication backlog does, so that trimming needs no scan.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::chat::id::{Author, ClientId, MemberId};

/// The maximum size of a segment in bytes; a longer entry gets a segment of its own.
const SEGMENT_BYTES: usize = 64 * 1024;

/// A position in a log; `offset` is at most the length of the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    pub segment: u32,
    pub offset: u32,
}

/// The bytes of one entry: from `start` to the offset `end` in the same segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: Cursor,
    end: u32,
}

impl Span {
    /// The position after the entry.
    pub fn end(self) -> Cursor {
        Cursor { offset: self.end, ..self.start }
    }
}

/// The kind of an entry, for the readers' filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A message of a member; part of the history.
    Message,
    /// A join, leave or rename; not part of the history.
    Notice,
    /// The line before the first line of a new day; replayed with the history.
    Day,
}

/// One entry of a segment; its bytes end at `end` and begin at the end of the entry before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The position among all lines of the server, private ones included.
    pub stamp: u64,
    member: Option<MemberId>,
    /// Keyed hash of the author's folded name; it stays valid after the member has left.
    name: u64,
    pub kind: EntryKind,
    end: u32,
}

impl Entry {
    /// An entry that is not in a log yet.
    pub fn new(stamp: u64, author: Author, kind: EntryKind) -> Self {
        Entry { stamp, member: author.member, name: author.name, kind, end: 0 }
    }

    /// The author.
    pub fn author(&self) -> Author {
        Author { member: self.member, name: self.name }
    }

    /// Whether this member is the author.
    #[inline]
    pub fn is_by(&self, id: MemberId) -> bool {
        self.member == Some(id)
    }

    /// The end of its bytes in the segment.
    pub fn end(&self) -> u32 {
        self.end
    }
}

/// A part of the log that is freed as a whole.
#[derive(Default, Serialize, Deserialize)]
pub struct Segment {
    #[serde(with = "crate::util::base64_bytes")]
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The number of cursors in this segment.
    readers: u32,
    /// Readers that were blocked here at any time, in no order; stale ids are allowed.
    blocked_readers: Vec<ClientId>,
}

impl Segment {
    /// The bytes of all entries.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The stamp of the newest entry.
    pub fn newest(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.stamp)
    }

    /// The index of the entry with the byte at `offset`.
    pub fn entry_at(&self, offset: u32) -> usize {
        self.entries.partition_point(|entry| entry.end <= offset)
    }

    /// The entry with this index.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// The offset of the first entry with a stamp after `stamp`; the end if there is none.
    pub fn first_after(&self, stamp: u64) -> u32 {
        let index = self.entries.partition_point(|entry| entry.stamp <= stamp);
        index.checked_sub(1).map_or(0, |before| self.entries[before].end)
    }
}

/// The limits on what a log keeps.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Retention {
    /// Messages kept for later members.
    pub messages: usize,
    /// Bytes of the history.
    pub history_bytes: usize,
    /// Bytes kept for readers that are behind.
    pub backlog_bytes: usize,
}

/// The start of a message of the history, as a cursor and in total bytes appended (`begun`), and its day.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Recent {
    cursor: Cursor,
    begun: u64,
    day: Option<Date>,
}

/// An append-only log that frees its oldest segments.
#[derive(Serialize, Deserialize)]
pub struct Log {
    retention: Retention,
    segment_bytes: usize,
    segments: VecDeque<Segment>,
    /// The number of `segments[0]`; the other segments follow without gaps.
    first: u32,
    /// Bytes in all segments.
    held: usize,
    /// Total bytes appended.
    appended: u64,
    /// The messages of the history, at most `retention.messages`.
    recent: VecDeque<Recent>,
}

impl Log {
    /// An empty log.
    pub fn new(retention: Retention) -> Self {
        Log {
            retention,
            // A small backlog needs small segments, since it is measured in whole segments.
            segment_bytes: (retention.backlog_bytes / 8).clamp(1024, SEGMENT_BYTES),
            segments: VecDeque::from([Segment::default()]),
            first: 0,
            held: 0,
            appended: 0,
            recent: VecDeque::new(),
        }
    }

    /// The start of the next entry.
    pub fn end(&self) -> Cursor {
        let last = self.segments.len() - 1;
        Cursor { segment: self.first + last as u32, offset: self.segments[last].bytes.len() as u32 }
    }

    /// Total bytes appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Whether there are messages to replay to a new member.
    pub fn has_history(&self) -> bool {
        !self.recent.is_empty()
    }

    /// The number of messages in the history.
    pub fn history_len(&self) -> usize {
        self.recent.len()
    }

    /// The start of the last `n` messages of the history, and the day of the first of them.
    pub fn history(&self, n: usize) -> (Cursor, Option<Date>) {
        let from = self.recent.len().saturating_sub(n);
        self.recent.get(from).map_or_else(|| (self.end(), None), |recent| (recent.cursor, recent.day))
    }

    /// The entries from the one that begins at `cursor`.
    pub fn entries_from(&self, cursor: Cursor) -> impl Iterator<Item = &Entry> {
        let first = (cursor.segment - self.first) as usize;
        let skip = self.segments[first].entry_at(cursor.offset);
        self.segments.range(first..).flat_map(|segment| &segment.entries).skip(skip)
    }

    /// The number of bytes after `cursor`.
    pub fn bytes_from(&self, cursor: Cursor) -> u64 {
        let later = self.segments.range((cursor.segment - self.first) as usize..);
        later.map(|segment| segment.bytes.len() as u64).sum::<u64>() - u64::from(cursor.offset)
    }

    /// The segment of `cursor`.
    pub fn segment(&self, cursor: Cursor) -> &Segment {
        &self.segments[(cursor.segment - self.first) as usize]
    }

    /// Appends the output of `render`, about `hint` bytes; returns where it is.
    ///
    /// `day` is kept with the history.
    #[inline(always)]
    pub fn append(&mut self, entry: Entry, day: Option<Date>, hint: usize, render: impl FnOnce(&mut Vec<u8>)) -> Span {
        let full = |segment: &Segment| !segment.bytes.is_empty() && segment.bytes.len() + hint > self.segment_bytes;
        if let Some(last) = self.segments.back().filter(|last| full(last)) {
            // Lines of the next segment are probably about as long.
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
        if entry.kind == EntryKind::Message && self.retention.messages > 0 {
            self.recent.push_back(Recent { cursor: start, begun, day });
        }
        self.forget_history();
        self.trim();
        Span { start, end }
    }

    /// Adds a reader at `cursor`, whose segment is kept from now on.
    pub fn add_reader(&mut self, cursor: Cursor) {
        self.segments[(cursor.segment - self.first) as usize].readers += 1;
    }

    /// Removes the reader at `cursor` and frees segments that are no longer needed.
    pub fn remove_reader(&mut self, cursor: Cursor) {
        self.segments[(cursor.segment - self.first) as usize].readers -= 1;
        self.trim();
    }

    /// Moves a reader from one cursor to another.
    pub fn move_reader(&mut self, from: Cursor, to: Cursor) {
        if from.segment != to.segment {
            self.add_reader(to);
            self.remove_reader(from);
        }
    }

    /// Marks the reader `id` at `cursor` as blocked: it does not read at present.
    pub fn mark_blocked(&mut self, cursor: Cursor, id: ClientId) {
        self.segments[(cursor.segment - self.first) as usize].blocked_readers.push(id);
    }

    /// Takes the readers that may be behind by more than the backlog; check each with [`Log::is_too_slow`].
    pub fn take_slow_readers(&mut self) -> Vec<ClientId> {
        if self.segments.len() > 1 && self.held - self.segments[0].bytes.len() > self.retention.backlog_bytes {
            std::mem::take(&mut self.segments[0].blocked_readers)
        } else {
            Vec::new()
        }
    }

    /// Whether a reader at `cursor` is behind by more than the backlog.
    pub fn is_too_slow(&self, cursor: Cursor) -> bool {
        cursor.segment == self.first
            && self.segments.len() > 1
            && self.held - self.segments[0].bytes.len() > self.retention.backlog_bytes
    }

    /// Removes messages beyond the limits of the history.
    fn forget_history(&mut self) {
        let too_old = |recent: &Recent| self.appended - recent.begun > self.retention.history_bytes as u64;
        while self.recent.len() > self.retention.messages || self.recent.front().is_some_and(too_old) {
            self.recent.pop_front();
        }
    }

    /// Frees the oldest segments that neither a reader nor the history needs.
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
mod tests {
    use super::*;

    impl Log {
        /// Bytes held.
        pub fn held(&self) -> usize {
            self.held
        }

        /// Checks that the segments have exactly these cursors, and that the counters are right.
        ///
        /// # Errors
        /// A description of the first fault.
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

    const RETENTION: Retention = Retention { messages: 2, history_bytes: 1 << 20, backlog_bytes: 8192 };

    fn say(log: &mut Log, stamp: u64, text: &str) -> Cursor {
        let entry = Entry::new(stamp, Author::NONE, EntryKind::Message);
        log.append(entry, None, text.len(), |out| out.extend_from_slice(text.as_bytes())).start
    }

    #[test]
    fn history_starts_at_the_nth_last_message() {
        let mut log = Log::new(RETENTION);
        let starts: Vec<_> = (1..=3).map(|stamp| say(&mut log, stamp, "hello\r\n")).collect();
        assert_eq!(log.history_len(), 2);
        assert_eq!(log.history(1).0, starts[2]);
        assert_eq!(log.history(2).0, starts[1]);
        assert_eq!(log.history(100).0, starts[1]);
        assert_eq!(log.history(0).0, log.end());
    }

    #[test]
    fn segments_without_readers_or_history_are_freed() {
        let mut log = Log::new(RETENTION);
        let line = "x".repeat(600);
        for stamp in 0..100 {
            say(&mut log, stamp, &line);
        }
        assert!(log.held <= 3 * 1024, "{} bytes held", log.held);
        assert_eq!(log.appended(), 60_000);
    }

    #[test]
    fn reader_holds_its_segment_until_it_is_too_slow() {
        let mut log = Log::new(RETENTION);
        let reader = log.end();
        log.add_reader(reader);
        log.mark_blocked(reader, ClientId::new(7));
        let line = "x".repeat(600);
        let mut stamp = 0;
        while !log.is_too_slow(reader) {
            say(&mut log, stamp, &line);
            stamp += 1;
            assert!(log.held < RETENTION.backlog_bytes + 3 * 1024);
        }
        assert!(log.appended() > RETENTION.backlog_bytes as u64);
        assert_eq!(log.take_slow_readers(), [ClientId::new(7)]);
        assert_eq!((log.bytes_from(reader), log.bytes_from(log.end())), (log.appended(), 0));
        log.remove_reader(reader);
        assert!(log.held <= 3 * 1024);
    }

    #[test]
    fn history_is_limited_in_bytes() {
        let mut log = Log::new(Retention { messages: 1000, history_bytes: 5000, backlog_bytes: 8192 });
        let line = "x".repeat(600);
        for stamp in 0..100 {
            say(&mut log, stamp, &line);
        }
        assert_eq!(log.history_len(), 8);
        assert!(log.held <= 5000 + 1024);
    }
}
