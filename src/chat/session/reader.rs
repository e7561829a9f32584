//! The reader of one session: merges its room's log and its private lines by stamp.

use super::Session;
use super::outbox::OutboxPosition;
use super::subscription::Subscription;
use crate::chat::id::MemberId;
use crate::chat::member::Ignored;
use crate::chat::member::table::MemberTable;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind, Log};

/// Walks over all unsent bytes of a session, as slices of the log and of the outbox.
///
/// Call [`Reader::slice`] and [`Reader::consume`] in turn. Without private lines and filters,
/// a slice is the rest of a segment.
pub struct Reader<'a> {
    session: &'a Session,
    /// All members, its own among them while it is present.
    members: &'a MemberTable,
    /// The log of its room.
    log: Option<&'a Log>,
    cursor: Cursor,
    place: OutboxPosition,
    /// The bytes left of the private item that the last slice came from; `None` if it came from the log.
    private: Option<usize>,
    /// In a replay, which returns only the history: the newest stamp.
    replay: Option<u64>,
    /// Cache: the index of the entry that begins at this cursor.
    known: Option<(Cursor, usize)>,
}

impl<'a> Reader<'a> {
    /// Starts at the session's cursor. A session that is present has a member and a log.
    #[inline]
    pub fn new(session: &'a Session, members: &'a MemberTable, log: Option<&'a Log>) -> Self {
        Reader {
            session,
            members,
            log,
            cursor: session.subscription().map_or_else(Cursor::default, |subscription| subscription.cursor),
            place: OutboxPosition::default(),
            private: None,
            replay: None,
            known: None,
        }
    }

    /// Walks over only the messages from `from` to the end of the log, as a new member reads them.
    pub fn replay(session: &'a Session, members: &'a MemberTable, log: &'a Log, from: Cursor, newest: u64) -> Self {
        Reader { cursor: from, replay: Some(newest), ..Reader::new(session, members, Some(log)) }
    }

    /// The current position: everything before it was consumed or is not for this session.
    pub fn position(&self) -> (Cursor, OutboxPosition) {
        (self.cursor, self.place)
    }

    /// The next bytes to send in one piece; `None` when the session is up to date.
    pub fn slice(&mut self) -> Option<&'a [u8]> {
        let outbox = self.session.outbox.as_ref().filter(|_| self.replay.is_none());
        let private = outbox.and_then(|outbox| outbox.item_at(self.place));
        if let Some(bytes) = self.log.and_then(|log| self.room_slice(log, private.map(|(stamp, _)| stamp))) {
            self.private = None;
            return Some(bytes);
        }
        let (_, bytes) = private?;
        self.private = Some(bytes.len());
        Some(bytes)
    }

    /// Advances by `n` bytes, at most the length of the last slice.
    pub fn consume(&mut self, n: usize) {
        match self.private {
            Some(left) => self.place.advance(n, left),
            None => self.cursor.offset += n as u32,
        }
    }

    /// The room's next bytes with stamps up to `before`, the stamp of the next private line.
    fn room_slice(&mut self, log: &'a Log, before: Option<u64>) -> Option<&'a [u8]> {
        let end = log.end();
        while self.cursor < end {
            let segment = log.segment(self.cursor);
            if self.cursor.offset as usize == segment.bytes().len() {
                self.cursor = Cursor { segment: self.cursor.segment + 1, offset: 0 };
                continue;
            }
            let limit = match before {
                Some(stamp) if stamp < segment.newest() => segment.first_after(stamp),
                _ => segment.bytes().len() as u32,
            };
            if self.cursor.offset >= limit {
                return None;
            }
            let to = if self.filters() { self.filtered_end(log, limit) } else { limit };
            if to > self.cursor.offset {
                return Some(&segment.bytes()[self.cursor.offset as usize..to as usize]);
            }
        }
        None
    }

    /// Whether entries ahead may have to be skipped.
    fn filters(&self) -> bool {
        let has_filtered = |subscription: &Subscription| self.cursor < subscription.filtered_to;
        self.session.subscription().is_some_and(has_filtered) || self.session.ignores || self.replay.is_some()
    }

    /// Skips entries that are not for this session; returns the start of the next entry to skip.
    fn filtered_end(&mut self, log: &Log, limit: u32) -> u32 {
        let segment = log.segment(self.cursor);
        let Some(filter) = Filter::new(self.session, self.members, self.replay) else { return limit };
        // An entry that is already half sent is never skipped: before a filter
        // changes, all unread bytes are moved to the outbox.
        let mut index = match self.known {
            Some((cursor, index)) if cursor == self.cursor => index,
            _ => segment.entry_at(self.cursor.offset),
        };
        let mut to = self.cursor.offset;
        while let Some(entry) = segment.entry(index).filter(|_| to < limit) {
            if !filter.skips(entry) {
                to = entry.end();
            } else if to > self.cursor.offset {
                break;
            } else {
                self.cursor.offset = entry.end();
                to = entry.end();
            }
            index += 1;
        }
        self.known = Some((Cursor { offset: to, ..self.cursor }, index));
        to
    }
}

/// What a session skips in the log of its room.
#[derive(Clone, Copy)]
struct Filter<'a> {
    id: MemberId,
    ignored: &'a [Ignored],
    /// Up to this stamp entries are history, of which only messages are read.
    history_ends: u64,
    echo: bool,
}

impl<'a> Filter<'a> {
    #[inline]
    fn new(session: &Session, members: &'a MemberTable, replay: Option<u64>) -> Option<Self> {
        let slot = session.member?;
        let member = &members[slot];
        let history_ends = replay.unwrap_or(member.entered);
        let ignored = if session.ignores { member.ignored() } else { &[] };
        Some(Filter { id: member.id(slot), ignored, history_ends, echo: session.echo })
    }

    /// Whether an entry is not for this session.
    #[inline(always)]
    fn skips(&self, entry: &Entry) -> bool {
        let is_message = entry.kind == EntryKind::Message;
        if is_message && !self.ignored.is_empty() && !entry.is_by(self.id) {
            let author = entry.author();
            if self.ignored.iter().any(|ignored| ignored.is_of(author)) {
                return true;
            }
        }
        if entry.stamp <= self.history_ends {
            return entry.kind == EntryKind::Notice;
        }
        entry.is_by(self.id) && !(self.echo && is_message)
    }
}
