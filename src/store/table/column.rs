//! Converts times and message kinds to columns and back.

use time::{OffsetDateTime, UtcOffset};

use crate::chat::MessageKind;
use crate::util::clock;

/// Columns of a time: Unix seconds, and minutes of offset from UTC.
pub fn time_columns(at: OffsetDateTime) -> (i64, i64) {
    (at.unix_timestamp(), i64::from(at.offset().whole_minutes()))
}

/// A time from its columns, if valid; years after 9999, which earlier versions stored, become the last time allowed.
pub fn time_from_columns(seconds: i64, minutes: i64) -> Option<OffsetDateTime> {
    let offset = UtcOffset::from_whole_seconds(i32::try_from(minutes.checked_mul(60)?).ok()?).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds.min(clock::RANGE.1)).ok()?.checked_to_offset(offset)
}

/// The kind of the row of a deleted message, which has no name and no text.
pub const DELETED: i64 = 2;

/// Column of a message kind.
pub fn kind_column(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Said => 0,
        MessageKind::Action => 1,
        MessageKind::Notice => 3,
    }
}

/// A message kind from its column, if valid.
pub fn kind_from_column(number: i64) -> Option<MessageKind> {
    match number {
        0 => Some(MessageKind::Said),
        1 => Some(MessageKind::Action),
        3 => Some(MessageKind::Notice),
        _ => None,
    }
}
