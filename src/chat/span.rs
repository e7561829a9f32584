//! A part of a history between two points, which CHATHISTORY of IRC asks for:
//! <https://ircv3.net/specs/extensions/chathistory>.

use std::convert::Infallible;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A point in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Point {
    /// The message with this id, which need not exist.
    Id(u64),
    /// A time: see [`millis`].
    Time(i64),
}

/// Which messages are meant if a span has more than are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The oldest.
    Oldest,
    /// The newest.
    Newest,
    /// Half of them up to the point `after`, and half after it.
    Around,
}

/// The messages after one point and before another, without those at the points themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// `None`: from the begin of the history on.
    pub after: Option<Point>,
    /// `None`: to its end.
    pub before: Option<Point>,
    pub side: Side,
}

/// A limit of a span that is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The messages of this time and later ones.
    From(i64),
    /// The messages after this time.
    After(i64),
}

/// A message with an id and a time.
pub trait Dated {
    fn id(&self) -> u64;

    /// When it was said: see [`millis`].
    fn millis(&self) -> i64;
}

/// The messages of a sequence that a span selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub range: Range<usize>,
    /// No message that is older than the whole sequence belongs to the selection.
    pub is_certain: bool,
    /// The span, with ids in place of the times that lie in the sequence.
    pub pinned: Span,
}

/// A time in milliseconds since 1970, which is how exact IRC shows it.
pub fn millis(at: OffsetDateTime) -> i64 {
    (at.unix_timestamp_nanos() / 1_000_000) as i64
}

impl Since {
    /// Whether a message that was said at `at` is before the limit.
    ///
    /// The store has whole seconds only: such a message may have been said later in its second.
    pub fn is_older(self, at: i64) -> bool {
        match self {
            Since::From(time) => at < time,
            Since::After(time) if at % 1000 == 0 && time % 1000 != 0 => at.div_euclid(1000) < time.div_euclid(1000),
            Since::After(time) => at <= time,
        }
    }
}

impl Span {
    /// The ids of the span: from the first one on, before the second one. `first` finds the first id that is not before a time,
    /// or `u64::MAX`.
    ///
    /// # Errors
    /// Those of `first`.
    pub fn ids<E>(self, mut first: impl FnMut(Since) -> Result<u64, E>) -> Result<Range<u64>, E> {
        let low = match self.after {
            None => 0,
            Some(Point::Id(id)) => id.saturating_add(1),
            Some(Point::Time(time)) => first(Since::After(time))?,
        };
        let high = match self.before {
            None => u64::MAX,
            Some(Point::Id(id)) => id,
            Some(Point::Time(time)) => first(Since::From(time))?,
        };
        Ok(low..high)
    }

    /// How many messages are wanted before and after the point at which the search begins, if `n` are wanted.
    pub fn counts(self, n: usize) -> (usize, usize) {
        match self.side {
            Side::Newest => (n, 0),
            Side::Oldest => (0, n),
            Side::Around => (n - n / 2, n / 2),
        }
    }

    /// The ids that a page of the span covers, from one on and below another; `ends` are the ids of its first and its last message.
    /// At a point that is a time the page ends with its messages.
    pub fn covered_ids(self, ends: Option<(u64, u64)>, has_older: bool, has_newer: bool) -> (u64, u64) {
        let (first, last) = ends.map_or((u64::MAX, 0), |(first, last)| (first, last + 1));
        let from = match (self.side, self.after) {
            (Side::Oldest | Side::Newest, Some(Point::Time(_))) => first,
            (Side::Oldest, Some(Point::Id(id))) => id + 1,
            (Side::Newest | Side::Around, _) if has_older => first,
            (Side::Newest, Some(Point::Id(id))) => id + 1,
            (Side::Oldest | Side::Newest, None) | (Side::Around, _) => 0,
        };
        let to = match (self.side, self.before) {
            (Side::Oldest | Side::Around, _) if has_newer => last,
            (_, Some(Point::Id(id))) => id,
            (_, Some(Point::Time(_))) => last,
            (_, None) => u64::MAX,
        };
        (from, to)
    }

    /// Selects at most `n` messages of a sequence, which is sorted by id.
    pub fn select(self, items: &[impl Dated], n: usize) -> Selection {
        let id_at = |index: usize| items.get(index).map_or(u64::MAX, Dated::id);
        let index_of = |id: u64| items.partition_point(|item| item.id() < id);
        let first = |since: Since| -> Result<u64, Infallible> {
            Ok(id_at(items.partition_point(|item| since.is_older(item.millis()))))
        };
        let Ok(Range { start: low, end: high }) = self.ids(first);
        let begin = index_of(low);
        let end = index_of(high).max(begin);
        let (older, newer) = self.counts(n);
        let (range, is_certain) = match self.side {
            Side::Newest => (end.saturating_sub(older).max(begin)..end, begin > 0 || end >= older),
            Side::Oldest => (begin..(begin + newer).min(end), begin > 0),
            Side::Around => {
                (begin.saturating_sub(older)..(begin + newer).min(items.len()), begin > 0 && begin >= older)
            }
        };
        Selection { range, is_certain, pinned: self.pinned(low..high, id_at(0)) }
    }

    /// The span, with ids in place of the times after the message `oldest`.
    fn pinned(self, ids: Range<u64>, oldest: u64) -> Span {
        let after = self.after.map(|point| if ids.start > oldest { Point::Id(ids.start - 1) } else { point });
        let before = match self.before {
            Some(_) if ids.end == u64::MAX && oldest < u64::MAX => None,
            Some(_) if ids.end > oldest => Some(Point::Id(ids.end)),
            point => point,
        };
        Span { after, before, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Dated for (u64, i64) {
        fn id(&self) -> u64 {
            self.0
        }

        fn millis(&self) -> i64 {
            self.1
        }
    }

    /// The ids from 11 to 20, said at 11,001 ms, 12,001 ms, ...
    fn items() -> Vec<(u64, i64)> {
        (11..=20).map(|id| (id, id as i64 * 1000 + 1)).collect()
    }

    fn ids(after: Option<Point>, before: Option<Point>, side: Side, n: usize) -> (Vec<u64>, bool) {
        let items = items();
        let selection = Span { after, before, side }.select(&items, n);
        (items[selection.range].iter().map(|item| item.0).collect(), selection.is_certain)
    }

    #[test]
    fn spans_leave_their_points_out() {
        let (id, time) = (|id| Some(Point::Id(id)), |at| Some(Point::Time(at)));
        for (after, before) in [(id(12), id(16)), (time(12_001), time(16_001)), (id(12), time(15_900))] {
            assert_eq!(ids(after, before, Side::Oldest, 9), (vec![13, 14, 15], true));
            assert_eq!(ids(after, before, Side::Newest, 2), (vec![14, 15], true));
            assert_eq!(ids(after, before, Side::Oldest, 2), (vec![13, 14], true));
        }
        assert_eq!(ids(id(16), id(12), Side::Oldest, 9), (vec![], true));
        assert_eq!(ids(time(18_500), None, Side::Oldest, 9), (vec![19, 20], true));
        assert_eq!(ids(None, None, Side::Newest, 2), (vec![19, 20], true));
        assert_eq!(ids(id(20), None, Side::Oldest, 2), (vec![], true));
    }

    #[test]
    fn around_shows_the_point_itself_and_both_sides() {
        for point in [Point::Id(15), Point::Time(15_001), Point::Time(15_999)] {
            assert_eq!(ids(Some(point), None, Side::Around, 1), (vec![15], true));
            assert_eq!(ids(Some(point), None, Side::Around, 4), (vec![14, 15, 16, 17], true));
        }
        assert_eq!(ids(Some(Point::Id(11)), None, Side::Around, 4), (vec![11, 12, 13], false));
        assert_eq!(ids(Some(Point::Id(20)), None, Side::Around, 4), (vec![19, 20], true));
    }

    #[test]
    fn selection_that_older_messages_may_belong_to_is_not_certain() {
        assert!(!ids(None, None, Side::Newest, 11).1);
        assert_eq!(ids(None, Some(Point::Id(13)), Side::Newest, 3), (vec![11, 12], false));
        assert_eq!(ids(Some(Point::Id(11)), Some(Point::Id(13)), Side::Newest, 3), (vec![12], true));
        assert_eq!(ids(Some(Point::Id(9)), None, Side::Oldest, 1), (vec![11], false));
        assert_eq!(ids(Some(Point::Time(9000)), None, Side::Oldest, 1), (vec![11], false));
        assert_eq!(ids(None, Some(Point::Time(9000)), Side::Newest, 1), (vec![], false));
        let none = Span { after: None, before: None, side: Side::Newest }.select(&[] as &[(u64, i64)], 1);
        assert_eq!((none.range, none.is_certain), (0..0, false));
    }

    #[test]
    fn times_within_the_sequence_are_pinned_to_ids() {
        let pinned = |after, before| {
            let Span { after, before, .. } = Span { after, before, side: Side::Oldest }.select(&items(), 1).pinned;
            (after, before)
        };
        let (id, time) = (|id| Some(Point::Id(id)), |at| Some(Point::Time(at)));
        assert_eq!(pinned(time(12_500), time(15_500)), (id(12), id(16)));
        assert_eq!(pinned(time(9_000), time(10_000)), (time(9_000), time(10_000)));
        assert_eq!(pinned(None, time(99_000)), (None, None));
        assert_eq!(pinned(id(3), id(5)), (id(3), id(5)));
    }

    #[test]
    fn message_with_whole_seconds_counts_as_said_in_its_second() {
        assert!(!Since::After(12_500).is_older(12_000) && Since::After(12_000).is_older(12_000));
        assert!(Since::After(12_500).is_older(11_000) && Since::After(12_500).is_older(12_400));
        assert!(Since::From(12_500).is_older(12_000) && !Since::From(12_000).is_older(12_000));
    }
}
