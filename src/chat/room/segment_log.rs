//! The log of a room: its rendered entries, in order.
//!
//! The log is a queue of segments. Every entry is rendered once, into the last segment. A reader
//! is a [`Cursor`] and gets the segment's own bytes. A segment counts its cursors,
//! as a block of Redis's replication backlog does, so that trimming needs no scan.

mod entry;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use self::entry::{Entry, EntryKind, Spread};
use crate::chat::config::Config;
use crate::chat::id::ClientId;

/// The maximum size of a segment in bytes; a longer entry gets a segment of its own.
const SEGMENT_BYTES: usize = 64 * 1024;

/// A position in a log; `offset` is at most the length of the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    pub segment: u32,
    pub offset: u32,
}

/// The bytes of one entry: from `start` to the offset `end` in the same segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A part of the log that is freed as a whole.
#[derive(Default, Serialize, Deserialize)]
pub struct Segment {
    #[serde(with = "crate::util::base64_bytes")]
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The number of messages.
    messages: u32,
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
        self.entries.partition_point(|entry| entry.end() <= offset)
    }

    /// The entry with this index.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// The offset at which the entry with this index begins.
    pub fn start_of(&self, index: usize) -> u32 {
        index.checked_sub(1).map_or(0, |before| self.entries[before].end())
    }

    /// The offset of the first entry with a stamp after `stamp`; the end if there is none.
    pub fn first_after(&self, stamp: u64) -> u32 {
        self.start_of(self.entries.partition_point(|entry| entry.stamp <= stamp))
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

impl Retention {
    /// The limits of a server.
    pub fn of(config: &Config) -> Self {
        Retention { messages: config.history, history_bytes: config.history_bytes, backlog_bytes: config.backlog_bytes }
    }
}

impl Retention {
    /// The same limits for a log that keeps lines only until its readers have read them.
    pub fn without_history(self) -> Self {
        Retention { messages: 0, ..self }
    }
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
    /// Where the newest entry is.
    newest: Span,
    /// The number of messages in all segments, and of the newest ones that are the newest of the room's history, in order.
    messages: u32,
    history: u32,
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
            newest: Span::default(),
            messages: 0,
            history: 0,
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

    /// The start of the last `n` messages of the history.
    pub fn history(&self, n: usize) -> Cursor {
        let mut left = n.min(self.history as usize);
        if left == 0 {
            return self.end();
        }
        for (number, segment) in self.segments.iter().enumerate().rev() {
            if left > segment.messages as usize {
                left -= segment.messages as usize;
                continue;
            }
            let messages =
                segment.entries.iter().enumerate().rev().filter(|(_, entry)| entry.kind == EntryKind::Message);
            let first = messages.map(|(index, _)| index).nth(left - 1).unwrap_or(0);
            return Cursor { segment: self.first + number as u32, offset: segment.start_of(first) };
        }
        self.end()
    }

    /// Whether it has the last `n` messages of the room's history, and none that was deleted after the first of them.
    pub fn can_replay(&self, n: usize) -> bool {
        n <= self.history as usize
    }

    /// Messages of the history were deleted: no history is read from the log before there are new messages.
    pub fn forget_history(&mut self) {
        self.history = 0;
        self.trim();
    }

    /// The history has at most `history` messages from now on.
    pub fn limit_history(&mut self, history: usize) {
        self.history = self.history.min(history as u32);
        self.trim();
    }

    /// Where the newest entry is.
    #[inline]
    pub fn newest_entry(&self) -> Span {
        self.newest
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

    /// Appends the output of `render`, about `hint` bytes.
    ///
    /// `history` is the number of messages in the history from now on.
    #[inline(always)]
    pub fn append(&mut self, entry: Entry, history: usize, hint: usize, render: impl FnOnce(&mut Vec<u8>)) {
        let full = |segment: &Segment| !segment.bytes.is_empty() && segment.bytes.len() + hint > self.segment_bytes;
        if let Some(last) = self.segments.back().filter(|last| full(last)) {
            // Lines of the next segment are probably about as long.
            let entries = Vec::with_capacity(last.entries.len() + last.entries.len() / 8);
            let bytes = Vec::with_capacity(self.segment_bytes);
            self.segments.push_back(Segment { bytes, entries, ..Segment::default() });
        }
        let number = self.first + (self.segments.len() - 1) as u32;
        let segment = self.segments.back_mut().expect("a log has a segment");
        let offset = segment.bytes.len();
        render(&mut segment.bytes);
        let end = segment.bytes.len();
        segment.entries.push(entry.ending_at(end as u32));
        let (start, grown) = (Cursor { segment: number, offset: offset as u32 }, end - offset);
        self.newest = Span { start, end: end as u32 };
        self.held += grown;
        self.appended += grown as u64;
        let is_message = u32::from(entry.kind == EntryKind::Message);
        segment.messages += is_message;
        self.messages += is_message;
        self.history = (self.history + is_message).min(history as u32);
        self.trim();
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

    /// Moves the readers that may be behind by more than the backlog to `slow`; check each with [`Log::is_too_slow`].
    #[inline]
    pub fn take_slow_readers(&mut self, slow: &mut Vec<ClientId>) {
        if self.segments.len() > 1 && self.held - self.segments[0].bytes.len() > self.retention.backlog_bytes {
            slow.append(&mut self.segments[0].blocked_readers);
        }
    }

    /// Whether a reader at `cursor` is behind by more than the backlog.
    pub fn is_too_slow(&self, cursor: Cursor) -> bool {
        cursor.segment == self.first
            && self.segments.len() > 1
            && self.held - self.segments[0].bytes.len() > self.retention.backlog_bytes
    }

    /// Frees the oldest segments that neither a reader nor the history needs.
    fn trim(&mut self) {
        let is_needed = |log: &Log, first: &Segment| first.readers > 0 || log.messages - first.messages < log.history;
        while self.segments.len() > 1 && !is_needed(self, &self.segments[0]) {
            if let Some(segment) = self.segments.pop_front() {
                self.held -= segment.bytes.len();
                self.messages -= segment.messages;
            }
            self.first += 1;
        }
        if self.segments.capacity() > 64 && self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests;
