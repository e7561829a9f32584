//! The filter of a reader: which entries of a room a session skips.

use std::cmp::Ordering;

use super::{ReaderScope, Shown, Source};
use crate::chat::id::MemberId;
use crate::chat::member::Ignored;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind};
use crate::chat::session::SessionFlags;

/// What a session skips in the log of a room.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    id: MemberId,
    ignored: &'a [Ignored],
    /// Entries that end up to this offset are history, of which only messages are read.
    history_end: u32,
    /// Whether it reads the messages of its own member.
    reads_own: bool,
    quiet: bool,
    /// Another room is the current one.
    is_followed: bool,
    /// The optional lines that it does not read, one bit for each kind.
    skips: u8,
}

impl<'a> Filter<'a> {
    /// The filter for the segment at the cursor.
    pub(super) fn new(scope: &ReaderScope<'a>, source: &Source) -> Option<Self> {
        let ReaderScope { session, members, .. } = *scope;
        let slot = session.member?;
        let member = &members[slot];
        let Cursor { segment, offset } = if source.is_current { session.history_end } else { Cursor::default() };
        let history_end = match source.cursor.segment.cmp(&segment) {
            Ordering::Less => u32::MAX,
            Ordering::Equal => offset,
            Ordering::Greater => 0,
        };
        Some(Filter {
            id: member.id(slot),
            ignored: if session.has(SessionFlags::IGNORES) { member.ignored() } else { &[] },
            history_end,
            // Of an account, the cursor skips what this session has said, since another one may have said it.
            reads_own: session.has(SessionFlags::ECHO) || member.account().is_some(),
            quiet: session.has(SessionFlags::QUIET),
            is_followed: !source.is_current,
            skips: session.skips(),
        })
    }

    /// Whether an entry is not for this session. `shown` is what it was shown last if it reads several rooms.
    #[inline(always)]
    pub(super) fn skips(&self, entry: &Entry, shown: Option<Shown>) -> bool {
        let is_message = entry.kind == EntryKind::Message;
        if is_message && !self.ignored.is_empty() && !entry.is_by(self.id) {
            let author = entry.author();
            if self.ignored.iter().any(|ignored| ignored.is_of(author)) {
                return true;
            }
        }
        if !is_message && (self.quiet || shown.is_some() || self.skips != 0) && self.skips_notice(entry, shown) {
            return true;
        }
        if entry.end() <= self.history_end {
            return !is_message && !matches!(entry.kind, EntryKind::Day(_));
        }
        entry.is_by(self.id) && !(self.reads_own && is_message)
    }

    /// What a quiet session skips, one that reads several rooms, and one that lacks a capability of IRC.
    fn skips_notice(&self, entry: &Entry, shown: Option<Shown>) -> bool {
        if let Some(Shown::Change(last)) = shown
            && entry.change() == Some(last)
        {
            return true;
        }
        match entry.kind {
            EntryKind::Message | EntryKind::Notice(_) => false,
            EntryKind::Presence(_) => self.quiet,
            EntryKind::Optional(what, _) => self.skips & 1 << what as u8 != 0,
            EntryKind::Server => shown.is_some() && self.is_followed,
            EntryKind::Day(date) => matches!(shown, Some(Shown::Day(last)) if date <= last),
        }
    }
}
