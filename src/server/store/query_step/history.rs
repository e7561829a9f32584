//! The steps of a history: first the messages after the point that its range names, then those before it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Found, Sources, collect_unwritten, is_hidden, search_unwritten};
use crate::chat::span::{Side, Span, millis};
use crate::chat::{Answer, HistoryRange};
use crate::store::{Error, HistoryStep, Message, Step};

/// What the steps of a history have found after the point that its range names.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::server) struct FoundAfter {
    /// Ids of the messages, the oldest first.
    ids: Vec<u64>,
    /// The messages up to this id have been searched.
    up_to: Option<u64>,
    is_complete: bool,
}

impl Sources<'_> {
    /// One step of a history. On each side it finds one message more than is shown, so that it is known whether there are
    /// more; `None` if another step is needed.
    pub(super) fn history(
        &mut self,
        room: &str,
        range: HistoryRange,
        n: usize,
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>, Error> {
        let first_after = match range {
            HistoryRange::Latest => u64::MAX,
            HistoryRange::Before(id) => id,
            HistoryRange::After { after: id } | HistoryRange::Around { around: id } => id.saturating_add(1),
            HistoryRange::On { on } => self.first_since(room, &|at| at.date() < on)?,
        };
        self.both_sides(room, first_after, range.counts(n), found, more)
    }

    /// As [`Sources::history`], for a part between two points.
    pub(super) fn span(
        &mut self,
        room: &str,
        span: Span,
        n: usize,
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>, Error> {
        let ids = span.ids(|since| self.first_since(room, &|at| since.is_older(millis(at))))?;
        let first_after = if span.side == Side::Newest { ids.end } else { ids.start };
        let mut answer = self.both_sides(room, first_after, span.counts(n), found, more)?;
        if let Some(Answer::History { before, after }) = &mut answer
            && span.side != Side::Around
        {
            [before, after].into_iter().for_each(|messages| messages.retain(|message| ids.contains(&message.id)));
        }
        Ok(answer)
    }

    /// Finds the last messages before an id and the first ones from it on, one more than `counts` of each.
    fn both_sides(
        &mut self,
        room: &str,
        first_after: u64,
        counts: (usize, usize),
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>, Error> {
        let (before, after) = counts;
        if !self.find_after(room, first_after, after + 1, found.after, more)? {
            return Ok(None);
        }
        let Some(before) = self.read_before(room, first_after, before + 1, found, more)? else { return Ok(None) };
        let (after, _) = self.load(room, &found.after.ids)?;
        Ok(Some(Answer::History { before, after }))
    }

    /// The first id that is not older than a time; `u64::MAX` if there is none.
    fn first_since(&mut self, room: &str, is_older: &dyn Fn(OffsetDateTime) -> bool) -> Result<u64, Error> {
        let stored = self.store.first_since(room, is_older)?;
        Ok(stored.or(self.unwritten.first_since(is_older)).unwrap_or(u64::MAX))
    }

    /// Finds the first messages of a room from an id on, at most `wanted`; returns whether the search is complete.
    fn find_after(
        &mut self,
        room: &str,
        first: u64,
        wanted: usize,
        found: &mut FoundAfter,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<bool, Error> {
        let FoundAfter { ids, up_to, is_complete } = found;
        if *is_complete {
            return Ok(true);
        }
        let next = |up_to: &Option<u64>| up_to.map_or(first, |id| id + 1);
        let is_hidden = is_hidden(self.unwritten, room);
        let mut step = Step { is_hidden: &is_hidden, more };
        let read = self.store.find_after(room, next(up_to), wanted - ids.len(), &mut step)?;
        ids.extend(read.ids);
        *up_to = read.up_to.or(*up_to);
        if !read.is_complete {
            return Ok(false);
        }
        let messages = self.unwritten.oldest_first(next(up_to));
        *is_complete = collect_unwritten(self.unwritten, room, messages, (ids, wanted), up_to, more, &mut |_| true);
        Ok(*is_complete)
    }

    /// Reads the last messages of a room before an id, at most `n`.
    fn read_before(
        &mut self,
        room: &str,
        first_after: u64,
        n: usize,
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Message>>, Error> {
        let first = Some(first_after);
        if !search_unwritten(self.unwritten, room, (first, n), found, more, &mut |_| true) {
            return Ok(None);
        }
        let is_hidden = is_hidden(self.unwritten, room);
        let mut step = Step { is_hidden: &is_hidden, more };
        let read = match n - found.ids.len() {
            0 => HistoryStep::default(),
            left => self.store.history(room, found.before.or(first), left, &mut step)?,
        };
        self.finish_page(room, found, read)
    }
}
