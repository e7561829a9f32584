//! What a column holds of a time and of a kind.

use time::{OffsetDateTime, UtcOffset};

use crate::chat::change::Kind;
use crate::util::clock;

/// A time as it is stored: Unix seconds, and minutes of offset from UTC.
pub fn parts(at: OffsetDateTime) -> (i64, i64) {
    (at.unix_timestamp(), i64::from(at.offset().whole_minutes()))
}

/// A time from what is stored, if it can be one; a year past 9999, which earlier versions took, is brought back into it.
pub fn moment(seconds: i64, minutes: i64) -> Option<OffsetDateTime> {
    let offset = UtcOffset::from_whole_seconds(i32::try_from(minutes.checked_mul(60)?).ok()?).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds.min(clock::RANGE.1)).ok()?.checked_to_offset(offset)
}

/// A kind as it is stored.
pub fn number(kind: Kind) -> i64 {
    match kind {
        Kind::Said => 0,
        Kind::Action => 1,
    }
}

/// A kind from what is stored, if it can be one.
pub fn kind(number: i64) -> Option<Kind> {
    match number {
        0 => Some(Kind::Said),
        1 => Some(Kind::Action),
        _ => None,
    }
}
