//! The reader of one session: merges the logs of its rooms and its private lines by stamp.

mod filter;

use self::filter::Filter;
use super::outbox::OutboxPosition;
use super::subscription::Subscription;
use super::table::SessionTable;
use super::{Session, SessionFlags};
use crate::chat::id::{DayNumber, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind, Log, Segment};

/// Walks over all unsent bytes of a session, as slices of the logs and of the outbox.
///
/// Call [`Reader::slice`] and [`Reader::consume`] in turn. With one room that has unsent lines, and without private lines
/// and filters, a slice is the rest of a segment.
pub struct Reader<'a> {
    scope: ReaderScope<'a>,
    /// The only room with unsent lines, or one of several.
    first: Option<Source<'a>>,
    /// The other rooms with unsent lines.
    others: Vec<Source<'a>>,
    place: OutboxPosition,
    last: LastSlice,
}

/// Where the last slice came from.
#[derive(Clone, Copy)]
enum LastSlice {
    /// The outbox; the bytes left of its item.
    Outbox(usize),
    /// The first source.
    First,
    /// The other source with this index.
    Other(usize),
}

/// What decides which entries a session skips.
#[derive(Clone, Copy)]
struct ReaderScope<'a> {
    session: &'a Session,
    /// All members, its own among them while it is present.
    members: &'a MemberTable,
    /// What it was shown last of what several rooms show alike, if it reads several rooms.
    shown: Option<Shown>,
}

/// What a session that reads several rooms was shown last, of what these show alike and it reads once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A date.
    Day(DayNumber),
    /// IRC: the number of a change ([`Entry::change`]).
    Change(u32),
}

/// One room that is read.
struct Source<'a> {
    subscription: &'a Subscription,
    log: &'a Log,
    /// The end of the log.
    end: Cursor,
    /// Whether it is the current room.
    is_current: bool,
    cursor: Cursor,
    /// Cache: the index of the entry that begins at this cursor.
    known: Option<(Cursor, usize)>,
    /// Cache: the filter for this segment.
    filter: Option<(u32, Filter<'a>)>,
    /// The date or the change that the last slice shows.
    shown: Option<Shown>,
}

impl<'a> Reader<'a> {
    /// Starts at the cursor of the session in its current room, whose log is `log`. If it follows others,
    /// [`Reader::read_followed`] must be called next.
    #[inline(always)]
    pub fn new(session: &'a Session, members: &'a MemberTable, log: impl FnOnce(RoomId) -> &'a Log) -> Self {
        let source = |subscription: &'a Subscription| Source::new(subscription, log(subscription.room), true);
        Reader {
            scope: ReaderScope { session, members, shown: None },
            first: session.current.as_ref().map(source),
            others: Vec::new(),
            place: OutboxPosition::default(),
            last: LastSlice::First,
        }
    }

    /// Reads the followed rooms, too; `log` finds the log of a room, `true` for the current one. Rooms without unsent lines
    /// are left out.
    #[inline(never)]
    pub fn read_followed(&mut self, sessions: &'a SessionTable, log: impl Fn(RoomId, bool) -> &'a Log) {
        let session = self.scope.session;
        self.scope.shown = Some(session.shown());
        let all = sessions.subscriptions(session).map(|(is_current, subscription)| {
            Source::new(subscription, log(subscription.room, is_current), is_current)
        });
        let mut behind = all.filter(|source| source.cursor != source.end);
        self.first = behind.next();
        self.others = behind.collect();
    }

    /// Whether several rooms have unsent lines.
    #[inline(always)]
    pub fn is_merged(&self) -> bool {
        !self.others.is_empty()
    }

    /// The current positions in the rooms with unsent lines: everything before them was consumed or is not for this
    /// session.
    pub fn cursors(&self) -> impl Iterator<Item = (RoomId, Cursor)> {
        self.first.iter().chain(&self.others).map(|source| (source.subscription.room, source.cursor))
    }

    /// As [`Reader::cursors`], without the first one.
    pub fn other_cursors(&self) -> Vec<(RoomId, Cursor)> {
        self.others.iter().map(|source| (source.subscription.room, source.cursor)).collect()
    }

    /// The current position in the first of the rooms with unsent lines.
    #[inline(always)]
    pub fn cursor(&self) -> Option<(RoomId, Cursor)> {
        self.first.as_ref().map(|source| (source.subscription.room, source.cursor))
    }

    /// The current position in the outbox.
    #[inline]
    pub fn place(&self) -> OutboxPosition {
        self.place
    }

    /// What was shown last of what several rooms show alike, if the session reads several rooms.
    #[inline]
    pub fn shown(&self) -> Option<Shown> {
        self.scope.shown
    }

    /// The next bytes to send in one piece; `None` when the session is up to date.
    #[inline(always)]
    pub fn slice(&mut self) -> Option<&'a [u8]> {
        if self.is_merged() {
            return self.merged_slice();
        }
        let private = self.private();
        if private.is_none() && self.first.as_ref().is_none_or(|source| source.cursor == source.end) {
            return None;
        }
        let before = private.map(|(stamp, _)| stamp);
        if let Some(bytes) = self.first.as_mut().and_then(|source| source.slice(&self.scope, before)) {
            self.last = LastSlice::First;
            return Some(bytes);
        }
        self.private_slice(private)
    }

    /// The next private line, with its stamp.
    #[inline(always)]
    fn private(&self) -> Option<(u64, &'a [u8])> {
        self.scope.session.outbox.as_ref().and_then(|outbox| outbox.item_at(self.place))
    }

    #[inline(always)]
    fn private_slice(&mut self, private: Option<(u64, &'a [u8])>) -> Option<&'a [u8]> {
        let (_, bytes) = private?;
        self.last = LastSlice::Outbox(bytes.len());
        Some(bytes)
    }

    /// As [`Reader::slice`], with several rooms: the one whose next line is oldest, up to the next line of another.
    ///
    /// A line that is partly sent is the oldest.
    #[inline(never)]
    fn merged_slice(&mut self) -> Option<&'a [u8]> {
        let private = self.private();
        loop {
            let (mut oldest, mut chosen) = (private.map_or(u64::MAX, |(stamp, _)| stamp), None);
            let mut next = u64::MAX;
            for (index, source) in self.first.iter_mut().chain(&mut self.others).enumerate() {
                let Some(stamp) = source.next_stamp() else { continue };
                if stamp < oldest {
                    (next, oldest, chosen) = (oldest, stamp, Some(index));
                } else {
                    next = next.min(stamp);
                }
            }
            let Some(index) = chosen else { return self.private_slice(private) };
            let (source, last) = match index.checked_sub(1) {
                None => (self.first.as_mut()?, LastSlice::First),
                Some(index) => (&mut self.others[index], LastSlice::Other(index)),
            };
            if let Some(bytes) = source.slice(&self.scope, Some(next - 1)) {
                self.last = last;
                return Some(bytes);
            }
        }
    }

    /// The rest of an entry of a room that is partly sent.
    pub fn rest_of_entry(&self) -> Option<&'a [u8]> {
        self.first.iter().chain(&self.others).find_map(|source| {
            let (segment, offset) = (source.log.segment(source.cursor), source.cursor.offset);
            let index = segment.entry_at(offset);
            let entry = segment.entry(index).filter(|_| segment.start_of(index) != offset)?;
            Some(&segment.bytes()[offset as usize..entry.end() as usize])
        })
    }

    /// Advances by `n` bytes, at most the length of the last slice.
    #[inline(always)]
    pub fn consume(&mut self, n: usize) {
        let source = match self.last {
            LastSlice::Outbox(left) => return self.place.advance(n, left),
            LastSlice::First => self.first.as_mut(),
            LastSlice::Other(index) => self.others.get_mut(index),
        };
        let Some(source) = source else { return };
        source.cursor.offset += n as u32;
        if source.shown.is_some() && n > 0 {
            self.scope.shown = source.shown;
        }
    }
}

impl<'a> Source<'a> {
    #[inline(always)]
    fn new(subscription: &'a Subscription, log: &'a Log, is_current: bool) -> Self {
        let (cursor, end) = (subscription.cursor, log.end());
        Source { subscription, log, end, is_current, cursor, known: None, filter: None, shown: None }
    }

    /// The stamp of the next entry, whether or not it is skipped.
    fn next_stamp(&mut self) -> Option<u64> {
        while self.cursor < self.end {
            let segment = self.log.segment(self.cursor);
            if let Some(entry) = segment.entry(self.index_of_next(segment)) {
                return Some(entry.stamp);
            }
            self.cursor = Cursor { segment: self.cursor.segment + 1, offset: 0 };
        }
        None
    }

    /// The index of the entry at the cursor.
    fn index_of_next(&mut self, segment: &Segment) -> usize {
        match self.known {
            Some((cursor, index)) if cursor == self.cursor => index,
            _ => {
                let index = segment.entry_at(self.cursor.offset);
                // Only for a whole entry: the rest of one that is partly sent must not be skipped.
                if segment.start_of(index) == self.cursor.offset {
                    self.known = Some((self.cursor, index));
                }
                index
            }
        }
    }

    /// The room's next bytes with stamps up to `before`.
    fn slice(&mut self, scope: &ReaderScope<'a>, before: Option<u64>) -> Option<&'a [u8]> {
        self.shown = None;
        while self.cursor < self.end {
            let segment = self.log.segment(self.cursor);
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
            let to = if self.filters(scope) { self.filtered_end(scope, segment, limit) } else { limit };
            if to > self.cursor.offset {
                return Some(&segment.bytes()[self.cursor.offset as usize..to as usize]);
            }
        }
        None
    }

    /// Whether entries ahead may have to be skipped.
    #[inline]
    fn filters(&self, scope: &ReaderScope) -> bool {
        self.cursor < self.subscription.filtered_to
            || scope.session.has(SessionFlags::IGNORES.union(SessionFlags::QUIET))
            || scope.shown.is_some()
            || scope.session.has(SessionFlags::SKIPS)
    }

    /// The filter for the segment at the cursor.
    #[inline]
    fn filter(&mut self, scope: &ReaderScope<'a>) -> Option<Filter<'a>> {
        match self.filter {
            Some((segment, filter)) if segment == self.cursor.segment => Some(filter),
            _ => {
                let filter = Filter::new(scope, self)?;
                self.filter = Some((self.cursor.segment, filter));
                Some(filter)
            }
        }
    }

    /// Skips entries that are not for this session; returns the start of the next entry to skip.
    ///
    /// With several rooms, what these show alike is a slice of its own.
    fn filtered_end(&mut self, scope: &ReaderScope<'a>, segment: &Segment, limit: u32) -> u32 {
        let Some(filter) = self.filter(scope) else { return limit };
        let mut to = self.cursor.offset;
        let mut index = match self.known {
            Some((cursor, index)) if cursor == self.cursor => index,
            _ => {
                let index = segment.entry_at(to);
                // An entry that is partly sent is never skipped.
                match segment.entry(index).filter(|_| segment.start_of(index) < to) {
                    Some(entry) => {
                        to = entry.end();
                        index + 1
                    }
                    None => index,
                }
            }
        };
        while let Some(entry) = segment.entry(index).filter(|_| to < limit) {
            if filter.skips(entry, scope.shown) {
                if to > self.cursor.offset {
                    break;
                }
                self.cursor.offset = entry.end();
            } else if let Some(shown) = Shown::of(entry, scope.shown) {
                if to == self.cursor.offset {
                    self.shown = Some(shown);
                    to = entry.end();
                    index += 1;
                }
                break;
            }
            to = entry.end();
            index += 1;
        }
        // An entry without bytes, such as a date for a program, ends here too.
        while segment.entry(index).is_some_and(|entry| entry.end() <= to) {
            index += 1;
        }
        self.known = Some((Cursor { offset: to, ..self.cursor }, index));
        to
    }
}

impl Shown {
    /// What an entry shows that other rooms show alike, to a session that was shown `last` of it.
    fn of(entry: &Entry, last: Option<Shown>) -> Option<Shown> {
        match (last?, entry.kind) {
            (Shown::Day(_), EntryKind::Day(day)) => Some(Shown::Day(day)),
            (Shown::Change(_), _) => entry.change().map(Shown::Change),
            _ => None,
        }
    }
}
