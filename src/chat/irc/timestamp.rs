//! Times as IRC shows them: <https://ircv3.net/specs/extensions/server-time>.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chat::span::millis;

/// Reads a time such as `2026-11-20T12:00:00.123Z` as milliseconds since 1970.
pub fn parse(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    text.ends_with('Z').then(|| millis(at))
}

/// Writes a time in milliseconds since 1970; one before the year 0 or after 9999 as 1970.
pub fn show(millis: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", at.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_as_it_is_shown() {
        for text in ["2026-11-20T12:00:00.123Z", "1970-01-01T00:00:00.000Z", "0001-02-03T04:05:06.007Z"] {
            assert_eq!(parse(text).map(show).as_deref(), Some(text));
        }
        assert_eq!(parse("2026-11-20T12:00:00Z"), parse("2026-11-20T12:00:00.000Z"));
        for text in ["", "*", "2026-11-20", "2026-11-20T25:00:00.000Z", "2026-11-20T12:00:00.000+01:00"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
